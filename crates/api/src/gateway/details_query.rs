//! The details query (contract §5): one page asked for, and read while it arrives.

use bytes::Bytes;
use frontdesk_domain::{Filter, PageSize, PageToken, TimeRange, payload};
use http::{Method, response};
use serde::Serialize;

use crate::base_url::BaseUrl;
use crate::endpoint::{Auth, BodyReader, DecodeError, EncodeError, Endpoint, Repeat};
use crate::seen::id_hash;
use crate::source::{Conversation, ConversationPage, Rejected};

use crate::listing::{Fetched, Listed, PageBody};
use crate::page_body::{Elements, next_token, rough_mark};
use crate::request;

const PATH: &str = "/api/v2/analytics/conversations/details/query";

/// Asks for one page. A POST that only reads, so it is repeated like a GET (contract §7).
#[derive(Debug, Clone)]
pub struct DetailsRequest {
    /// Start times asked for.
    pub range: TimeRange,
    /// Conversations per page.
    pub size: PageSize,
    /// Which of them.
    pub filter: Option<Filter>,
    /// The page; the first without it.
    pub token: Option<PageToken>,
}

/// A page as the gateway sent it.
#[derive(Debug)]
pub struct DetailsPage {
    /// What it holds, in its order.
    pub conversations: Vec<Result<Conversation, Rejected>>,
    /// The token of the next page; none on the last.
    pub next: Option<PageToken>,
    /// Length of the body, decompressed.
    pub body_bytes: u64,
    /// A 64-bit hash per element, in their order, by which a listing sees what it has seen before.
    marks: Vec<u64>,
}

impl PageBody for DetailsPage {
    fn next(&self) -> Option<&PageToken> {
        self.next.as_ref()
    }

    fn marks(&self) -> &[u64] {
        &self.marks
    }
}

impl Listed for DetailsRequest {
    type Page = ConversationPage;

    fn token(&mut self) -> &mut Option<PageToken> {
        &mut self.token
    }

    fn page(body: DetailsPage, fetched: Fetched) -> ConversationPage {
        let DetailsPage { mut conversations, next, body_bytes, .. } = body;
        let Fetched { number, token, news, took, .. } = fetched;
        for (conversation, is_new) in conversations.iter_mut().zip(news) {
            if let Ok(conversation) = conversation {
                conversation.is_new = is_new;
            }
        }
        ConversationPage { number, token, next, conversations, available_until: None, body_bytes, took }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Query<'a> {
    date_from: String,
    date_to: String,
    size: PageSize,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page: Option<&'a PageToken>,
}

impl Endpoint for DetailsRequest {
    type Output = DetailsPage;
    type Reader = DetailsReader;

    const OPERATION: &'static str = "conversation details query";
    const REPEAT: Repeat = Repeat::Safe;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = Some("analytics:query");

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let query = Query {
            date_from: self.range.from().to_string(),
            date_to: self.range.to().to_string(),
            size: self.size,
            filter: self.filter.as_ref().map(Filter::as_str),
            next_page: self.token.as_ref(),
        };
        let body = serde_json::to_vec(&query).map_err(|_| EncodeError::new("the query"))?;
        request::json(Method::POST, base, PATH, body, "the base URL")
    }

    fn reader(&self, head: &response::Parts) -> Result<DetailsReader, DecodeError> {
        match head.status.as_u16() {
            200 => Ok(DetailsReader::new()),
            other => Err(DecodeError::status(other, "200")),
        }
    }
}

/// Takes a page apart while it arrives: what it holds in memory is what it hands out, and one element in progress.
#[derive(Debug)]
pub struct DetailsReader {
    elements: Elements,
    page: DetailsPage,
}

impl DetailsReader {
    fn new() -> Self {
        let page = DetailsPage { conversations: Vec::new(), next: None, body_bytes: 0, marks: Vec::new() };
        Self { elements: Elements::of("conversations"), page }
    }
}

impl DetailsPage {
    fn take(&mut self, element: Vec<u8>) {
        let index = self.conversations.len();
        let shape = rough_mark(&element);
        let conversation = match payload::take_details(element) {
            Ok((record, facts)) => {
                let id_hash = id_hash(record.key().id.as_str());
                self.marks.push(id_hash);
                Ok(Conversation { record, facts, id_hash, is_new: true })
            }
            Err(error) => {
                self.marks.push(shape);
                Err(Rejected { index, error })
            }
        };
        self.conversations.push(conversation);
    }
}

impl BodyReader for DetailsReader {
    type Output = DetailsPage;

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        self.elements.push(chunk, |element| self.page.take(element))
    }

    fn finish(mut self) -> Result<DetailsPage, DecodeError> {
        let (tail, body_bytes) = self.elements.finish()?;
        self.page.body_bytes = body_bytes;
        if tail.value("conversations").is_some() {
            return Err(DecodeError::new("its conversations are no array"));
        }
        if !tail.array_present {
            return Err(DecodeError::new("it has no conversations"));
        }
        self.page.next = next_token(tail.value("nextPage"), "nextPage")?;
        Ok(self.page)
    }
}
