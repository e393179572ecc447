//! The HTTP faces: the search of an archive (contract §5), the listener for callbacks (§3), whether the process lives,
//! whether it is ready; and what it does by itself at its times.
//!
//! | module | what it is |
//! |---|---|
//! | `server` | listens on this machine's own addresses, accepts, stops |
//! | `connection` | one connection: hyper behind a wire that closes who is silent, dribbles or does not read |
//! | `app` | routes, and what is true of every answer |
//! | `search` | the documents' search, written while it is read |
//! | `stream` | answers that are written while they are read |
//! | `desk` | who may use the console and the API, what these read, and that it is written down |
//! | [`view`] | read models: what the console and `/api/v1` show |
//! | `json`, `console` | the API and the pages over these views |
//! | `callback` | the platform's callbacks: verified, understood, handed over |
//! | `health` | `/healthz` and `/readyz` |
//! | `metrics` | `/metrics`: numbers for Prometheus |
//! | `tls` | TLS of its own |
//! | `source` | the archive that is searched |
//! | `limits` | every bound in one place |
//! | `schedule`, `timetable` | what is done again and again while the server runs, and how it went |
//!
//! What blocks runs on threads of its own, so that a hundred searches leave `/healthz` alone. An answer takes the memory
//! of a few pieces, however long it is: a client that reads slowly slows its search down, and one that hardly reads is
//! closed. This room prints nothing and reads neither environment nor wall clock (a schedule is given one).

mod app;
mod bodies;
mod callback;
mod clock;
mod connection;
mod console;
mod desk;
mod gate;
mod health;
mod json;
mod limits;
mod metrics;
mod params;
mod problem;
mod schedule;
mod search;
mod segment;
mod server;
mod source;
mod stream;
mod term;
mod timetable;
mod tls;
pub mod view;
mod warnings;
mod work;
mod workers;

pub use app::{Faces, router};
pub use callback::{Callback, CallbackDesk, Callbacks, Taking, Untaken};
pub use desk::{Desk, Role, Token, TokenError, Tokens, UnknownRole};
pub use json::openapi;
pub use limits::Limits;
pub use metrics::Remote;
pub use schedule::{Doing, Schedule, Task, Trouble};
pub use server::{BindError, Server};
pub use source::{ArchiveSource, Source};
pub use timetable::{Job, Timetable, Turn};
pub use tls::{Tls, TlsError};
pub use warnings::Warnings;
