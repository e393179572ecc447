//! The port that whole texts of conversations are had through; `platform` implements it.
//!
//! On the published contract a listing of conversations holds no text and no message id (platform contract C.9): the text
//! of each is asked for by itself.

use std::time::Duration;

use frontdesk_domain::{ConversationId, Facts, RawRecord, Timestamp};
use futures_util::future::BoxFuture;

use crate::counters::Counters;
use crate::error::Error;
use crate::source::Origin;

/// Where the texts of conversations come from.
///
/// ```
/// use frontdesk_api::{Counters, Error, Origin, Singles, TranscriptLook, TranscriptSource};
/// use frontdesk_domain::ConversationId;
/// use futures_util::future::{BoxFuture, FutureExt as _};
///
/// /// A platform without a conversation.
/// struct Empty;
///
/// impl TranscriptSource for Empty {
///     fn transcript<'a>(
///         &'a self,
///         _: &'a ConversationId,
///         _: Singles,
///     ) -> BoxFuture<'a, Result<TranscriptLook, Error>> {
///         async { Ok(TranscriptLook::Missing) }.boxed()
///     }
///     fn describe(&self) -> Origin {
///         Origin { contract: "platform", host: "nowhere".to_owned(), client_id: "nobody".to_owned() }
///     }
///     fn counters(&self) -> Counters {
///         Counters::default()
///     }
/// }
/// ```
pub trait TranscriptSource: Send + Sync {
    /// The text of a conversation, as far as it is to be had.
    ///
    /// # Cancel safety
    /// Safe: reads have changed nothing.
    ///
    /// # Errors
    /// When the platform does not say; a conversation it does not know is an answer and no error, and so is a message whose
    /// text it does not have (yet).
    fn transcript<'a>(
        &'a self,
        id: &'a ConversationId,
        singles: Singles,
    ) -> BoxFuture<'a, Result<TranscriptLook, Error>>;

    /// What is being asked, for certificates and logs.
    fn describe(&self) -> Origin;

    /// What was done so far, by every call of this source.
    fn counters(&self) -> Counters;

    /// Requests a second that may go at the moment, by all calls together; none while no limit is known. Above 0.
    fn rate(&self) -> Option<f64> {
        None
    }
}

/// Which of the texts that a read in bulk leaves out are asked for one by one (platform contract C.4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Singles {
    /// As many as pay: some at first, and more of them as long as some of those are found. For whoever looks again anyway.
    WhileFound,
    /// Each of them: nobody looks again.
    All,
}

/// What asking for a conversation's text found.
#[derive(Debug)]
pub enum TranscriptLook {
    /// The platform knows the conversation.
    Found(Box<Transcript>),
    /// 404: it does not, or not any more.
    Missing,
}

/// A conversation with its messages.
#[derive(Debug)]
pub struct Transcript {
    /// Kind `transcript`, under the conversation's id: `{"conversation":…,"entities":[…]}`, the conversation and the messages
    /// as they came, by `timestamp` and then by `id`, each id once.
    pub record: RawRecord,
    /// What the catalog wants to know.
    pub facts: Facts,
    /// Messages whose text is in the record.
    pub messages: u64,
    /// Messages that the conversation lists and whose text is not to be had, not yet or not any more.
    pub absent: u64,
    /// When the conversation ended; none while it goes on.
    pub ended_at: Option<Timestamp>,
    /// Requests that this took, repeated ones not counted.
    pub requests: u64,
    /// From when the first of them went until the last was read, without waits for a turn and attempts that failed.
    pub took: Duration,
}
