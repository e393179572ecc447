//! Files that go with messages (platform contract C.5.2): announced, put where the platform says, and waited for until they
//! are valid.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use frontdesk_domain::{ConversationId, PathSegment};
use http::{HeaderMap, Method, response};
use serde::Deserialize;
use serde_json::json;

use super::conversation::PATH;
use crate::base_url::BaseUrl;
use crate::endpoint::{Auth, BodyReader, DecodeError, EncodeError, Endpoint, Repeat};
use crate::object::SmallObject;
use crate::outward::{OutwardUrl, Taken, header_pair};
use crate::request;

/// No answer about one file is larger, in bytes.
const MOST_BYTES: usize = 1 << 20;
/// Time for the bytes of a file to get there.
const PUT_TIMEOUT: Duration = Duration::from_secs(120);
const CREATE: &[&str] =
    &["conversation:message:create", "conversation:webmessaging:create", "conversation:socialmedia:create"];

fn path(conversation: &ConversationId, leg: &PathSegment) -> String {
    format!("{PATH}/messages/{}/communications/{leg}/messages/media", conversation.segment())
}

/// Announces a file. Announced twice it is two files, of which one is never used: nobody sees the other.
#[derive(Debug, Clone)]
pub struct CreateUpload {
    /// The conversation.
    pub conversation: ConversationId,
    /// The agent's leg in it.
    pub leg: PathSegment,
    /// The file's name.
    pub name: String,
    /// How many bytes it has.
    pub bytes: usize,
}

/// Where a file is to be put.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Upload {
    /// What the platform names it by.
    pub id: String,
    /// Where its bytes go: an address of its own, often another host's.
    pub upload_url: String,
    /// What the PUT has to carry, all of it.
    #[serde(default)]
    pub upload_headers: BTreeMap<String, String>,
}

impl std::fmt::Debug for Upload {
    /// The id only: the address is a signature.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Endpoint for CreateUpload {
    type Output = Upload;
    type Reader = UploadReader;

    const OPERATION: &'static str = "file upload";
    const REPEAT: Repeat = Repeat::Idempotent;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = None;
    const PERMISSIONS: &'static [&'static str] = CREATE;

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let path = format!("{}/uploads", path(&self.conversation, &self.leg));
        let body = json!({"fileName": self.name, "contentLengthBytes": self.bytes});
        request::json(Method::POST, base, &path, body.to_string(), "the conversation id")
    }

    fn reader(&self, head: &response::Parts) -> Result<UploadReader, DecodeError> {
        match head.status.as_u16() {
            200..=202 => Ok(UploadReader(SmallObject::about("an upload", MOST_BYTES))),
            other => Err(DecodeError::status(other, "200")),
        }
    }
}

/// Collects where a file is to be put; it is small.
#[derive(Debug)]
pub struct UploadReader(SmallObject);

impl BodyReader for UploadReader {
    type Output = Upload;

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        self.0.push(chunk)
    }

    fn finish(self) -> Result<Upload, DecodeError> {
        self.0.read("it is no object with an id and an upload URL as text")
    }
}

/// Puts a file's bytes. It carries no token, and the platform's headers.
pub struct PutFile {
    url: OutwardUrl,
    headers: HeaderMap,
    body: Bytes,
}

impl PutFile {
    /// The bytes, on their way to where `upload` says.
    ///
    /// # Errors
    /// When HTTP cannot carry a header, or one belongs to the connection.
    pub fn new(
        url: OutwardUrl,
        headers: &BTreeMap<String, String>,
        body: Bytes,
    ) -> Result<Self, EncodeError> {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            // The connection states the length itself.
            if name.eq_ignore_ascii_case("content-length") || name.eq_ignore_ascii_case("host") {
                continue;
            }
            let (name, value) = header_pair(name, value)?;
            all.insert(name, value);
        }
        Ok(Self { url, headers: all, body })
    }
}

impl std::fmt::Debug for PutFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PutFile")
            .field("url", &self.url)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Endpoint for PutFile {
    type Output = http::StatusCode;
    type Reader = Taken;

    const OPERATION: &'static str = "file upload";
    const REPEAT: Repeat = Repeat::Idempotent;
    const AUTH: Auth = Auth::None;
    const SCOPE: Option<&'static str> = None;

    fn head_timeout(&self) -> Option<Duration> {
        Some(PUT_TIMEOUT)
    }

    fn request(&self, _: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let mut request = http::Request::builder()
            .method(Method::PUT)
            .uri(self.url.reveal())
            .body(self.body.clone())
            .map_err(|_| EncodeError::new("the upload's URL"))?;
        *request.headers_mut() = self.headers.clone();
        Ok(request)
    }

    fn reader(&self, head: &response::Parts) -> Result<Taken, DecodeError> {
        Ok(Taken::with(head.status))
    }
}

/// Asks how far a file is.
#[derive(Debug, Clone)]
pub struct ReadUpload {
    /// The conversation.
    pub conversation: ConversationId,
    /// The agent's leg in it.
    pub leg: PathSegment,
    /// The file.
    pub id: PathSegment,
}

/// How far a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadState {
    /// It can be sent.
    Valid,
    /// It cannot be sent, and never will.
    Invalid,
    /// Not yet either.
    Uploading,
}

impl Endpoint for ReadUpload {
    type Output = UploadState;
    type Reader = UploadStateReader;

    const OPERATION: &'static str = "file upload look-up";
    const REPEAT: Repeat = Repeat::Safe;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = None;
    const PERMISSIONS: &'static [&'static str] =
        &["conversation:message:view", "conversation:webmessaging:view"];

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let path = format!("{}/{}", path(&self.conversation, &self.leg), self.id);
        request::get(base, &path, "the conversation id")
    }

    fn reader(&self, head: &response::Parts) -> Result<UploadStateReader, DecodeError> {
        match head.status.as_u16() {
            200 | 202 => Ok(UploadStateReader(SmallObject::about("an upload", MOST_BYTES))),
            other => Err(DecodeError::status(other, "200")),
        }
    }
}

/// Collects how far a file is; it is small.
#[derive(Debug)]
pub struct UploadStateReader(SmallObject);

impl BodyReader for UploadStateReader {
    type Output = UploadState;

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        self.0.push(chunk)
    }

    fn finish(self) -> Result<UploadState, DecodeError> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default)]
            status: Option<String>,
        }
        let answer: Answer = self.0.read("it is no object with a status as text")?;
        Ok(match answer.status.as_deref() {
            Some("valid") => UploadState::Valid,
            Some("invalid") => UploadState::Invalid,
            _ => UploadState::Uploading,
        })
    }
}
