//! `/api/v2/notifications/…` (platform contract C.12.1).

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Channel, LIFE};
use crate::form;
use crate::platform::refusal::Refusal;
use crate::platform::route::{Access, Operation};
use crate::platform::time::Time;
use crate::platform::visit::{Call, json};
use crate::reply::{Body, Reply};

const CHANNELS: &str = "/api/v2/notifications/channels";
const CHANNEL: &str = "/api/v2/notifications/channels/{channelId}";
const SUBSCRIPTIONS: &str = "/api/v2/notifications/channels/{channelId}/subscriptions";
/// No permission for channels themselves.
const ANYBODY: Access = Access::Client(&[]);
/// A channel has so many topics at most.
const MOST_TOPICS: usize = 1_000;

pub(in crate::platform) const ROUTES: &[Operation] = &[
    Operation { method: Method::POST, template: CHANNELS, access: ANYBODY, answer: make },
    Operation { method: Method::GET, template: CHANNELS, access: ANYBODY, answer: list },
    Operation { method: Method::HEAD, template: CHANNEL, access: ANYBODY, answer: alive },
    Operation { method: Method::GET, template: SUBSCRIPTIONS, access: ANYBODY, answer: topics },
    Operation { method: Method::POST, template: SUBSCRIPTIONS, access: ANYBODY, answer: add },
    Operation { method: Method::PUT, template: SUBSCRIPTIONS, access: ANYBODY, answer: replace },
    Operation { method: Method::DELETE, template: SUBSCRIPTIONS, access: ANYBODY, answer: clear },
    Operation {
        method: Method::GET,
        template: "/api/v2/notifications/availabletopics",
        access: ANYBODY,
        answer: available,
    },
];

/// The topics there are, with what a client needs for each.
const TOPICS: [(&str, &[&str]); 12] = [
    ("v2.users.{id}.conversations.messages", &["conversation:message:view"]),
    ("v2.routing.queues.{id}.conversations.messages", &["conversation:message:view"]),
    ("v2.detail.events.conversation.{id}.customer.start", &[]),
    ("v2.detail.events.conversation.{id}.customer.end", &[]),
    ("v2.detail.events.conversation.{id}.acd.start", &[]),
    ("v2.detail.events.conversation.{id}.acd.end", &[]),
    ("v2.detail.events.conversation.{id}.user.start", &[]),
    ("v2.detail.events.conversation.{id}.user.end", &[]),
    ("v2.detail.events.conversation.{id}.attributes", &[]),
    ("v2.detail.events.conversation.{id}.acw", &[]),
    ("v2.detail.events.conversation.{id}.wrapup", &[]),
    ("v2.analytics.conversations.details.jobs.availability", &["analytics:conversationDetail:view"]),
];

#[derive(Deserialize)]
struct Topic {
    id: String,
}

fn wire(channel: &Channel, base: &str) -> Value {
    let uri = base.replacen("http", "ws", 1);
    json!({"id": channel.id, "connectUri": format!("{uri}/channels/{}", channel.id), "expires": Time(channel.expires)})
}

fn make(call: &Call<'_>) -> Result<Reply, Refusal> {
    let mut state = call.sandbox.state();
    let channel = state.platform.channels.make(call.sandbox.config().seed, call.now());
    json(&wire(channel, &call.base()))
}

fn list(call: &Call<'_>) -> Result<Reply, Refusal> {
    let (state, base) = (call.sandbox.state(), call.base());
    let live = state.platform.channels.all.iter().filter(|channel| call.now() < channel.expires);
    json(&json!({"entities": live.map(|channel| wire(channel, &base)).collect::<Vec<_>>()}))
}

fn alive(call: &Call<'_>) -> Result<Reply, Refusal> {
    with(call, |_| Ok(Reply::new(StatusCode::OK, "application/json", Body::default())))
}

fn topics(call: &Call<'_>) -> Result<Reply, Refusal> {
    with(call, |channel| listed(&channel.topics, &[]))
}

fn add(call: &Call<'_>) -> Result<Reply, Refusal> {
    subscribe(call, false)
}

fn replace(call: &Call<'_>) -> Result<Reply, Refusal> {
    subscribe(call, true)
}

fn clear(call: &Call<'_>) -> Result<Reply, Refusal> {
    with(call, |channel| {
        channel.topics.clear();
        Ok(Reply::new(StatusCode::NO_CONTENT, "application/json", Body::default()))
    })
}

/// Runs `act` on the channel that the path names.
fn with(call: &Call<'_>, act: impl FnOnce(&mut Channel) -> Result<Reply, Refusal>) -> Result<Reply, Refusal> {
    let mut state = call.sandbox.state();
    let channel = state.platform.channels.find(call.id(0), call.now());
    act(channel.ok_or_else(|| Refusal::not_found("channel", call.id(0)))?)
}

/// Adds topics to a channel, or puts them in the place of its own. What is refused fails the call, or is
/// named in the answer where `ignoreErrors` says so.
fn subscribe(call: &Call<'_>, replace: bool) -> Result<Reply, Refusal> {
    let wanted: Vec<Topic> = call.body()?;
    let ignore = form::value(&call.query()?, "ignoreErrors") == Some("true");
    let missing = call.sandbox.state().platform.plan.missing_permissions.clone();
    let (mut taken, mut refused) = (Vec::new(), Vec::new());
    for Topic { id } in wanted {
        match needs(&id) {
            None => refused.push((id, "The topic is not known", None)),
            Some(needs) => match needs.iter().find(|needed| missing.iter().any(|lacks| lacks == **needed)) {
                Some(needed) => refused.push((id, "A permission is missing", Some(*needed))),
                None => taken.push(id),
            },
        }
    }
    match refused.first() {
        Some((id, _, None)) if !ignore => {
            return Err(Refusal::bad_request("The topic {topic} is not known.").param("topic", id.clone()));
        }
        Some((_, _, Some(needed))) if !ignore => return Err(Refusal::missing_permission(&[*needed])),
        _ => {}
    }
    let expires = call.now().plus(LIFE);
    with(call, |channel| {
        let mut topics = if replace { Vec::new() } else { channel.topics.clone() };
        for topic in taken {
            if !topics.contains(&topic) {
                topics.push(topic);
            }
        }
        if topics.len() > MOST_TOPICS {
            return Err(Refusal::bad_request("A channel has at most {most} topics.")
                .param("most", MOST_TOPICS.to_string()));
        }
        channel.topics = topics;
        channel.expires = expires;
        listed(&channel.topics, &refused)
    })
}

fn listed(topics: &[String], refused: &[(String, &str, Option<&str>)]) -> Result<Reply, Refusal> {
    let permitted = topics.iter().map(|topic| json!({"id": topic, "state": "Permitted"}));
    let rejected = refused.iter().map(|(topic, reason, permission)| {
        json!({"id": topic, "state": "Rejected", "rejectionReason": reason,
               "missingPermissions": permission.iter().collect::<Vec<_>>()})
    });
    json(&json!({"entities": permitted.chain(rejected).collect::<Vec<_>>()}))
}

/// What a client needs to be told about this topic; nothing when there is none like it.
fn needs(topic: &str) -> Option<&'static [&'static str]> {
    let like = |template: &str| match template.split_once("{id}") {
        None => template == topic,
        Some((before, after)) => {
            let id = topic.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
            id.is_some_and(|id| !id.is_empty() && !id.contains(['.', '{']))
        }
    };
    TOPICS.iter().find(|(template, _)| like(template)).map(|(_, needs)| *needs)
}

fn available(_: &Call<'_>) -> Result<Reply, Refusal> {
    let topics = TOPICS.iter().map(|(id, needs)| {
        json!({"id": id, "description": "A topic of the sandbox", "visibility": "Public",
               "transports": ["Websocket", "ProcessAutomation"], "requiresPermissions": needs,
               "topicParameters": if id.contains("{id}") { vec!["id"] } else { Vec::new() }})
    });
    json(&json!({"entities": topics.collect::<Vec<_>>()}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_has_a_real_id_where_its_template_has_braces() {
        assert!(needs("v2.routing.queues.q-1.conversations.messages").is_some_and(|needs| needs.len() == 1));
        assert!(needs("v2.detail.events.conversation.c-1.customer.end").is_some());
        for unknown in [
            "v2.detail.events.conversation.{id}.customer.end",
            "v2.detail.events.conversation..customer.end",
            "v2.detail.events.conversation.c-1.customer.ended",
            "v2.users.a.b.conversations.messages",
            "v2",
        ] {
            assert!(needs(unknown).is_none(), "{unknown}");
        }
    }
}
