//! The platform asked to call back (contract §3).

use bytes::Bytes;
use http::{header, response};
use serde::{Deserialize, Serialize};

use crate::base_url::BaseUrl;
use crate::endpoint::{Auth, BodyReader, DecodeError, EncodeError, Endpoint, Repeat};
use crate::object::SmallObject;
use crate::subscriptions::{EventSubscription, Registered};

const PATH: &str = "/api/v2/platform/webhooks";

/// No answer about a subscription is larger, in bytes.
const MOST_BYTES: usize = 1 << 20;

/// Registers a subscription. Said twice, it is one.
#[derive(Debug, Clone)]
pub struct RegisterWebhook {
    /// Which.
    pub subscription: EventSubscription,
}

#[derive(Serialize)]
struct Wish<'a> {
    name: &'a str,
    uri: &'a str,
    method: &'static str,
    event: &'static str,
    enabled: bool,
    headers: Headers,
}

/// What the platform sends along when it calls back.
#[derive(Serialize)]
struct Headers {
    #[serde(rename = "Content-Type")]
    content_type: &'static str,
    #[serde(rename = "X-Source")]
    source: &'static str,
}

impl Endpoint for RegisterWebhook {
    type Output = Registered;
    type Reader = RegisteredReader;

    const OPERATION: &'static str = "webhook registration";
    const REPEAT: Repeat = Repeat::Idempotent;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = Some("platformadmin:webhook:write");

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let wish = Wish {
            name: self.subscription.name(),
            uri: self.subscription.uri(),
            method: "POST",
            event: "conversation.created",
            enabled: true,
            headers: Headers { content_type: "application/json", source: "genesys-webchat-manager" },
        };
        let unsendable = || EncodeError::new("the subscription");
        http::Request::post(base.join(PATH).map_err(|_| unsendable())?)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/json")
            .body(serde_json::to_vec(&wish).map_err(|_| unsendable())?.into())
            .map_err(|_| unsendable())
    }

    fn reader(&self, head: &response::Parts) -> Result<RegisteredReader, DecodeError> {
        match head.status.as_u16() {
            status @ (200 | 201) => Ok(RegisteredReader {
                is_new: status == 201,
                body: SmallObject::about("a subscription", MOST_BYTES),
            }),
            other => Err(DecodeError::status(other, "200 or 201")),
        }
    }
}

/// Collects what the platform says about a subscription; it is small.
#[derive(Debug)]
pub struct RegisteredReader {
    is_new: bool,
    body: SmallObject,
}

impl BodyReader for RegisteredReader {
    type Output = Registered;

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        self.body.push(chunk)
    }

    fn finish(self) -> Result<Registered, DecodeError> {
        #[derive(Deserialize)]
        struct Answer {
            id: String,
        }
        let answer: Answer = self.body.read("it is no object with an id as text")?;
        if answer.id.is_empty() {
            return Err(DecodeError::new("the id is empty"));
        }
        Ok(Registered { id: answer.id, is_new: self.is_new })
    }
}
