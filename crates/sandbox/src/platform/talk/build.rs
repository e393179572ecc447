//! How a conversation comes about: from the tenant, or from a session that was opened.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::{Agent, Attached, Kind, Line, Mark, Medium, Messenger, Seen, Talk};
use crate::conversation;
use crate::guests::{GuestState, Guests};
use crate::media::Link;
use crate::messages::Message;
use crate::moment::Moment;
use crate::platform::ids;
use crate::random::{hash_text, mix};
use crate::sandbox::{Sandbox, State};
use crate::sessions::Session;
use crate::tenant::{AGENTS, Draft, Said, Tenant};

impl Talk {
    /// The conversation with this id, opened or there from the start.
    pub(crate) fn find(sandbox: &Sandbox, state: &State, id: &str, now: Moment) -> Option<Self> {
        if let Some(session) = state.sessions.find(id) {
            let seen = Seen::of(state, 0..0, now);
            return Some(Self::of_session(session, &seen));
        }
        let number = sandbox.tenant.number_of(id)?;
        let seen = Seen::of(state, number..number + 1, now);
        let seed = sandbox.config().seed;
        Some(Self::of_start(&sandbox.tenant, &sandbox.guests, seed, &seen, number, &mut Draft::default()))
    }

    /// Conversation `number` of those that were there from the start.
    pub(crate) fn of_start(
        tenant: &Tenant,
        guests: &Guests,
        seed: u64,
        seen: &Seen,
        number: u64,
        draft: &mut Draft,
    ) -> Self {
        let change = seen.changes.of(number);
        let head = tenant.draw(number, change.revisions, draft);
        let id = tenant.id(number);
        let medium = match conversation::channel(tenant, number) {
            Some("webchat") => Medium::Message(Some(Messenger::Web)),
            Some("sms") => Medium::Message(Some(Messenger::Sms)),
            Some("open") => Medium::Message(Some(Messenger::Open)),
            Some("voice") => Medium::Voice,
            Some(_) => Medium::Email,
            None => Medium::Message(None),
        };
        // The links are those of the history (contract §2).
        let hash = mix(mix(seed, 0x0DD1), number);
        let mut lines: Vec<Line> =
            draft.said().map(|said| line_of_start(said, hash, number, head.start)).collect();
        lines.extend(seen.changes.sent(number).iter().map(line_of_message));
        let start = Moment::from_nanos(head.start);
        let said = seen.changes.sent(number).last().map(|message| message.created);
        let last = said.unwrap_or(start).max(Moment::from_nanos(head.end));
        let (ended, reason, told) = fate(guests, seen, number, last);
        let told_end = told.map_or(last, |told| told.max(last));
        let attributes = BTreeMap::from([
            ("source".to_owned(), head.source.to_owned()),
            ("services".to_owned(), head.services.clone().into_owned()),
            ("language".to_owned(), head.language.to_owned()),
            ("consent.data_processing".to_owned(), "true".to_owned()),
            ("consent.timestamp".to_owned(), start.to_string()),
        ]);
        let split = draft.second().filter(|split| *split < lines.len());
        let handed_on = split.map(|split| lines[split].at);
        let joined = joined(start, &lines);
        if change.forgotten || !matches!(medium, Medium::Message(_)) {
            lines.clear();
        }
        let split = split.map(|split| split.min(lines.len()));
        let mut agents = vec![Agent { number: head.agent, joined, left: None, lines: 0..lines.len() }];
        if let (Some(split), Some(handed_on), Some(first)) = (split, handed_on, agents.first_mut()) {
            let handed_on = handed_on.max(joined);
            (first.left, first.lines) = (Some(handed_on), 0..split);
            let number = head.agent % AGENTS + 1;
            agents.push(Agent { number, joined: handed_on, left: None, lines: split..lines.len() });
        }
        let mark = seen.marks.get(&id).cloned().unwrap_or_default();
        let external_tag = mark.external_tag.clone().or(reason.and_then(|closure| closure.external_ref));
        Self {
            medium,
            outbound: head.direction == "outbound",
            start,
            ended,
            told_end: Some(told_end),
            ended_by: told.map_or("client", |_| seen.why(number)),
            customer: conversation::customer(guests, number),
            queue: head.queue.to_owned(),
            language: Some(head.language.to_owned()),
            attributes,
            external_tag,
            agents,
            lines,
            mark,
            id,
        }
    }

    /// The conversation that a session is.
    pub(crate) fn of_session(session: &Session, seen: &Seen) -> Self {
        let said: &[Arc<Message>] = if session.is_forgotten() { &[] } else { &session.said };
        let lines: Vec<Line> = said.iter().map(line_of_message).collect();
        let mark: Mark = seen.marks.get(&session.id).cloned().unwrap_or_default();
        let closure = session.ended.as_ref().map(|(_, closure)| closure);
        let agents = if session.joined <= seen.now {
            vec![Agent { number: session.agent, joined: session.joined, left: None, lines: 0..lines.len() }]
        } else {
            Vec::new()
        };
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Self {
            id: session.id.clone(),
            medium: Medium::Message(Some(match session.channel {
                "sms" => Messenger::Sms,
                "open" => Messenger::Open,
                _ => Messenger::Web,
            })),
            outbound: session.outbound,
            start: session.created,
            ended: session.end(),
            told_end: session.end(),
            ended_by: closure.map_or("client", |closure| why(&closure.reason)),
            customer: session.guest_id.clone(),
            queue: session.queue.clone(),
            language: session.language.clone(),
            attributes: session.attributes.iter().map(|(key, value)| (key.clone(), text(value))).collect(),
            external_tag: mark
                .external_tag
                .clone()
                .or_else(|| closure.and_then(|closure| closure.external_ref.clone())),
            agents,
            lines,
            mark,
        }
    }
}

/// What has become of the guest of conversation `number`: since when nothing more can be said, how it
/// was ended, and when, if that was since the start.
fn fate(
    guests: &Guests,
    seen: &Seen,
    number: u64,
    last: Moment,
) -> (Option<Moment>, Option<crate::guests::Closure>, Option<Moment>) {
    if number >= guests.count() {
        return (Some(last), None, None);
    }
    let fate = seen.fates.get(&number);
    let state = fate.and_then(|fate| fate.state);
    let told = seen.told(number);
    let state = state.unwrap_or_else(|| guests.facts(number, seen.guest_plan).state);
    let ended = (state == GuestState::Closed).then(|| told.map_or(last, |told| told.max(last)));
    (ended, fate.and_then(|fate| fate.closure.clone()), told)
}

impl Seen {
    /// When the guest of conversation `number` was ended, if that was since the start.
    pub(crate) fn told(&self, number: u64) -> Option<Moment> {
        let fate = self.fates.get(&number)?;
        fate.changed.filter(|_| fate.state == Some(GuestState::Closed))
    }

    /// Why conversation `number` was ended.
    fn why(&self, number: u64) -> &'static str {
        let closure = self.fates.get(&number).and_then(|fate| fate.closure.as_ref());
        closure.map_or("timeout", |closure| why(&closure.reason))
    }
}

/// A reason of the gateway's matrix, in the dotted words of C.4.1.
fn why(reason: &str) -> &'static str {
    match reason {
        "customer_initiated" => "peer",
        "timeout" => "timeout",
        "system_escalation" => "system",
        "bot_handoff" => "transfer",
        _ => "client",
    }
}

/// An agent joins half way between the start and the first answer.
fn joined(start: Moment, lines: &[Line]) -> Moment {
    let answer = lines.iter().find(|line| !line.guest).or(lines.last());
    answer.map_or(start, |line| start.shifted(line.at.since(start) / 2))
}

fn line_of_start(said: Said<'_>, hash: u64, number: u64, start: i64) -> Line {
    let text = |bytes: &[u8]| {
        let mut quoted = Vec::with_capacity(bytes.len() + 2);
        quoted.push(b'"');
        quoted.extend_from_slice(bytes);
        quoted.push(b'"');
        serde_json::from_slice::<String>(&quoted).unwrap_or_default()
    };
    let at: Option<Moment> = text(said.timestamp).parse().ok();
    let nanos = at.map_or(0, Moment::as_nanos);
    let link = Link::of(said.kind, mix(hash_text(said.id), hash), Some(number), nanos);
    Line {
        id: ids::message(&text(said.id)),
        guest: said.guest,
        at: at.unwrap_or(Moment::from_nanos(start)),
        kind: if said.kind == b"button" { Kind::Button } else { Kind::Words },
        text: text(said.text),
        attached: link.map(Attached::Link).into_iter().collect(),
        sent: None,
    }
}

fn line_of_message(message: &Arc<Message>) -> Line {
    let attached =
        (0..message.attachments.len()).map(|index| Attached::Sent { message: Arc::clone(message), index });
    Line {
        id: ids::message(&message.id),
        guest: message.by_guest,
        at: message.created,
        kind: Kind::Words,
        text: message.text.clone(),
        attached: attached.collect(),
        sent: Some(Arc::clone(message)),
    }
}
