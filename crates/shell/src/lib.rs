//! The lobby of the binaries: what every command needs before and after its work, and nothing of the work.
//!
//! | module | what it is |
//! |---|---|
//! | [`exit`] | the exit codes, which scripts rely on |
//! | [`failure`] | what a command says when it could not do what was asked |
//! | [`environment`] | the one place that reads environment variables |
//! | [`settings`] | flag, environment, profile, default: one value each, with its origin |
//! | [`quantity`] | durations and sizes as people write them |
//! | [`printer`] | data on stdout, talk on stderr |
//! | [`progress`] | a bar on a terminal, a line every few seconds elsewhere |
//! | [`shutdown`] | the first signal asks, the second insists |
//! | [`clock`] | the door for wall and elapsed time |
//! | [`trace`] | the one tracing set-up |
//!
//! The shell may read the environment, a configuration file and signals. It never opens a file for
//! writing, and it never talks to the network. Only `server` and `frontdesk` may see it.

pub mod clock;
pub mod environment;
mod excerpt;
pub mod exit;
pub mod failure;
pub mod printer;
pub mod progress;
pub mod quantity;
pub mod settings;
pub mod shutdown;
pub mod trace;

pub use environment::Environment;
pub use exit::Exit;
pub use failure::Failure;
pub use printer::{Format, Printer};
pub use shutdown::Shutdown;
