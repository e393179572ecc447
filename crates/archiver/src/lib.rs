//! Brings conversations into the archive, page by page, and proves what was taken.
//!
//! | module | what it is |
//! |---|---|
//! | [`pull`] | the job: windows, several in flight, a checkpoint per page, one certificate a run |
//! | [`transcripts`] | the texts of what was pulled, where a listing does not bring them, and who is looked at again |
//! | [`import`], [`layout`] | the same records from a file of NDJSON, or from a folder of the documents' layout |
//! | [`retain`] | retention: a plan of what is due, and carrying it out as far as it still holds |
//! | [`release`] | what the release of a matter would come to |
//! | [`monitor`] | what a caller hears while a job runs |
//!
//! This room introduces `api` to `archive`; neither knows the other. It holds no global state, prints
//! nothing, and reads neither environment nor clock: the caller passes them in.

mod checkpoint;
pub mod import;
pub mod layout;
mod lines;
pub mod monitor;
mod past;
pub mod pull;
pub mod release;
pub mod retain;
mod tally;
pub mod transcripts;
mod verdicts;
mod window;

pub use import::{Import, ImportReport};
pub use layout::{ImportLayout, LayoutReport};
pub use monitor::{Monitor, Note, Silent};
pub use past::Past;
pub use pull::{Pull, PullError, PullReport, PullRequest};
pub use release::ReleaseEffect;
pub use retain::{Applied, Plan, Planned, Retain, RetainError, Survey};
pub use tally::Tally;
pub use transcripts::{LateQueue, Transcripts, Waiting, Why};
pub use verdicts::Verdicts;
