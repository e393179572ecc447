//! The synchronous details query (platform contract C.7): one page asked for, and read while it arrives.

use bytes::Bytes;
use frontdesk_domain::filter::platform::{DimensionFilter, Parts};
use frontdesk_domain::json::Tail;
use frontdesk_domain::{RecordError, TimeRange, Timestamp, payload};
use http::{Method, response};
use serde::Serialize;

use crate::base_url::BaseUrl;
use crate::endpoint::{Auth, BodyReader, DecodeError, EncodeError, Endpoint, Repeat};
use crate::page_body::{Elements, rough_mark};
use crate::request;
use crate::seen::id_hash;
use crate::source::Conversation;

/// Where details are.
pub(super) const PATH: &str = "/api/v2/analytics/conversations/details";

/// What reading details needs one of.
pub(super) const VIEW: &[&str] =
    &["analytics:conversationDetail:view", "analytics:agentConversationDetail:view"];

/// Asks for one page of the conversations that began on the days an interval touches. A POST that only reads, so it is
/// repeated like a GET.
#[derive(Debug, Clone)]
pub struct DetailsQueryPage {
    /// The interval; whole days are matched.
    pub interval: TimeRange,
    /// What of a filter the platform looks at.
    pub filters: Parts,
    /// Conversations per page: 100 at most in practice (C.7.3).
    pub size: u32,
    /// The page's number, from 1.
    pub page: u32,
}

/// What the query and a job have in common.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Asked<'a> {
    interval: String,
    order: &'static str,
    order_by: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    conversation_filters: &'a [DimensionFilter],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    segment_filters: &'a [DimensionFilter],
}

impl<'a> Asked<'a> {
    pub(super) fn new(interval: TimeRange, filters: &'a Parts) -> Self {
        Self {
            interval: interval.to_string(),
            order: "asc",
            order_by: "conversationStart",
            conversation_filters: &filters.conversation,
            segment_filters: &filters.segment,
        }
    }
}

#[derive(Serialize)]
struct Query<'a> {
    #[serde(flatten)]
    asked: Asked<'a>,
    paging: Paging,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Paging {
    page_size: u32,
    page_number: u32,
}

impl Endpoint for DetailsQueryPage {
    type Output = DetailsResult;
    type Reader = DetailsResultReader;

    const OPERATION: &'static str = "conversation details query";
    const REPEAT: Repeat = Repeat::Safe;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = None;
    const PERMISSIONS: &'static [&'static str] = VIEW;

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let query = Query {
            asked: Asked::new(self.interval, &self.filters),
            paging: Paging { page_size: self.size, page_number: self.page },
        };
        post(base, &format!("{PATH}/query"), &query)
    }

    fn reader(&self, head: &response::Parts) -> Result<DetailsResultReader, DecodeError> {
        match head.status.as_u16() {
            200 => Ok(DetailsResultReader::new()),
            other => Err(DecodeError::status(other, "200")),
        }
    }
}

/// A POST of a JSON body.
pub(super) fn post(
    base: &BaseUrl,
    path: &str,
    body: &impl Serialize,
) -> Result<http::Request<Bytes>, EncodeError> {
    let body = serde_json::to_vec(body).map_err(|_| EncodeError::new("the query"))?;
    request::json(Method::POST, base, path, body, "the base URL")
}

/// A page of details as the platform sent it, of the query or of a job.
#[derive(Debug, Default)]
pub struct DetailsResult {
    /// What it holds, in its order; an element that is no conversation says why.
    pub conversations: Vec<Result<Conversation, RecordError>>,
    /// How many there are, by the query: an approximation that moves while data arrive.
    pub total_hits: Option<u64>,
    /// Where the results of a job go on; none on the last page.
    pub cursor: Option<String>,
    /// How far the data of a job reach, as it came.
    pub available_until: Option<Timestamp>,
    /// Length of the body, decompressed.
    pub body_bytes: u64,
    /// A 64-bit hash per element, in their order, by which a listing sees what it has seen before.
    pub(super) marks: Vec<u64>,
}

/// Takes a page apart while it arrives: what it holds in memory is what it hands out, and one element in progress.
#[derive(Debug)]
pub struct DetailsResultReader {
    elements: Elements,
    page: DetailsResult,
}

impl DetailsResultReader {
    pub(super) fn new() -> Self {
        Self { elements: Elements::of("conversations"), page: DetailsResult::default() }
    }
}

impl DetailsResult {
    fn take(&mut self, element: Vec<u8>) {
        let shape = rough_mark(&element);
        let taken = payload::take_details(element).map(|(record, facts)| {
            let id_hash = id_hash(record.key().id.as_str());
            Conversation { record, facts, id_hash, is_new: true }
        });
        self.marks.push(taken.as_ref().map_or(shape, |conversation| conversation.id_hash));
        self.conversations.push(taken);
    }
}

impl BodyReader for DetailsResultReader {
    type Output = DetailsResult;

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        self.elements.push(chunk, |element| self.page.take(element))
    }

    fn finish(mut self) -> Result<DetailsResult, DecodeError> {
        let (tail, body_bytes) = self.elements.finish()?;
        self.page.body_bytes = body_bytes;
        // An empty page has no `conversations` at all (C.7.3); null is the same (B.2).
        if tail.value("conversations").is_some_and(|value| value != b"null") {
            return Err(DecodeError::new("its conversations are no array"));
        }
        self.page.total_hits = value(&tail, "totalHits");
        self.page.cursor = value::<String>(&tail, "cursor").filter(|cursor| !cursor.is_empty());
        self.page.available_until =
            value::<String>(&tail, "dataAvailabilityDate").and_then(|text| text.parse().ok());
        Ok(self.page)
    }
}

/// A member beside the conversations; one of another type is as good as absent.
fn value<T: serde::de::DeserializeOwned>(tail: &Tail, name: &str) -> Option<T> {
    serde_json::from_slice(tail.value(name)?).ok()
}
