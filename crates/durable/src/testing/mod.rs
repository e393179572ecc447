//! Directories for tests: one that crashes, one that fails, one that records. (Feature `testing`.)
//!
//! They stack: a [`FaultyDir`] over a [`MemoryDir`] runs an operation up to any of its steps, then
//! [`MemoryDir::crash`] says what a machine that stopped there may have kept.
//!
//! ```
//! use frontdesk_durable::{publish, read_whole};
//! use frontdesk_durable::testing::{FaultyDir, MemoryDir};
//!
//! for step in 1.. {
//!     let memory = MemoryDir::new();
//!     publish(&memory, "note", b"old").unwrap();
//!     let dir = FaultyDir::new(memory.clone()).crash_at(step);
//!     let done = publish(&dir, "note", b"new").is_ok();
//!     for seed in 0..32 {
//!         let found = read_whole(&memory.crash(seed), "note", 100).unwrap();
//!         assert!(found == b"new" || (found == b"old" && !done));
//!     }
//!     if !dir.struck() {
//!         break; // the operation has fewer steps: every one of them has been the last
//!     }
//! }
//! ```

mod crash;
mod faulty;
mod memory;
mod recording;

pub use faulty::{EIO, ENOSPC, EROFS, FaultyDir};
pub use memory::MemoryDir;
pub use recording::RecordingDir;
