//! The messages of a history, in the order in which they are served.

use std::ops::Range;
use std::sync::Arc;

use super::untidy::{Oddity, Untidy};
use crate::media::Link;
use crate::messages::Message;
use crate::moment::{Moment, write_time};
use crate::random::{hash_text, mix};
use crate::sessions::Session;
use crate::tenant::{Changes, Draft, LongHistory, Said, Tenant, inside_of_json, write_json_string};

const SECOND: i64 = 1_000_000_000;

/// Whose history.
#[derive(Debug, Clone)]
pub(crate) enum Talk {
    /// That of conversation `number`, to which so many messages were added, and these were sent.
    Conversation { number: u64, revisions: u32, sent: Vec<Arc<Message>> },
    /// That of a session that was opened.
    Opened(Arc<Session>),
    /// That of the conversation without an end.
    Long,
}

impl Talk {
    /// That of conversation `number` by now.
    pub(crate) fn conversation(number: u64, changes: &Changes) -> Self {
        let (revisions, sent) = (changes.of(number).revisions, changes.sent(number).to_vec());
        Talk::Conversation { number, revisions, sent }
    }
}

/// A message as it is served. Texts are the insides of JSON strings.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(super) id: Vec<u8>,
    pub(super) kind: Vec<u8>,
    pub(super) text: Option<Vec<u8>>,
    pub(super) timestamp: Vec<u8>,
    /// When it was sent, in nanoseconds since the epoch, as far as the timestamp tells.
    pub(super) time: Option<i64>,
    pub(super) media: Option<Media>,
    pub(super) unknown_type: bool,
    /// The message was served before.
    pub(super) repeated: bool,
}

/// What a message leads to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Media {
    /// Something behind a link of the sandbox's own.
    Link(Link),
    /// Something that was sent along.
    Sent { url: Where, name: String },
}

/// Where something is that was sent along.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Where {
    /// At this URL.
    Url(String),
    /// At this path of the sandbox.
    Path(String),
}

impl Media {
    /// The whole link, and the name of what it leads to.
    fn url_and_name(&self, base: &str, seed: u64) -> (String, &str) {
        match self {
            Media::Link(link) => (link.url(base, seed), link.name()),
            Media::Sent { url: Where::Url(url), name } => (url.clone(), name),
            Media::Sent { url: Where::Path(path), name } => (format!("{base}{path}"), name),
        }
    }
}

/// A history: how many rows there are, and any range of them.
pub(crate) enum Rows<'a> {
    /// Few enough to have them all.
    All(Vec<Row>),
    /// Made as they are asked for.
    Long { history: &'a LongHistory, untidy: Untidy, hash: u64 },
}

impl<'a> Rows<'a> {
    pub(crate) fn of(tenant: &'a Tenant, talk: &Talk, untidy: Untidy, seed: u64) -> Self {
        match (talk, &tenant.long) {
            (Talk::Conversation { number, revisions, sent }, _) => {
                let hash = mix(mix(seed, 0x0DD1), *number);
                let mut draft = Draft::default();
                tenant.draw(*number, *revisions, &mut draft);
                let said = draft.said().map(|said| Row::of(said, hash, Some(*number)));
                Rows::All(all(said.chain(sent.iter().flat_map(|message| rows(message))), untidy, hash))
            }
            (Talk::Opened(session), _) => {
                let hash = mix(mix(seed, 0x0DD3), session.number);
                Rows::All(all(session.said.iter().flat_map(|message| rows(message)), untidy, hash))
            }
            (Talk::Long, Some(history)) => Rows::Long { history, untidy, hash: mix(seed, 0x0DD2) },
            (Talk::Long, None) => Rows::All(Vec::new()),
        }
    }

    pub(crate) fn len(&self) -> u64 {
        match self {
            Rows::All(rows) => rows.len() as u64,
            Rows::Long { history, .. } => history.messages,
        }
    }

    /// These rows; a range that goes too far is cut.
    pub(crate) fn range(&self, range: Range<u64>) -> Vec<Row> {
        let (start, end) = (range.start.min(self.len()), range.end.min(self.len()));
        match self {
            Rows::All(rows) => {
                let index = |number| usize::try_from(number).unwrap_or(usize::MAX);
                rows.get(index(start)..index(end)).unwrap_or_default().to_vec()
            }
            Rows::Long { history, untidy, hash } => long(history, *untidy, *hash, start..end),
        }
    }
}

/// A message that was sent: its words with the first of what came along, then the rest of that.
fn rows(message: &Message) -> impl Iterator<Item = Row> {
    let media = |index: usize| {
        let attachment = message.attachments.get(index)?;
        let url = match &attachment.url {
            Some(url) => Where::Url(url.clone()),
            None => Where::Path(crate::media::path_of_sent(&message.id, index, &attachment.filename)),
        };
        Some(Media::Sent { url, name: attachment.filename.clone() })
    };
    let row = move |index: usize| Row {
        id: match index {
            0 => message.id.as_bytes().to_vec(),
            more => format!("{}-{}", message.id, more + 1).into_bytes(),
        },
        kind: message.attachments.get(index).map_or("text", |one| one.kind()).as_bytes().to_vec(),
        text: (index == 0).then(|| inside_of_json(&message.text)),
        timestamp: message.created.to_string().into_bytes(),
        time: Some(message.created.as_nanos()),
        media: media(index),
        unknown_type: false,
        repeated: false,
    };
    (0..message.attachments.len().max(1)).map(row)
}

fn all(said: impl Iterator<Item = Row>, untidy: Untidy, hash: u64) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (index, mut row) in said.enumerate() {
        let oddity = untidy.oddity(hash, index as u64);
        let before = rows.last().and_then(|row| row.time);
        row.apply(oddity, before);
        let again = (oddity == Some(Oddity::Duplicate)).then(|| Row { repeated: true, ..row.clone() });
        rows.push(row);
        rows.extend(again);
    }
    rows
}

/// Rows of the long history: each is its own message, or the one before it once more.
fn long(history: &LongHistory, untidy: Untidy, hash: u64, range: Range<u64>) -> Vec<Row> {
    let mut draft = Draft::default();
    let first = range.start.saturating_sub(1);
    history.draw(first..range.end, &mut draft);
    let rows: Vec<Row> = draft.said().map(|said| Row::of(said, hash, None)).collect();
    let numbered = (first..).zip(&rows);
    let made = numbered.map(|(number, row)| {
        let before = number.checked_sub(1);
        let oddity = untidy.oddity(hash, number);
        let mut row = match (oddity, before) {
            // The one before is tidy: oddities only hit every second message.
            (Some(Oddity::Duplicate), Some(before)) if before >= first => {
                let index = usize::try_from(before - first).unwrap_or(usize::MAX);
                rows.get(index).map_or_else(|| row.clone(), |before| Row { repeated: true, ..before.clone() })
            }
            _ => row.clone(),
        };
        row.apply(oddity, before.map(|before| history.time(before)));
        row
    });
    made.skip(usize::try_from(range.start - first).unwrap_or(0)).collect()
}

impl Row {
    fn of(said: Said<'_>, hash: u64, number: Option<u64>) -> Self {
        let time = std::str::from_utf8(said.timestamp).ok().and_then(|text| text.parse::<Moment>().ok());
        let time = time.map(Moment::as_nanos);
        let media = Link::of(said.kind, mix(hash_text(said.id), hash), number, time.unwrap_or(0));
        Row {
            id: said.id.to_vec(),
            kind: said.kind.to_vec(),
            text: Some(said.text.to_vec()),
            timestamp: said.timestamp.to_vec(),
            time,
            media: media.map(Media::Link),
            unknown_type: false,
            repeated: false,
        }
    }

    /// Makes the row as odd as it shall be. `before` is the time of the row before, which is tidy.
    fn apply(&mut self, oddity: Option<Oddity>, before: Option<i64>) {
        match oddity {
            None | Some(Oddity::Duplicate) => {}
            Some(Oddity::Backwards) => self.set_time(before.map(|before| before - SECOND)),
            Some(Oddity::Equal) => self.set_time(before),
            Some(Oddity::Unreadable) => {
                self.time = None;
                let texts = ["yesterday at noon", "2025-02-30T10:00:00Z", "1740823200", ""];
                let index = usize::try_from(hash_text(&self.id) % 4).unwrap_or(0);
                self.timestamp = texts[index].as_bytes().to_vec();
            }
            Some(Oddity::UnknownType) => {
                self.kind = b"carousel".to_vec();
                self.unknown_type = true;
                self.text = None;
                self.media = None;
            }
            Some(Oddity::Zoned) => {
                if let Some(time) = self.time {
                    self.timestamp.clear();
                    write_time(&mut self.timestamp, time.saturating_add(5 * 3_600 * SECOND + 1_800 * SECOND));
                    // The Z at the end.
                    self.timestamp.pop();
                    self.timestamp.extend_from_slice(b"+05:30");
                }
            }
        }
    }

    fn set_time(&mut self, time: Option<i64>) {
        if let Some(time) = time {
            self.time = Some(time);
            self.timestamp.clear();
            write_time(&mut self.timestamp, time);
        }
    }

    /// Appends the message as JSON; links lead to the sandbox at `base`.
    pub(super) fn write(&self, base: &str, seed: u64, out: &mut Vec<u8>) {
        let mut field = |name: &[u8], value: &[u8]| {
            out.extend_from_slice(name);
            out.extend_from_slice(value);
        };
        field(b"{\"id\":\"", &self.id);
        field(b"\",\"type\":\"", &self.kind);
        if let Some(text) = &self.text {
            field(b"\",\"text\":\"", text);
        }
        field(b"\",\"timestamp\":\"", &self.timestamp);
        out.push(b'"');
        if let Some(media) = &self.media {
            let (url, name) = media.url_and_name(base, seed);
            out.extend_from_slice(b",\"media\":{\"url\":");
            write_json_string(out, &url);
            out.extend_from_slice(b",\"name\":");
            write_json_string(out, name);
            out.push(b'}');
        }
        out.push(b'}');
    }
}
