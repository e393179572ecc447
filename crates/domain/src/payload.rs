//! What a payload says of itself: its id, its facts, its transcript. Pure extractors, bytes in and values out.
//!
//! The bytes are the truth and are never changed; this is derived from them, and derived again whenever a catalog or
//! an index is rebuilt. So nothing here fails on odd types: a number where a text belongs is no text, and the fact is
//! absent. Of duplicate members the last one counts.
//!
//! Four forms are known: the gateway's conversation (`id`), the documents' `{interactionId, transcript, metadata}`, a
//! corpus conversation (`conversationId`, `startedAt`, `messages`; contract §5, import), and the platform's
//! AnalyticsConversation (`conversationId`, `conversationStart`, `participants`; platform contract C.9). They are not told
//! apart first; each fact is taken from the first member that has it:
//!
//! | fact | members, the first one that is there with the right type |
//! |---|---|
//! | id | `id`, `interactionId`, `conversationId`; one that is there and not null decides |
//! | start | `startTime`, `startedAt`, `conversationStart` |
//! | end | `endTime`, `conversationEnd`, the `timestamp` of the last of `messages` |
//! | direction | `direction`, `originatingDirection`, that of the first session |
//! | transcript | every `interactions[].transcript`, `transcript`, every `messages[].text`; several joined with `\n` |
//!
//! What the platform tells of a participant, and a `transcript` of the platform, `{"conversation": …, "entities": […]}`
//! with the conversation of C.4.1 and the messages of C.4.3, is read below `participants`, by a second scan of that part;
//! the other forms pay nothing for it.

mod attachment;
mod facts;
mod metadata;
mod participants;
mod platform;
mod searchable;
mod stable;
mod transcript;
mod turns;

pub use attachment::has_attachment;
pub use facts::{Facts, carries_id, facts, metadata, read_details, take_details};
pub use metadata::metadata_values;
pub use searchable::{Searchable, searchable};
pub use stable::{Stable, stable};
pub use transcript::transcript;
pub use turns::{Speaker, Turn, turns};
