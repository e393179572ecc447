//! The files of a message, brought to the platform before it is posted (platform contract C.5.2).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use frontdesk_domain::media::MediaUrl;
use frontdesk_domain::outbound::{Attachment, AttachmentSource};
use frontdesk_domain::{ConversationId, PathSegment};
use tokio::time::sleep;

use super::upload::{CreateUpload, PutFile, ReadUpload, Upload, UploadState};
use crate::client::Client;
use crate::endpoint::Endpoint as _;
use crate::error::{Error, ErrorKind};
use crate::media::MediaDoor;
use crate::options::CallOptions;
use crate::outward::OutwardUrl;
use crate::transport::Transport;

/// The most bytes of a file: attachments of messaging may have up to 25 MB each way (platform contract C.18).
const MOST_FILE_BYTES: u64 = 25_000_000;
/// Waits before the looks at a file that was put: the platform checks it first.
const LOOKS: [Duration; 8] = [
    Duration::ZERO,
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(15),
];

/// Brings files to where the platform wants them, and fetches those that are behind a link.
///
/// Both addresses come from outside, so both go through the [outward door](crate::outward).
#[derive(Clone)]
pub struct FileDoor {
    transport: Arc<dyn Transport>,
    links: MediaDoor,
}

impl FileDoor {
    /// Puts files through this transport, which is an `OutwardTransport` outside of tests, and fetches linked ones through
    /// `links`.
    #[must_use]
    pub fn new(transport: Arc<dyn Transport>, links: MediaDoor) -> Self {
        Self { transport, links }
    }
}

impl fmt::Debug for FileDoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileDoor").finish_non_exhaustive()
    }
}

/// A file that is there and valid.
#[derive(Debug)]
pub(super) struct Brought {
    pub(super) id: String,
    pub(super) name: String,
}

/// Where files go.
pub(super) struct Target<'a> {
    pub(super) client: &'a Client,
    pub(super) options: &'a CallOptions,
    pub(super) door: Option<&'a FileDoor>,
    pub(super) conversation: &'a ConversationId,
    pub(super) leg: &'a PathSegment,
}

impl Target<'_> {
    /// Brings one file, and waits until it can be sent.
    pub(super) async fn bring(&self, file: &Attachment) -> Result<Brought, Error> {
        let Some(door) = self.door else {
            return Err(unsendable("a file goes along, and there is no door for uploads".to_owned()));
        };
        let bytes = bytes(door, file).await?;
        let announce = CreateUpload {
            conversation: self.conversation.clone(),
            leg: self.leg.clone(),
            name: file.filename().to_owned(),
            bytes: bytes.len(),
        };
        let Upload { id, upload_url, upload_headers } = self.client.send(&announce, self.options).await?;
        let url: OutwardUrl = upload_url
            .parse()
            .map_err(|error| malformed(format!("the upload's address cannot be used: {error}")))?;
        let base = url.base().ok_or_else(|| malformed("the upload's address has no host".to_owned()))?;
        let put = PutFile::new(url, &upload_headers, bytes)
            .map_err(|error| malformed(format!("the upload's headers cannot be sent: {error}")))?;
        // A host of its own: neither its pace nor its failures are the platform's.
        let store = Client::without_token(base).clock(self.client.clock()).build(Arc::clone(&door.transport));
        store.send(&put, self.options).await.map_err(|error| {
            // What the store refuses is no word of the platform about this client's rights.
            let is_answer = error.is_auth() || *error.kind() == ErrorKind::Rejected;
            if is_answer {
                unsendable(format!("the file could not be put: {}", error.in_our_words()))
            } else {
                error
            }
        })?;
        let segment =
            PathSegment::new(&*id).map_err(|_| malformed("the upload's id cannot be named".to_owned()))?;
        let look = ReadUpload { conversation: self.conversation.clone(), leg: self.leg.clone(), id: segment };
        for wait in LOOKS {
            sleep(wait).await;
            match self.client.send(&look, self.options).await? {
                UploadState::Valid => return Ok(Brought { id, name: file.filename().to_owned() }),
                UploadState::Invalid => {
                    return Err(unsendable("the platform says that the file is invalid".to_owned()));
                }
                UploadState::Uploading => {}
            }
        }
        Err(Error::of_kind(ReadUpload::OPERATION, ErrorKind::Deadline))
    }
}

async fn bytes(door: &FileDoor, file: &Attachment) -> Result<Bytes, Error> {
    match file.source() {
        AttachmentSource::Content(text) => STANDARD
            .decode(text)
            .map(Bytes::from)
            .map_err(|_| unsendable("the file's bytes are no base64".to_owned())),
        AttachmentSource::Url(link) => {
            let gone = |why: String| unsendable(format!("the file behind the link is not to be had: {why}"));
            let link = MediaUrl::new(link.clone()).map_err(|error| gone(error.to_string()))?;
            let told = |answer: crate::media::MediaAnswer| gone(answer.reason.unwrap_or_default());
            let mut body = door.links.fetch(&link, MOST_FILE_BYTES).await.map_err(told)?;
            let mut bytes = Vec::new();
            while let Some(chunk) = body.chunk().await.map_err(told)? {
                bytes.extend_from_slice(&chunk);
            }
            if bytes.is_empty() {
                return Err(gone("it has no bytes".to_owned()));
            }
            Ok(Bytes::from(bytes))
        }
    }
}

fn unsendable(what: String) -> Error {
    Error::of_kind(CreateUpload::OPERATION, ErrorKind::Unsendable { what })
}

fn malformed(what: String) -> Error {
    Error::of_kind(CreateUpload::OPERATION, ErrorKind::Malformed { what })
}
