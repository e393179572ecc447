//! Frontdesk's one way to the disk: stage, fsync, publish, append, lock.
//!
//! Everything in this workspace that must still be there after a crash is written through this crate, and nothing else
//! opens a file for writing (SQLite's own files aside). It promises two things: what is not complete is not visible,
//! and what was acknowledged is durable.
//!
//! - [`Dir`], [`ReadAt`], [`WriteAt`]: the door. A directory tree and its files, with what is durable when;
//!   [`OsDir`] is the real one.
//! - [`publish`]: a whole file appears under its name at once, or not at all.
//! - [`AppendLog`], [`LogReader`]: hash-chained lines, each durable before its append returns; after a crash it
//!   tells a torn append from damage.
//! - [`Lock`]: one writer at a time among processes, who says who it is; a crash frees it.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use frontdesk_durable::{AppendLog, Lock, Members, OsDir, ZERO_SEED, publish};
//! # let temp = tempfile::tempdir()?;
//! # let place = temp.path().join("archive");
//!
//! let dir = Arc::new(OsDir::open_or_create(place)?);
//! let lock = Lock::acquire(dir.clone(), "lock", "pid 4711", Duration::from_secs(30), &mut std::thread::sleep)?;
//! publish(&*dir, "FORMAT.json", br#"{"major":1}"#)?;
//! let mut ledger = AppendLog::create(dir, "ledger.ndjson", ZERO_SEED)?;
//! let head = ledger.append(&Members::new(&serde_json::json!({"change": "open"}))?)?;
//! assert_eq!(head.lines, 1);
//! # drop(lock);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **What it never does:** it does not know what the bytes mean, retries nothing that failed (after a failed fsync a
//! second one proves nothing: the handle is poisoned), overwrites no published file in place, follows no symbolic link
//! below its root, reads no clock and no environment, prints and logs nothing, and imports no other crate of the
//! workspace.
//!
//! **Proof.** With the feature `testing` (for dev-dependencies) there is a directory in memory that crashes as a
//! machine may, one that fails or stops at any step, and one that records. The tests run every operation here with a
//! failure and a crash at each of its steps; build on this crate and test the same way.

mod dir;
mod failure;
mod hash;
mod lock;
mod log;
mod os;
mod path;
mod publish;
#[cfg(feature = "testing")]
pub mod testing;

pub use dir::{Dir, Entry, EntryKind, Held, Metadata, ReadAt, WriteAt, read_whole};
pub use failure::{Failure, is_full, is_poisoned, os_code};
pub use hash::{Sha256Hash, from_hex, sha256, to_hex};
pub use lock::{Lock, LockError, POLL_INTERVAL};
pub use log::{
    AppendLog, Damage, Head, Line, Lines, LogError, LogErrorKind, LogPlace, LogReader, MAX_APPEND_BYTES,
    Members, MembersError, Recovered, TornTail, ZERO_SEED,
};
pub use os::OsDir;
pub use path::{check_path, parent};
pub use publish::{STAGE_PREFIX, Staged, ensure_dir, publish, publish_with, sweep_stages};
