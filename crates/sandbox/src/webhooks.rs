//! Receivers of webhooks: `POST /_sandbox/webhooks/{name}` is one, whatever the name. A receiver fails
//! as its plan says and remembers everything that reached it.

mod remembered;
pub(crate) mod signature;

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Request, StatusCode};
use serde::Deserialize;

use crate::error::Error;
use crate::fault::{FaultPlan, Faults, Question, substitute};
use crate::moment::Moment;
use crate::random::hash_text;
use crate::reply::Reply;

pub(crate) use remembered::{Remembered, Totals};

/// What a receiver does, as `POST /_sandbox/webhooks/{name}/plan` takes it.
///
/// ```
/// use frontdesk_sandbox::ReceiverPlan;
/// let plan: ReceiverPlan = serde_json::from_str(
///     r#"{"faults": {"rules": [{"when": {"every": 2}, "then": {"status": {"status": 503}}},
///                              {"when": {"nth": 7}, "then": {"reset": "before_head"}}]},
///         "secrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]}"#,
/// )?;
/// assert!(plan.keep_bodies);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReceiverPlan {
    /// What goes wrong. A status from 200 to 299 means that the delivery was taken, and so does no
    /// fault, a reset, a cut or a silence: then it was taken and only the answer is lost.
    pub faults: FaultPlan,
    /// Secrets, `whsec_…`, one of which must have signed each delivery; with none nothing is checked. A
    /// delivery that none has signed is answered 401.
    pub secrets: Vec<String>,
    /// Whether bodies are remembered, or only their SHA-256.
    pub keep_bodies: bool,
}

impl Default for ReceiverPlan {
    fn default() -> Self {
        Self { faults: FaultPlan::default(), secrets: Vec::new(), keep_bodies: true }
    }
}

impl ReceiverPlan {
    /// Checks what the types do not.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.faults.check()?;
        if self.secrets.iter().any(|secret| signature::key(secret).is_none()) {
            return Err(Error::setting("secrets", "one is not whsec_ and base64"));
        }
        Ok(())
    }
}

/// All receivers there are: one for each name that something was sent or planned for.
#[derive(Debug, Default)]
pub(crate) struct Receivers(BTreeMap<String, Receiver>);

#[derive(Debug)]
struct Receiver {
    keys: Vec<Vec<u8>>,
    keep_bodies: bool,
    faults: Faults,
    received: Vec<Remembered>,
}

/// From so many receivers on, strangers' names are not remembered any more.
const MANY: usize = 10_000;

impl Receiver {
    fn new(plan: ReceiverPlan, seed: u64) -> Self {
        Self {
            keys: plan.secrets.iter().filter_map(|secret| signature::key(secret)).collect(),
            keep_bodies: plan.keep_bodies,
            faults: Faults::new(plan.faults, seed),
            received: Vec::new(),
        }
    }
}

impl Receivers {
    /// Takes a delivery, or fails to.
    pub(crate) fn take(&mut self, name: &str, request: &Request<Bytes>, seed: u64, now: Moment) -> Reply {
        if self.0.len() >= MANY && !self.0.contains_key(name) {
            return Reply::json(StatusCode::INSUFFICIENT_STORAGE, &b"{\"error\":\"too many receivers\"}"[..]);
        }
        let receiver = self
            .0
            .entry(name.to_owned())
            .or_insert_with(|| Receiver::new(ReceiverPlan::default(), seed ^ hash_text(name.as_bytes())));
        let number = receiver.received.len() as u64 + 1;
        let fault = receiver.faults.decide(&Question {
            number,
            method: request.method(),
            label: "POST /_sandbox/webhooks/{name}",
            endpoint: None,
            page: None,
            target: request.uri().path(),
            now,
            body: request.body(),
        });
        let signed = (!receiver.keys.is_empty()).then(|| signature::is_good(&receiver.keys, request));
        let effect = fault.as_ref().and_then(|fault| fault.effect.as_ref());
        let mut reply = match (effect.and_then(|effect| substitute(effect, now)), signed) {
            (Some(substitute), _) => substitute,
            (None, Some(false)) => {
                Reply::json(StatusCode::UNAUTHORIZED, &b"{\"error\":\"bad signature\"}"[..])
            }
            (None, _) => Reply::json(StatusCode::OK, format!("{{\"received\":{number}}}")),
        };
        if let Some(fault) = &fault {
            reply.delay = std::time::Duration::from_millis(fault.delay_ms);
            if let Some(effect) = &fault.effect {
                effect.break_off(&mut reply, fault.chance);
            }
        }
        let fault = fault.as_ref().map(crate::fault::Fired::name);
        let status = reply.status().as_u16();
        receiver.received.push(Remembered::of(
            request,
            number,
            now,
            status,
            fault,
            signed,
            receiver.keep_bodies,
        ));
        reply
    }

    /// Another plan for a receiver; what it remembers stays.
    pub(crate) fn plan(&mut self, name: &str, plan: ReceiverPlan, seed: u64) {
        let planned = Receiver::new(plan, seed ^ hash_text(name.as_bytes()));
        match self.0.get_mut(name) {
            Some(receiver) => {
                let received = std::mem::take(&mut receiver.received);
                *receiver = Receiver { received, ..planned };
            }
            None => {
                self.0.insert(name.to_owned(), planned);
            }
        }
    }

    /// Forgets a receiver, its plan and what it got; says whether there was one.
    pub(crate) fn forget(&mut self, name: &str) -> bool {
        self.0.remove(name).is_some()
    }

    /// What a receiver got, in order.
    pub(crate) fn received(&self, name: &str) -> Option<&[Remembered]> {
        self.0.get(name).map(|receiver| receiver.received.as_slice())
    }

    /// Counts for each receiver.
    pub(crate) fn totals(&self) -> impl Iterator<Item = Totals<'_>> {
        self.0.iter().map(|(name, receiver)| Totals::of(name, &receiver.received))
    }
}
