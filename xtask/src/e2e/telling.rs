//! Who is told of what happens: a receiver that knows the key, its moods, and what arrived there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::desk::Desk;
use super::files;
use super::tenant::Tenant;
use crate::Outcome;

/// The receiver of events.
pub(super) const RECEIVER: &str = "crm";
/// More than any wait of the schedule but the last: daily.
const LATER_SECONDS: u64 = 15 * 3_600;

impl<'s> Desk<'s> {
    /// Tells the tenant's receiver of one kind of events. Its clock is the tenant's from here on.
    pub(super) fn tells(self, tenant: &Tenant<'_>, kind: &str) -> Result<Self, String> {
        let desk =
            self.with("FRONTDESK_LOCAL_ADDRESSES", "allow").with("FRONTDESK_TEST_CLOCK", &tenant.base_url);
        desk.tells_also(tenant, RECEIVER, kind)?;
        let secret = desk.key(RECEIVER)?;
        tenant.plan_receiver(RECEIVER, &json!({"secrets": [secret]}))?;
        Ok(desk)
    }

    /// Adds one more of the tenant's receivers. The command makes the key.
    pub(super) fn tells_also(&self, tenant: &Tenant<'_>, receiver: &str, kind: &str) -> Outcome {
        let key_file = self.scene.hidden(&format!("{receiver}.key")).display().to_string();
        let url = tenant.receiver(receiver);
        let add = ["webhook", "endpoints", "add", &url, "--event", kind, "--key-file", &key_file];
        self.json(&add)?.exits(0).map(|_| ())
    }

    fn key(&self, receiver: &str) -> Result<String, String> {
        let key = files::read(&self.scene.hidden(&format!("{receiver}.key")))?;
        Ok(String::from_utf8_lossy(&key).trim().to_owned())
    }

    /// What all endpoints together count under this name: `pending`, `delivered`, `dead`.
    pub(super) fn counted(&self, name: &str) -> Result<u64, String> {
        let run = self.json(&["webhook", "endpoints", "list"])?.exits(0)?;
        let counts = run.lines()?.into_iter().map(|endpoint| endpoint[name].as_u64());
        let sum: Option<u64> = counts.sum();
        sum.ok_or_else(|| run.wrong(&format!("an endpoint without {name}")))
    }
}

/// Lets the receiver refuse some events, and lose some answers.
pub(super) fn moody(tenant: &Tenant<'_>) -> Outcome {
    let chance =
        |probability: f64, effect: Value| json!({"when": {"probability": probability}, "then": effect});
    let rules = [
        chance(0.02, json!({"status": {"status": 503}})),
        chance(0.01, json!({"reset": "before_head"})),
        chance(0.01, json!({"cut": {"byte": 3}})),
    ];
    tenant.plan_receiver(RECEIVER, &json!({"faults": {"rules": rules}}))
}

/// Drains until nothing is open, with hours in between for what is due later.
pub(super) fn drained(desk: &Desk<'_>, tenant: &Tenant<'_>) -> Outcome {
    for _ in 0..10 {
        let run = desk.run(&["webhook", "drain"])?;
        ensure!(matches!(run.exit, Some(0 | 3 | 5)), "{}", run.wrong("exit 0, 3 or 5 was expected"));
        if desk.counted("pending")? == 0 {
            ensure!(desk.counted("dead")? == 0, "an event was given up");
            return Ok(());
        }
        tenant.advance_clock(LATER_SECONDS)?;
    }
    Err(format!("{} events are still not delivered", desk.counted("pending")?))
}

/// The events of one kind that the receiver took: under which id, and what. A body has one id, and an id one body.
pub(super) fn told(tenant: &Tenant<'_>, kind: &str) -> Result<Vec<(String, Value)>, String> {
    let mut bodies: BTreeMap<String, String> = BTreeMap::new();
    for received in tenant.received(RECEIVER)? {
        ensure!(received.signed != Some(false), "an event came that the key did not sign: {received:?}");
        let id = received.id.clone().ok_or("an event without a webhook-id")?;
        if received.was_taken() {
            let before = bodies.insert(id, received.body.clone());
            ensure!(
                before.is_none_or(|before| before == received.body),
                "an id came with another body: {received:?}"
            );
        }
    }
    let mut events = Vec::with_capacity(bodies.len());
    for (id, body) in bodies {
        let event: Value =
            serde_json::from_str(&body).map_err(|error| format!("an event is no JSON: {error}"))?;
        ensure!(event["event"] == kind, "another event came: {event}");
        events.push((id, event));
    }
    Ok(events)
}

/// Every ended session was told of, under one id, and no other session was.
pub(super) fn ended_are_told(tenant: &Tenant<'_>, outcomes: &BTreeMap<String, String>) -> Outcome {
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (id, event) in told(tenant, "session.terminated")? {
        let guest = event["guest_id"].as_str().ok_or("an event without a guest_id")?.to_owned();
        ids.entry(guest).or_default().insert(id);
    }
    let ended = outcomes.iter().filter(|(_, outcome)| *outcome == "ended");
    let ended: BTreeSet<&String> = ended.map(|(guest, _)| guest).collect();
    let told: BTreeSet<&String> = ids.keys().collect();
    let lost: Vec<_> = ended.difference(&told).collect();
    ensure!(lost.is_empty(), "{} ended sessions were not told of, such as {:?}", lost.len(), lost.first());
    let odd: Vec<_> = told.difference(&ended).collect();
    ensure!(
        odd.is_empty(),
        "{} sessions were told of that were not ended, such as {:?}",
        odd.len(),
        odd.first()
    );
    let twice = ids.iter().find(|(_, ids)| ids.len() > 1);
    ensure!(twice.is_none(), "a session was told of under two ids: {twice:?}");
    Ok(())
}
