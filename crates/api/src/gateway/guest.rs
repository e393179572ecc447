//! A guest's session looked at, and ended (contract §6).

use std::time::Duration;

use bytes::Bytes;
use frontdesk_domain::{Ending, GuestId, GuestState, Timestamp};
use http::{Method, response};
use serde::Deserialize;

use crate::base_url::BaseUrl;
use crate::endpoint::{Auth, BodyReader, DecodeError, EncodeError, Endpoint, Repeat};
use crate::guests::Guest;
use crate::object::SmallObject;
use crate::percent::encoded;
use crate::request;

const PATH: &str = "/api/v2/webmessaging/guests";

/// No answer about one guest is larger, in bytes.
const MOST_BYTES: usize = 1 << 20;

/// Ending a session may take the platform this long (contract §7).
const END_TIMEOUT: Duration = Duration::from_secs(30);

/// Asks in which state a guest's session is.
#[derive(Debug, Clone)]
pub struct ReadGuest {
    /// Whose session.
    pub id: GuestId,
}

/// Ends a guest's session. Said twice, it ends once.
#[derive(Debug, Clone)]
pub struct EndGuest {
    /// Whose session, and how.
    pub ending: Ending,
}

impl Endpoint for ReadGuest {
    type Output = Guest;
    type Reader = GuestReader;

    const OPERATION: &'static str = "guest session look-up";
    const REPEAT: Repeat = Repeat::Safe;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = Some("webchat:guest:read");

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        request::get(base, &format!("{PATH}/{}", self.id.segment()), "the guest id")
    }

    fn reader(&self, head: &response::Parts) -> Result<GuestReader, DecodeError> {
        match head.status.as_u16() {
            200 => Ok(GuestReader { id: self.id.clone(), body: SmallObject::about("a guest", MOST_BYTES) }),
            other => Err(DecodeError::status(other, "200")),
        }
    }
}

impl Endpoint for EndGuest {
    type Output = ();
    type Reader = Ignored;

    const OPERATION: &'static str = "guest session ending";
    const REPEAT: Repeat = Repeat::Idempotent;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = Some("webchat:guest:manage");

    fn head_timeout(&self) -> Option<Duration> {
        Some(END_TIMEOUT)
    }

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let Ending { guest_id, reason, retain_data, external_ref } = &self.ending;
        let mut path = format!("{PATH}/{}?reason={reason}&retainData={retain_data}", guest_id.segment());
        if let Some(reference) = external_ref {
            path.push_str("&externalRef=");
            path.push_str(&encoded(reference.as_str()));
        }
        request::bare(Method::DELETE, base, &path, "the guest id")
    }

    fn reader(&self, head: &response::Parts) -> Result<Ignored, DecodeError> {
        match head.status.as_u16() {
            200 | 204 => Ok(Ignored),
            other => Err(DecodeError::status(other, "200 or 204")),
        }
    }
}

/// Collects what the platform says about a guest; it is small.
#[derive(Debug)]
pub struct GuestReader {
    id: GuestId,
    body: SmallObject,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    id: String,
    state: GuestState,
    #[serde(default)]
    last_updated: Option<String>,
}

impl BodyReader for GuestReader {
    type Output = Guest;

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        self.body.push(chunk)
    }

    fn finish(self) -> Result<Guest, DecodeError> {
        let answer: Answer = self.body.read("it is no object with an id and a state as text")?;
        // An answer about somebody else must not decide about this guest.
        if answer.id != self.id.as_str() {
            return Err(DecodeError::new("it is about another guest"));
        }
        let last_updated = answer.last_updated.as_deref().and_then(|time| time.parse::<Timestamp>().ok());
        Ok(Guest { state: answer.state, last_updated })
    }
}

/// Reads a body to its end and keeps nothing: 200 and 204 say it all.
#[derive(Debug)]
pub struct Ignored;

impl BodyReader for Ignored {
    type Output = ();

    fn push(&mut self, _: &[u8]) -> Result<(), DecodeError> {
        Ok(())
    }

    fn finish(self) -> Result<(), DecodeError> {
        Ok(())
    }
}
