//! Who said what, and when: a conversation taken apart for people to read.

use std::fmt;

use serde_json::Value;

use super::transcript;
use crate::{RecordKind, Timestamp};

/// Who said something, as far as the payload tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Speaker {
    /// The guest, whoever came in from outside.
    Guest,
    /// Somebody at the desk.
    Agent,
    /// A machine at the desk.
    Bot,
    /// The platform itself: somebody joined, somebody left.
    System,
    /// Nobody that the payload names.
    Unknown,
}

impl Speaker {
    /// Every speaker.
    pub const ALL: [Self; 5] = [Self::Guest, Self::Agent, Self::Bot, Self::System, Self::Unknown];

    /// One lower-case word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Agent => "agent",
            Self::Bot => "bot",
            Self::System => "system",
            Self::Unknown => "unknown",
        }
    }

    /// The speaker that stands before a colon in a line of a transcript.
    fn of_label(label: &str) -> Option<Self> {
        let is = |names: &[&str]| names.iter().any(|name| label.eq_ignore_ascii_case(name));
        Some(match () {
            () if is(&["guest", "customer", "user", "visitor"]) => Self::Guest,
            () if is(&["agent"]) => Self::Agent,
            () if is(&["bot"]) => Self::Bot,
            () if is(&["system"]) => Self::System,
            () => return None,
        })
    }
}

impl fmt::Display for Speaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One message of a conversation, or one line of its transcript. What the payload does not tell is absent.
#[derive(Clone, PartialEq, Eq)]
pub struct Turn {
    /// The message's id.
    pub id: Option<String>,
    /// Who said it.
    pub speaker: Speaker,
    /// When.
    pub sent_at: Option<Timestamp>,
    /// What was said; may be empty, as of a file.
    pub text: String,
    /// What the platform says became of it, in its own word: `delivered`, `read`, `delivery-failed`.
    pub status: Option<String>,
    /// What its file is called; empty where there is one without a name.
    pub file: Option<String>,
}

impl fmt::Debug for Turn {
    /// What it is, not what it says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn")
            .field("speaker", &self.speaker)
            .field("sent_at", &self.sent_at)
            .field("text", &self.text.len())
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// The turns of a conversation, in the payload's order. Never fails: what cannot be read as messages is read as lines of
/// [`transcript`]; media say nothing.
///
/// Messages are taken where the payload has some, with their times and ids: those of each of the `interactions`, or else
/// `messages`, or else `entities` (contract §2; platform contract C.4.3). Of an interaction without messages, and of a
/// payload without any, the lines of the transcript are taken: one that begins with `guest:`, `agent:`, `bot:` or
/// `system:` is a turn, and any other goes on with the one before. A direction tells the speaker where nothing else does:
/// what is inbound a guest said, what is outbound an agent, or a bot where the message says so.
///
/// ```
/// use frontdesk_domain::RecordKind;
/// use frontdesk_domain::payload::{Speaker, turns};
///
/// let line = br#"{"id":"c-1","interactions":[{"transcript":"guest: Hello\nthere\nagent: Hi"}]}"#;
/// let turns = turns(RecordKind::Details, line);
/// assert_eq!((turns[0].speaker, turns[0].text.as_str()), (Speaker::Guest, "Hello\nthere"));
/// assert_eq!((turns[1].speaker, turns[1].text.as_str()), (Speaker::Agent, "Hi"));
/// ```
#[must_use]
pub fn turns(kind: RecordKind, bytes: &[u8]) -> Vec<Turn> {
    if kind == RecordKind::Media {
        return Vec::new();
    }
    let messages = serde_json::from_slice::<Value>(bytes).ok().and_then(|payload| of_payload(kind, &payload));
    messages.unwrap_or_else(|| of_lines(&transcript(kind, bytes)))
}

/// The turns of a payload that has messages somewhere.
fn of_payload(kind: RecordKind, payload: &Value) -> Option<Vec<Turn>> {
    let list = |name: &str| payload.get(name).and_then(Value::as_array).filter(|list| !list.is_empty());
    if let Some(interactions) = list("interactions").filter(|_| kind != RecordKind::History) {
        let has_messages = |interaction: &Value| messages_of(interaction).next().is_some();
        if !interactions.iter().any(has_messages) {
            return None;
        }
        let turns = interactions.iter().flat_map(|interaction| {
            let said = interaction.get("transcript").and_then(Value::as_str).unwrap_or_default();
            match has_messages(interaction) {
                true => messages_of(interaction).collect(),
                false => of_lines(said),
            }
        });
        return Some(turns.collect());
    }
    // What a search looks through comes first: a text beside a list is the whole of it.
    if payload.get("transcript").is_some_and(Value::is_string) && kind != RecordKind::History {
        return None;
    }
    let names = if kind == RecordKind::Details { ["messages", "entities"] } else { ["entities", "messages"] };
    let found = names.into_iter().find_map(list)?;
    Some(found.iter().filter_map(of_message).collect())
}

fn messages_of(interaction: &Value) -> impl Iterator<Item = Turn> {
    let messages = interaction.get("messages").and_then(Value::as_array).map(Vec::as_slice);
    messages.unwrap_or_default().iter().filter_map(of_message)
}

fn of_message(message: &Value) -> Option<Turn> {
    let message = message.as_object()?;
    let normalized = message.get("normalizedMessage");
    let text = |name: &str| message.get(name).and_then(Value::as_str);
    let within = |name: &str| normalized?.get(name)?.as_str();
    let said = text("text").or_else(|| within("text")).or_else(|| text("textBody")).unwrap_or_default();
    let role = ["role", "purpose", "sender"].into_iter().find_map(|name| Speaker::of_label(text(name)?));
    let direction = text("direction").or_else(|| within("direction")).unwrap_or_default();
    let is_bot = text("originatingEntity").or_else(|| within("originatingEntity")) == Some("Bot");
    let speaker = role.unwrap_or(match direction {
        way if way.eq_ignore_ascii_case("inbound") => Speaker::Guest,
        way if way.eq_ignore_ascii_case("outbound") && is_bot => Speaker::Bot,
        way if way.eq_ignore_ascii_case("outbound") => Speaker::Agent,
        _ => Speaker::Unknown,
    });
    Some(Turn {
        id: text("id").map(str::to_owned),
        speaker,
        sent_at: text("timestamp").and_then(|time| time.parse().ok()),
        text: said.to_owned(),
        status: text("status").map(str::to_owned),
        file: file_of(message.get("media"), normalized),
    })
}

/// The name of the file that goes with a message.
fn file_of(media: Option<&Value>, normalized: Option<&Value>) -> Option<String> {
    let name = |file: &Value, name: &str| {
        file.get("url")?;
        Some(file.get(name).and_then(Value::as_str).unwrap_or_default().to_owned())
    };
    let attachments =
        || normalized?.get("content")?.as_array()?.iter().find_map(|part| part.get("attachment"));
    media.and_then(|media| name(media, "name")).or_else(|| name(attachments()?, "filename"))
}

/// The lines of a transcript.
fn of_lines(text: &str) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    for line in text.split('\n') {
        let labelled = line.split_once(':').and_then(|(label, said)| {
            Some((Speaker::of_label(label)?, said.strip_prefix(' ').unwrap_or(said)))
        });
        let (speaker, said) = match (labelled, turns.last_mut()) {
            (Some(turn), _) => turn,
            (None, Some(before)) => {
                before.text.push('\n');
                before.text.push_str(line);
                continue;
            }
            (None, None) if line.is_empty() => continue,
            (None, None) => (Speaker::Unknown, line),
        };
        turns.push(Turn {
            id: None,
            speaker,
            sent_at: None,
            text: said.to_owned(),
            status: None,
            file: None,
        });
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(kind: RecordKind, line: &str) -> Vec<(Speaker, String)> {
        turns(kind, line.as_bytes()).into_iter().map(|turn| (turn.speaker, turn.text)).collect()
    }

    #[test]
    fn messages_come_before_lines_and_bring_more() {
        let line = r#"{"id":"c","interactions":[
            {"transcript":"guest: a","messages":[{"id":"m-1","direction":"inbound","text":"a",
             "timestamp":"2025-01-01T00:00:00Z","status":"read","media":{"url":"https://x/y","name":"z.pdf"}}]},
            {"transcript":"agent: b"}]}"#;
        let found = turns(RecordKind::Details, line.as_bytes());
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].id.as_deref(), Some("m-1"));
        assert_eq!(found[0].status.as_deref(), Some("read"));
        assert_eq!(found[0].file.as_deref(), Some("z.pdf"));
        assert!(found[0].sent_at.is_some());
        assert_eq!((found[1].speaker, found[1].text.as_str()), (Speaker::Agent, "b"));
    }

    #[test]
    fn the_platform_tells_bots_from_people() {
        let line = r#"{"conversation":{"id":"c"},"entities":[
            {"id":"1","direction":"outbound","normalizedMessage":{"text":"hi","originatingEntity":"Bot",
             "content":[{"attachment":{"url":"u","filename":"f.png"}}]}},
            {"id":"2","normalizedMessage":{"text":"yo","direction":"Inbound"}},
            {"id":"3","textBody":"old"}, 7]}"#;
        let found = turns(RecordKind::Transcript, line.as_bytes());
        let speakers: Vec<_> = found.iter().map(|turn| turn.speaker).collect();
        assert_eq!(speakers, [Speaker::Bot, Speaker::Guest, Speaker::Unknown]);
        assert_eq!(found[0].file.as_deref(), Some("f.png"));
        assert_eq!(found[2].text, "old");
    }

    #[test]
    fn nothing_is_lost_where_nobody_is_named() {
        let of = |line| said(RecordKind::Details, line);
        assert_eq!(
            of(r#"{"id":"c","transcript":"no label\nstill"}"#),
            [(Speaker::Unknown, "no label\nstill".into())]
        );
        assert_eq!(
            of(r#"{"id":"c","transcript":"Guest: a: b\n\nagent:c\nnote: d"}"#),
            [(Speaker::Guest, "a: b\n".into()), (Speaker::Agent, "c\nnote: d".into())]
        );
        assert_eq!(of(r#"{"id":"c"}"#), []);
        assert_eq!(of("no JSON"), []);
        // A lone surrogate is no text of serde's, and still there to be read.
        let found = of(r#"{"id":"c","interactions":[{"transcript":"guest: a\ud800"}]}"#);
        assert_eq!(found, [(Speaker::Guest, "a\u{fffd}".into())]);
        assert_eq!(said(RecordKind::Media, r#"{"transcript":"a"}"#), []);
    }

    #[test]
    fn whatever_is_searched_is_shown() {
        for line in [
            r#"{"id":"c","transcript":"guest: x","messages":[{"text":"other"}]}"#,
            r#"{"id":"c","messages":[{"text":"one"},{"text":"two"},{"no":"text"}]}"#,
            r#"{"id":"c","interactions":[{"transcript":"guest: x"},{"transcript":"agent: y"}]}"#,
        ] {
            let shown: String =
                said(RecordKind::Details, line).into_iter().map(|(_, text)| text + "\n").collect();
            for part in transcript(RecordKind::Details, line.as_bytes()).lines() {
                let part = part.split_once(": ").map_or(part, |(_, said)| said);
                assert!(shown.contains(part), "{line}: {part}");
            }
        }
    }
}
