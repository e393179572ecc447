//! Whether files went with what was said.

use memchr::memmem;

use crate::RecordKind;
use crate::json::{self, Machine, Sink};

/// Whether a conversation has a file in it: a message with `attachments` (contract §4), an entity whose `normalizedMessage` has
/// content of the type `Attachment` (platform contract C.4.3), a session whose `mediaCount` is more than 0 (C.9). What
/// became of the files, the archive's media say. Never fails: bytes that are not JSON have none.
///
/// ```
/// use frontdesk_domain::RecordKind;
/// use frontdesk_domain::payload::has_attachment;
///
/// let line = br#"{"conversationId":"c-1","participants":[{"sessions":[{"mediaCount":2}]}]}"#;
/// assert!(has_attachment(RecordKind::Details, line));
/// assert!(!has_attachment(RecordKind::Details, br#"{"id":"c-1","metadata":{"attachments":[1]}}"#));
/// ```
#[must_use]
pub fn has_attachment(kind: RecordKind, bytes: &[u8]) -> bool {
    // Nearly no conversation has one, and none without one of these.
    let may_have = |sign: &str| memmem::find(bytes, sign.as_bytes()).is_some();
    if kind == RecordKind::Media || !(may_have("ttachment") || may_have("ediaCount")) {
        return false;
    }
    let mut files =
        Files { bytes, list: None, members: [None; 3], array: false, at: 0, depth: 0, found: false };
    let mut machine = Machine::new();
    machine.push(bytes, &mut files).and_then(|()| machine.finish()).is_ok() && files.found
}

/// The lists that are looked into.
#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    /// `messages`, `interactions`, `entities`.
    Messages,
    Participants,
}

/// Members on the way to a sign of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Member {
    Attachments,
    NormalizedMessage,
    Content,
    ContentType,
    Sessions,
    MediaCount,
}

impl Member {
    fn of(key: &[u8]) -> Option<Self> {
        Some(match key {
            b"attachments" => Self::Attachments,
            b"normalizedMessage" => Self::NormalizedMessage,
            b"content" => Self::Content,
            b"contentType" => Self::ContentType,
            b"sessions" => Self::Sessions,
            b"mediaCount" => Self::MediaCount,
            _ => return None,
        })
    }
}

/// Listens for the signs.
struct Files<'a> {
    bytes: &'a [u8],
    list: Option<List>,
    /// The members in progress three, four, and five or six levels deep.
    members: [Option<Member>; 3],
    /// Whether the value three levels deep is an array.
    array: bool,
    /// Where the last key or value started, and how deep.
    at: usize,
    depth: usize,
    found: bool,
}

impl Files<'_> {
    fn level(depth: usize) -> Option<usize> {
        match depth {
            3 => Some(0),
            4 => Some(1),
            5 | 6 => Some(2),
            _ => None,
        }
    }

    /// Whether the member in progress at this depth is one that says so.
    fn is_sign(&self, depth: usize) -> bool {
        let way = match (self.list, depth) {
            (Some(List::Messages), 6) => [Member::NormalizedMessage, Member::Content, Member::ContentType],
            (Some(List::Participants), 5) => {
                return self.members[0] == Some(Member::Sessions)
                    && self.members[2] == Some(Member::MediaCount);
            }
            _ => return false,
        };
        self.members == way.map(Some)
    }
}

impl Sink for Files<'_> {
    fn key_start(&mut self, at: usize, _: usize) {
        self.at = at;
    }

    fn key_end(&mut self, end: usize, depth: usize) {
        let key = &self.bytes[self.at + 1..end - 1];
        if depth == 1 {
            self.list = json::with_key(key, |key| match key {
                b"messages" | b"interactions" | b"entities" => Some(List::Messages),
                b"participants" => Some(List::Participants),
                _ => None,
            });
        }
        if let Some(level) = Self::level(depth) {
            self.members[level] = json::with_key(key, Member::of);
            self.members[level + 1..].fill(None);
        }
    }

    fn value_start(&mut self, at: usize, depth: usize, first: u8) {
        (self.at, self.depth) = (at, depth);
        match depth {
            // In a list of lists there are no members.
            2 => self.members = [None; 3],
            3 => self.array = first == b'[',
            // Something is in the array.
            4 if self.list == Some(List::Messages) => {
                self.found |= self.array && self.members[0] == Some(Member::Attachments);
            }
            _ => {}
        }
    }

    fn value_end(&mut self, end: usize, depth: usize) {
        // Nothing began inside it: it is no list and no object, or an empty one.
        if self.depth == depth && self.is_sign(depth) {
            let value = &self.bytes[self.at..end];
            self.found |= match depth {
                6 => value == br#""Attachment""#,
                _ => value.first().is_some_and(|first| matches!(first, b'1'..=b'9')),
            };
        }
    }
}
