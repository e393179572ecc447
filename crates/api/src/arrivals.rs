//! The port that tells of guests who come in; `platform` implements it.

use std::collections::BTreeMap;
use std::fmt;

use frontdesk_domain::callback::SessionCallback;
use frontdesk_domain::{ConversationId, TimeRange, Timestamp};
use futures_util::future::BoxFuture;

use crate::error::Error;

/// Tells of conversations that guests begin: as it happens over a line, and afterwards by looking. A line is best effort: what
/// it did not tell is found by [`Arrivals::since`].
pub trait Arrivals: fmt::Debug + Send + Sync {
    /// Opens a line. What happens from then on is told on it.
    ///
    /// # Cancel safety
    /// A dropped call leaves a line that nobody hears, and that ends by itself.
    ///
    /// # Errors
    /// When there is no line.
    fn listen(&self) -> BoxFuture<'_, Result<Box<dyn ArrivalLine>, Error>>;

    /// The conversations that began in a range, as far as the platform lists them by now.
    ///
    /// # Cancel safety
    /// Safe: it only reads.
    ///
    /// # Errors
    /// When the platform does not list all of them.
    fn since(&self, range: TimeRange) -> BoxFuture<'_, Result<Vec<ConversationId>, Error>>;

    /// Who came in with a conversation; none where the platform does not know it, or no guest takes part.
    ///
    /// # Cancel safety
    /// Safe: it only reads.
    ///
    /// # Errors
    /// When the platform does not say.
    fn look<'a>(&'a self, conversation: &'a ConversationId) -> BoxFuture<'a, Result<Option<Arrival>, Error>>;
}

/// A line on which arrivals are told. Dropping it ends it.
pub trait ArrivalLine: Send {
    /// What the platform refused to tell of, and why; in its words, made safe to show.
    fn refused(&self) -> &[String];

    /// What is told next. It waits a second at most, so that whoever listens can do something else, too.
    ///
    /// # Cancel safety
    /// A dropped call may have sent half of something: the line is of no use then.
    ///
    /// # Errors
    /// When the line is lost; another can be opened. [`Cancelled`](crate::ErrorKind::Cancelled) on the signal to stop.
    fn next(&mut self) -> BoxFuture<'_, Result<Signal, Error>>;
}

/// What a line tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signal {
    /// Something happened to a conversation that a guest takes part in. The same is told again and again.
    Arrival(Arrival),
    /// The line is there, and tells nothing that matters here.
    Quiet,
    /// The line will end soon: another is to be opened before.
    Closing,
}

/// A guest who came in.
#[derive(Clone, PartialEq, Eq)]
pub struct Arrival {
    /// The conversation.
    pub conversation: ConversationId,
    /// When it began, where that is told.
    pub started_at: Option<Timestamp>,
    /// What the session was opened with.
    pub attributes: BTreeMap<String, String>,
}

impl Arrival {
    /// What a call back from the platform would have said (contract §3).
    ///
    /// ```
    /// use frontdesk_api::Arrival;
    /// use frontdesk_domain::ConversationId;
    ///
    /// let attributes = [("source".to_owned(), "web_portal".to_owned())].into();
    /// let arrival = Arrival { conversation: ConversationId::new("c-7")?, started_at: None, attributes };
    /// assert_eq!(arrival.callback().conversation_id(), "c-7");
    /// # Ok::<(), frontdesk_domain::IdError>(())
    /// ```
    #[must_use]
    pub fn callback(&self) -> SessionCallback {
        SessionCallback::new(self.conversation.as_str(), &self.attributes)
    }
}

/// Without attributes: they are the guest's.
impl fmt::Debug for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrival")
            .field("conversation", &self.conversation)
            .field("started_at", &self.started_at)
            .finish_non_exhaustive()
    }
}
