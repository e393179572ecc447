//! What the links of messages lead to: the same as the gateway's lead to, by links that are signed anew
//! with every read.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Uri};

use super::refusal::Refusal;
use super::route::{Access, Operation};
use super::visit::Call;
use crate::media;
use crate::random::{hash_text, mix};
use crate::reply::Reply;

pub(super) const MEDIA: &str = "/media/{conversation}/{media}/{name}";

pub(super) const ROUTES: &[Operation] = &[
    Operation { method: Method::GET, template: MEDIA, access: Access::Open, answer },
    Operation { method: Method::HEAD, template: MEDIA, access: Access::Open, answer },
];

/// The last parameter of a link: another one with every read.
const READ: &str = "X-Sandbox-Read=";

/// The link as the read with this number tells it.
pub(super) fn read_link(link: &str, read: u64) -> String {
    let joint = if link.contains('?') { '&' } else { '?' };
    format!("{link}{joint}{READ}{:016x}", mix(hash_text(link.as_bytes()), read))
}

/// `GET` and `HEAD /media/{conversation}/{media}/{name}`
fn answer(call: &Call<'_>) -> Result<Reply, Refusal> {
    let request = without_read(call.request);
    if let Some((message, index)) = media::sent(&call.ids) {
        return Ok(call.sandbox.sent_media(&request, message, index)?);
    }
    let changes = Arc::clone(&call.sandbox.state().changes);
    let (sandbox, seed) = (call.sandbox, call.sandbox.config().seed);
    Ok(media::answer(&sandbox.tenant, &changes, seed, &call.ids, &request, call.now())?)
}

/// The request for the link as it was before [`read_link`].
fn without_read(request: &Request<Bytes>) -> Request<Bytes> {
    let mut request = request.clone();
    let target = request.uri().path_and_query().map(|target| target.as_str().to_owned());
    let signed = target.as_deref().and_then(|target| target.split_once(READ));
    let plain = signed.map(|(link, rest)| {
        // A redirect goes on from here with a parameter of its own.
        let more = rest.split_once('&').map(|(_, more)| more).unwrap_or_default();
        format!("{link}{more}").trim_end_matches(['?', '&']).to_owned()
    });
    if let Some(uri) = plain.and_then(|plain| plain.parse::<Uri>().ok()) {
        *request.uri_mut() = uri;
    }
    request
}
