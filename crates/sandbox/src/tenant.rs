//! The tenant's conversations: number `k` of them is a function of (seed, k) or of a corpus line, so
//! that nothing is kept in memory however many there are. Start times never fall as `k` rises, so a
//! time range is a range of numbers.

mod corpus;
mod draft;
mod made;
mod phrases;

use std::borrow::Cow;
use std::ops::Range;

use crate::config::Config;
use crate::error::Error;
use crate::filter::{Facts, Field};
use crate::moment::{Moment, write_time};

use corpus::Corpus;
pub(crate) use draft::{Draft, write_json_string};
use made::Made;

/// All conversations of the tenant.
pub(crate) struct Tenant {
    source: Source,
    count: u64,
    /// Holds every start time; the end is exclusive.
    pub(crate) from: Moment,
    pub(crate) to: Moment,
}

enum Source {
    Made(Made),
    Corpus(Corpus),
}

impl Tenant {
    pub(crate) fn open(config: &Config) -> Result<Self, Error> {
        let source = if config.corpora.is_empty() {
            Source::Made(Made::new(
                config.seed,
                config.conversations.unwrap_or(2_000),
                config.from,
                config.to,
            ))
        } else {
            Source::Corpus(Corpus::load(&config.corpora, config.conversations)?)
        };
        let (count, from, to) = match &source {
            Source::Made(made) => (made.count(), config.from, config.to),
            Source::Corpus(corpus) => (corpus.count(), corpus.from(), corpus.to()),
        };
        Ok(Self { source, count, from, to })
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The numbers of the conversations that start in `[from, to)`.
    pub(crate) fn numbers(&self, from: Moment, to: Moment) -> Range<u64> {
        let first = self.first_at_or_after(from);
        first..self.first_at_or_after(to).max(first)
    }

    /// Binary search: start times never fall.
    fn first_at_or_after(&self, moment: Moment) -> u64 {
        let wanted = moment.as_nanos();
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.start(middle) < wanted { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// When conversation `number` starts, in nanoseconds since the epoch.
    pub(crate) fn start(&self, number: u64) -> i64 {
        match &self.source {
            Source::Made(made) => made.start(number),
            Source::Corpus(corpus) => corpus.start(number),
        }
    }

    /// What a filter sees of conversation `number` after `revisions` messages were added to it.
    pub(crate) fn head(&self, number: u64, revisions: u32) -> Head<'_> {
        match &self.source {
            Source::Made(made) => made.head(number, revisions),
            Source::Corpus(corpus) => corpus.head(number, revisions),
        }
    }

    /// Appends conversation `number` as JSON. `draft` is room to work in, used again and again.
    pub(crate) fn write(&self, number: u64, revisions: u32, draft: &mut Draft, out: &mut Vec<u8>) {
        draft.clear();
        let head = match &self.source {
            Source::Made(made) => made.draw(number, revisions, draft),
            Source::Corpus(corpus) => corpus.draw(number, revisions, draft),
        };
        draft.write(&head, out);
    }

    /// The id of conversation `number`.
    pub(crate) fn id(&self, number: u64) -> String {
        let id = match &self.source {
            Source::Made(made) => made.id(number),
            Source::Corpus(corpus) => corpus.id(number),
        };
        String::from_utf8_lossy(&id).into_owned()
    }
}

/// The facts of a conversation, without its words.
#[derive(Debug, Clone)]
pub(crate) struct Head<'a> {
    pub(crate) kind: &'static str,
    pub(crate) direction: &'static str,
    /// Nanoseconds since the epoch.
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) queue: &'static str,
    /// The agent is called `agent-<number>`.
    pub(crate) agent: u64,
    pub(crate) language: &'static str,
    pub(crate) services: Cow<'a, str>,
    pub(crate) source: &'static str,
}

impl Facts for Head<'_> {
    fn text(&self, field: &Field) -> Option<Cow<'_, str>> {
        Some(match field {
            Field::Type => Cow::Borrowed(self.kind),
            Field::Direction => Cow::Borrowed(self.direction),
            Field::StartTime => Cow::Owned(time_text(self.start)),
            Field::EndTime => Cow::Owned(time_text(self.end)),
            Field::Queue => Cow::Borrowed(self.queue),
            Field::Agent => Cow::Owned(format!("agent-{}", self.agent)),
            Field::Language => Cow::Borrowed(self.language),
            Field::Metadata(key) if key == "services" => Cow::Borrowed(&self.services),
            Field::Metadata(key) if key == "source" => Cow::Borrowed(self.source),
            Field::Metadata(_) => return None,
        })
    }
}

fn time_text(nanos: i64) -> String {
    let mut out = Vec::with_capacity(30);
    write_time(&mut out, nanos);
    String::from_utf8_lossy(&out).into_owned()
}

/// Where a conversation can come in from.
const SOURCES: [&str; 3] = ["web_portal", "mobile_app", "help_center"];
/// How many agents the tenant has.
const AGENTS: u64 = 40;
