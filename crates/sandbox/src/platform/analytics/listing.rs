//! Which conversations a query or a job finds, in order.

use std::collections::VecDeque;
use std::sync::Arc;

use super::asked::{Order, OrderBy, Wanted};
use super::filter::Filters;
use super::record::Record;
use crate::guests::Guests;
use crate::moment::Moment;
use crate::platform::talk::{Seen, Talk};
use crate::sandbox::Sandbox;
use crate::sessions::Session;
use crate::tenant::{Draft, Tenant};

/// How many lists are remembered: a client may read several windows at once.
const REMEMBERED: usize = 4;

/// One conversation of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    /// One of the start.
    Start(u64),
    /// One that was opened, by its number among those.
    Opened(u64),
}

/// What of the sandbox it takes to list conversations and to tell them.
pub(super) struct Listing<'a> {
    tenant: &'a Tenant,
    guests: &'a Guests,
    seed: u64,
    pub(super) deployment: &'a str,
    pub(super) seen: Seen,
    opened: Vec<Arc<Session>>,
}

impl<'a> Listing<'a> {
    /// Over the conversations that started in `from..to`.
    pub(super) fn of(sandbox: &'a Sandbox, from: Moment, to: Moment, now: Moment) -> Self {
        let state = sandbox.state();
        let numbers = sandbox.tenant.numbers(from, to);
        Self {
            tenant: &sandbox.tenant,
            guests: &sandbox.guests,
            seed: sandbox.config().seed,
            deployment: &sandbox.config().deployment_id,
            seen: Seen::of(&state, numbers, now),
            opened: state.sessions.started_in(from, to),
        }
    }

    /// All conversations that started in `from..to`, the earliest first.
    pub(super) fn started(&self, from: Moment, to: Moment) -> Vec<Entry> {
        let numbers = self.tenant.numbers(from, to);
        let mut entries = Vec::with_capacity(usize::try_from(numbers.end - numbers.start).unwrap_or(0));
        let mut opened = self.opened.iter().peekable();
        for number in numbers {
            let start = self.tenant.start(number);
            while let Some(session) = opened.next_if(|session| session.created.as_nanos() < start) {
                entries.push(Entry::Opened(session.number));
            }
            entries.push(Entry::Start(number));
        }
        entries.extend(opened.map(|session| Entry::Opened(session.number)));
        entries
    }

    /// When something last happened in a conversation; nothing when it goes on.
    pub(super) fn end(&self, entry: Entry) -> Option<Moment> {
        match entry {
            Entry::Start(number) => {
                let end = Moment::from_nanos(self.tenant.head_now(number, &self.seen.changes).end);
                Some(self.seen.told(number).map_or(end, |told| told.max(end)))
            }
            Entry::Opened(number) => self.session(number).and_then(|session| session.end()),
        }
    }

    /// When a conversation began.
    pub(super) fn start(&self, entry: Entry) -> Moment {
        match entry {
            Entry::Start(number) => Moment::from_nanos(self.tenant.start(number)),
            Entry::Opened(number) => self.session(number).map_or(self.seen.now, |session| session.created),
        }
    }

    pub(super) fn id(&self, entry: Entry) -> String {
        match entry {
            Entry::Start(number) => self.tenant.id(number),
            Entry::Opened(number) => {
                self.session(number).map_or_else(String::new, |session| session.id.clone())
            }
        }
    }

    fn session(&self, number: u64) -> Option<&Arc<Session>> {
        self.opened.iter().find(|session| session.number == number)
    }

    /// The conversation behind an entry.
    pub(super) fn talk(&self, entry: Entry, draft: &mut Draft) -> Talk {
        match entry {
            Entry::Start(number) => {
                Talk::of_start(self.tenant, self.guests, self.seed, &self.seen, number, draft)
            }
            Entry::Opened(number) => {
                let session = self.session(number).expect("entries are made of what was opened");
                Talk::of_session(session, &self.seen)
            }
        }
    }

    /// Those that the filters want.
    pub(super) fn matching(&self, mut entries: Vec<Entry>, filters: &Filters) -> Vec<Entry> {
        if filters.is_empty() {
            return entries;
        }
        let mut draft = Draft::default();
        entries.retain(|entry| {
            let talk = self.talk(*entry, &mut draft);
            let record = serde_json::to_value(Record::of(&talk, self.deployment, false));
            record.is_ok_and(|record| filters.hold(&record))
        });
        entries
    }

    /// In the order that is wanted; entries come the earliest first.
    pub(super) fn ordered(&self, mut entries: Vec<Entry>, order: Order, by: OrderBy) -> Vec<Entry> {
        if matches!(by, OrderBy::ConversationEnd | OrderBy::SegmentEnd) {
            entries.sort_by_cached_key(|entry| self.end(*entry));
        }
        if order == Order::Desc {
            entries.reverse();
        }
        entries
    }
}

/// The lists that were made last: the pages of a query are asked for one by one, and looking through
/// everything for each of them would take as long as all of them together.
#[derive(Debug, Default)]
pub(crate) struct Memo(VecDeque<Remembered>);

#[derive(Debug)]
struct Remembered {
    wanted: Wanted,
    seen: Fingerprint,
    entries: Arc<Vec<Entry>>,
}

/// What a list was made from.
#[derive(Debug, Clone)]
pub(super) struct Fingerprint {
    changes: Arc<crate::tenant::Changes>,
    marks: Arc<std::collections::BTreeMap<String, crate::platform::talk::Mark>>,
    fates: u64,
    opened: Vec<Arc<Session>>,
}

impl Fingerprint {
    pub(super) fn of(listing: &Listing<'_>) -> Self {
        Self {
            changes: Arc::clone(&listing.seen.changes),
            marks: Arc::clone(&listing.seen.marks),
            fates: listing.seen.fates_fingerprint(),
            opened: listing.opened.clone(),
        }
    }

    fn is(&self, other: &Self) -> bool {
        // Whoever changes one of these while it is shared makes another one.
        Arc::ptr_eq(&self.changes, &other.changes)
            && Arc::ptr_eq(&self.marks, &other.marks)
            && self.fates == other.fates
            && self.opened.len() == other.opened.len()
            && self.opened.iter().zip(&other.opened).all(|(one, other)| Arc::ptr_eq(one, other))
    }
}

impl Memo {
    pub(super) fn find(&self, wanted: &Wanted, seen: &Fingerprint) -> Option<Arc<Vec<Entry>>> {
        let found = self.0.iter().find(|one| one.wanted == *wanted && one.seen.is(seen));
        found.map(|one| Arc::clone(&one.entries))
    }

    pub(super) fn keep(&mut self, wanted: Wanted, seen: Fingerprint, entries: &Arc<Vec<Entry>>) {
        self.0.retain(|one| one.wanted != wanted);
        self.0.truncate(REMEMBERED - 1);
        self.0.push_front(Remembered { wanted, seen, entries: Arc::clone(entries) });
    }
}
