//! What a fault makes of a page.

use bytes::Bytes;

use super::Effect;
use crate::moment::Moment;
use crate::page_token::Place;
use crate::tenant::write_json_string;

/// How a page differs from an honest one; the default does not.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    pub(crate) empty: bool,
    /// At most so many records.
    pub(crate) at_most: Option<u64>,
    /// Begin so many records early.
    pub(crate) back: u64,
    pub(crate) no_meta: bool,
    pub(crate) no_entities: bool,
    pub(crate) next: Next,
    pub(crate) extra: Vec<Extra>,
}

/// Where the next token leads.
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

/// A record that nothing stands behind.
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
            Some(Effect::PageWithoutMeta) => Shape { no_meta: true, ..shape },
            Some(Effect::PageWithoutEntities) => Shape { no_entities: true, ..shape },
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
    /// Its id, where it has one.
    pub(crate) fn id(&self) -> Option<&str> {
        match self {
            Extra::WithoutId => None,
            Extra::Id(id) => Some(id),
            Extra::LongTranscript(_) => Some("long-transcript"),
        }
    }

    /// Appends the record to a details page; a long one becomes pieces, so that its size is not its
    /// cost.
    pub(crate) fn write(&self, start: Moment, page: u64, out: &mut Vec<u8>, pieces: &mut Vec<(Bytes, u64)>) {
        self.write_id(page, out);
        out.extend_from_slice(b"\"type\":\"message\",\"startTime\":");
        write_json_string(out, &start.to_string());
        out.extend_from_slice(b",\"interactions\":[{\"id\":\"i-1\",\"transcript\":\"");
        self.write_words(out, pieces);
        out.extend_from_slice(b"\"}],\"metadata\":{}}");
    }

    /// The same for a history page: a message, which is never the newest.
    pub(crate) fn write_message(&self, page: u64, out: &mut Vec<u8>, pieces: &mut Vec<(Bytes, u64)>) {
        self.write_id(page, out);
        out.extend_from_slice(b"\"type\":\"text\",\"timestamp\":\"2000-01-01T00:00:00Z\",\"text\":\"");
        self.write_words(out, pieces);
        out.extend_from_slice(b"\"}");
    }

    fn write_id(&self, page: u64, out: &mut Vec<u8>) {
        out.push(b'{');
        let id = match self {
            Extra::WithoutId => return,
            Extra::Id(id) => id.clone(),
            Extra::LongTranscript(_) => format!("long-transcript-{page}"),
        };
        out.extend_from_slice(b"\"id\":");
        write_json_string(out, &id);
        out.push(b',');
    }

    fn write_words(&self, out: &mut Vec<u8>, pieces: &mut Vec<(Bytes, u64)>) {
        if let Extra::LongTranscript(bytes) = self {
            let rest = usize::try_from(bytes % WORDS.len() as u64).unwrap_or(0);
            pieces.push((Bytes::from(std::mem::take(out)), 1));
            pieces.push((Bytes::from_static(WORDS.as_bytes()), bytes / WORDS.len() as u64));
            out.extend_from_slice(&WORDS.as_bytes()[..rest]);
        }
    }
}
