//! What a fault makes of a details page.

use bytes::Bytes;

use super::Effect;
use crate::moment::Moment;
use crate::page_token::Place;
use crate::tenant::write_json_string;

/// How a page differs from an honest one; the default does not.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    pub(crate) empty: bool,
    /// At most so many conversations.
    pub(crate) at_most: Option<u64>,
    /// Begin so many conversations early.
    pub(crate) back: u64,
    pub(crate) next: Next,
    pub(crate) extra: Vec<Extra>,
}

/// Where `nextPage` leads.
#[derive(Debug, Default)]
pub(crate) enum Next {
    #[default]
    Honest,
    /// To the page at hand, by the token that fetched it.
    Repeat,
    /// To the page at hand, by another token.
    Again,
    /// To the page before.
    Before,
    /// Wherever this text leads.
    Text(String),
}

/// A record that no conversation stands behind.
#[derive(Debug)]
pub(crate) enum Extra {
    WithoutId,
    Id(String),
    LongTranscript(u64),
}

impl Shape {
    pub(crate) fn of(effect: Option<&Effect>) -> Self {
        let shape = Shape::default();
        match effect {
            // An empty page leads on by a new token, since the next page has another number.
            Some(Effect::EmptyPage) => Shape { empty: true, next: Next::Again, ..shape },
            Some(Effect::ShortPage { records }) => Shape { at_most: Some(*records), ..shape },
            Some(Effect::Drift { records }) => Shape { back: *records, ..shape },
            Some(Effect::RepeatToken) => Shape { next: Next::Repeat, ..shape },
            Some(Effect::LoopToken) => Shape { next: Next::Before, ..shape },
            Some(Effect::SamePage) => Shape { next: Next::Again, ..shape },
            Some(Effect::NextPage(text)) => Shape { next: Next::Text(text.clone()), ..shape },
            Some(Effect::RecordWithoutId) => Shape { extra: vec![Extra::WithoutId], ..shape },
            Some(Effect::Ids(ids)) => Shape { extra: ids.iter().cloned().map(Extra::Id).collect(), ..shape },
            Some(Effect::LongTranscript { bytes }) => {
                Shape { extra: vec![Extra::LongTranscript(*bytes)], ..shape }
            }
            _ => shape,
        }
    }
}

impl Next {
    /// Where the page after the one at `here` is; `honest` is where it should be.
    pub(crate) fn place(
        &self,
        here: Place,
        honest: Option<Place>,
        before: impl FnOnce() -> Place,
    ) -> Option<Place> {
        match self {
            Next::Honest | Next::Text(_) => honest,
            Next::Repeat => Some(here),
            Next::Again => Some(Place { page: here.page + 1, ..here }),
            Next::Before => Some(before()),
        }
    }

    /// The token that is sent, when `token` is the one that leads to the place.
    pub(crate) fn token(&self, token: Option<String>) -> Option<String> {
        match self {
            Next::Text(text) => Some(text.clone()),
            _ => token,
        }
    }
}

const WORDS: &str = "word after word ";

impl Extra {
    /// Appends the record; a long one becomes pieces, so that its size is not its cost.
    pub(crate) fn write(&self, start: Moment, page: u64, out: &mut Vec<u8>, pieces: &mut Vec<(Bytes, u64)>) {
        out.push(b'{');
        match self {
            Extra::WithoutId => {}
            Extra::Id(id) => {
                out.extend_from_slice(b"\"id\":");
                write_json_string(out, id);
                out.push(b',');
            }
            Extra::LongTranscript(_) => {
                out.extend_from_slice(b"\"id\":");
                write_json_string(out, &format!("long-transcript-{page}"));
                out.push(b',');
            }
        }
        out.extend_from_slice(b"\"type\":\"message\",\"startTime\":");
        write_json_string(out, &start.to_string());
        out.extend_from_slice(b",\"interactions\":[{\"id\":\"i-1\",\"transcript\":\"");
        if let Extra::LongTranscript(bytes) = self {
            let rest = usize::try_from(bytes % WORDS.len() as u64).unwrap_or(0);
            pieces.push((Bytes::from(std::mem::take(out)), 1));
            pieces.push((Bytes::from_static(WORDS.as_bytes()), bytes / WORDS.len() as u64));
            out.extend_from_slice(&WORDS.as_bytes()[..rest]);
        }
        out.extend_from_slice(b"\"}],\"metadata\":{}}");
    }
}
