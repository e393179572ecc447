//! One attempt: sign, send, and what it comes to.

use std::sync::Arc;
use std::time::Duration;

use frontdesk_api::outward::{AddressPolicy, OutwardUrl, WebhookCall, WebhookSender};
use frontdesk_api::{Cancel, Error, ErrorKind, TransportError};
use frontdesk_domain::signature::{
    AUDIT_SIGNATURE_HEADER, ID_HEADER, SIGNATURE_HEADER, SigningSecret, TIMESTAMP_HEADER, signatures,
};
use frontdesk_domain::{EventKind, Timestamp};
use frontdesk_journal::outbox::{Attempt, Delivery, Endpoint, Outcome, Settlement, schedule};
use uuid::Uuid;

/// The header with the numbers of the first and last entry of an audit batch: `51-100`. They follow each other without
/// a gap, so a receiver sees what it has not got.
const ENTRIES_HEADER: &str = "frontdesk-audit-entries";

/// What every attempt of a drain needs.
pub(crate) struct Means<'a> {
    pub(crate) sender: &'a WebhookSender,
    pub(crate) policy: AddressPolicy,
    pub(crate) now: &'a (dyn Fn() -> Timestamp + Send + Sync),
    pub(crate) cancel: &'a Cancel,
}

/// What the attempts of a run need beside the delivery.
#[derive(Clone)]
pub(crate) struct Sending<'a> {
    pub(crate) means: &'a Means<'a>,
    /// The newest first.
    pub(crate) secrets: Arc<[SigningSecret]>,
}

impl Sending<'_> {
    pub(crate) fn now(&self) -> Timestamp {
        (self.means.now)()
    }

    /// Sends a delivery once. `None` when the signal to stop came before its answer: nothing is recorded then, and it is
    /// due again at once.
    pub(crate) async fn attempt(&self, endpoint: &Endpoint, delivery: Delivery) -> Option<Settlement> {
        let means = self.means;
        let at = self.now();
        let sent = match call(endpoint, &self.secrets, &delivery, at, means.policy) {
            Ok(call) => means.sender.send(&call, means.cancel).await.map_err(|error| Failed::of(&error)),
            Err(why) => Err(Failed { cancelled: false, status: None, named: None, why }),
        };
        let ended = self.now();
        let took_ms = u64::try_from(ended.since(at).as_millis()).unwrap_or(u64::MAX);
        Some(match sent {
            Ok(status) => Settlement {
                delivery,
                attempt: Attempt { at, took_ms, status: Some(status.as_u16()), error: None },
                outcome: Outcome::Delivered,
            },
            Err(failed) if failed.cancelled => return None,
            Err(failed) => {
                let outcome = outcome(&failed, delivery.tries.saturating_add(1), ended);
                let attempt = Attempt { at, took_ms, status: failed.status, error: Some(failed.why) };
                Settlement { delivery, attempt, outcome }
            }
        })
    }
}

/// The request: the endpoint's own headers first, so that none of them can take the place of a signature.
fn call(
    endpoint: &Endpoint,
    secrets: &[SigningSecret],
    delivery: &Delivery,
    now: Timestamp,
    policy: AddressPolicy,
) -> Result<WebhookCall, String> {
    let url = OutwardUrl::webhook(&endpoint.url, policy).map_err(|error| error.to_string())?;
    let Some(newest) = secrets.first() else { return Err("the endpoint has no secret".to_owned()) };
    let seconds = now.as_micros().div_euclid(1_000_000);
    let body = delivery.body.as_slice();
    let signed = signatures(secrets, &delivery.webhook_id, seconds, body);
    let mut call = WebhookCall::new(url, body.to_vec());
    let mut ours = vec![
        (ID_HEADER, delivery.webhook_id.clone()),
        (TIMESTAMP_HEADER, seconds.to_string()),
        (SIGNATURE_HEADER, signed),
    ];
    if delivery.kind == EventKind::AuditBatch {
        ours.push((AUDIT_SIGNATURE_HEADER, newest.sign_body(body)));
        ours.extend(delivery.entries.clone().map(|entries| (ENTRIES_HEADER, entries)));
    }
    let own = endpoint.headers.iter().map(|(name, value)| (name.as_str(), value));
    for (name, value) in own.chain(ours.iter().map(|(name, value)| (*name, value))) {
        call = call.header(name, value).map_err(|error| format!("the request cannot be built: {error}"))?;
    }
    Ok(call)
}

/// A failed attempt, in words that are safe to keep: nothing the receiver wrote.
struct Failed {
    cancelled: bool,
    status: Option<u16>,
    named: Option<Duration>,
    why: String,
}

impl Failed {
    fn of(error: &Error) -> Self {
        let status = error.status().map(|status| status.as_u16());
        let why = match (error.kind(), status) {
            (_, Some(status)) => format!("status {status}"),
            (ErrorKind::Transport(kind), None) => TransportError::new(*kind).to_string(),
            (ErrorKind::Deadline, None) => "the server did not answer in time".to_owned(),
            (ErrorKind::Unsendable { what }, None) => what.clone(),
            (_, None) => "no answer came".to_owned(),
        };
        Self { cancelled: error.is_cancelled(), status, named: error.retry_after(), why }
    }
}

/// What a failed attempt comes to. A receiver that says when it wants to be asked again says it for all that goes to
/// it, and that wait alone holds the others up: what is due later by our own schedule is this delivery. 410 says it
/// wants nothing any more.
fn outcome(failed: &Failed, tries: u32, now: Timestamp) -> Outcome {
    if failed.status == Some(410) {
        return Outcome::Gone;
    }
    let draw = Uuid::new_v4().as_u64_pair().1;
    match schedule::next(tries, now, failed.named, draw) {
        Some(due) => {
            let busy = failed.named.filter(|_| matches!(failed.status, Some(429 | 503)));
            Outcome::Retry { due, pause: busy.map(|named| schedule::pause(now, named)) }
        }
        None => Outcome::Dead,
    }
}
