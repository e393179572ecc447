//! A guest's session opened (contract §3).

use bytes::Bytes;
use frontdesk_domain::session::{Attributes, OpenedSession, SessionRequest};
use frontdesk_domain::{ConversationId, Timestamp};
use http::{HeaderName, Method, StatusCode, header, response};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::base_url::BaseUrl;
use crate::endpoint::{Auth, BodyReader, DecodeError, EncodeError, Endpoint, Repeat};
use crate::object::SmallObject;
use crate::openings::{OpenReply, Opening};

const PATH: &str = "/api/v2/conversations/webchat";

/// No answer about one session is larger, in bytes: it repeats the attributes.
const MOST_BYTES: usize = 4 << 20;

/// Names the logical request, the same on every sending of it.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Opens a session. Sent twice with one key, it opens one.
#[derive(Debug, Clone)]
pub struct OpenSession {
    /// What is sent, and its key.
    pub opening: Opening,
}

/// The body of the request.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    conversation_type: &'static str,
    guest_id: &'a str,
    attributes: Sent<'a>,
    routing_data: RoutingData<'a>,
}

#[derive(Serialize)]
struct RoutingData<'a> {
    priority: i32,
    skills: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
}

/// The attributes as they are sent: the caller's, then the three about consent.
struct Sent<'a> {
    attributes: &'a Attributes,
    marketing: bool,
    timestamp: Timestamp,
}

impl Serialize for Sent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.attributes.len() + 3))?;
        for (key, value) in self.attributes.iter() {
            map.serialize_entry(key, value)?;
        }
        map.serialize_entry("consent.marketing", &self.marketing)?;
        map.serialize_entry("consent.data_processing", &true)?;
        map.serialize_entry("consent.timestamp", &self.timestamp)?;
        map.end()
    }
}

impl<'a> From<&'a SessionRequest> for Body<'a> {
    fn from(request: &'a SessionRequest) -> Self {
        let SessionRequest { guest_id, attributes, consent, routing } = request;
        Self {
            conversation_type: "webchat",
            guest_id: guest_id.as_str(),
            attributes: Sent { attributes, marketing: consent.marketing, timestamp: consent.timestamp },
            routing_data: RoutingData {
                priority: routing.priority,
                skills: routing.skills.iter().map(AsRef::as_ref).collect(),
                language: routing.language.as_ref().map(|tag| tag.as_str()),
            },
        }
    }
}

impl Endpoint for OpenSession {
    type Output = OpenReply;
    type Reader = OpenReader;

    const OPERATION: &'static str = "guest session opening";
    const REPEAT: Repeat = Repeat::Keyed;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = Some("webchat:conversation:write");

    fn answers(&self, status: StatusCode) -> bool {
        status == StatusCode::CONFLICT
    }

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let Opening { key, request } = &self.opening;
        let body = serde_json::to_vec(&Body::from(request)).map_err(|_| EncodeError::new("the session"))?;
        http::Request::builder()
            .method(Method::POST)
            .uri(base.join(PATH).map_err(|_| EncodeError::new("the path"))?)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/json")
            .header(KEY, key.to_string())
            .body(body.into())
            .map_err(|_| EncodeError::new("the session"))
    }

    fn reader(&self, head: &response::Parts) -> Result<OpenReader, DecodeError> {
        match head.status {
            StatusCode::CREATED | StatusCode::CONFLICT => {
                let guest = self.opening.request.guest_id.as_str().to_owned();
                Ok(OpenReader {
                    status: head.status,
                    guest,
                    body: SmallObject::about("a session", MOST_BYTES),
                })
            }
            other => Err(DecodeError::new(format!("status {} where 201 was expected", other.as_u16()))),
        }
    }
}

/// Collects what the platform says about the session.
#[derive(Debug)]
pub struct OpenReader {
    status: StatusCode,
    guest: String,
    body: SmallObject,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    id: ConversationId,
    #[serde(default)]
    guest_id: Option<String>,
    #[serde(default)]
    routing_data: Value,
    #[serde(default)]
    created_timestamp: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Conflict {
    #[serde(default)]
    code: Value,
    #[serde(default)]
    conversation_id: Value,
}

impl BodyReader for OpenReader {
    type Output = OpenReply;

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        self.body.push(chunk)
    }

    fn finish(self) -> Result<OpenReply, DecodeError> {
        if self.status == StatusCode::CONFLICT { self.conflict() } else { self.created() }
    }
}

impl OpenReader {
    fn created(self) -> Result<OpenReply, DecodeError> {
        let created: Created = self.body.read("it is no object with the id of a session")?;
        // An answer about somebody else must not stand for this guest's session.
        if created.guest_id.is_some_and(|guest| guest != self.guest) {
            return Err(DecodeError::new("it is about another guest"));
        }
        let routing = |name: &str| created.routing_data.get(name);
        let wait = routing("estimatedWaitTime").and_then(Value::as_f64).filter(|wait| *wait >= 0.0);
        Ok(OpenReply::Opened(OpenedSession {
            session_id: created.id,
            status: self.status.as_u16(),
            queue_position: routing("queuePosition").and_then(Value::as_i64),
            // Rounded up: nobody waits less than they were told.
            estimated_wait: wait.map(|wait| wait.ceil() as u64),
            created: created.created_timestamp.as_str().and_then(|time| time.parse().ok()),
        }))
    }

    fn conflict(self) -> Result<OpenReply, DecodeError> {
        let Conflict { code, conversation_id } = match self.body.read("it is no object") {
            Ok(conflict) => conflict,
            Err(error) if error.is_truncated() => return Err(error),
            // The status alone says that nothing was opened.
            Err(_) => return Ok(OpenReply::Conflict { conversation_id: None }),
        };
        if code == "idempotency.mismatch" {
            return Ok(OpenReply::Mismatch);
        }
        let conversation_id = conversation_id.as_str().and_then(|id| ConversationId::new(id).ok());
        Ok(OpenReply::Conflict { conversation_id })
    }
}
