//! A conversation's messages (contract §2): one page asked for, and read while it arrives.

use std::fmt::Write as _;

use bytes::Bytes;
use frontdesk_domain::message::{HistoryTarget, Message};
use frontdesk_domain::{HistoryPageSize, PageToken, RecordErrorKind, json};
use http::response;

use crate::base_url::BaseUrl;
use crate::endpoint::{Auth, BodyReader, DecodeError, EncodeError, Endpoint, Repeat};
use crate::history::{HistoryMessage, HistoryPage};
use crate::listing::{Fetched, Listed, PageBody};
use crate::page_body::{Elements, next_token, rough_mark};
use crate::percent::encoded;
use crate::request;
use crate::seen::id_hash;

const PATH: &str = "/api/v2/public/messaging/";

/// Asks for one page of a history.
#[derive(Debug, Clone)]
pub struct HistoryRequest {
    /// Whose.
    pub target: HistoryTarget,
    /// Messages per page.
    pub size: HistoryPageSize,
    /// The page; the first without it.
    pub token: Option<PageToken>,
    /// Whether it carries the bearer token. It needs none: it is a guest's call.
    pub bearer: bool,
}

/// A page as the gateway sent it.
#[derive(Debug)]
pub struct HistoryBody {
    /// What it holds, in its order.
    pub messages: Vec<Result<HistoryMessage, RecordErrorKind>>,
    /// The token of the next page; none on the last.
    pub next: Option<PageToken>,
    /// `meta.total`, where it is a whole number.
    pub total: Option<u64>,
    /// Length of the body, decompressed.
    pub body_bytes: u64,
    marks: Vec<u64>,
}

impl PageBody for HistoryBody {
    fn next(&self) -> Option<&PageToken> {
        self.next.as_ref()
    }

    fn marks(&self) -> &[u64] {
        &self.marks
    }
}

impl Listed for HistoryRequest {
    type Page = HistoryPage;

    fn token(&mut self) -> &mut Option<PageToken> {
        &mut self.token
    }

    fn page(body: HistoryBody, fetched: Fetched) -> HistoryPage {
        let HistoryBody { mut messages, next, total, body_bytes, .. } = body;
        let Fetched { number, token, news, more, took } = fetched;
        for (message, is_new) in messages.iter_mut().zip(news) {
            if let Ok(message) = message {
                message.is_new = is_new;
            }
        }
        HistoryPage { number, token, next, messages, more, total, body_bytes, took }
    }
}

impl Endpoint for HistoryRequest {
    type Output = HistoryBody;
    type Reader = HistoryReader;

    const OPERATION: &'static str = "message history";
    const REPEAT: Repeat = Repeat::Safe;
    const AUTH: Auth = Auth::Guest;
    const SCOPE: Option<&'static str> = Some("webmessaging:view");

    fn auth(&self) -> Auth {
        if self.bearer { Auth::Bearer } else { Auth::Guest }
    }

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let mut path = format!("{PATH}{}/messages?pageSize={}", self.target.path(), self.size);
        if let Some(token) = &self.token {
            // Writing to a string cannot fail.
            let _ = write!(path, "&nextPageToken={}", encoded(token.as_str()));
        }
        request::get(base, &path, "the ids or the page token")
    }

    fn reader(&self, head: &response::Parts) -> Result<HistoryReader, DecodeError> {
        match head.status.as_u16() {
            200 => Ok(HistoryReader::new()),
            other => Err(DecodeError::status(other, "200")),
        }
    }
}

/// Takes a page apart while it arrives: what it holds in memory is what it hands out, and one message in progress.
#[derive(Debug)]
pub struct HistoryReader {
    elements: Elements,
    page: HistoryBody,
}

impl HistoryReader {
    fn new() -> Self {
        let page =
            HistoryBody { messages: Vec::new(), next: None, total: None, body_bytes: 0, marks: Vec::new() };
        Self { elements: Elements::of("entities"), page }
    }
}

impl HistoryBody {
    fn take(&mut self, element: Vec<u8>) {
        let shape = rough_mark(&element);
        let message = Message::read(element).map(|message| {
            let id_hash = id_hash(message.id().as_str());
            HistoryMessage { message, id_hash, is_new: true }
        });
        self.marks.push(message.as_ref().map_or(shape, |message| message.id_hash));
        self.messages.push(message);
    }
}

impl BodyReader for HistoryReader {
    type Output = HistoryBody;

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        self.elements.push(chunk, |element| self.page.take(element))
    }

    fn finish(mut self) -> Result<HistoryBody, DecodeError> {
        let (tail, body_bytes) = self.elements.finish()?;
        self.page.body_bytes = body_bytes;
        if tail.value("entities").is_some() {
            return Err(DecodeError::new("its entities are no array"));
        }
        if !tail.array_present {
            return Err(DecodeError::new("it has no entities"));
        }
        let meta = tail.value("meta").ok_or_else(|| DecodeError::new("it has no meta"))?;
        // The splitter has read it already.
        let members = json::scan(meta).map_err(|error| DecodeError::new(error.to_string()))?;
        if !members.object {
            return Err(DecodeError::new("its meta is no object"));
        }
        self.page.next = next_token(members.value(meta, "nextPageToken"), "nextPageToken")?;
        self.page.total = members.value(meta, "total").and_then(|total| serde_json::from_slice(total).ok());
        Ok(self.page)
    }
}
