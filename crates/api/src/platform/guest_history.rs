//! What a guest sees of its own messages: `GET /api/v2/webmessaging/messages` (platform contract C.1).

use bytes::Bytes;
use http::{HeaderValue, Method, header, response};
use serde::Deserialize;
use serde_json::Value;

use crate::base_url::BaseUrl;
use crate::endpoint::{Auth, BodyReader, DecodeError, EncodeError, Endpoint, Repeat};
use crate::object::SmallObject;

const PATH: &str = "/api/v2/webmessaging/messages";
/// No page of a guest's history is larger, in bytes.
const MOST_BYTES: usize = 8 << 20;

/// Asks for a page of the newest 25 messages of the session that the token stands for. It carries the guest's token, and none
/// of the staff's.
#[derive(Clone)]
pub struct GuestHistory {
    token: HeaderValue,
    origin: Option<HeaderValue>,
    page: u64,
}

impl std::fmt::Debug for GuestHistory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GuestHistory").field("page", &self.page).finish_non_exhaustive()
    }
}

impl GuestHistory {
    /// The page with this number, counted from 1, of the session of this token.
    ///
    /// # Errors
    /// When HTTP cannot carry the token.
    pub fn new(jwt: &str, origin: Option<HeaderValue>, page: u64) -> Result<Self, EncodeError> {
        let mut token = HeaderValue::try_from(format!("Bearer {jwt}"))
            .map_err(|_| EncodeError::new("the guest's token"))?;
        token.set_sensitive(true);
        Ok(Self { token, origin, page })
    }
}

impl Endpoint for GuestHistory {
    type Output = Vec<Value>;
    type Reader = GuestHistoryReader;

    const OPERATION: &'static str = "guest history page";
    const REPEAT: Repeat = Repeat::Safe;
    const AUTH: Auth = Auth::Guest;
    const SCOPE: Option<&'static str> = None;

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let path = format!("{PATH}?pageSize=25&pageNumber={}", self.page);
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
        match head.status.as_u16() {
            200 => Ok(GuestHistoryReader(SmallObject::about("a guest's messages", MOST_BYTES))),
            other => Err(DecodeError::status(other, "200")),
        }
    }
}

/// Collects a page; it is small.
#[derive(Debug)]
pub struct GuestHistoryReader(SmallObject);

impl BodyReader for GuestHistoryReader {
    type Output = Vec<Value>;

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        self.0.push(chunk)
    }

    fn finish(self) -> Result<Vec<Value>, DecodeError> {
        #[derive(Deserialize)]
        struct Page {
            #[serde(default)]
            entities: Option<Vec<Value>>,
        }
        let page: Page = self.0.read("its entities are no array")?;
        Ok(page.entities.unwrap_or_default())
    }
}
