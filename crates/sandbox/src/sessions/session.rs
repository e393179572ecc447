//! One session that was opened: what it is, and how others see it.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::filter::{Facts, Field};
use crate::guests::{Closure, GuestState};
use crate::messages::Message;
use crate::moment::Moment;

/// A session, which is also a conversation.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// 0 for the first that was opened.
    pub(crate) number: u64,
    pub(crate) id: String,
    pub(crate) guest_id: String,
    pub(crate) attributes: Map<String, Value>,
    pub(crate) queue: String,
    pub(crate) language: Option<String>,
    /// The agent is called `agent-<number>`.
    pub(crate) agent: u64,
    pub(crate) created: Moment,
    /// From when on the agent is a participant.
    pub(crate) joined: Moment,
    /// The idempotency key with which it was opened.
    pub(crate) key: Option<String>,
    /// What the gateway calls its channel.
    pub(crate) channel: &'static str,
    /// Whether our side began it.
    pub(crate) outbound: bool,
    /// How many requests with that key, or the one without, reached it.
    pub(crate) posts: u64,
    /// How often its guest's state was told.
    pub(crate) reads: u64,
    /// How many DELETEs of its guest reached it; more than one that ended it would be a bug.
    pub(crate) deletes: u64,
    /// When and with which words it was ended.
    pub(crate) ended: Option<(Moment, Closure)>,
    /// What was said in it.
    pub(crate) said: Vec<Arc<Message>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    id: &'a str,
    r#type: &'static str,
    direction: &'static str,
    start_time: Moment,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<Moment>,
    queue: &'a str,
    agent: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    interactions: [Interaction<'a>; 1],
    metadata: Map<String, Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Interaction<'a> {
    id: &'static str,
    r#type: &'static str,
    start_time: Moment,
    #[serde(skip_serializing_if = "Option::is_none")]
    transcript: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<Vec<Said<'a>>>,
}

#[derive(Serialize)]
struct Said<'a> {
    id: &'a str,
    direction: &'static str,
    r#type: &'static str,
    text: &'a str,
    timestamp: Moment,
}

impl Session {
    pub(crate) fn state(&self) -> GuestState {
        if self.ended.is_some() { GuestState::Closed } else { GuestState::Active }
    }

    /// Its messages were given up together with its guest.
    pub(crate) fn is_forgotten(&self) -> bool {
        self.ended.as_ref().is_some_and(|(_, closure)| !closure.retain_data)
    }

    /// When it ended, or when the last message came after that.
    pub(crate) fn end(&self) -> Option<Moment> {
        let (ended, _) = self.ended.as_ref()?;
        Some(self.said.last().map_or(*ended, |last| last.created.max(*ended)))
    }

    /// Appends it in the shape of the contract's §5. What is still going on has no end.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let words = !self.is_forgotten();
        let line = |message: &Arc<Message>| format!("{}: {}", message.speaker(), message.text);
        let transcript = || self.said.iter().map(line).collect::<Vec<_>>().join("\n");
        let said = || {
            let said = self.said.iter().map(|message| Said {
                id: &message.id,
                direction: message.direction(),
                r#type: message.kind(),
                text: &message.text,
                timestamp: message.created,
            });
            said.collect()
        };
        let interaction = Interaction {
            id: "i-1",
            r#type: "message",
            start_time: self.created,
            transcript: words.then(transcript),
            messages: words.then(said),
        };
        let record = Record {
            id: &self.id,
            r#type: "message",
            direction: self.direction(),
            start_time: self.created,
            end_time: self.end(),
            queue: &self.queue,
            agent: self.agent_id(),
            language: self.language.as_deref(),
            interactions: [interaction],
            metadata: self.metadata(),
        };
        serde_json::to_writer(out, &record).expect("texts are JSON, and memory takes every write");
    }

    /// What the website said about the guest; what the guest agreed to is no metadata.
    fn metadata(&self) -> Map<String, Value> {
        let told = self.attributes.iter().filter(|(key, _)| !key.starts_with("consent."));
        told.map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    fn direction(&self) -> &'static str {
        if self.outbound { "outbound" } else { "inbound" }
    }

    pub(crate) fn agent_id(&self) -> String {
        format!("agent-{}", self.agent)
    }
}

impl Facts for Session {
    fn text(&self, field: &Field) -> Option<Cow<'_, str>> {
        Some(match field {
            Field::Type => Cow::Borrowed("message"),
            Field::Direction => Cow::Borrowed(self.direction()),
            Field::StartTime => Cow::Owned(self.created.to_string()),
            Field::EndTime => Cow::Owned(self.end()?.to_string()),
            Field::Queue => Cow::Borrowed(&self.queue),
            Field::Agent => Cow::Owned(self.agent_id()),
            Field::Language => Cow::Borrowed(self.language.as_deref()?),
            Field::Metadata(key) if key.starts_with("consent.") => return None,
            Field::Metadata(key) => Cow::Borrowed(self.attributes.get(key)?.as_str()?),
        })
    }
}
