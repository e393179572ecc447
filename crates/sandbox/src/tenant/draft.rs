//! A conversation on its way to JSON. Texts are kept as the inside of a JSON string, already
//! escaped: corpus texts are passed on untouched, and a transcript is made by copying.

use std::io::Write as _;
use std::ops::Range;

use super::Head;
use crate::messages::Message as Sent;
use crate::moment::write_time;

/// Room for one conversation, cleared and filled again for the next.
#[derive(Default)]
pub(crate) struct Draft {
    /// Everything below is a span of this.
    pub(super) arena: Vec<u8>,
    pub(super) id: Range<usize>,
    pub(super) messages: Vec<Message>,
    /// The message with which a second interaction begins, if one does.
    pub(super) second: Option<usize>,
}

/// One message, as spans of the arena.
pub(super) struct Message {
    pub(super) id: Range<usize>,
    /// From the guest (`inbound`) or the agent (`outbound`).
    pub(super) guest: bool,
    pub(super) kind: Range<usize>,
    pub(super) text: Range<usize>,
    pub(super) timestamp: Range<usize>,
}

/// One message as others may see it: the insides of JSON strings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said<'a> {
    pub(crate) id: &'a [u8],
    pub(crate) kind: &'a [u8],
    pub(crate) text: &'a [u8],
    pub(crate) timestamp: &'a [u8],
    /// The guest said it.
    pub(crate) guest: bool,
}

impl Draft {
    pub(super) fn clear(&mut self) {
        self.arena.clear();
        self.messages.clear();
        self.id = 0..0;
        self.second = None;
    }

    /// Runs `write` on the arena and returns the span it added.
    pub(super) fn span(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Range<usize> {
        let start = self.arena.len();
        write(&mut self.arena);
        start..self.arena.len()
    }

    /// Adds a message that was sent.
    pub(super) fn say(&mut self, sent: &Sent) {
        let message = Message {
            id: self.span(|out| out.extend_from_slice(sent.id.as_bytes())),
            guest: sent.by_guest,
            kind: self.span(|out| out.extend_from_slice(sent.kind().as_bytes())),
            text: self.span(|out| out.extend_from_slice(&inside_of_json(&sent.text))),
            timestamp: self.span(|out| out.extend_from_slice(sent.created.to_string().as_bytes())),
        };
        self.messages.push(message);
    }

    /// Its messages, in order.
    pub(crate) fn said(&self) -> impl Iterator<Item = Said<'_>> {
        let bytes = |span: &Range<usize>| &self.arena[span.clone()];
        self.messages.iter().map(move |message| Said {
            id: bytes(&message.id),
            kind: bytes(&message.kind),
            text: bytes(&message.text),
            timestamp: bytes(&message.timestamp),
            guest: message.guest,
        })
    }

    /// The message with which a second interaction begins, if one does.
    pub(crate) fn second(&self) -> Option<usize> {
        self.second
    }

    /// Appends the conversation in the shape of the contract's §5; without `words` nobody knows any
    /// more what was said, only that it was.
    pub(super) fn write(&self, head: &Head<'_>, words: bool, out: &mut Vec<u8>) {
        self.string(out, b"{\"id\":\"", &self.id);
        out.extend_from_slice(b"\",\"type\":\"");
        out.extend_from_slice(head.kind.as_bytes());
        out.extend_from_slice(b"\",\"direction\":\"");
        out.extend_from_slice(head.direction.as_bytes());
        out.extend_from_slice(b"\",\"startTime\":\"");
        write_time(out, head.start);
        out.extend_from_slice(b"\",\"endTime\":\"");
        write_time(out, head.end);
        out.extend_from_slice(b"\",\"queue\":\"");
        out.extend_from_slice(head.queue.as_bytes());
        out.extend_from_slice(b"\",\"agent\":\"agent-");
        write_number(out, head.agent);
        out.extend_from_slice(b"\",\"language\":\"");
        out.extend_from_slice(head.language.as_bytes());
        out.extend_from_slice(b"\",\"interactions\":[");
        let split = self.second.unwrap_or(self.messages.len());
        self.interaction(out, head, 1, 0..split, words);
        if split < self.messages.len() {
            out.push(b',');
            self.interaction(out, head, 2, split..self.messages.len(), words);
        }
        out.extend_from_slice(b"],\"metadata\":{\"services\":");
        write_json_string(out, &head.services);
        out.extend_from_slice(b",\"source\":\"");
        out.extend_from_slice(head.source.as_bytes());
        out.extend_from_slice(b"\"}}");
    }

    fn interaction(
        &self,
        out: &mut Vec<u8>,
        head: &Head<'_>,
        number: u64,
        messages: Range<usize>,
        words: bool,
    ) {
        let messages = &self.messages[messages];
        out.extend_from_slice(b"{\"id\":\"i-");
        write_number(out, number);
        out.extend_from_slice(b"\",\"type\":\"");
        out.extend_from_slice(head.kind.as_bytes());
        out.extend_from_slice(b"\",\"startTime\":\"");
        match messages.first() {
            Some(first) if number > 1 => out.extend_from_slice(&self.arena[first.timestamp.clone()]),
            _ => write_time(out, head.start),
        }
        if !words {
            out.extend_from_slice(b"\"}");
            return;
        }
        out.extend_from_slice(b"\",\"transcript\":\"");
        for (index, message) in messages.iter().enumerate() {
            if index > 0 {
                out.extend_from_slice(b"\\n");
            }
            out.extend_from_slice(if message.guest { b"guest: " } else { b"agent: " });
            out.extend_from_slice(&self.arena[message.text.clone()]);
        }
        out.extend_from_slice(b"\",\"messages\":[");
        for (index, message) in messages.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            self.string(out, b"{\"id\":\"", &message.id);
            out.extend_from_slice(b"\",\"direction\":\"");
            out.extend_from_slice(if message.guest { b"inbound" } else { b"outbound" });
            self.string(out, b"\",\"type\":\"", &message.kind);
            self.string(out, b"\",\"text\":\"", &message.text);
            self.string(out, b"\",\"timestamp\":\"", &message.timestamp);
            out.extend_from_slice(b"\"}");
        }
        out.extend_from_slice(b"]}");
    }

    fn string(&self, out: &mut Vec<u8>, before: &[u8], span: &Range<usize>) {
        out.extend_from_slice(before);
        out.extend_from_slice(&self.arena[span.clone()]);
    }
}

/// A text as it stands between the quotes of a JSON string.
pub(crate) fn inside_of_json(text: &str) -> Vec<u8> {
    let mut quoted = Vec::with_capacity(text.len() + 2);
    write_json_string(&mut quoted, text);
    quoted.pop();
    quoted.split_off(1)
}

/// Appends `text` as a JSON string, quotes included.
pub(crate) fn write_json_string(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a text is JSON, and memory takes every write");
}

pub(super) fn write_number(out: &mut Vec<u8>, number: u64) {
    write!(out, "{number}").expect("memory takes every write");
}
