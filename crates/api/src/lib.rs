//! HTTP client core and adapters for Genesys Cloud.
//!
//! | module | what it is |
//! |---|---|
//! | [`client`] | the fixed pipeline from an endpoint to its output |
//! | [`endpoint`] | calls as values: what is sent, how the answer is read |
//! | [`gateway`] | the gateway contract behind the ports: [`ConversationSource`], [`HistorySource`], [`GuestSessions`], [`MessageChannel`] |
//! | [`platform`] | the published contract behind the ports: [`TranscriptSource`] and those of the gateway |
//! | [`conversation`] | conversations that go on, looked at: what sending and opening share |
//! | [`outward`] | calls to addresses that come from outside: webhooks, media |
//! | [`media`] | the files that go with messages: whether their links answer, and their bytes |
//! | [`transport`] | the border to the network: `reqwest`, or a script for tests |
//! | [`clock`] | the doors through which time enters |
//! | [`error`] | why a call failed, and whether it is worth asking again |
//! | `retry` | the one retry loop, over a pure table (contract §7) |
//! | `throttle` | one gate and one pace per host, learned from the server |
//! | `auth` | one token for all callers (contract §1) |
//!
//! Nothing here touches the disk, reads the environment, starts a task or keeps global state.

mod arrivals;
mod auth;
mod base_url;
mod circle;
pub mod client;
pub mod clock;
pub mod conversation;
mod counters;
mod date;
pub mod endpoint;
pub mod error;
mod flight;
pub mod gateway;
mod guests;
mod history;
mod history_body;
mod jitter;
mod legs;
mod listing;
pub mod media;
mod messages;
mod object;
mod openings;
mod options;
pub mod outward;
mod page_body;
mod page_memory;
mod pages;
mod percent;
pub mod platform;
mod request;
mod retry;
mod seen;
mod source;
mod subscriptions;
mod sync;
mod throttle;
mod transcripts;
pub mod transport;

pub use arrivals::{Arrival, ArrivalLine, Arrivals, Signal};
pub use auth::{ClientStyle, Credentials, CredentialsError, StoredToken, TokenStore};
pub use base_url::{BaseUrl, BaseUrlError};
pub use client::{Client, ClientBuilder};
pub use conversation::{ConversationLook, Conversations, Look};
pub use counters::Counters;
pub use error::{Disposition, Error, ErrorKind};
pub use flight::Flight;
pub use gateway::Gateway;
pub use guests::{EndReply, Guest, GuestLook, GuestSessions};
pub use history::{HistoryMessage, HistoryPage, HistoryPages, HistoryQuery, HistorySource};
pub use legs::{
    Addressed, LegMessages, Mark, MarkContent, Post, PostContent, PostTo, Preparation, Ready, Trace, Traces,
};
pub use messages::{Accepted, MessageChannel};
pub use openings::{OpenReply, Opening, SessionOpenings};
pub use options::{CallOptions, Cancel, CancelHandle, Timeouts};
pub use page_memory::{PageMemory, PageRoom};
pub use pages::{Page, Pages, Stop};
pub use platform::{
    FileDoor, GuestDoor, GuestView, OpenDoor, OpenMessagingOpenings, OwnEnd, Platform, PlatformArrivals,
    PlatformGuests, PlatformMessages, PlatformOpenings, TriggerWish,
};
pub use seen::{SeenIds, id_hash};
pub use source::{
    Conversation, ConversationPage, ConversationPages, ConversationSource, DetailsQuery, Origin, Rejected,
};
pub use subscriptions::{
    CRM_SESSION_SYNC, EventSubscription, EventSubscriptions, Registered, SubscriptionError,
};
pub use throttle::{Rate, RateError};
pub use transcripts::{Singles, Transcript, TranscriptLook, TranscriptSource};
pub use transport::{Transport, TransportError, TransportKind};
