//! A hash-chained append log: newline-delimited JSON that shows when it was changed.

mod append;
mod chain;
mod error;
mod line;
mod lines;
mod members;
mod survey;

pub use append::{AppendLog, Recovered};
pub use error::{Damage, LogError, LogErrorKind};
pub use line::{Line, MAX_APPEND_BYTES, ZERO_SEED};
pub use lines::{Lines, LogReader};
pub use members::{Members, MembersError};
pub use survey::{Head, LogPlace, TornTail};
