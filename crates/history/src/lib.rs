//! Pulls the histories of conversations, one or thousands, page by page (contract §2).
//!
//! | module | what it is |
//! |---|---|
//! | [`pull`] | the job: several conversations in flight, each strictly in page order |
//! | [`report`] | how one conversation ended, and all of them together |
//! | [`destination`] | where a finished history goes: a folder, the archive, or what the caller gives |
//! | [`monitor`] | what a caller hears while the job runs |
//! | `order` | whose turn it is |
//! | `conversation`, `course` | one history from where it stands to its end: what is asked for, and what is written down |
//! | `checkpoint` | what is written down per page, in the journal |
//! | `media` | whether the files that go with messages can be had |
//! | `spill`, `sort` | what was fetched, on disk as it came; sorted when it is handed out |
//!
//! A page is on disk, and its audit entries, its event and the checkpoint in the journal, before the next one is asked
//! for; so the same request goes on after a `kill -9` where the last whole page ended.
//!
//! **Memory** does not grow with a history but for 9 bytes a message, by which an id is known again: pages in flight
//! share 4 MiB or one goes alone, and sorting takes 16 MiB, whatever the history's length.
//!
//! This room introduces `api` to `journal` and the disk. It holds no global state, prints nothing, and reads neither
//! environment nor clock: the caller passes them in.

mod archive_store;
mod blocking;
mod checkpoint;
mod conversation;
mod course;
pub mod destination;
mod keep;
mod media;
pub mod monitor;
mod order;
pub mod pull;
pub mod report;
mod sort;
mod spill;

pub use archive_store::{ArchiveStore, Both};
pub use destination::{Delivered, Destination, Finished, Folder};
pub use keep::MediaArchive;
pub use media::{MediaCounts, MediaReport};
pub use monitor::{Monitor, Progress, Silent};
pub use pull::{Clock, HistoryPull, PullRequest, Session, StoreError};
pub use report::{ConversationReport, Failed, HistoryState, PullReport, Totals};
