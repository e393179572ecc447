//! Where guests bring their files, and where those can be had: links that are signed and expire.
//! Another host's business in real life (platform contract A.2), so they know no token.

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::frame::push;
use super::protocol::epoch_seconds;
use crate::form;
use crate::moment::Moment;
use crate::platform::refusal::Refusal;
use crate::platform::route::{Access, Operation};
use crate::platform::visit::Call;
use crate::reply::{Body, Reply};

const FILE: &str = "/uploads/guest/{attachmentId}";
/// A header that an upload has to bring along as it was given out.
const TAG: (&str, &str) = ("x-amz-tagging", "organizationId=sandbox&originPlatform=webmessaging");

pub(in crate::platform) const ROUTES: &[Operation] = &[
    Operation { method: Method::PUT, template: FILE, access: Access::Open, answer: put },
    Operation { method: Method::GET, template: FILE, access: Access::Open, answer: get },
];

/// The headers that an upload needs.
pub(super) fn headers(media_type: &str) -> Value {
    json!({"content-type": media_type, TAG.0: TAG.1})
}

/// The link to a file, which is good until `expires`.
pub(super) fn link(base: &str, id: &str, seed: u64, expires: Moment) -> String {
    let (id, expires) = (form::encode(id), epoch_seconds(expires));
    format!("{base}/uploads/guest/{id}?Expires={expires}&Signature={}", seal(&id, expires, seed))
}

fn seal(id: &str, expires: i64, seed: u64) -> String {
    let hash = Sha256::new()
        .chain_update(seed.to_be_bytes())
        .chain_update(b"guest-file/")
        .chain_update(id)
        .chain_update(expires.to_be_bytes())
        .finalize();
    hash[..16].iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Whether the link is one that was given out and is still good.
fn check(call: &Call<'_>) -> Result<(), Refusal> {
    let pairs = call.query()?;
    let expires = form::value(&pairs, "Expires").and_then(|text| text.parse::<i64>().ok());
    let refuse = |text| Refusal::new(StatusCode::FORBIDDEN, "not.authorized", text);
    let expires = expires.ok_or_else(|| refuse("The link is not signed."))?;
    let sealed = seal(&form::encode(call.id(0)), expires, call.sandbox.config().seed);
    if form::value(&pairs, "Signature") != Some(sealed.as_str()) {
        return Err(refuse("The link was changed."));
    }
    if expires <= epoch_seconds(call.now()) {
        return Err(refuse("The link has expired."));
    }
    Ok(())
}

/// A guest brings a file; its sockets are told.
fn put(call: &Call<'_>) -> Result<Reply, Refusal> {
    check(call)?;
    let header = |name| call.request.headers().get(name).and_then(|value| value.to_str().ok());
    let tag = header(TAG.0);
    let mut state = call.sandbox.state();
    let (seed, now) = (call.sandbox.config().seed, call.now());
    let (base, id, size) = (call.base(), call.id(0), call.request.body().len());
    let web = &mut state.platform.web;
    let largest = web.plan.file_kb * 1_024;
    let file = web.files.awaited(id, now).ok_or_else(|| Refusal::not_found("attachment", id))?;
    if tag != Some(TAG.1) || header("content-type") != Some(&file.media_type) {
        let message = "The headers are not those that were signed.";
        return Err(Refusal::new(StatusCode::FORBIDDEN, "not.authorized", message));
    }
    let session = file.session;
    let wrong = if size == 0 {
        Some((4102, "The file size is zero"))
    } else if file.size.is_some_and(|said| said != size as u64) || (largest > 0 && size as u64 > largest) {
        Some((4002, "The file size is not the one that was announced"))
    } else {
        None
    };
    let frame = match wrong {
        Some((code, message)) => push(
            "UploadFailureEvent",
            json!({"attachmentId": id, "errorCode": code, "errorMessage": message, "timestamp": now}),
            None,
        ),
        None => {
            file.content = Some(call.request.body().clone());
            let url = link(&base, id, seed, file.expires);
            let body = json!({"attachmentId": id, "downloadUrl": url, "timestamp": now});
            push("UploadSuccessEvent", body, None)
        }
    };
    web.tell_all(session, &frame);
    Ok(Reply::new(StatusCode::OK, "application/xml", Body::default()))
}

/// Somebody wants a file that was brought.
fn get(call: &Call<'_>) -> Result<Reply, Refusal> {
    check(call)?;
    let state = call.sandbox.state();
    let file = state.platform.web.files.behind_link(call.id(0), call.now());
    let file = file.ok_or_else(|| Refusal::not_found("attachment", call.id(0)))?;
    let content: Bytes = file.content.clone().unwrap_or_default();
    Ok(crate::media::answer_sent(call.request, &content, &file.name))
}
