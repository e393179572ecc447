//! `/api/v2/processautomation/triggers…`

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Trigger, Wire};
use crate::form;
use crate::platform::refusal::Refusal;
use crate::platform::route::{Access, Operation};
use crate::platform::visit::{Call, json};
use crate::random::mix;
use crate::reply::{Body, Reply};

const TRIGGERS: &str = "/api/v2/processautomation/triggers";
const TRIGGER: &str = "/api/v2/processautomation/triggers/{triggerId}";
const VIEW: Access = Access::Client(&["processautomation:trigger:view", "processautomation:trigger:edit"]);

pub(in crate::platform) const ROUTES: &[Operation] = &[
    Operation {
        method: Method::POST,
        template: TRIGGERS,
        access: Access::Client(&["processautomation:trigger:add"]),
        answer: make,
    },
    Operation { method: Method::GET, template: TRIGGERS, access: VIEW, answer: list },
    Operation {
        method: Method::GET,
        template: "/api/v2/processautomation/triggers/topics",
        access: VIEW,
        answer: topics,
    },
    Operation { method: Method::GET, template: TRIGGER, access: VIEW, answer: one },
    Operation {
        method: Method::PUT,
        template: TRIGGER,
        access: Access::Client(&["processautomation:trigger:edit"]),
        answer: change,
    },
    Operation {
        method: Method::DELETE,
        template: TRIGGER,
        access: Access::Client(&["processautomation:trigger:delete"]),
        answer: delete,
    },
    Operation {
        method: Method::POST,
        template: "/api/v2/processautomation/triggers/{triggerId}/test",
        access: Access::Client(&["processautomation:trigger:test"]),
        answer: test,
    },
];

/// Topics of triggers are written with the literal text `{id}`.
const TOPICS: [&str; 9] = [
    "v2.detail.events.conversation.{id}.customer.start",
    "v2.detail.events.conversation.{id}.customer.end",
    "v2.detail.events.conversation.{id}.acd.start",
    "v2.detail.events.conversation.{id}.acd.end",
    "v2.detail.events.conversation.{id}.user.start",
    "v2.detail.events.conversation.{id}.user.end",
    "v2.detail.events.conversation.{id}.attributes",
    "v2.detail.events.conversation.{id}.acw",
    "v2.detail.events.conversation.{id}.wrapup",
];

fn check(wire: &Wire) -> Result<(), Refusal> {
    let settings = wire.target.workflow_target_settings.as_ref();
    let format = settings.and_then(|settings| settings.data_format.as_deref());
    let (field, message) = if wire.name.is_empty() {
        ("name", "The name is empty.")
    } else if !TOPICS.contains(&wire.topic_name.as_str()) {
        ("topicName", "The topic is not known.")
    } else if wire.target.r#type != "Workflow" || wire.target.id.is_empty() {
        ("target", "The target is no workflow.")
    } else if !matches!(format, None | Some("Json" | "TopLevelPrimitives")) {
        ("target.workflowTargetSettings.dataFormat", "The data format is not known.")
    } else if !wire.match_criteria.iter().all(super::Criterion::is_sound) {
        ("matchCriteria", "A criterion cannot be judged.")
    } else if wire.event_ttl_seconds.is_some() && wire.delay_by_seconds.is_some() {
        ("delayBySeconds", "A trigger has a time to live or a delay, not both.")
    } else if wire.event_ttl_seconds.is_some_and(|seconds| seconds < 10) {
        ("eventTTLSeconds", "The time to live is shorter than 10 seconds.")
    } else if wire.delay_by_seconds.is_some_and(|seconds| !(60..=900).contains(&seconds)) {
        ("delayBySeconds", "The delay is not within 60 and 900 seconds.")
    } else if wire.description.as_ref().is_some_and(|text| text.chars().count() > 512) {
        ("description", "The description is longer than 512 characters.")
    } else {
        return Ok(());
    };
    Err(Refusal::invalid_value(field, message))
}

fn make(call: &Call<'_>) -> Result<Reply, Refusal> {
    let wire: Wire = call.body()?;
    check(&wire)?;
    let mut state = call.sandbox.state();
    let triggers = &mut state.platform.triggers;
    triggers.made += 1;
    let id = crate::platform::guest::id(mix(call.sandbox.config().seed, 0x7472_6967), triggers.made);
    let self_uri = format!("{TRIGGERS}/{id}");
    let trigger = Trigger { id, wire, version: 1, self_uri };
    triggers.all.push(trigger.clone());
    json(&trigger)
}

/// Before/after paging; the cursor is a place in the list.
fn list(call: &Call<'_>) -> Result<Reply, Refusal> {
    let pairs = call.query()?;
    let size = call.number("pageSize", 25, 1, 200)?;
    let after = call.number("after", 0, 0, u64::MAX)?;
    let topics: Vec<_> =
        form::value(&pairs, "topicName").into_iter().flat_map(|list| list.split(',')).collect();
    let enabled = form::value(&pairs, "enabled").map(|text| text == "true");
    let state = call.sandbox.state();
    let wanted = state.platform.triggers.all.iter().filter(|trigger| {
        (topics.is_empty() || topics.contains(&trigger.wire.topic_name.as_str()))
            && enabled.is_none_or(|enabled| trigger.wire.enabled == enabled)
    });
    let index = |number| usize::try_from(number).unwrap_or(usize::MAX);
    let all: Vec<_> = wanted.skip(index(after)).take(index(size.saturating_add(1))).collect();
    let shown = &all[..all.len().min(index(size))];
    let mut body = json!({"entities": shown, "selfUri": TRIGGERS});
    if all.len() > shown.len() {
        body["nextUri"] = format!("{TRIGGERS}?after={}&pageSize={size}", after + size).into();
    }
    json(&body)
}

fn topics(_: &Call<'_>) -> Result<Reply, Refusal> {
    json(&json!({"entities": TOPICS}))
}

/// Runs `act` on the triggers and the place of the one that the path names.
fn with<T>(
    call: &Call<'_>,
    act: impl FnOnce(&mut Vec<Trigger>, usize) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let all = &mut call.sandbox.state().platform.triggers.all;
    let index = all.iter().position(|trigger| trigger.id == call.id(0));
    act(all, index.ok_or_else(|| Refusal::not_found("trigger", call.id(0)))?)
}

fn one(call: &Call<'_>) -> Result<Reply, Refusal> {
    with(call, |all, index| json(&all[index]))
}

#[derive(Deserialize)]
struct Change {
    version: u64,
    #[serde(flatten)]
    rest: Value,
}

/// The topic is fixed for ever, and a version that is not the last is stale.
fn change(call: &Call<'_>) -> Result<Reply, Refusal> {
    let Change { version, rest } = call.body()?;
    with(call, |all, index| {
        let trigger = &mut all[index];
        let mut rest = rest;
        if rest.get("topicName").is_none() {
            rest["topicName"] = trigger.wire.topic_name.as_str().into();
        }
        let wire: Wire = serde_json::from_value(rest)
            .map_err(|error| Refusal::bad_request(format!("The request could not be understood: {error}")))?;
        check(&wire)?;
        if wire.topic_name != trigger.wire.topic_name {
            return Err(Refusal::invalid_value("topicName", "The topic of a trigger is fixed."));
        }
        if version != trigger.version {
            return Err(Refusal::conflict("version.conflict", "The version is not the current one."));
        }
        trigger.wire = wire;
        trigger.version += 1;
        json(trigger)
    })
}

fn delete(call: &Call<'_>) -> Result<Reply, Refusal> {
    with(call, |all, index| {
        all.remove(index);
        Ok(Reply::new(StatusCode::NO_CONTENT, "application/json", Body::default()))
    })
}

/// Whether a trigger would fire for the event in the body.
fn test(call: &Call<'_>) -> Result<Reply, Refusal> {
    let body: Value = call.body()?;
    let trigger = with(call, |all, index| Ok(all[index].clone()))?;
    let matches = trigger.wire.match_criteria.iter().all(|criterion| criterion.holds(&body));
    let known = call.sandbox.state().platform.triggers.workflows.contains_key(&trigger.wire.target.id);
    let step = |step: u32, name: &str, matches: bool| json!({"step": step, "name": name, "matches": matches, "details": ""});
    json(&json!({"triggerMatches": matches && known, "schemaValidation": step(1, "schema", body.is_object()),
        "jsonPathValidation": step(2, "jsonPath", matches), "targetValidation": step(3, "target", known)}))
}
