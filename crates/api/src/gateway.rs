//! The gateway contract: the five documents' API, behind the ports of this crate.
//!
//! | file | what it is |
//! |---|---|
//! | `details_query` | the details query as an endpoint; a page is read while it arrives |
//! | `history` | a page of a conversation's messages, the same way (contract §2) |
//! | `conversation` | a conversation that goes on, looked at (contract §3, §4) |
//! | `guest` | a guest's session looked at and ended (contract §6) |
//! | `message` | a message sent (contract §4) |
//! | `opening` | a guest's session opened (contract §3) |
//! | `subscription` | the platform asked to call back (contract §3) |

use frontdesk_domain::delivery::ClockSample;
use frontdesk_domain::outbound::{ClientId, OutboundMessage};
use frontdesk_domain::{ConversationId, Ending, GuestId};
use futures_util::future::{BoxFuture, FutureExt as _};

use crate::client::Client;
use crate::conversation::{ConversationLook, Conversations, Look};
use crate::counters::Counters;
use crate::error::Error;
use crate::guests::{EndReply, GuestLook, GuestSessions};
use crate::history::{HistoryPages, HistoryQuery, HistorySource};
use crate::listing;
use crate::messages::{Accepted, MessageChannel};
use crate::openings::{OpenReply, Opening, SessionOpenings};
use crate::options::CallOptions;
use crate::source::{ConversationPages, ConversationSource, DetailsQuery, Origin};
use crate::subscriptions::{EventSubscription, EventSubscriptions, Registered};

mod conversation;
pub(crate) mod details_query;
mod guest;
mod history;
mod message;
mod opening;
mod subscription;

pub use self::conversation::{ConversationReader, ReadConversation};
pub use self::details_query::{DetailsPage, DetailsReader, DetailsRequest};
pub use self::guest::{EndGuest, GuestReader, Ignored, ReadGuest};
pub use self::history::{HistoryReader, HistoryRequest};
pub use self::message::{AcceptedReader, SendMessage};
pub use self::opening::{OpenReader, OpenSession};
pub use self::subscription::{RegisterWebhook, RegisteredReader};
pub use crate::history_body::HistoryBody;

/// Conversations from a gateway (contract §5), and its guests' sessions (§6).
///
/// ```
/// use std::sync::Arc;
/// use frontdesk_api::{Client, ConversationSource, Credentials, DetailsQuery, Gateway, SeenIds, Stop};
/// use frontdesk_api::transport::memory::{MemoryTransport, Reply};
/// use frontdesk_domain::{PageSize, Secret, TimeRange};
/// use futures_util::StreamExt;
/// use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let transport = MemoryTransport::new(|request| match request.uri().path() {
///     "/oauth/token" => Reply::json(&json!({"access_token": "t", "expires_in": 3600})),
///     _ => Reply::json(&json!({"conversations": [{"id": "c-1"}]})),
/// });
/// let client = Client::builder("https://api.example.com".parse()?, Credentials::new("id", Secret::new("secret"))?)
///     .build(Arc::new(transport));
/// let gateway = Gateway::new(client);
///
/// let range = TimeRange::new("2025-03-01T00:00:00Z".parse()?, "2025-03-02T00:00:00Z".parse()?)?;
/// let (size, seen) = (PageSize::default(), SeenIds::default());
/// let query = DetailsQuery { range, size, filter: None, resume: None, max_pages: None, seen };
/// let mut pages = gateway.conversations(query);
/// while let Some(page) = pages.next().await {
///     assert_eq!(page?.conversations.len(), 1);
/// }
/// assert_eq!(pages.stopped(), Some(&Stop::Complete));
/// assert_eq!(gateway.counters().requests, 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Gateway {
    client: Client,
    options: CallOptions,
    history_bearer: bool,
}

impl Gateway {
    /// A gateway behind this client, with the default options for every call.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client, options: CallOptions::default(), history_bearer: false }
    }

    /// The options of every call: deadline, attempts, signal to stop.
    #[must_use]
    pub fn options(mut self, options: CallOptions) -> Self {
        self.options = options;
        self
    }

    /// Whether histories are asked for with the bearer token (scope `webmessaging:view`). They need none, so it is left
    /// out by default (contract §2).
    #[must_use]
    pub fn history_bearer(mut self, bearer: bool) -> Self {
        self.history_bearer = bearer;
        self
    }

    /// The client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    fn origin(&self) -> Origin {
        self.client.origin("gateway")
    }
}

impl ConversationSource for Gateway {
    fn conversations(&self, query: DetailsQuery) -> ConversationPages {
        let DetailsQuery { range, size, filter, resume, max_pages, seen } = query;
        let request = DetailsRequest { range, size, filter, token: resume.clone() };
        let pages = listing::pages(self.client.clone(), self.options.clone(), request, max_pages, seen);
        ConversationPages::resumed(pages, resume)
    }

    fn describe(&self) -> Origin {
        self.origin()
    }

    fn counters(&self) -> Counters {
        self.client.counters()
    }

    fn rate(&self) -> Option<f64> {
        self.client.known_pace()
    }
}

impl HistorySource for Gateway {
    fn history(&self, query: HistoryQuery) -> HistoryPages {
        let HistoryQuery { target, size, resume, depth, seen } = query;
        let request = HistoryRequest { target, size, token: resume.clone(), bearer: self.history_bearer };
        let depth = Some(u64::from(depth.get()));
        let pages = listing::pages(self.client.clone(), self.options.clone(), request, depth, seen);
        HistoryPages::resumed(pages, resume)
    }

    fn describe(&self) -> Origin {
        self.origin()
    }

    fn counters(&self) -> Counters {
        self.client.counters()
    }

    fn rate(&self) -> Option<f64> {
        self.client.known_pace()
    }
}

impl SessionOpenings for Gateway {
    fn open<'a>(&'a self, opening: &'a Opening) -> BoxFuture<'a, Result<OpenReply, Error>> {
        async move { self.client.send(&OpenSession { opening: opening.clone() }, &self.options).await }
            .boxed()
    }

    fn describe(&self) -> Origin {
        self.origin()
    }

    fn counters(&self) -> Counters {
        self.client.counters()
    }
}

impl GuestSessions for Gateway {
    fn guest<'a>(&'a self, id: &'a GuestId) -> BoxFuture<'a, Result<GuestLook, Error>> {
        async move {
            match self.client.send(&ReadGuest { id: id.clone() }, &self.options).await {
                Ok(guest) => Ok(GuestLook::Found(guest)),
                Err(error) if error.is_missing() => Ok(GuestLook::Missing),
                Err(error) => Err(error),
            }
        }
        .boxed()
    }

    fn end<'a>(&'a self, ending: &'a Ending) -> BoxFuture<'a, Result<EndReply, Error>> {
        async move {
            match self.client.send(&EndGuest { ending: ending.clone() }, &self.options).await {
                Ok(()) => Ok(EndReply::Done),
                Err(error) if error.is_missing() => {
                    Ok(EndReply::Missing { after_lost_reply: error.may_have_been_processed() })
                }
                Err(error) => Err(error),
            }
        }
        .boxed()
    }

    fn describe(&self) -> Origin {
        self.origin()
    }

    fn counters(&self) -> Counters {
        self.client.counters()
    }
}

impl Conversations for Gateway {
    fn conversation<'a>(&'a self, id: &'a ConversationId) -> BoxFuture<'a, Result<ConversationLook, Error>> {
        async move {
            match self.client.send_timed(&ReadConversation { id: id.clone() }, &self.options).await {
                Ok(((conversation, date), took)) => {
                    let clock = date.and_then(|date| ClockSample::new(self.client.now(), took, date));
                    Ok(ConversationLook::Found(Box::new(Look { conversation, clock })))
                }
                Err(error) if error.is_missing() => Ok(ConversationLook::Missing),
                Err(error) => Err(error),
            }
        }
        .boxed()
    }
}

impl EventSubscriptions for Gateway {
    fn register<'a>(
        &'a self,
        subscription: &'a EventSubscription,
    ) -> BoxFuture<'a, Result<Registered, Error>> {
        let call = RegisterWebhook { subscription: subscription.clone() };
        async move { self.client.send(&call, &self.options).await }.boxed()
    }

    fn describe(&self) -> Origin {
        self.origin()
    }

    fn counters(&self) -> Counters {
        self.client.counters()
    }
}

impl MessageChannel for Gateway {
    fn send<'a>(
        &'a self,
        message: &'a OutboundMessage,
        key: &'a ClientId,
    ) -> BoxFuture<'a, Result<Accepted, Error>> {
        async move {
            let call = SendMessage::new(message, key);
            let ((id, status, date), took) = self.client.send_timed(&call, &self.options).await?;
            let clock = date.and_then(|date| ClockSample::new(self.client.now(), took, date));
            Ok(Accepted { id, conversation: None, status, clock })
        }
        .boxed()
    }

    fn describe(&self) -> Origin {
        self.origin()
    }

    fn counters(&self) -> Counters {
        self.client.counters()
    }
}
