//! A history as its guest is shown it (platform contract C.1): no staff, no ids of conversations, the newest message first.

use frontdesk_domain::hex;
use frontdesk_domain::message::Listing;
use http::HeaderValue;
use sha2::{Digest as _, Sha256};

use super::guest_history::GuestHistory;
use crate::client::Client;
use crate::counters::Counters;
use crate::endpoint::EncodeError;
use crate::history::{HistoryPages, HistoryQuery, HistorySource};
use crate::listing;
use crate::options::CallOptions;
use crate::source::Origin;

/// The messages of one guest's session, as the guest sees them: agents without names of their own, no routing, no notes.
///
/// The guest's token stands for the session; what a query names is what its history is called here, and nobody checks that the
/// two belong together. Pages count from the newest message: one that arrives meanwhile shows up by a duplicate, and is in the
/// history of the next pull.
///
/// ```
/// use std::sync::Arc;
/// use frontdesk_api::transport::memory::{MemoryTransport, Reply};
/// use frontdesk_api::{Client, GuestView, HistoryQuery, HistorySource as _, SeenIds};
/// use frontdesk_domain::message::HistoryTarget;
/// use frontdesk_domain::{HistoryPageSize, MaxDepth};
/// use futures_util::StreamExt as _;
/// use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let transport = MemoryTransport::new(|request| {
///     assert_eq!(request.headers()["authorization"], "Bearer jwt-of-the-guest");
///     Reply::json(&json!({"entities": [{"id": "m-1", "type": "Text", "text": "Hello"}], "total": 1, "pageCount": 1}))
/// });
/// let client = Client::without_token("https://api.mypurecloud.de".parse()?).build(Arc::new(transport));
/// let view = GuestView::new(client, "jwt-of-the-guest", None)?;
/// let target = HistoryTarget::new("org", "web", "c-1")?;
/// let (size, depth) = (HistoryPageSize::default(), MaxDepth::default());
/// let query = HistoryQuery { target, size, resume: None, depth, seen: SeenIds::default() };
/// let page = view.history(query).next().await.ok_or("a page")??;
/// assert_eq!(page.messages.len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct GuestView {
    client: Client,
    options: CallOptions,
    request: GuestHistory,
    /// Tells this token's listing from others.
    digest: String,
}

impl GuestView {
    /// The session that the guest's token `jwt` stands for. `origin` is one of the deployment's allowed domains, where it does
    /// not allow all.
    ///
    /// # Errors
    /// When HTTP cannot carry the token.
    pub fn new(client: Client, jwt: &str, origin: Option<HeaderValue>) -> Result<Self, EncodeError> {
        let request = GuestHistory::new(jwt, origin)?;
        let digest = hex(&Sha256::digest(jwt.as_bytes())[..8]);
        Ok(Self { client, options: CallOptions::default(), request, digest })
    }

    /// The options of every call: deadline, attempts, signal to stop.
    #[must_use]
    pub fn options(mut self, options: CallOptions) -> Self {
        self.options = options;
        self
    }
}

impl HistorySource for GuestView {
    fn history(&self, query: HistoryQuery) -> HistoryPages {
        let HistoryQuery { target: _, size, resume, depth, seen } = query;
        let request = self.request.clone().page(size, resume.clone());
        let depth = Some(u64::from(depth.get()));
        let pages = listing::pages(self.client.clone(), self.options.clone(), request, depth, seen);
        HistoryPages::resumed(pages, resume)
    }

    fn listing(&self) -> Listing {
        Listing::NewestFirst
    }

    /// The client is the guest: a job over another token is another job.
    fn describe(&self) -> Origin {
        Origin { client_id: format!("guest {}", self.digest), ..self.client.origin("platform") }
    }

    fn counters(&self) -> Counters {
        self.client.counters()
    }

    fn rate(&self) -> Option<f64> {
        self.client.known_pace()
    }
}
