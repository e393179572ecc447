//! Bodies: under the cap, and never without a byte for too long.

use std::time::Duration;

use futures_util::StreamExt as _;
use http::response;
use tokio::time::timeout;

use crate::endpoint::{BodyReader, DecodeError};
use crate::error::Answer;
use crate::error::text::tame;
use crate::transport::{Body, TransportError, TransportKind};

/// An error's body is read this far and this long: what matters is in its first lines.
const ERROR_BYTES: usize = 64 << 10;
const ERROR_TIME: Duration = Duration::from_secs(5);
/// What does not matter is waited for this long, for the connection's sake.
const DISCARD_TIME: Duration = Duration::from_secs(1);

/// Why a good answer's body gave no output.
#[derive(Debug)]
pub(super) enum BodyError {
    Transport(TransportError),
    TooLarge,
    Decode(DecodeError),
}

/// Feeds `reader` while the body arrives. At most one chunk beyond `cap` is ever held.
pub(super) async fn read<R: BodyReader>(
    mut reader: R,
    mut body: Body,
    idle: Duration,
    cap: u64,
) -> Result<R::Output, BodyError> {
    let mut taken = 0_u64;
    loop {
        if let Some(spare) = reader.spare_bytes() {
            discard(body, spare).await;
            return reader.finish().map_err(BodyError::Decode);
        }
        match timeout(idle, body.next()).await {
            Err(_) => return Err(BodyError::Transport(TransportError::new(TransportKind::Timeout))),
            Ok(Some(Err(error))) => return Err(BodyError::Transport(error)),
            Ok(Some(Ok(chunk))) => {
                taken = taken.saturating_add(chunk.len() as u64);
                if taken > cap {
                    return Err(BodyError::TooLarge);
                }
                reader.push(&chunk).map_err(BodyError::Decode)?;
            }
            Ok(None) => return reader.finish().map_err(BodyError::Decode),
        }
    }
}

/// Reads at most about `most` bytes for a moment; what comes after them goes with the connection.
async fn discard(mut body: Body, most: u64) {
    let some = async {
        let mut taken = 0;
        while taken < most
            && let Some(Ok(chunk)) = body.next().await
        {
            taken = taken.saturating_add(chunk.len() as u64);
        }
    };
    let _ = timeout(DISCARD_TIME, some).await;
}

/// `answer` with what an error's body says, where it is JSON: `code` and `message`, for which OAuth's `error` and
/// `error_description` (or `description`) stand in (platform contract A.4); of the platform's body also the correlation id,
/// the limit that was hit and the permissions that are missing (B.3).
pub(super) async fn read_error(mut body: Body, secrets: &[&str], answer: Answer) -> Answer {
    let mut bytes = Vec::new();
    let whole = async {
        while let Some(Ok(chunk)) = body.next().await {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > ERROR_BYTES {
                return;
            }
        }
    };
    // What came before the time-out may be enough.
    let _ = timeout(ERROR_TIME, whole).await;
    let Ok(serde_json::Value::Object(said)) = serde_json::from_slice(&bytes) else { return answer };
    let tamed = |value: &serde_json::Value| {
        value.as_str().filter(|text| !text.is_empty()).map(|text| tame(text, secrets))
    };
    let first = |names: &[&str]| names.iter().find_map(|name| said.get(*name).and_then(tamed));
    let within = |object: &str, name: &str| said.get(object)?.get(name).and_then(tamed);
    Answer {
        code: first(&["code", "error"]),
        message: first(&["message", "error_description", "description"]),
        correlation_id: answer.correlation_id.or_else(|| first(&["contextId"])),
        limit: within("limit", "key"),
        permissions: within("messageParams", "permissions"),
        ..answer
    }
}

/// `X-Request-Id`, else `ININ-Correlation-Id`.
pub(super) fn correlation_id(head: &response::Parts, secrets: &[&str]) -> Option<String> {
    ["x-request-id", "inin-correlation-id"]
        .iter()
        .find_map(|name| head.headers.get(*name)?.to_str().ok())
        .filter(|id| !id.is_empty())
        .map(|id| tame(id, secrets))
}
