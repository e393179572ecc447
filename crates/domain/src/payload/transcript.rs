//! What was said.

use std::ops::Range;

use crate::RecordKind;
use crate::json::{self, Machine, Sink};

/// What was said, as one text: what the search looks through (contract §5, `transcript`).
///
/// The parts are joined with a newline, and a part that is no text is left out. Of kind `details` the parts are the
/// transcripts of all `interactions`; without that array `transcript` alone; without both the texts of `messages`.
/// A `history` has the texts of its `entities`, or else of its `messages`; a `transcript` its `transcript`, or else
/// the others, `entities` last; media say nothing. The text of an entity is its `text`, or else that of its
/// `normalizedMessage`, or else its `textBody` (platform contract C.4.3). A lone surrogate becomes U+FFFD. Never fails: bytes that are not JSON say nothing.
///
/// ```
/// use frontdesk_domain::RecordKind;
/// use frontdesk_domain::payload::transcript;
///
/// let line = br#"{"id":"c-1","interactions":[{"transcript":"guest: Hello"},{},{"transcript":"agent: Hi"}]}"#;
/// assert_eq!(transcript(RecordKind::Details, line), "guest: Hello\nagent: Hi");
/// ```
#[must_use]
pub fn transcript(kind: RecordKind, bytes: &[u8]) -> String {
    if kind == RecordKind::Media {
        return String::new();
    }
    let mut said = Said::new(bytes);
    let mut machine = Machine::new();
    if machine.push(bytes, &mut said).and_then(|()| machine.finish()).is_err() {
        return String::new();
    }
    said.text_of(kind)
}

fn join(bytes: &[u8], parts: &[Range<usize>]) -> String {
    let mut out = String::with_capacity(parts.iter().map(|part| part.len()).sum());
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        json::append_text(&bytes[part.clone()], &mut out);
    }
    out
}

/// The top-level members that hold what was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Interactions,
    Transcript,
    Messages,
    Entities,
}

impl Source {
    const COUNT: usize = Self::Entities as usize + 1;

    fn of(key: &[u8]) -> Option<Self> {
        Some(match key {
            b"interactions" => Self::Interactions,
            b"transcript" => Self::Transcript,
            b"messages" => Self::Messages,
            b"entities" => Self::Entities,
            _ => return None,
        })
    }

    /// The member of an element that holds its text, where the source is a list.
    fn member(self) -> Option<&'static [u8]> {
        match self {
            Self::Interactions => Some(b"transcript"),
            Self::Messages | Self::Entities => Some(b"text"),
            Self::Transcript => None,
        }
    }
}

/// Listens for the strings that were said. Only where they are: they are read when it is known which count.
pub(super) struct Said<'a> {
    bytes: &'a [u8],
    object: bool,
    /// The strings of each source that is there with the right type, by [`Source`].
    parts: [Option<Vec<Range<usize>>>; Source::COUNT],
    /// The top-level member in progress.
    source: Option<Source>,
    /// The same when it is a list to look into, with the member to look for.
    list: Option<(Source, &'static [u8])>,
    key_at: usize,
    /// Whether the member of an element in progress is the one.
    wanted: bool,
    /// Where the value in progress starts, and whether it is a string.
    value_at: usize,
    text: bool,
    /// The text of the element in progress.
    part: Option<Range<usize>>,
    /// Of an entity of the platform: its member in progress, whether that of its `normalizedMessage` is the text, and the
    /// texts that count when it has none of its own.
    member: Option<Member>,
    wanted_within: bool,
    normalized: Option<Range<usize>>,
    body: Option<Range<usize>>,
}

/// The members of an entity that hold its text on the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Member {
    Normalized,
    Body,
}

impl Member {
    fn of(key: &[u8]) -> Option<Self> {
        Some(match key {
            b"normalizedMessage" => Self::Normalized,
            b"textBody" => Self::Body,
            _ => return None,
        })
    }
}

impl<'a> Said<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            object: false,
            parts: [const { None }; Source::COUNT],
            source: None,
            list: None,
            key_at: 0,
            wanted: false,
            value_at: 0,
            text: false,
            part: None,
            member: None,
            wanted_within: false,
            normalized: None,
            body: None,
        }
    }

    /// What a payload of a kind says, when it was listened to from beginning to end.
    pub(super) fn text_of(&self, kind: RecordKind) -> String {
        let order: &[Source] = match kind {
            RecordKind::Details => &[Source::Interactions, Source::Transcript, Source::Messages],
            RecordKind::History => &[Source::Entities, Source::Messages],
            RecordKind::Transcript => {
                &[Source::Transcript, Source::Interactions, Source::Messages, Source::Entities]
            }
            RecordKind::Media => &[],
        };
        let parts = order.iter().find_map(|&source| self.parts[source as usize].as_deref());
        join(self.bytes, parts.unwrap_or_default())
    }
}

impl Sink for Said<'_> {
    #[inline]
    fn key_start(&mut self, at: usize, depth: usize) {
        if depth == 1 || depth == 3 || depth == 4 {
            self.key_at = at;
        }
    }

    #[inline]
    fn key_end(&mut self, end: usize, depth: usize) {
        match (depth, self.list) {
            (1, _) => self.source = json::with_key(&self.bytes[self.key_at + 1..end - 1], Source::of),
            (3, Some((source, member))) => {
                let key = &self.bytes[self.key_at + 1..end - 1];
                self.wanted = json::is_key(key, member);
                self.member = if source == Source::Entities { json::with_key(key, Member::of) } else { None };
            }
            (4, Some((_, member))) if self.member == Some(Member::Normalized) => {
                self.wanted_within = json::is_key(&self.bytes[self.key_at + 1..end - 1], member);
            }
            _ => {}
        }
    }

    #[inline]
    fn value_start(&mut self, at: usize, depth: usize, first: u8) {
        match depth {
            0 => self.object = first == b'{',
            1 => {
                self.value_at = at;
                self.text = first == b'"';
                let Some(source) = self.source else { return };
                // The last of several members counts, so whatever an earlier one held is gone.
                let member = source.member().filter(|_| first == b'[');
                self.list = member.map(|member| (source, member));
                self.parts[source as usize] = member.map(|_| Vec::new());
            }
            2 => (self.wanted, self.member) = (false, None),
            3 => {
                self.value_at = at;
                self.text = first == b'"';
                if self.member == Some(Member::Normalized) {
                    // The last of several counts, and in a list there are no members.
                    (self.normalized, self.wanted_within) = (None, false);
                }
            }
            4 if self.wanted_within => {
                self.value_at = at;
                self.text = first == b'"';
            }
            _ => {}
        }
    }

    #[inline]
    fn value_end(&mut self, end: usize, depth: usize) {
        match depth {
            1 => {
                if self.source == Some(Source::Transcript) && self.text {
                    self.parts[Source::Transcript as usize] =
                        Some(std::iter::once(self.value_at..end).collect());
                }
                self.list = None;
            }
            2 => {
                let (normalized, body) = (self.normalized.take(), self.body.take());
                let part = self.part.take().or(normalized).or(body);
                if let (Some((source, _)), Some(part)) = (self.list, part)
                    && let Some(parts) = &mut self.parts[source as usize]
                {
                    parts.push(part);
                }
            }
            3 if self.wanted => self.part = self.text.then_some(self.value_at..end),
            3 => {
                if self.member == Some(Member::Body) {
                    self.body = self.text.then_some(self.value_at..end);
                }
                self.member = None;
            }
            4 if self.wanted_within => {
                self.normalized = self.text.then_some(self.value_at..end);
                self.wanted_within = false;
            }
            _ => {}
        }
    }
}
