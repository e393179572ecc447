//! What happens to conversations, as notification channels (platform contract C.12.3) and triggers
//! (C.13.1) are told of it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::conversation::{addresses, event_body};
use super::ids;
use super::talk::{Leg, Medium, Purpose, Talk};
use super::time::{Time, millis};
use crate::messages::Message;
use crate::moment::Moment;
use crate::sandbox::{Sandbox, State};

/// Something that happened to a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// It began.
    Started,
    /// An agent took it.
    Joined,
    /// Something was said, or came back about what was.
    Told,
    /// It is over.
    Ended,
    /// A participant got attributes.
    Attributes(&'a str),
    /// A participant summed it up.
    WrappedUp(&'a str),
}

/// When something comes back about messages, by conversation.
#[derive(Debug, Default)]
pub(crate) struct Due(BTreeSet<(Moment, String)>);

/// One event on its way: its topic with `{id}` in it, what stands there, and its body.
struct Notice {
    template: &'static str,
    id: String,
    body: Value,
}

impl Sandbox {
    /// Tells whoever wants to know what happened to a conversation.
    pub(crate) fn happened(
        &self,
        state: &mut State,
        id: &str,
        events: &[Event<'_>],
        now: Moment,
        host: Moment,
    ) {
        if !state.platform.channels.are_listening() && !state.platform.triggers.are_set() {
            return;
        }
        let Some(talk) = Talk::find(self, state, id, now) else { return };
        if !matches!(talk.medium, Medium::Message(_)) {
            return;
        }
        let deployment = &self.config().deployment_id;
        let mut notices: Vec<Notice> =
            events.iter().flat_map(|event| details(&talk, *event, deployment, now)).collect();
        let told = event_body(&talk, now, deployment);
        let legs = talk.legs(talk.ended);
        let users = legs.iter().filter_map(|leg| leg.agent).map(|agent| Notice {
            template: "v2.users.{id}.conversations.messages",
            id: ids::user(agent),
            body: told.clone(),
        });
        notices.extend(users);
        notices.push(Notice {
            template: "v2.routing.queues.{id}.conversations.messages",
            id: ids::queue(&talk.queue),
            body: told,
        });
        let seed = self.config().seed;
        for Notice { template, id, body } in notices {
            state.platform.channels.tell(&template.replace("{id}", &id), &body, seed);
            for run in state.platform.triggers.fired_by(template, &body) {
                let headers = run.workflow.headers.into_iter().collect();
                let body = run.body.to_string().into_bytes();
                state.subscriptions.call(&run.workflow.uri, headers, body, seed, host);
                self.wake_calls();
            }
        }
    }

    /// What comes back about messages is told when its time has come.
    pub(super) fn tell_due(&self, state: &mut State, now: Moment, host: Moment) {
        let mut ready = BTreeSet::new();
        while let Some((_, id)) = state.platform.due.0.first().filter(|(at, _)| *at <= now).cloned() {
            state.platform.due.0.pop_first();
            ready.insert(id);
        }
        for id in ready {
            self.happened(state, &id, &[Event::Told], now, host);
        }
    }
}

impl State {
    /// Takes note of when something will come back about a message, where anybody listens.
    pub(crate) fn expect_receipts(&mut self, message: &Message) {
        if self.platform.channels.are_listening() {
            let times = message.receipts.until(Moment::from_nanos(i64::MAX)).map(|(at, _)| at);
            self.platform.due.0.extend(times.map(|at| (at, message.conversation.clone())));
        }
    }
}

/// The detail events of one thing that happened.
fn details(talk: &Talk, event: Event<'_>, deployment: &str, now: Moment) -> Vec<Notice> {
    let legs = talk.legs(talk.ended);
    let about = |purpose: Purpose, template: &'static str| {
        let leg = legs.iter().rev().find(|leg| leg.purpose == purpose)?;
        Some(notice(talk, leg, template, detail(talk, leg, deployment, now)))
    };
    let of = |participant: &str| legs.iter().find(|leg| leg.participant == participant);
    let some: Vec<Option<Notice>> = match event {
        Event::Told => Vec::new(),
        Event::Started => vec![
            about(Purpose::Customer, "v2.detail.events.conversation.{id}.customer.start"),
            about(Purpose::Acd, "v2.detail.events.conversation.{id}.acd.start"),
            (!talk.attributes.is_empty()).then(|| of_attributes(talk, &legs[0], now)),
        ],
        Event::Joined => vec![
            about(Purpose::Acd, "v2.detail.events.conversation.{id}.acd.end"),
            about(Purpose::Agent, "v2.detail.events.conversation.{id}.user.start"),
        ],
        Event::Ended => vec![
            about(Purpose::Agent, "v2.detail.events.conversation.{id}.user.end"),
            about(Purpose::Customer, "v2.detail.events.conversation.{id}.customer.end"),
        ],
        Event::Attributes(participant) => vec![of(participant).map(|leg| of_attributes(talk, leg, now))],
        Event::WrappedUp(participant) => of(participant).map_or_else(Vec::new, |leg| {
            let noted = talk.mark.wrap_ups.get(participant);
            let body = || {
                let mut body = detail(talk, leg, deployment, now);
                if let Some(noted) = noted {
                    body["wrapupCode"] = noted.code.as_str().into();
                    body["wrapupNotes"] = noted.notes.clone().into();
                    body["wrapupDurationMs"] = (noted.duration_seconds.unwrap_or(0) * 1_000).into();
                }
                body
            };
            ["v2.detail.events.conversation.{id}.acw", "v2.detail.events.conversation.{id}.wrapup"]
                .map(|template| Some(notice(talk, leg, template, body())))
                .into()
        }),
    };
    some.into_iter().flatten().collect()
}

fn notice(talk: &Talk, leg: &Leg, template: &'static str, mut body: Value) -> Notice {
    if template.ends_with(".end") {
        let end = leg.end.unwrap_or(leg.start);
        body["disconnectType"] = leg.disconnect.unwrap_or("other").replace('.', "_").to_uppercase().into();
        body["interactingDurationMs"] = millis(leg.connected, end).into();
        if leg.purpose == Purpose::Acd {
            body["acdOutcome"] = "ANSWERED".into();
            body["connectedDurationMs"] = millis(leg.start, end).into();
        }
    }
    Notice { template, id: talk.id.clone(), body }
}

/// What every detail event of a leg has. Times are milliseconds since the epoch.
fn detail(talk: &Talk, leg: &Leg, deployment: &str, now: Moment) -> Value {
    let (theirs, ours) = addresses(talk, deployment);
    let (from, to) = if talk.outbound { (ours, theirs) } else { (theirs, ours) };
    let messenger = talk.medium.messenger().map_or("UNKNOWN".to_owned(), |one| one.name().to_uppercase());
    let mut body = json!({
        "eventTime": now.as_nanos() / 1_000_000, "conversationId": talk.id, "participantId": leg.participant,
        "sessionId": leg.communication, "mediaType": "MESSAGE", "messageType": messenger,
        "provider": "PureCloud Messaging", "direction": if talk.outbound { "OUTBOUND" } else { "INBOUND" },
        "addressFrom": from, "addressTo": to, "divisionId": ids::division(),
    });
    if leg.purpose == Purpose::Customer {
        body["externalContactId"] = ids::contact(&talk.customer).into();
    } else {
        body["queueId"] = ids::queue(&talk.queue).into();
    }
    if let Some(agent) = leg.agent {
        body["userId"] = ids::user(agent).into();
    }
    body
}

fn of_attributes(talk: &Talk, leg: &Leg, now: Moment) -> Notice {
    let mut attributes: Map<String, Value> = Map::new();
    if leg.purpose == Purpose::Customer {
        attributes.extend(talk.attributes.iter().map(|(name, value)| (name.clone(), value.as_str().into())));
    }
    let noted = talk.mark.attributes.get(&leg.participant).into_iter().flatten();
    attributes.extend(noted.map(|(name, value)| (name.clone(), value.as_str().into())));
    let body = json!({
        "eventTime": now.as_nanos() / 1_000_000, "conversationId": talk.id, "participantId": leg.participant,
        "attributes": attributes, "communications": [{"id": leg.communication, "mediaType": "MESSAGE"}],
        "participantStartTime": Time(leg.start),
    });
    Notice { template: "v2.detail.events.conversation.{id}.attributes", id: talk.id.clone(), body }
}
