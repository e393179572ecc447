//! The calls that end a conversation and say why (platform contract C.6), and those that have its recordings deleted (C.10).

use std::time::Duration;

use bytes::Bytes;
use frontdesk_domain::{ConversationId, ExternalRef, PathSegment, Timestamp};
use http::{Method, response};
use serde::Deserialize;
use serde_json::json;

use super::conversation::PATH;
use crate::base_url::BaseUrl;
use crate::endpoint::{Auth, BodyReader, DecodeError, EncodeError, Endpoint, Repeat};
use crate::request;

/// Ending a conversation may take the platform this long.
const END_TIMEOUT: Duration = Duration::from_secs(30);
/// No list of recordings is larger, in bytes.
const MOST_BYTES: usize = 8 << 20;

/// What may not be carried of these calls.
const WHAT: &str = "the conversation id";

fn taken(head: &response::Parts) -> Result<Unread, DecodeError> {
    match head.status.as_u16() {
        200..=204 => Ok(Unread),
        other => Err(DecodeError::status(other, "200")),
    }
}

/// Reads a body to its end and keeps nothing: the status says it all.
#[derive(Debug)]
pub struct Unread;

impl BodyReader for Unread {
    type Output = ();

    fn push(&mut self, _: &[u8]) -> Result<(), DecodeError> {
        Ok(())
    }

    fn finish(self) -> Result<(), DecodeError> {
        Ok(())
    }
}

/// Disconnects everybody in a messaging conversation. Said twice, it ends once.
#[derive(Debug, Clone)]
pub struct EndConversation {
    /// Which one.
    pub id: ConversationId,
    /// By the emergency tear-down, which ends all media with a system wrap-up code, and which the vendor asks not to rely on.
    pub emergency: bool,
}

impl Endpoint for EndConversation {
    type Output = ();
    type Reader = Unread;

    const OPERATION: &'static str = "conversation ending";
    const REPEAT: Repeat = Repeat::Idempotent;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = None;
    const PERMISSIONS: &'static [&'static str] = &["conversation:communication:disconnect"];

    fn head_timeout(&self) -> Option<Duration> {
        Some(END_TIMEOUT)
    }

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let id = self.id.segment();
        if self.emergency {
            return request::bare(Method::POST, base, &format!("{PATH}/{id}/disconnect"), WHAT);
        }
        let body = json!({"state": "disconnected"});
        request::json(Method::PATCH, base, &format!("{PATH}/messages/{id}"), body.to_string(), WHAT)
    }

    fn reader(&self, head: &response::Parts) -> Result<Unread, DecodeError> {
        taken(head)
    }
}

/// Disconnects an agent, with the wrap-up code that says why.
#[derive(Debug, Clone)]
pub struct WrapUp {
    /// The conversation.
    pub id: ConversationId,
    /// The agent in it.
    pub participant: PathSegment,
    /// The code's id.
    pub code: String,
    /// What is noted beside: the closure reason's word.
    pub notes: &'static str,
}

impl Endpoint for WrapUp {
    type Output = ();
    type Reader = Unread;

    const OPERATION: &'static str = "agent wrap-up";
    const REPEAT: Repeat = Repeat::Idempotent;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = None;
    const PERMISSIONS: &'static [&'static str] =
        &["conversation:participant:wrapup", "conversation:communication:disconnect"];

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let path = format!("{PATH}/messages/{}/participants/{}", self.id.segment(), self.participant);
        let wrapup = json!({"code": self.code, "notes": self.notes});
        request::json(
            Method::PATCH,
            base,
            &path,
            json!({"state": "disconnected", "wrapup": wrapup}).to_string(),
            WHAT,
        )
    }

    fn reader(&self, head: &response::Parts) -> Result<Unread, DecodeError> {
        taken(head)
    }
}

/// Gives a conversation the name it has outside.
#[derive(Debug, Clone)]
pub struct TagConversation {
    /// Which one.
    pub id: ConversationId,
    /// That name.
    pub tag: ExternalRef,
}

impl Endpoint for TagConversation {
    type Output = ();
    type Reader = Unread;

    const OPERATION: &'static str = "conversation tagging";
    const REPEAT: Repeat = Repeat::Idempotent;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = None;
    const PERMISSIONS: &'static [&'static str] = &["conversation:externalTag:edit"];

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let path = format!("{PATH}/{}/tags", self.id.segment());
        request::json(Method::PUT, base, &path, json!({"externalTag": self.tag.as_str()}).to_string(), WHAT)
    }

    fn reader(&self, head: &response::Parts) -> Result<Unread, DecodeError> {
        taken(head)
    }
}

/// Asks which recordings a conversation has. Gives the ids of those that are not deleted; none while the platform prepares the
/// list (202).
#[derive(Debug, Clone)]
pub struct ListRecordings {
    /// Whose.
    pub id: ConversationId,
}

impl Endpoint for ListRecordings {
    type Output = Option<Vec<String>>;
    type Reader = RecordingsReader;

    const OPERATION: &'static str = "recordings listing";
    const REPEAT: Repeat = Repeat::Safe;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = None;
    const PERMISSIONS: &'static [&'static str] =
        &["recording:recording:view", "recording:recordingSegment:view"];

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let path = format!("{PATH}/{}/recordingmetadata", self.id.segment());
        request::get(base, &path, WHAT)
    }

    fn reader(&self, head: &response::Parts) -> Result<RecordingsReader, DecodeError> {
        match head.status.as_u16() {
            200 => Ok(RecordingsReader { ready: true, body: Vec::new() }),
            202 => Ok(RecordingsReader { ready: false, body: Vec::new() }),
            other => Err(DecodeError::status(other, "200")),
        }
    }
}

/// Collects the recordings of a conversation; they are few.
#[derive(Debug)]
pub struct RecordingsReader {
    ready: bool,
    body: Vec<u8>,
}

impl BodyReader for RecordingsReader {
    type Output = Option<Vec<String>>;

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        if self.body.len() + chunk.len() > MOST_BYTES {
            return Err(DecodeError::new("it is larger than the recordings of a conversation can be"));
        }
        self.body.extend_from_slice(chunk);
        Ok(())
    }

    fn finish(self) -> Result<Option<Vec<String>>, DecodeError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Recording {
            #[serde(default)]
            id: Option<String>,
            #[serde(default)]
            file_state: Option<String>,
        }
        if !self.ready {
            return Ok(None);
        }
        let all: Vec<Recording> = serde_json::from_slice(&self.body)
            .map_err(|_| DecodeError::new("it is no array of recordings"))?;
        let kept = all.into_iter().filter(|one| one.file_state.as_deref() != Some("DELETED"));
        Ok(Some(kept.filter_map(|one| one.id).collect()))
    }
}

/// Has a recording deleted at a time.
#[derive(Debug, Clone)]
pub struct DeleteRecording {
    /// The conversation.
    pub id: ConversationId,
    /// Its recording.
    pub recording: PathSegment,
    /// From when on it is to be gone.
    pub at: Timestamp,
}

impl Endpoint for DeleteRecording {
    type Output = ();
    type Reader = Unread;

    const OPERATION: &'static str = "recording deletion";
    const REPEAT: Repeat = Repeat::Idempotent;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = None;
    const PERMISSIONS: &'static [&'static str] = &["recording:recording:editRetention"];

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let path = format!("{PATH}/{}/recordings/{}", self.id.segment(), self.recording);
        // To the second: the contract writes milliseconds, or none (B.2).
        let micros = self.at.as_micros();
        let at = Timestamp::from_micros(micros - micros.rem_euclid(1_000_000)).unwrap_or(self.at);
        request::json(Method::PUT, base, &path, json!({"deleteDate": at.to_string()}).to_string(), WHAT)
    }

    fn reader(&self, head: &response::Parts) -> Result<Unread, DecodeError> {
        taken(head)
    }
}
