//! Frontdesk's journal: what was done, what is about to be done, and what is to be told, in one file.
//!
//! - [`Journal`]: records changes. A [`Change`] holds audit entries, events, intents and items of ledgers; they are durable
//!   together or not there at all. Many callers' changes share a commit.
//! - [`outbox`]: endpoints of webhooks, and what is to be told to them; stored in the same commit.
//! - [`Reader`]: reads, beside any number of writers, also in a folder that cannot be written.
//! - [`Head`]: how many entries there are and what the last one's hash is, signed.
//!
//! **What holds.** Entries are a hash chain over their public fields and salted commitments to the personal ones, so that
//! a personal value can be destroyed without breaking it. What was acknowledged is durable. After a failed commit nothing
//! is acknowledged any more.
//!
//! **What it never does.** It knows no network, reads no clock and no environment, and starts no thread but its writing
//! one, which [`Journal::close`] waits for.

mod chain;
mod change;
mod entry;
mod error;
mod export;
mod head;
mod journal;
mod keys;
mod layout;
pub mod mac;
mod once;
mod open;
pub mod outbox;
mod prepared;
mod prune;
mod queue;
mod reader;
mod reserve;
mod rotate;
mod schema;
mod settings;
mod shred;
mod store;
mod verify;

pub use change::{Change, Intent, Item, Recorded, Settled};
pub use entry::Entry;
pub use error::{Action, Error, ErrorKind};
pub use export::PersonalValues;
pub use head::Head;
pub use journal::{Clock, Journal};
pub use keys::{Key, KeyRing};
pub use queue::Pending;
pub use reader::Reader;
pub use reserve::give_up_reserve;
pub use rotate::{Rotation, rotate};
pub use settings::Settings;
pub use shred::{Shredded, shred};
pub use verify::{Finding, Signatures, Verified, VerifyOptions};
