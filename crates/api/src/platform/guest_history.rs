//! What a guest sees of its own messages: `GET /api/v2/webmessaging/messages` (platform contract C.1).

use bytes::Bytes;
use frontdesk_domain::message::Message;
use frontdesk_domain::{HistoryPageSize, PageToken};
use http::{HeaderValue, Method, header, response};

use crate::base_url::BaseUrl;
use crate::endpoint::{Auth, BodyReader, DecodeError, EncodeError, Endpoint, Repeat};
use crate::history::HistoryPage;
use crate::history_body::HistoryBody;
use crate::listing::{Fetched, Listed};
use crate::page_body::Elements;
use crate::seen::id_hash;

const PATH: &str = "/api/v2/webmessaging/messages";
/// Before the token in the header's value.
const SCHEME: &str = "Bearer ";
/// What a receipt is called (C.1).
const RECEIPT: &str = "receipt";

/// Asks for a page of the session that the guest's token stands for, newest first. It carries that token, and none of the
/// staff's.
#[derive(Clone)]
pub struct GuestHistory {
    token: HeaderValue,
    origin: Option<HeaderValue>,
    size: HistoryPageSize,
    page: Option<PageToken>,
}

impl std::fmt::Debug for GuestHistory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GuestHistory").field("page", &self.page).finish_non_exhaustive()
    }
}

impl GuestHistory {
    /// The newest messages of the session of `jwt`.
    ///
    /// # Errors
    /// When HTTP cannot carry the guest's token.
    pub fn new(jwt: &str, origin: Option<HeaderValue>) -> Result<Self, EncodeError> {
        let mut token = HeaderValue::try_from(format!("{SCHEME}{jwt}"))
            .map_err(|_| EncodeError::new("the guest's token"))?;
        token.set_sensitive(true);
        Ok(Self { token, origin, size: HistoryPageSize::default(), page: None })
    }

    /// The page of this token, the newest messages without one. A listing that was begun with another size goes on with
    /// that: its page numbers mean it.
    #[must_use]
    pub fn page(mut self, size: HistoryPageSize, page: Option<PageToken>) -> Self {
        (self.size, self.page) = (size, page);
        self
    }

    /// Which page, counted from 1, of how many messages.
    fn place(&self) -> Result<(u64, u64), EncodeError> {
        match &self.page {
            None => Ok((1, u64::from(self.size.get()))),
            Some(page) => read_place(page.as_str()).ok_or_else(|| EncodeError::new("the page token")),
        }
    }
}

/// The token of a page of a history: its number, which counts from the newest message, and the size that the number means.
fn place_token(number: u64, size: u64) -> Option<PageToken> {
    PageToken::new(format!("page {number} by {size}")).ok()
}

fn read_place(token: &str) -> Option<(u64, u64)> {
    let (number, size) = token.strip_prefix("page ")?.split_once(" by ")?;
    let place: (u64, u64) = (number.parse().ok()?, size.parse().ok()?);
    (place.0 > 0 && place.1 > 0).then_some(place)
}

impl Listed for GuestHistory {
    type Page = HistoryPage;

    fn token(&mut self) -> &mut Option<PageToken> {
        &mut self.page
    }

    fn page(body: HistoryBody, fetched: Fetched) -> HistoryPage {
        body.into_page(fetched)
    }
}

impl Endpoint for GuestHistory {
    type Output = HistoryBody;
    type Reader = GuestHistoryReader;

    const OPERATION: &'static str = "guest history page";
    const REPEAT: Repeat = Repeat::Safe;
    const AUTH: Auth = Auth::Guest;
    const SCOPE: Option<&'static str> = None;

    fn secret(&self) -> &str {
        self.token.to_str().ok().and_then(|value| value.strip_prefix(SCHEME)).unwrap_or_default()
    }

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let (number, size) = self.place()?;
        let path = format!("{PATH}?pageSize={size}&pageNumber={number}");
        let mut request = http::Request::builder()
            .method(Method::GET)
            .uri(base.join(&path).map_err(|_| EncodeError::new("the path"))?)
            .header(header::ACCEPT, "application/json")
            .header(header::AUTHORIZATION, self.token.clone());
        if let Some(origin) = &self.origin {
            request = request.header(header::ORIGIN, origin.clone());
        }
        request.body(Bytes::new()).map_err(|_| EncodeError::new("the guest's token"))
    }

    fn reader(&self, head: &response::Parts) -> Result<GuestHistoryReader, DecodeError> {
        let place = self.place().map_err(|error| DecodeError::new(error.to_string()))?;
        match head.status.as_u16() {
            200 => Ok(GuestHistoryReader {
                place,
                elements: Elements::of("entities"),
                page: HistoryBody::empty(),
            }),
            other => Err(DecodeError::status(other, "200")),
        }
    }
}

/// Takes a page apart while it arrives.
#[derive(Debug)]
pub struct GuestHistoryReader {
    place: (u64, u64),
    elements: Elements,
    page: HistoryBody,
}

/// What tells a message from the others. A receipt has the id of the message it is about (C.1), and there may be several: it is
/// told by all it says.
fn mark(message: &Message) -> u64 {
    if message.kind().as_str() == RECEIPT {
        return id_hash(&String::from_utf8_lossy(message.bytes()));
    }
    id_hash(message.id().as_str())
}

impl BodyReader for GuestHistoryReader {
    type Output = HistoryBody;

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        self.elements.push(chunk, |element| self.page.take(element, mark))
    }

    /// The last page is the one whose number the count of pages names; where none is told, an empty one (D.1).
    fn finish(mut self) -> Result<HistoryBody, DecodeError> {
        let (tail, body_bytes) = self.elements.finish()?;
        self.page.body_bytes = body_bytes;
        if tail.value("entities").is_some_and(|entities| entities != b"null") {
            return Err(DecodeError::new("its entities are no array"));
        }
        let number =
            |name| tail.value(name).and_then(|value: &[u8]| serde_json::from_slice::<u64>(value).ok());
        self.page.total = number("total");
        let (this, size) = self.place;
        let is_last = number("pageCount").is_some_and(|count| this >= count);
        if !is_last && !self.page.messages.is_empty() {
            self.page.next = place_token(this + 1, size);
        }
        Ok(self.page)
    }
}
