//! `POST /api/v2/platform/webhooks` (gateway contract §3): who wants to be called when a conversation is
//! created, and the calls that are to be made. Whoever hosts the sandbox makes them.

mod call;
mod plan;

use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::moment::Moment;
use crate::problem::Problem;
use crate::random::{mix, write_id};
use crate::reply::Reply;
use crate::sessions::Session;

pub(crate) use call::{Answer, Call, Outgoing};
pub use plan::CallbackPlan;

/// The scope that registering needs.
pub(crate) const WRITE: &str = "platformadmin:webhook:write";
/// The one event there is.
const CREATED: &str = "conversation.created";
/// Sets subscriptions apart from all else that is made from the seed.
const SUBSCRIPTIONS: u64 = 0x7375_6273;

/// Everybody who registered, and the calls to them.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    all: Vec<Subscription>,
    pub(crate) plan: CallbackPlan,
    calls: Vec<Call>,
}

/// Somebody who wants to be called.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Subscription {
    id: String,
    #[serde(flatten)]
    wire: Wire,
}

/// The body of a registration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    name: String,
    uri: String,
    method: String,
    event: String,
    enabled: bool,
    #[serde(default)]
    headers: Map<String, Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Created<'a> {
    conversation_id: &'a str,
    attributes: &'a Map<String, Value>,
}

impl Subscriptions {
    /// Registers somebody; the same name and URI are the same subscription.
    pub(crate) fn register(&mut self, body: &[u8], seed: u64) -> Result<Reply, Problem> {
        let wire: Wire = serde_json::from_slice(body)
            .map_err(|error| Problem::bad_request(format!("the body is no webhook: {error}")))?;
        check(&wire)?;
        let known = self.all.iter_mut().find(|one| one.wire.name == wire.name && one.wire.uri == wire.uri);
        let (status, subscription) = match known {
            Some(known) => {
                known.wire = wire;
                (StatusCode::OK, known.clone())
            }
            None => {
                let number = self.all.len() as u64;
                let mut id = Vec::with_capacity(36);
                write_id(&mut id, mix(mix(seed, SUBSCRIPTIONS), number), mix(number, seed));
                let subscription = Subscription { id: String::from_utf8_lossy(&id).into_owned(), wire };
                self.all.push(subscription.clone());
                (StatusCode::CREATED, subscription)
            }
        };
        let body = serde_json::to_vec(&subscription);
        Ok(Reply::json(status, body.map_err(|error| Problem::bad_request(error.to_string()))?))
    }

    /// A session was opened: everybody is to be called.
    pub(crate) fn created(&mut self, session: &Session, seed: u64, host: Moment) {
        let created = Created { conversation_id: &session.id, attributes: &session.attributes };
        let body = serde_json::to_vec(&created).expect("texts are JSON");
        for subscription in self.all.iter().filter(|subscription| subscription.wire.enabled) {
            let number = self.calls.len() as u64;
            let headers = subscription.wire.headers.iter();
            let headers =
                headers.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
            self.calls.push(Call::new(
                number,
                mix(mix(seed, SUBSCRIPTIONS), number),
                &subscription.wire.uri,
                headers.collect(),
                body.clone(),
                host,
            ));
        }
    }

    /// Somebody is to be called with this.
    pub(crate) fn call(
        &mut self,
        uri: &str,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
        seed: u64,
        host: Moment,
    ) {
        let number = self.calls.len() as u64;
        self.calls.push(Call::new(number, mix(mix(seed, SUBSCRIPTIONS), number), uri, headers, body, host));
    }

    pub(crate) fn all(&self) -> &[Subscription] {
        &self.all
    }

    pub(crate) fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// The calls that are due, which are then under way; and how long it is until the next one is.
    /// `host` is the host's time, `now` that of the sandbox, by which calls are stamped.
    pub(crate) fn due(&mut self, host: Moment, now: Moment) -> (Vec<Outgoing>, Option<Duration>) {
        let plan = &self.plan;
        let due = self.calls.iter_mut().filter_map(|call| call.start(plan, host, now)).collect();
        let next = self.calls.iter().filter_map(Call::next).min();
        (due, next.map(|next| Duration::try_from(next.since(host)).unwrap_or_default()))
    }

    /// What came of a call.
    pub(crate) fn done(&mut self, number: u64, answer: Answer, host: Moment) {
        let call = usize::try_from(number).ok().and_then(|index| self.calls.get_mut(index));
        if let Some(call) = call {
            call.done(&self.plan, answer, host);
        }
    }
}

fn check(wire: &Wire) -> Result<(), Problem> {
    let fits = |name: &str, value: &Value| {
        name.parse::<HeaderName>().is_ok()
            && value.as_str().is_some_and(|text| HeaderValue::from_str(text).is_ok())
    };
    let wrong = if wire.name.is_empty() {
        "name is empty"
    } else if !wire.uri.parse::<http::Uri>().is_ok_and(|uri| uri.host().is_some() && uri.scheme().is_some()) {
        "uri is no absolute URI"
    } else if wire.method != "POST" {
        "method is not POST"
    } else if wire.event != CREATED {
        "event is not conversation.created"
    } else if !wire.headers.iter().all(|(name, value)| fits(name, value)) {
        "headers are not all fit to be sent"
    } else {
        return Ok(());
    };
    Err(Problem::new(StatusCode::BAD_REQUEST, "invalid.webhook", wrong))
}
