//! Webhooks: a receiver that is down for days, that sends a gigabyte, that loses answers, that says nothing, that is
//! gone.

use std::collections::{BTreeMap, BTreeSet};

use frontdesk_sandbox::{Config, GuestPlan};
use serde_json::{Value, json};

use super::Scenario;
use super::desk::Desk;
use super::scene::Scene;
use super::sessions::outcomes;
use super::telling::{RECEIVER, drained, ended_are_told};
use super::tenant::{Tenant, small};
use crate::Outcome;

/// How long an endpoint is down.
const DOWN_HOURS: usize = 76;
/// What a drain may hold in memory, whatever an endpoint sends.
const MOST_KIB: u64 = 128 << 10;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "webhooks: an endpoint that is down for 76 virtual hours gets everything under one id",
            down_for_days,
        ),
        Scenario::new(
            "webhooks: a gigabyte, lost answers, a redirect and silence cost one endpoint and no other",
            bad_receivers,
        ),
        Scenario::new("webhooks: 410 ends it, and enable and replay bring the rest", gone),
        Scenario::new("webhooks: what was delivered is gone after its time, what was not stays", kept),
        Scenario::new("webhooks: a command tells what it recorded before it ends", told_at_once),
    ]
}

/// A tenant whose guests are all active, and a desk that tells of those it ends.
fn opened<'s, 'h>(scene: &'s Scene<'h>) -> Result<(Tenant<'h>, Desk<'s>), String> {
    let guest_plan = GuestPlan { active: 1.0, ..GuestPlan::default() };
    let tenant = scene.tenant(Config { guests: 6, guest_plan, ..small(scene) })?;
    let desk = scene.desk("data").connected(&tenant).tells(&tenant, "session.terminated")?;
    Ok((tenant, desk))
}

/// Ends one session.
pub(super) fn end(desk: &Desk<'_>, guest: &str) -> Result<BTreeMap<String, String>, String> {
    let run = desk.json(&["session", "close", "--guest-id", guest, "--reason", "timeout"])?.exits(0)?;
    outcomes(&run)
}

/// Lets the receiver do one and the same to everything it gets.
fn does(tenant: &Tenant<'_>, effect: &Value) -> Outcome {
    tenant.plan_receiver(RECEIVER, &json!({"faults": {"rules": [{"then": effect}]}}))
}

fn down_for_days(scene: &Scene<'_>) -> Outcome {
    let (tenant, desk) = opened(scene)?;
    does(&tenant, &json!({"status": {"status": 503}}))?;
    let mut ended = BTreeMap::new();
    for guest in tenant.guests()? {
        ended.extend(end(&desk, &guest.id)?);
    }
    for _ in 0..DOWN_HOURS {
        tenant.advance_clock(3_600)?;
        desk.run(&["webhook", "drain"])?;
    }
    let received = tenant.received(RECEIVER)?;
    ensure!(received.iter().all(|one| !one.was_taken()), "an endpoint that is down took something");
    // At once, then after 5 s, 5 min, 30 min, 2, 5, 10, 14 and 20 h, and after 24 h more where there was time.
    let attempts = received.len();
    let expected = 9 * ended.len()..=10 * ended.len();
    ensure!(expected.contains(&attempts), "{attempts} attempts at {} events in {DOWN_HOURS} h", ended.len());
    ensure!(desk.counted("dead")? == 0, "an event was given up before a week had passed");
    tenant.plan_receiver(RECEIVER, &json!({}))?;
    drained(&desk, &tenant)?;
    ended_are_told(&tenant, &ended)?;
    ids_are(&tenant, RECEIVER, ended.len())
}

/// Events are kept for 30 days after their delivery. Not taken away: dead letters, and what the chain says.
fn kept(scene: &Scene<'_>) -> Outcome {
    let (tenant, desk) = opened(scene)?;
    let guests = tenant.guests()?;
    end(&desk, &guests[0].id)?;
    does(&tenant, &json!({"status": {"status": 410}}))?;
    end(&desk, &guests[1].id)?;
    let counts = || Ok::<_, String>((desk.counted("delivered")?, desk.counted("dead")?));
    ensure!(counts()? == (1, 1), "one was to be delivered and one given up: {:?}", counts()?);
    for (days, left) in [(29, (1, 1)), (2, (0, 1))] {
        tenant.advance_clock(days * 24 * 3_600)?;
        desk.run(&["webhook", "drain"])?.exits(0)?;
        ensure!(counts()? == left, "{days} days later: delivered and dead are {:?}", counts()?);
    }
    let listed = desk.json(&["webhook", "deliveries"])?.exits(0)?.lines()?.len();
    ensure!(listed == 1, "{listed} deliveries are listed, and only the dead letter is there");
    desk.run(&["audit", "verify"])?.exits(0)?;
    Ok(())
}

/// A pull tells of no event, and its audit entries go out before it ends all the same.
fn told_at_once(scene: &Scene<'_>) -> Outcome {
    let (tenant, desk) = opened(scene)?;
    desk.tells_also(&tenant, "sink", "audit.batch")?;
    let before = tenant.received("sink")?.len();
    desk.pull(&[])?.exits(0)?;
    let batches = tenant.received("sink")?.len();
    ensure!(batches > before, "nothing came of what the pull recorded");
    ensure!(desk.counted("pending")? == 0, "something is left that was due");
    Ok(())
}

/// So many different ids reached a receiver, over all attempts.
fn ids_are(tenant: &Tenant<'_>, receiver: &str, count: usize) -> Outcome {
    let ids: BTreeSet<_> = tenant.received(receiver)?.into_iter().map(|one| one.id).collect();
    ensure!(ids.len() == count, "{} ids for {count} events: {ids:?}", ids.len());
    Ok(())
}

fn bad_receivers(scene: &Scene<'_>) -> Outcome {
    let (tenant, desk) = opened(scene)?;
    desk.tells_also(&tenant, "other", "session.terminated")?;
    let elsewhere = json!({"redirect": {"status": 302, "location": tenant.receiver("elsewhere")}});
    let effects = [
        json!({"large": {"bytes": 1_u64 << 30}}),
        json!({"trickle": {"every_ms": 50}}),
        json!({"reset": "before_head"}),
        json!({"cut": {"byte": 3}}),
        elsewhere,
        json!({"stall": "before_head"}),
    ];
    let mut ended = BTreeMap::new();
    for (guest, effect) in tenant.guests()?.iter().zip(&effects) {
        does(&tenant, effect)?;
        ended.extend(end(&desk, &guest.id)?);
        let run = desk.run(&["webhook", "drain", "--for", "3s"])?;
        ensure!(run.peak_kib < MOST_KIB, "{}", run.wrong(&format!("{effect}: {} KiB", run.peak_kib)));
        let well = tenant.received("other")?.len();
        ensure!(
            well == ended.len(),
            "{}",
            run.wrong(&format!(
                "{effect}: {well} of {} events reached the endpoint that is well",
                ended.len()
            ))
        );
    }
    let met: BTreeSet<_> = tenant.received(RECEIVER)?.into_iter().filter_map(|one| one.fault).collect();
    ensure!(met.len() == effects.len(), "not every fault was met: {met:?}");
    ensure!(tenant.received("elsewhere")?.is_empty(), "a redirect was followed");
    tenant.plan_receiver(RECEIVER, &json!({}))?;
    drained(&desk, &tenant)?;
    ended_are_told(&tenant, &ended)?;
    // The id of an event is the same at every endpoint.
    let ids = |receiver| -> Result<BTreeSet<_>, String> {
        Ok(tenant.received(receiver)?.into_iter().map(|one| one.id).collect())
    };
    ensure!(ids(RECEIVER)? == ids("other")?, "the endpoints know the events under different ids");
    ids_are(&tenant, "other", ended.len())
}

fn gone(scene: &Scene<'_>) -> Outcome {
    let (tenant, desk) = opened(scene)?;
    does(&tenant, &json!({"status": {"status": 410}}))?;
    let guests = tenant.guests()?;
    let mut ended = end(&desk, &guests[0].id)?;
    desk.run(&["webhook", "drain"])?;
    let run = desk.json(&["webhook", "endpoints", "list"])?.exits(0)?;
    let endpoint = run.last()?.clone();
    ensure!(endpoint["disabled"].is_string(), "{}", run.wrong("410 does not take it out of service"));
    let id = endpoint["id"].as_str().ok_or_else(|| run.wrong("an endpoint without an id"))?.to_owned();
    ensure!(desk.counted("dead")? == 1, "{}", run.wrong("what it refused is not given up"));
    // Nothing is stored for it, and nothing is sent.
    end(&desk, &guests[1].id)?;
    tenant.advance_clock(14 * 24 * 3_600)?;
    desk.run(&["webhook", "drain"])?.exits(0)?;
    let attempts = tenant.received(RECEIVER)?.len();
    ensure!(attempts == 1, "{attempts} attempts at an endpoint that is gone");
    // In service again it gets what is stored from now on, and by replay what was given up.
    tenant.plan_receiver(RECEIVER, &json!({}))?;
    desk.json(&["webhook", "endpoints", "enable", &id])?.exits(0)?;
    desk.json(&["webhook", "replay", "--state", "dead"])?.exits(0)?;
    ended.extend(end(&desk, &guests[2].id)?);
    drained(&desk, &tenant)?;
    ended_are_told(&tenant, &ended)?;
    ids_are(&tenant, RECEIVER, 2)
}
