//! The tree of C.9.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::moment::Moment;
use crate::platform::conversation::{addresses, attributes};
use crate::platform::ids;
use crate::platform::talk::{Leg, Medium, Messenger, Purpose, Talk};
use crate::platform::time::{Time, millis};

/// `AnalyticsConversation`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record<'a> {
    conversation_id: &'a str,
    conversation_start: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_end: Option<Time>,
    conversation_initiator: &'static str,
    customer_participation: bool,
    division_ids: [String; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    external_tag: Option<&'a str>,
    originating_direction: &'static str,
    originating_social_media_public: bool,
    participants: Vec<Participant>,
}

/// `AnalyticsParticipant`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Participant {
    participant_id: String,
    participant_name: String,
    purpose: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_contact_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<BTreeMap<String, String>>,
    sessions: [Session; 1],
}

/// `AnalyticsSession`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Session {
    session_id: String,
    media_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_type: Option<&'static str>,
    direction: &'static str,
    provider: &'static str,
    address_from: String,
    address_to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote: Option<String>,
    requested_routings: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    used_routing: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    selected_agent_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_count: Option<usize>,
    authenticated: bool,
    recording: bool,
    metrics: Vec<Metric>,
    segments: Vec<Segment>,
}

/// `AnalyticsSessionMetric`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metric {
    name: &'static str,
    value: u64,
    emit_date: Time,
}

/// `AnalyticsConversationSegment`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Segment {
    segment_type: &'static str,
    segment_start: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    segment_end: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_language_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disconnect_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wrap_up_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wrap_up_note: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    wrap_up_tags: Vec<String>,
    conference: bool,
}

impl<'a> Record<'a> {
    /// A conversation; `with_attributes` is how jobs tell it.
    pub(super) fn of(talk: &'a Talk, deployment: &str, with_attributes: bool) -> Self {
        let legs = talk.legs(talk.told_end);
        let participants =
            legs.into_iter().map(|leg| participant(talk, leg, deployment, with_attributes)).collect();
        Self {
            conversation_id: &talk.id,
            conversation_start: Time(talk.start),
            conversation_end: talk.told_end.map(Time),
            conversation_initiator: if talk.outbound { "agent" } else { "customer" },
            customer_participation: true,
            division_ids: [ids::division()],
            external_tag: talk.external_tag.as_deref(),
            originating_direction: direction(talk),
            originating_social_media_public: false,
            participants,
        }
    }
}

fn direction(talk: &Talk) -> &'static str {
    if talk.outbound { "outbound" } else { "inbound" }
}

fn participant(talk: &Talk, leg: Leg, deployment: &str, with_attributes: bool) -> Participant {
    let (theirs, ours) = addresses(talk, deployment);
    let (from, to) = if talk.outbound { (ours, theirs) } else { (theirs, ours) };
    let is_message = matches!(talk.medium, Medium::Message(_));
    let is_agent = leg.purpose == Purpose::Agent;
    let is_customer = leg.purpose == Purpose::Customer;
    let lines = &talk.lines[leg.lines.clone()];
    let session = Session {
        session_id: leg.communication.clone(),
        media_type: talk.medium.name(),
        message_type: is_message.then(|| talk.medium.messenger().map_or("unknown", Messenger::name)),
        direction: direction(talk),
        provider: talk.medium.provider(),
        address_from: from,
        address_to: to,
        peer_id: leg.peer.clone(),
        remote: is_customer.then(|| talk.customer.clone()),
        requested_routings: if is_customer { Vec::new() } else { vec!["Standard"] },
        used_routing: is_agent.then_some("Standard"),
        selected_agent_id: leg.agent.filter(|_| is_agent).map(ids::user),
        media_count: (is_message && !lines.is_empty())
            .then(|| lines.iter().map(|line| line.attached.len()).sum()),
        authenticated: false,
        recording: false,
        metrics: metrics(talk, &leg),
        segments: segments(talk, &leg),
    };
    Participant {
        participant_name: match leg.purpose {
            Purpose::Customer => talk.customer.clone(),
            Purpose::Acd => talk.queue.clone(),
            Purpose::Agent => leg.agent.map_or_else(String::new, |agent| format!("agent-{agent}")),
        },
        purpose: leg.purpose.name(),
        external_contact_id: is_customer.then(|| ids::contact(&talk.customer)),
        user_id: leg.agent.map(ids::user),
        attributes: with_attributes.then(|| attributes(talk, &leg)),
        sessions: [session],
        participant_id: leg.participant,
    }
}

/// How long an agent was asked before the conversation was taken.
fn alerted(talk: &Talk, leg: &Leg) -> Moment {
    let waited = std::time::Duration::from_millis(millis(talk.start, leg.start) / 2);
    let alert = waited.min(std::time::Duration::from_secs(4));
    leg.start.shifted(-jiff::SignedDuration::try_from(alert).unwrap_or_default())
}

fn segments(talk: &Talk, leg: &Leg) -> Vec<Segment> {
    let segment = |kind, start, end: Option<Moment>| Segment {
        segment_type: kind,
        segment_start: Time(start),
        segment_end: end.map(Time),
        queue_id: (leg.purpose != Purpose::Customer).then(|| ids::queue(&talk.queue)),
        requested_language_id: match leg.purpose {
            Purpose::Customer => None,
            _ => talk.language.as_deref().map(ids::language),
        },
        disconnect_type: None,
        wrap_up_code: None,
        wrap_up_note: None,
        wrap_up_tags: Vec::new(),
        conference: false,
    };
    let mut segments = Vec::with_capacity(3);
    if leg.purpose == Purpose::Agent {
        segments.push(segment("alert", alerted(talk, leg), Some(leg.start)));
    }
    let mut interact = segment("interact", leg.start, leg.end);
    interact.disconnect_type = leg.disconnect.map(camel);
    segments.push(interact);
    if let (Some(wrap_up), Some(end)) = (&leg.wrap_up, leg.end) {
        let mut after = segment("wrapup", end, Some(wrap_up.end.unwrap_or(end)));
        after.wrap_up_code = Some(wrap_up.code.clone());
        after.wrap_up_note = wrap_up.notes.clone();
        after.wrap_up_tags = wrap_up.tags.clone();
        segments.push(after);
    }
    segments
}

fn metrics(talk: &Talk, leg: &Leg) -> Vec<Metric> {
    let mut metrics = Vec::new();
    let mut metric = |name, value, at| metrics.push(Metric { name, value, emit_date: Time(at) });
    match leg.purpose {
        Purpose::Customer => metric("nConversations", 1, leg.start),
        Purpose::Acd => {
            metric("nOffered", 1, leg.start);
            if let Some(end) = leg.end {
                metric("tAcd", millis(leg.start, end), end);
            }
        }
        Purpose::Agent => {
            let alerted = alerted(talk, leg);
            metric("tAlert", millis(alerted, leg.start), leg.start);
            metric("tAnswered", millis(talk.start, leg.start), leg.start);
            metric("nConnected", 1, leg.start);
            let lines = &talk.lines[leg.lines.clone()];
            if let Some(first) = lines.iter().find(|line| !line.guest) {
                metric("tFirstResponse", millis(talk.start, first.at), first.at);
            }
            let Some(end) = leg.end else { return metrics };
            let last = lines.last().map_or(end, |line| line.at);
            if !lines.is_empty() {
                metric("oMessageCount", lines.len() as u64, last);
                metric("oMediaCount", lines.iter().map(|line| line.attached.len() as u64).sum(), last);
            }
            let talked = millis(leg.start, end);
            metric("tTalk", talked, end);
            metric("tTalkComplete", talked, end);
            if leg.disconnect == Some("transfer") {
                metric("nTransferred", 1, end);
                metric("nBlindTransferred", 1, end);
            }
            if let Some(after) = leg.wrap_up.as_ref().and_then(|wrap_up| wrap_up.end) {
                metric("tAcw", millis(end, after), after);
                metric("tHandle", talked + millis(end, after), after);
            }
        }
    }
    metrics
}

/// A disconnect type in the spelling of analytics (C.17).
fn camel(dotted: &str) -> String {
    match dotted {
        "transfer.conference" => "conferenceTransfer".to_owned(),
        "transfer.consult" => "consultTransfer".to_owned(),
        "transfer.forward" => "forwardTransfer".to_owned(),
        "transfer.noanswer" => "noAnswerTransfer".to_owned(),
        "transfer.notavailable" => "notAvailableTransfer".to_owned(),
        "transport.failure" => "transportFailure".to_owned(),
        "session.expired" => "sessionExpired".to_owned(),
        plain => plain.to_owned(),
    }
}
