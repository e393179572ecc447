//! The published contract (Genesys Cloud Platform API v2), behind the ports of this crate.
//!
//! | file | what it is |
//! |---|---|
//! | `conversation` | a conversation looked at: its legs and their messages (C.4.1) |
//! | `live`, `loose` | what such an answer says, read as tolerantly as the contract asks |
//! | `messages` | the texts of messages, in bulk and one by one (C.4) |
//! | `transcript`, `singles` | a conversation and all its texts (C.4.4) |
//! | `history` | the same text page by page, as the staff sees it |
//! | `details` | the conversations of a range, by query or by job |
//! | `details_query` | a page of the synchronous query (C.7) |
//! | `job` | asynchronous jobs (C.8) |
//! | `checks` | what the client is, and what it may do |
//! | `place` | where a listing stands, as a page token |
//! | `channel` | sending on an agent's leg, each post once (C.5.1), and how messages stand (C.5.6) |
//! | `agentless`, `post_agentless` | sending to an address (C.5.4), each post once |
//! | `post_message`, `upload`, `files` | its calls: posts, and the files that go with them (C.5.2) |
//! | `message_data`, `seen` | one message, and a conversation, in the words of the ports |
//! | `guests`, `end_conversation` | ending guests' sessions (C.6), and having recordings deleted (C.10) |
//! | `openings`, `guest_line` | opening guests' sessions over their WebSocket (C.2) |
//! | `own_end` | ending a session as its guest (C.2.6) |
//! | `open_door`, `open_inbound` | the same over open messaging (C.3) |
//! | `guest_history`, `message_details` | its calls: what a guest sees (C.1), whose message it is (C.2.8) |
//! | `guest_view` | a history as its guest is shown it (C.1) |
//! | `triggers` | being told of new conversations by a workflow (C.13.1) |
//! | `arrivals`, `notification` | being told of them over a notification channel (C.12) |
//!
//! Tokens come from the login host, with HTTP Basic and a form, and no scopes are asked for: what the client may do is a
//! matter of its roles (A.3, A.5).

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use futures_util::future::{BoxFuture, FutureExt as _};

use frontdesk_domain::ConversationId;

use crate::client::Client;
use crate::counters::Counters;
use crate::error::Error;
use crate::history::{HistoryPages, HistoryQuery, HistorySource};
use crate::options::{CallOptions, Cancel};
use crate::source::{ConversationPages, ConversationSource, DetailsQuery, Origin};
use crate::transcripts::{Singles, TranscriptLook, TranscriptSource};

mod agentless;
mod arrivals;
mod channel;
mod checks;
pub mod conversation;
mod details;
mod details_query;
mod end_conversation;
mod files;
mod guest_history;
mod guest_line;
mod guest_view;
mod guests;
mod history;
mod job;
mod live;
mod loose;
mod message_data;
mod message_details;
mod messages;
mod notification;
mod open_door;
mod open_inbound;
mod openings;
mod own_end;
mod place;
mod post_agentless;
mod post_message;
mod seen;
mod singles;
mod transcript;
mod triggers;
mod upload;

pub use self::arrivals::{MOST_QUEUES, PlatformArrivals};
pub use self::channel::PlatformMessages;
pub use self::checks::{Job, Quota, Sign, TokenInfo};
pub use self::conversation::{Communication, LiveConversation, LiveParticipant, MessageRef, ReadLive};
pub use self::details::{DetailsOptions, DetailsWay, UnknownWay};
pub use self::details_query::{DetailsQueryPage, DetailsResult, DetailsResultReader};
pub use self::end_conversation::{DeleteRecording, EndConversation, ListRecordings, TagConversation, WrapUp};
pub use self::files::FileDoor;
pub use self::guest_history::GuestHistory;
pub use self::guest_view::GuestView;
pub use self::guests::PlatformGuests;
pub use self::job::{JobStatus, ReadAvailability, ReadJob, ReadResults, SubmitJob};
pub use self::message_details::ReadMessageDetails;
pub use self::messages::{ReadMessage, ReadMessages};
pub use self::open_door::{OpenDoor, OpenMessagingOpenings};
pub use self::open_inbound::{InboundOpen, TakenOpen};
pub use self::openings::{GuestDoor, PlatformOpenings};
pub use self::own_end::OwnEnd;
pub use self::post_agentless::{PostAgentless, PostedAgentless};
pub use self::post_message::{PostMessage, Posted};
pub use self::triggers::TriggerWish;
pub use self::upload::{CreateUpload, PutFile, ReadUpload, Upload, UploadState};

/// An organisation on the published contract.
///
/// ```
/// use std::sync::Arc;
/// use frontdesk_api::{Client, Credentials, Platform};
/// use frontdesk_api::transport::memory::{MemoryTransport, Reply};
/// use frontdesk_domain::{ConversationId, Secret};
/// use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let transport = MemoryTransport::new(|request| match request.uri().path() {
///     "/oauth/token" => Reply::json(&json!({"access_token": "t", "expires_in": 86399})),
///     _ => Reply::json(&json!({"id": "c-1", "participants": [{"id": "p", "purpose": "agent", "messages": [{"id": "leg"}]}]})),
/// });
/// let client = Client::builder("https://api.mypurecloud.de".parse()?, Credentials::new("id", Secret::new("secret"))?)
///     .login("https://login.mypurecloud.de".parse()?)
///     .build(Arc::new(transport));
/// let platform = Platform::new(client);
/// let conversation = platform.live(&ConversationId::new("c-1")?).await?.ok_or("no such conversation")?;
/// assert_eq!(conversation.participants[0].communications[0].id, "leg");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Platform {
    client: Client,
    options: CallOptions,
    details: DetailsOptions,
    /// How far the count of a details query was found to be off (C.7.3: it is an approximation). Shared by all clones.
    count_error: Arc<AtomicU64>,
    /// Whether asking one by one finds what reads in bulk leave out. Shared by all clones.
    singles: Arc<singles::Tally>,
}

impl Platform {
    /// The organisation behind this client, with the default options for every call.
    #[must_use]
    pub fn new(client: Client) -> Self {
        let (options, details) = (CallOptions::default(), DetailsOptions::default());
        Self { client, options, details, count_error: Arc::default(), singles: Arc::default() }
    }

    /// The options of every call: deadline, attempts, signal to stop.
    #[must_use]
    pub fn options(mut self, options: CallOptions) -> Self {
        self.options = options;
        self
    }

    /// The same organisation over the same client, whose calls end on this signal.
    #[must_use]
    pub fn cancel(mut self, cancel: Cancel) -> Self {
        self.options = self.options.cancel(cancel);
        self
    }

    /// How conversations are listed.
    #[must_use]
    pub fn details(mut self, details: DetailsOptions) -> Self {
        self.details = details;
        self
    }

    /// The client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Looks at a conversation; none where the platform does not know it.
    ///
    /// # Cancel safety
    /// Safe: a read has changed nothing.
    ///
    /// # Errors
    /// When the platform does not say; 404 is an answer and no error.
    pub async fn live(&self, id: &ConversationId) -> Result<Option<LiveConversation>, Error> {
        match self.client.send(&ReadLive { id: id.clone() }, &self.options).await {
            Ok(conversation) => Ok(Some(conversation)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn origin(&self) -> Origin {
        self.client.origin("platform")
    }

    /// The options of every call, for the operations of this module.
    pub(crate) fn call(&self) -> &CallOptions {
        &self.options
    }
}

impl ConversationSource for Platform {
    fn conversations(&self, query: DetailsQuery) -> ConversationPages {
        let resume = query.resume.clone();
        ConversationPages::resumed(details::pages(self.clone(), query), resume)
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

    /// A page of the query holds few days, and windows of one are as good as any; a job is waited for, however many it has.
    fn days_at_once(&self) -> Option<NonZeroU32> {
        Some(if self.details.way == DetailsWay::Jobs { self.details.job_days } else { NonZeroU32::MIN })
    }
}

impl HistorySource for Platform {
    /// Of the target only the conversation is asked for: organisation and domain are the credentials' own.
    fn history(&self, query: HistoryQuery) -> HistoryPages {
        let resume = query.resume.clone();
        HistoryPages::resumed(history::pages(self.clone(), query), resume)
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

impl TranscriptSource for Platform {
    fn transcript<'a>(
        &'a self,
        id: &'a ConversationId,
        singles: Singles,
    ) -> BoxFuture<'a, Result<TranscriptLook, Error>> {
        transcript::transcript(self, id, singles).boxed()
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
