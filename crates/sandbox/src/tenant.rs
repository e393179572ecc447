//! The tenant's conversations: number `k` of them is a function of (seed, k) or of a corpus line, so
//! that nothing is kept in memory however many there are. Start times never fall as `k` rises, so a
//! time range is a range of numbers.

mod corpus;
mod draft;
mod long;
mod made;
mod phrases;
mod whose;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use crate::config::Config;
use crate::error::Error;
use crate::filter::{Facts, Field};
use crate::messages::Message;
use crate::moment::{Moment, write_time};

use corpus::Corpus;
pub(crate) use draft::{Draft, Said, inside_of_json, write_json_string};
pub(crate) use long::LongHistory;
use made::Made;

/// All conversations of the tenant.
pub(crate) struct Tenant {
    source: Source,
    count: u64,
    /// The conversation without an end, when one was asked for.
    pub(crate) long: Option<LongHistory>,
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
        let long = config.long_history.map(|messages| LongHistory::new(config.seed, messages, from));
        Ok(Self { source, count, long, from, to })
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
    pub(crate) fn write(&self, number: u64, changes: &Changes, draft: &mut Draft, out: &mut Vec<u8>) {
        let change = changes.of(number);
        let mut head = self.draw(number, change.revisions, draft);
        for message in changes.sent(number) {
            draft.say(message);
        }
        changes.prolong(number, &mut head);
        draft.write(&head, !change.forgotten, out);
    }

    /// What a filter sees of conversation `number` by now.
    pub(crate) fn head_now(&self, number: u64, changes: &Changes) -> Head<'_> {
        let mut head = self.head(number, changes.of(number).revisions);
        changes.prolong(number, &mut head);
        head
    }

    /// Fills `draft` with the words of conversation `number`, whoever may see them.
    pub(crate) fn draw(&self, number: u64, revisions: u32, draft: &mut Draft) -> Head<'_> {
        draft.clear();
        match &self.source {
            Source::Made(made) => made.draw(number, revisions, draft),
            Source::Corpus(corpus) => corpus.draw(number, revisions, draft),
        }
    }

    /// The id of conversation `number`.
    pub(crate) fn id(&self, number: u64) -> String {
        let id = match &self.source {
            Source::Made(made) => made.id(number),
            Source::Corpus(corpus) => corpus.id(number),
        };
        String::from_utf8_lossy(&id).into_owned()
    }

    /// The number of the conversation with this id, found without a table of ids.
    pub(crate) fn number_of(&self, id: &str) -> Option<u64> {
        match &self.source {
            Source::Made(made) => made.number_of(id),
            Source::Corpus(corpus) => corpus.number_of(id),
        }
    }
}

/// What happened to conversations since the start.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changes {
    revisions: BTreeMap<u64, u32>,
    forgotten: BTreeSet<u64>,
    sent: BTreeMap<u64, Vec<Arc<Message>>>,
}

/// What happened to one conversation.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Change {
    /// So many messages were added.
    pub(crate) revisions: u32,
    /// Its messages were given up together with its guest (contract §6, `retainData=false`).
    pub(crate) forgotten: bool,
}

impl Changes {
    pub(crate) fn of(&self, number: u64) -> Change {
        Change {
            revisions: self.revisions.get(&number).copied().unwrap_or(0),
            forgotten: self.forgotten.contains(&number),
        }
    }

    /// Adds a message; says how many were added by now.
    pub(crate) fn revise(&mut self, number: u64) -> u32 {
        let revisions = self.revisions.entry(number).or_default();
        *revisions += 1;
        *revisions
    }

    /// The conversations that were revised.
    pub(crate) fn revised(&self) -> impl Iterator<Item = u64> {
        self.revisions.keys().copied()
    }

    pub(crate) fn forget(&mut self, number: u64) {
        self.forgotten.insert(number);
    }

    /// Adds a message that was sent.
    pub(crate) fn say(&mut self, number: u64, message: &Arc<Message>) {
        self.sent.entry(number).or_default().push(Arc::clone(message));
    }

    /// The messages that were sent to a conversation.
    pub(crate) fn sent(&self, number: u64) -> &[Arc<Message>] {
        self.sent.get(&number).map(Vec::as_slice).unwrap_or_default()
    }

    /// A conversation ends with its last message.
    fn prolong(&self, number: u64, head: &mut Head<'_>) {
        if let Some(last) = self.sent(number).last() {
            head.end = head.end.max(last.created.as_nanos());
        }
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
pub(crate) const AGENTS: u64 = 40;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write as _;

    /// Lines that start at the given seconds of a day, out of order and some at once.
    fn corpus(starts: &[u32]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        for (index, start) in starts.iter().enumerate() {
            let time = Moment::from_nanos(1_740_000_000_000_000_000 + i64::from(*start) * 1_000_000_000);
            writeln!(file, r#"{{"conversationId":"c-{index}","startedAt":"{time}","messages":[]}}"#).unwrap();
        }
        file
    }

    /// What the binary search says, against a look at every conversation.
    fn lookup_is_brute_force(tenant: &Tenant, cuts: &[i64]) {
        let starts: Vec<i64> = (0..tenant.count()).map(|number| tenant.start(number)).collect();
        assert!(starts.is_sorted());
        assert!(starts.iter().all(|start| (tenant.from..tenant.to).contains(&Moment::from_nanos(*start))));
        assert_eq!(tenant.numbers(tenant.from, tenant.to), 0..tenant.count());
        let edges = cuts.iter().copied().chain(starts.iter().flat_map(|start| [*start, start + 1]));
        for edge in edges {
            let (from, to) = (Moment::from_nanos(edge), tenant.to.max(Moment::from_nanos(edge)));
            let wanted = starts.iter().filter(|start| **start >= edge).count() as u64;
            let numbers = tenant.numbers(from, to);
            assert_eq!(numbers.end - numbers.start, wanted);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn made_starts_never_fall_and_the_lookup_finds_them(
            seed: u64, count in 0_u64..300, millis in 1_u64..10_000_000, cut in 0_i64..10_000_000,
        ) {
            let from = Config::default().from;
            let to = from.plus(std::time::Duration::from_millis(millis));
            let config = Config { seed, conversations: Some(count), from, to, ..Config::default() };
            lookup_is_brute_force(&Tenant::open(&config).unwrap(), &[from.as_nanos() + cut * 1_000_000]);
        }

        #[test]
        fn copied_starts_never_fall_and_the_lookup_finds_them(
            starts in proptest::collection::vec(0_u32..86_400, 1..20), count in 0_u64..120,
        ) {
            let file = corpus(&starts);
            let corpora = vec![file.path().to_owned()];
            let config = Config { corpora, conversations: Some(count), ..Config::default() };
            lookup_is_brute_force(&Tenant::open(&config).unwrap(), &[]);
        }

        #[test]
        fn every_id_leads_to_its_number_and_no_other_does(
            seed: u64, starts in proptest::collection::vec(0_u32..86_400, 1..20), count in 0_u64..120,
        ) {
            let file = corpus(&starts);
            let corpora = vec![file.path().to_owned()];
            let made = Config { seed, conversations: Some(count), ..Config::default() };
            let smaller = Config { seed, conversations: Some(count / 2), ..Config::default() };
            let smaller = Tenant::open(&smaller).unwrap();
            for config in [Config { corpora, ..made.clone() }, made] {
                let tenant = Tenant::open(&config).unwrap();
                for number in 0..count {
                    prop_assert_eq!(tenant.number_of(&tenant.id(number)), Some(number));
                    if number >= count / 2 {
                        prop_assert_eq!(smaller.number_of(&tenant.id(number)), None);
                    }
                }
                for stranger in ["", "c-99", "00000000-0000-4001-8000-000000000002"] {
                    prop_assert_eq!(tenant.number_of(stranger), None);
                }
            }
        }
    }

    #[test]
    fn a_million_conversations_have_a_million_ids_and_cost_nothing() {
        let tenant =
            Tenant::open(&Config { conversations: Some(1_000_000_000), ..Config::default() }).unwrap();
        let ids: std::collections::HashSet<_> = (0..100_000).map(|number| tenant.id(number)).collect();
        assert_eq!(ids.len(), 100_000);
        let half = tenant.numbers(tenant.from, "2025-07-02T12:00:00Z".parse().unwrap());
        assert_eq!(half, 0..500_000_000);
    }

    #[test]
    fn what_a_filter_sees_is_what_is_served() {
        let file = corpus(&[5, 500]);
        let corpora = vec![file.path().to_owned()];
        for config in [Config::default(), Config { corpora, conversations: Some(9), ..Config::default() }] {
            let tenant = Tenant::open(&config).unwrap();
            let mut draft = Draft::default();
            for (number, revisions) in [(0, 0), (1, 3), (7, 1)] {
                let mut out = Vec::new();
                let mut changes = Changes::default();
                for _ in 0..revisions {
                    changes.revise(number);
                }
                tenant.write(number, &changes, &mut draft, &mut out);
                let served: serde_json::Value = serde_json::from_slice(&out).unwrap();
                assert_eq!(served["id"], tenant.id(number));
                let head = tenant.head(number, revisions);
                for (field, value) in [
                    (Field::Type, &served["type"]),
                    (Field::Direction, &served["direction"]),
                    (Field::StartTime, &served["startTime"]),
                    (Field::EndTime, &served["endTime"]),
                    (Field::Queue, &served["queue"]),
                    (Field::Agent, &served["agent"]),
                    (Field::Language, &served["language"]),
                    (Field::Metadata("services".to_owned()), &served["metadata"]["services"]),
                    (Field::Metadata("source".to_owned()), &served["metadata"]["source"]),
                ] {
                    assert_eq!(head.text(&field).as_deref(), value.as_str(), "{field:?}");
                }
            }
        }
    }
}
