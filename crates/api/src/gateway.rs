//! The gateway contract: the five documents' API, as `ConversationSource`.
//!
//! | file | what it is |
//! |---|---|
//! | `details_query` | the details query as an endpoint; a page is read while it arrives |
//! | `pages` | page after page, until the last or until it goes in circles |
//! | `circle` | when a listing goes in circles |

use crate::client::Client;
use crate::counters::Counters;
use crate::options::CallOptions;
use crate::source::{ConversationPages, ConversationSource, DetailsQuery, Origin};

mod circle;
pub(crate) mod details_query;
mod pages;

pub use self::details_query::{DetailsPage, DetailsReader, DetailsRequest};

/// Conversations from a gateway (contract §5).
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
}

impl Gateway {
    /// A gateway behind this client, with the default options for every call.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client, options: CallOptions::default() }
    }

    /// The options of every call: deadline, attempts, signal to stop.
    #[must_use]
    pub fn options(mut self, options: CallOptions) -> Self {
        self.options = options;
        self
    }

    /// The client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }
}

impl ConversationSource for Gateway {
    fn conversations(&self, query: DetailsQuery) -> ConversationPages {
        let resume = query.resume.clone();
        ConversationPages::resumed(pages::pages(self.client.clone(), self.options.clone(), query), resume)
    }

    fn describe(&self) -> Origin {
        let base = self.client.base().to_string();
        let host = base.split_once("://").map_or(&*base, |(_, host)| host);
        Origin { contract: "gateway", host: host.to_owned(), client_id: self.client.client_id().to_owned() }
    }

    fn counters(&self) -> Counters {
        self.client.counters()
    }

    fn rate(&self) -> Option<f64> {
        self.client.known_pace()
    }
}
