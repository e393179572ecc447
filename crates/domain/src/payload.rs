//! What a payload says of itself: its id, its facts, its transcript. Pure extractors, bytes in and values out.
//!
//! The bytes are the truth and are never changed; this is derived from them, and derived again whenever a catalog or
//! an index is rebuilt. So nothing here fails on odd types: a number where a text belongs is no text, and the fact is
//! absent. Of duplicate members the last one counts.
//!
//! Three line forms are known (contract §5, import): the gateway's conversation (`id`), the documents'
//! `{interactionId, transcript, metadata}`, and a corpus conversation (`conversationId`, `startedAt`, `messages`). They
//! are not told apart first; each fact is taken from the first member that has it:
//!
//! | fact | members, the first one that is there with the right type |
//! |---|---|
//! | id | `id`, `interactionId`, `conversationId`; one that is there and not null decides |
//! | start | `startTime`, `startedAt` |
//! | end | `endTime`, the `timestamp` of the last of `messages` |
//! | transcript | every `interactions[].transcript`, `transcript`, every `messages[].text`; several joined with `\n` |

mod facts;
mod metadata;
mod searchable;
mod transcript;

pub use facts::{Facts, carries_id, facts, metadata, read_details, take_details};
pub use metadata::metadata_values;
pub use searchable::{Searchable, searchable};
pub use transcript::transcript;
