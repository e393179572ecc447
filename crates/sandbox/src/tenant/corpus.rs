//! Conversations of a corpus: newline-delimited JSON, packed or not, as the corpus page describes it
//! (`conversationId`, `startedAt`, `services`, `messages`).
//!
//! The lines stay in memory as they came, with a few facts each; a line is read again whenever its
//! conversation is served. When more conversations are asked for than the files hold, every line is
//! served several times: copy 0 is the line itself, the others have ids and times of their own and
//! start between their line and the next, so that start times never fall.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::draft::{Draft, Message, write_json_string};
use super::phrases::RETURN;
use super::{AGENTS, Head, SOURCES};
use crate::error::Error;
use crate::moment::{Moment, write_time};
use crate::random::{Dice, hash_text, id_origins, mix, unmix_first, unmix_second, write_id};

const MILLI: i64 = 1_000_000;
const DAY: i64 = 86_400_000 * MILLI;
/// Whoever adds a message later comes back after this time.
const RETURN_AFTER: i64 = 3_600_000 * MILLI;

const QUEUES: [&str; 6] = ["web_support", "bookings", "billing", "logistics", "returns", "travel"];
/// English is what the texts are in; the others are there to be filtered by.
const TAGS: [&str; 5] = ["en", "en", "en", "en-GB", "es"];

/// One line of the files.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, rename = "conversationId")]
    id: Cow<'a, str>,
    #[serde(borrow, rename = "startedAt")]
    started_at: Cow<'a, str>,
    #[serde(borrow, default)]
    services: Vec<Cow<'a, str>>,
    #[serde(borrow)]
    messages: Vec<LineMessage<'a>>,
}

/// A message; `id`, `type` and `text` are kept as they are written, quotes and escapes included.
#[derive(Deserialize)]
struct LineMessage<'a> {
    #[serde(borrow)]
    id: &'a RawValue,
    #[serde(borrow)]
    direction: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: &'a RawValue,
    #[serde(borrow)]
    text: &'a RawValue,
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
}

/// Where a line is and what can be asked about it without reading it.
struct Entry {
    offset: usize,
    length: usize,
    /// Nanoseconds since the epoch.
    start: i64,
    end: i64,
    id_hash: u64,
    inbound: bool,
    /// Index into `services`: few combinations, many lines.
    services: usize,
}

/// The loaded files, ordered by start.
pub(super) struct Corpus {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    services: Vec<String>,
    count: u64,
    /// Which line a message is of, made when it is first asked for.
    messages: OnceLock<MessageLines>,
}

/// Which line a message is of.
#[derive(Default)]
struct MessageLines {
    /// By the id as the published contract writes it.
    own: HashMap<u128, usize>,
    /// By the hash of the id as it stands in the line, from which the ids of copies are made.
    hashed: HashMap<u64, usize>,
}

impl Corpus {
    /// Loads the files; serves `count` conversations, or as many as there are lines.
    pub(super) fn load(paths: &[PathBuf], count: Option<u64>) -> Result<Self, Error> {
        let mut corpus = Corpus {
            bytes: Vec::new(),
            entries: Vec::new(),
            services: Vec::new(),
            count: 0,
            messages: OnceLock::new(),
        };
        let mut interned = HashMap::new();
        for path in paths {
            corpus.read_file(path, &mut interned)?;
        }
        if corpus.entries.is_empty() {
            return Err(Error::setting("corpora", "the files hold no conversation"));
        }
        corpus.entries.sort_by_key(|entry| entry.start);
        corpus.count = count.unwrap_or(corpus.entries.len() as u64);
        Ok(corpus)
    }

    fn read_file(&mut self, path: &Path, interned: &mut HashMap<String, usize>) -> Result<(), Error> {
        let mut reader = open(path).map_err(|source| Error::unreadable(path, source))?;
        for number in 1.. {
            let offset = self.bytes.len();
            let read = reader
                .read_until(b'\n', &mut self.bytes)
                .map_err(|source| Error::unreadable(path, source))?;
            if read == 0 {
                break;
            }
            while self.bytes.len() > offset && self.bytes.last().is_some_and(u8::is_ascii_whitespace) {
                self.bytes.pop();
            }
            if self.bytes.len() > offset {
                let entry = entry(&self.bytes, offset, &mut self.services, interned)
                    .map_err(|problem| Error::BadLine { path: path.to_owned(), line: number, problem })?;
                self.entries.push(entry);
            }
        }
        Ok(())
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Midnight before the first start.
    pub(super) fn from(&self) -> Moment {
        let first = self.entries.first().map_or(0, |entry| entry.start);
        Moment::from_nanos(first.div_euclid(DAY).saturating_mul(DAY))
    }

    /// Midnight after the last start.
    pub(super) fn to(&self) -> Moment {
        Moment::from_nanos(self.end())
    }

    fn end(&self) -> i64 {
        let last = self.entries.last().map_or(0, |entry| entry.start);
        (last.div_euclid(DAY) + 1).saturating_mul(DAY)
    }

    pub(super) fn start(&self, number: u64) -> i64 {
        let copy = self.copy_of(number);
        self.entries[copy.line].start + copy.shift
    }

    pub(super) fn id(&self, number: u64) -> Vec<u8> {
        let copy = self.copy_of(number);
        let mut draft = Draft::default();
        if let Some(line) = self.line(copy.line) {
            self.draw_id(&line, &copy, &mut draft);
        }
        draft.arena
    }

    /// The way back from [`id`](Self::id): a line's own id is known by its hash; the id of a copy begins
    /// with the mixture of that hash and the number of the copy.
    pub(super) fn number_of(&self, id: &str) -> Option<u64> {
        let hash = hash_text(id.as_bytes());
        let lines = self.entries.iter().enumerate();
        let own = lines.clone().find(|(_, entry)| entry.id_hash == hash).map(|(line, _)| (line, 0));
        let copies = lines.flat_map(|(line, entry)| {
            id_origins(id).map(move |mixed| (line, unmix_second(mixed, entry.id_hash)))
        });
        let copies = copies.filter(|(_, place)| *place > 0 && place.is_multiple_of(2));
        let candidates = own.into_iter().chain(copies.map(|(line, place)| (line, place / 2)));
        let mut numbers = candidates.filter_map(|(line, replica)| self.number_at(line, replica));
        numbers.find(|number| {
            let copy = self.copy_of(*number);
            let Some(line) = self.line(copy.line) else { return false };
            let mut draft = Draft::default();
            if copy.replica == 0 {
                line.id == id
            } else {
                self.draw_id(&line, &copy, &mut draft);
                draft.arena == id.as_bytes()
            }
        })
    }

    /// Which conversations a message with this id can be of; `written` writes ids as the published
    /// contract does. Those of revisions are not looked for.
    pub(super) fn numbers_of_message(&self, id: uuid::Uuid, written: fn(&str) -> String) -> Vec<u64> {
        let lines = self.messages.get_or_init(|| self.message_lines(written));
        let own = lines.own.get(&id.as_u128()).and_then(|line| self.number_at(*line, 0));
        let copies = self.count.div_ceil(self.entries.len().max(1) as u64);
        let text = id.hyphenated().to_string();
        let copied = (1..copies).flat_map(|replica| {
            let lines =
                id_origins(&text).filter_map(move |roll| lines.hashed.get(&unmix_first(roll, replica)));
            lines.filter_map(move |line| self.number_at(*line, replica)).collect::<Vec<_>>()
        });
        own.into_iter().chain(copied).collect()
    }

    fn message_lines(&self, written: fn(&str) -> String) -> MessageLines {
        let mut lines = MessageLines::default();
        for index in 0..self.entries.len() {
            let Some(line) = self.line(index) else { continue };
            for message in &line.messages {
                lines.hashed.insert(hash_text(message.id.get().as_bytes()), index);
                let id = serde_json::from_str::<String>(message.id.get()).unwrap_or_default();
                lines.own.extend(u128::from_str_radix(&written(&id), 16).ok().map(|id| (id, index)));
            }
        }
        lines
    }

    /// The number of a copy of a line: the way back from [`copy_of`](Self::copy_of).
    fn number_at(&self, line: usize, replica: u64) -> Option<u64> {
        let (lines, line) = (self.entries.len() as u64, line as u64);
        let (each, extra) = (self.count / lines, self.count % lines);
        let copies = each + u64::from(line < extra);
        (replica < copies).then(|| line * each + line.min(extra) + replica)
    }

    pub(super) fn head(&self, number: u64, revisions: u32) -> Head<'_> {
        let copy = self.copy_of(number);
        let entry = &self.entries[copy.line];
        let mut dice = Dice::new(entry.id_hash, copy.replica, 0);
        Head {
            kind: "message",
            direction: if entry.inbound { "inbound" } else { "outbound" },
            start: entry.start + copy.shift,
            end: entry.end + copy.shift + i64::from(revisions) * RETURN_AFTER,
            queue: dice.pick(&QUEUES),
            agent: 1 + dice.below(AGENTS),
            language: dice.pick(&TAGS),
            services: Cow::Borrowed(&self.services[entry.services]),
            source: dice.pick(&SOURCES),
        }
    }

    /// Fills `draft` with the conversation's words.
    pub(super) fn draw(&self, number: u64, revisions: u32, draft: &mut Draft) -> Head<'_> {
        let copy = self.copy_of(number);
        if let Some(line) = self.line(copy.line) {
            draft.id = self.draw_id(&line, &copy, draft);
            for message in &line.messages {
                let message = draw_message(message, &copy, draft);
                draft.messages.push(message);
            }
            self.draw_revisions(&copy, revisions, draft);
        }
        self.head(number, revisions)
    }

    fn draw_id(&self, line: &Line<'_>, copy: &Copy, draft: &mut Draft) -> std::ops::Range<usize> {
        if copy.replica > 0 {
            let hash = self.entries[copy.line].id_hash;
            return draft
                .span(|out| write_id(out, mix(hash, 2 * copy.replica), mix(hash, 2 * copy.replica + 1)));
        }
        draft.span(|out| {
            let mut quoted = Vec::with_capacity(40);
            write_json_string(&mut quoted, &line.id);
            out.extend_from_slice(&quoted[1..quoted.len() - 1]);
        })
    }

    fn draw_revisions(&self, copy: &Copy, revisions: u32, draft: &mut Draft) {
        let entry = &self.entries[copy.line];
        for revision in 1..=u64::from(revisions) {
            let mut dice = Dice::new(mix(entry.id_hash, copy.replica), revision, 1);
            let time = entry.end + copy.shift + i64::try_from(revision).unwrap_or(0) * RETURN_AFTER;
            let message = Message {
                id: draft.span(|out| write_id(out, dice.roll(), dice.roll())),
                guest: true,
                kind: draft.span(|out| out.extend_from_slice(b"text")),
                text: draft.span(|out| out.extend_from_slice(RETURN.as_bytes())),
                timestamp: draft.span(|out| write_time(out, time)),
            };
            draft.messages.push(message);
        }
    }

    /// Loading has read every line once, so this one can be read again.
    fn line(&self, index: usize) -> Option<Line<'_>> {
        let entry = &self.entries[index];
        serde_json::from_slice(&self.bytes[entry.offset..entry.offset + entry.length]).ok()
    }

    /// Which copy of which line conversation `number` is. With T conversations of n lines every line
    /// has T / n copies, and the first T % n lines have one more; the copies of a line are neighbours.
    fn copy_of(&self, number: u64) -> Copy {
        let lines = self.entries.len() as u64;
        let (each, extra) = (self.count / lines, self.count % lines);
        let in_extra = extra * (each + 1);
        let (line, replica, copies) = if number < in_extra {
            (number / (each + 1), number % (each + 1), each + 1)
        } else {
            let rest = number - in_extra;
            (extra + rest / each.max(1), rest % each.max(1), each.max(1))
        };
        let line = usize::try_from(line).unwrap_or(usize::MAX).min(self.entries.len() - 1);
        let next = self.entries.get(line + 1).map_or(self.end(), |entry| entry.start);
        let gap = i128::from(next - self.entries[line].start);
        let shift = gap * i128::from(replica) / i128::from(copies) / i128::from(MILLI) * i128::from(MILLI);
        Copy { line, replica, shift: i64::try_from(shift).unwrap_or(0) }
    }
}

/// One copy of a line: how its times are shifted, in nanoseconds.
struct Copy {
    line: usize,
    replica: u64,
    shift: i64,
}

fn open(path: &Path) -> std::io::Result<Box<dyn BufRead>> {
    let mut file = BufReader::new(File::open(path)?);
    let packed = file.fill_buf()?.starts_with(&[0x1F, 0x8B]);
    let reader: Box<dyn Read> =
        if packed { Box::new(flate2::bufread::MultiGzDecoder::new(file)) } else { Box::new(file) };
    Ok(Box::new(BufReader::with_capacity(1 << 16, reader)))
}

/// Checks a line and takes its facts. What it says of a problem never quotes the line.
fn entry(
    bytes: &[u8],
    offset: usize,
    services: &mut Vec<String>,
    interned: &mut HashMap<String, usize>,
) -> Result<Entry, String> {
    let line: Line<'_> = serde_json::from_slice(&bytes[offset..])
        .map_err(|error| format!("column {}: not a corpus conversation", error.column()))?;
    if line.id.is_empty() {
        return Err("the conversationId is empty".to_owned());
    }
    let start = nanos(&line.started_at).ok_or("startedAt is no RFC 3339 time of the years 1678 to 2261")?;
    let mut end = start;
    for message in &line.messages {
        if [message.id, message.kind, message.text].iter().any(|value| !value.get().starts_with('"')) {
            return Err("a message's id, type or text is not a string".to_owned());
        }
        end = nanos(&message.timestamp).ok_or("a message's timestamp is no RFC 3339 time")?;
    }
    let joined = line.services.join(",");
    let index = *interned.entry(joined).or_insert_with_key(|key| {
        services.push(key.clone());
        services.len() - 1
    });
    Ok(Entry {
        offset,
        length: bytes.len() - offset,
        start,
        end,
        id_hash: hash_text(line.id.as_bytes()),
        inbound: line.messages.first().is_none_or(|message| message.direction == "inbound"),
        services: index,
    })
}

/// Nanoseconds since the epoch, with a year of room on both sides for what is added to them.
fn nanos(text: &str) -> Option<i64> {
    let moment: Moment = text.parse().ok()?;
    let room = SignedDuration::from_hours(24 * 366);
    let (first, last) =
        (Moment::from_nanos(i64::MIN).shifted(room), Moment::from_nanos(i64::MAX).shifted(-room));
    (first..=last).contains(&moment).then(|| moment.as_nanos())
}

fn draw_message(message: &LineMessage<'_>, copy: &Copy, draft: &mut Draft) -> Message {
    let raw =
        |draft: &mut Draft, value: &RawValue| draft.span(|out| out.extend_from_slice(inside_quotes(value)));
    let id = if copy.replica == 0 {
        raw(draft, message.id)
    } else {
        let hash = mix(hash_text(message.id.get().as_bytes()), copy.replica);
        draft.span(|out| write_id(out, hash, mix(hash, 1)))
    };
    let timestamp = if copy.replica == 0 && message.timestamp.ends_with('Z') {
        draft.span(|out| out.extend_from_slice(message.timestamp.as_bytes()))
    } else {
        let time = nanos(&message.timestamp).unwrap_or(0).saturating_add(copy.shift);
        draft.span(|out| write_time(out, time))
    };
    let kind = raw(draft, message.kind);
    let text = raw(draft, message.text);
    Message { id, guest: message.direction == "inbound", kind, text, timestamp }
}

/// The inside of a raw JSON string; loading has seen that it is one.
fn inside_quotes(value: &RawValue) -> &[u8] {
    let bytes = value.get().as_bytes();
    bytes.get(1..bytes.len().saturating_sub(1)).unwrap_or_default()
}
