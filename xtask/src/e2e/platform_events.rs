//! Guests of whom the platform tells over a notification channel: each is one event at the CRM, however the channel fails.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};

use super::Scenario;
use super::callback::{sessions, told, until};
use super::caller::Listening;
use super::desk::Desk;
use super::opening::asked;
use super::platform_guests::at_the_door;
use super::platform_texts::parsed;
use super::scene::Scene;
use super::sessions::selection;
use super::tenant::{Tenant, small};
use crate::Outcome;

/// Where a channel's socket is connected to.
const SOCKET: &str = "GET /channels/{channelId}";
/// Guests who come in at a time.
const GUESTS: usize = 10;
/// So long before anybody listens that it is no news.
const LONG_AGO_SECONDS: u64 = 600;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "platform: guests are heard of over a channel that loses, doubles, closes and breaks, once each",
            heard,
        ),
        Scenario::new("platform: serve hears of guests, and says what it is not told of", served),
    ]
}

/// Opens sessions of these guests; gives their conversations.
fn come_in(desk: &Desk<'_>, guests: std::ops::Range<usize>) -> Result<BTreeSet<String>, String> {
    let lines: Vec<Value> = guests.clone().map(asked).collect();
    let from = selection(desk.scene, "coming.ndjson", &lines)?;
    let run = desk.json(&["session", "open", "--from", &from])?.exits(0)?;
    let ids = run.lines()?;
    let ids = ids.iter().filter_map(|line| line["session_id"].as_str().map(str::to_owned));
    let ids: BTreeSet<String> = ids.collect();
    ensure!(ids.len() == guests.len(), "{}", run.wrong("not all came in"));
    Ok(ids)
}

/// The queues that these conversations came over.
fn queues_of(tenant: &Tenant<'_>, conversations: &BTreeSet<String>) -> Result<BTreeSet<String>, String> {
    let token = tenant.platform_token()?;
    let mut queues = BTreeSet::new();
    for conversation in conversations {
        let path = format!("/api/v2/conversations/{conversation}");
        let live = parsed(&tenant.platform(Method::GET, &path, &token, &Value::Null)?, &path)?;
        let people = live["participants"].as_array().cloned().unwrap_or_default();
        queues.extend(people.iter().filter_map(|one| one["queueId"].as_str().map(str::to_owned)));
    }
    ensure!(!queues.is_empty(), "no conversation came over a queue");
    Ok(queues)
}

/// A tenant with guests who came in long ago, and a desk that wants to hear of those who come over the same queues.
fn open<'s, 'h>(scene: &'s Scene<'h>) -> Result<(Tenant<'h>, Desk<'s>, BTreeSet<String>), String> {
    let tenant = scene.tenant_of_both(small(scene))?;
    let desk = at_the_door(told(scene, &tenant)?, &tenant).with("FRONTDESK_TEST_CLOCK", &tenant.base_url);
    let before = come_in(&desk, 0..GUESTS)?;
    let queues: Vec<String> = queues_of(&tenant, &before)?.into_iter().collect();
    tenant.advance_clock(LONG_AGO_SECONDS)?;
    let desk = desk.with("FRONTDESK_NOTIFICATION_QUEUES", &queues.join(", "));
    Ok((tenant, desk, before))
}

fn connections(tenant: &Tenant<'_>) -> u64 {
    tenant.stats().requests.get(SOCKET).copied().unwrap_or(0)
}

/// Waits until somebody connected to a channel once more than `before`.
fn connected(tenant: &Tenant<'_>, before: u64) -> Outcome {
    until("a line", || Ok(connections(tenant) > before))
}

fn known(tenant: &Tenant<'_>, all: &BTreeSet<String>) -> Outcome {
    until("the CRM knows all who came", || {
        let known = sessions(tenant)?;
        Ok(all.iter().all(|conversation| known.contains_key(conversation)))
    })
}

fn heard(scene: &Scene<'_>) -> Outcome {
    let (tenant, desk, before) = open(scene)?;
    let listening = Listening::start(&desk, &[])?;
    connected(&tenant, 0)?;
    let mut came = come_in(&desk, 10..20)?;
    known(&tenant, &came)?;

    // Events are lost and come twice, and then the socket breaks: what was not told is looked for.
    tenant.door(Method::POST, "channels", &json!({"lost": 0.6, "doubled": 0.3}))?;
    came.extend(come_in(&desk, 20..30)?);
    let connections = connections(&tenant);
    tenant.door(Method::POST, "channels/drop", &Value::Null)?;
    known(&tenant, &came)?;
    ensure!(self::connections(&tenant) > connections, "nobody connected again");

    // It is announced that the socket will be closed: another one is there before.
    tenant.door(Method::POST, "channels", &json!({}))?;
    let connections = self::connections(&tenant);
    tenant.door(Method::POST, "channels/closing", &Value::Null)?;
    connected(&tenant, connections)?;
    came.extend(come_in(&desk, 30..40)?);
    known(&tenant, &came)?;

    // Nobody listens for a while.
    listening.kill()?;
    came.extend(come_in(&desk, 40..50)?);
    let listening = Listening::start(&desk, &[])?;
    known(&tenant, &came)?;
    let run = listening.stop()?;
    let known = sessions(&tenant)?;
    let others: Vec<_> = known.keys().filter(|id| !came.contains(*id)).collect();
    ensure!(others.is_empty(), "{}", run.wrong(&format!("the CRM was told of others: {others:?}")));
    ensure!(before.is_disjoint(&came), "the first ones came again");
    ensure!(known.values().all(|ids| ids.len() == 1), "a guest is two events: {known:?}");
    let event = tenant.received(super::telling::RECEIVER)?.swap_remove(0).body;
    ensure!(event.contains("\"source\":\"web_portal\""), "the attributes are not told: {event}");
    desk.json(&["audit", "verify"])?.exits(0).map(|_| ())
}

fn served(scene: &Scene<'_>) -> Outcome {
    let (tenant, desk, _) = open(scene)?;
    // Without a CRM nobody needs to know, and the gateway has no channels.
    let serve = ["-v", "--json", "serve", "--addr", "127.0.0.1:0"];
    desk.clone().without("CRM_SYNC_ENDPOINT").run(&serve)?.exits(2)?.says(&["crm_endpoint"])?;
    let gateway = desk.clone().connected(&tenant);
    gateway.run(&serve)?.exits(2)?.says(&["notification_queues", "gateway"])?;
    desk.clone()
        .with("FRONTDESK_NOTIFICATION_QUEUES", " , ")
        .run(&serve)?
        .exits(2)?
        .says(&["names 0 queues"])?;
    // A permission is missing: it says so, and finds guests by looking.
    tenant.door(Method::POST, "platform", &json!({"missing_permissions": ["conversation:message:view"]}))?;
    let serving = Listening::of(desk.start(&serve)?)?;
    connected(&tenant, 0)?;
    tenant.door(Method::POST, "platform", &json!({}))?;
    let connections = connections(&tenant);
    let came = come_in(&desk, 10..20)?;
    tenant.door(Method::POST, "channels/drop", &Value::Null)?;
    connected(&tenant, connections)?;
    known(&tenant, &came)?;
    let run = serving.stop()?;
    ensure!(
        run.stderr.contains("conversation:message:view"),
        "{}",
        run.wrong("it does not say what it is not told of")
    );
    let known = sessions(&tenant)?;
    ensure!(known.keys().cloned().collect::<BTreeSet<_>>() == came, "the CRM knows others: {known:?}");
    Ok(())
}
