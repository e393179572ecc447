//! A conversation's messages (contract §2): one page asked for, and read while it arrives.

use std::fmt::Write as _;

use bytes::Bytes;
use frontdesk_domain::message::{HistoryTarget, Message};
use frontdesk_domain::{HistoryPageSize, PageToken, json};
use http::response;

use crate::base_url::BaseUrl;
use crate::endpoint::{Auth, BodyReader, DecodeError, EncodeError, Endpoint, Repeat};
use crate::history::HistoryPage;
use crate::history_body::HistoryBody;
use crate::listing::{Fetched, Listed};
use crate::page_body::{Elements, next_token};
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

impl Listed for HistoryRequest {
    type Page = HistoryPage;

    fn token(&mut self) -> &mut Option<PageToken> {
        &mut self.token
    }

    fn page(body: HistoryBody, fetched: Fetched) -> HistoryPage {
        body.into_page(fetched)
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
        Self { elements: Elements::of("entities"), page: HistoryBody::empty() }
    }
}

impl BodyReader for HistoryReader {
    type Output = HistoryBody;

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        let hash = |message: &Message| id_hash(message.id().as_str());
        self.elements.push(chunk, |element| self.page.take(element, hash))
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
