//! What is known to be wrong with what is stored, or lost, so that no conversation goes without a word.
//!
//! What a repair gave up is in the ledger. What checks found is in a file of its own ([`findings`]): it says something of
//! this copy of the archive on this disk, so it is no truth and may be deleted. Neither is taken back by hand: what is
//! found sound again, or replaced by a later version, does not count any more.

mod findings;
mod note;

use std::collections::BTreeMap;

use frontdesk_domain::{RecordId, RecordKey, RecordKind, Timestamp};

use crate::catalog::{Catalog, Latest, Lookup, key_hash};
use crate::error::Error;
use crate::reader::Reader;
use crate::show::Record;

pub(crate) use findings::Finding;

/// How a conversation stands, as far as is known without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Integrity {
    /// Nothing is known to be wrong with it.
    #[default]
    Sound,
    /// Stored bytes of it are known to be wrong, or its latest version was lost.
    Damaged,
    /// Nothing is left of it that could be shown.
    Lost,
}

impl Integrity {
    /// `sound`, `damaged` or `lost`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sound => "sound",
            Self::Damaged => "damaged",
            Self::Lost => "lost",
        }
    }
}

/// A record that is known to be damaged or lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// What it was found by.
    pub key: RecordKey,
    /// Its version.
    pub version: u32,
    /// When its conversation started.
    pub started_at: Option<Timestamp>,
    /// Since when it is known.
    pub since: Timestamp,
    /// What a check found, without customer text; `None` where a repair gave it up.
    pub what: Option<String>,
    /// Whether a later version was stored since, so that nothing is missing but this one.
    pub replaced: bool,
}

/// A record that was read now.
#[derive(Debug)]
pub struct Examined {
    /// What it is found by.
    pub key: RecordKey,
    /// Its version.
    pub version: u32,
    /// Its place in the order of storing.
    pub(crate) sequence: u64,
    /// Its bytes, or that they are not what was stored.
    pub outcome: Result<Record, Error>,
}

/// What is known, as a search needs it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// The sequences of what is searched of conversations that are damaged, in order.
    pub(crate) documents: Vec<u64>,
    /// Those among them that a check found to be wrong themselves.
    pub(crate) unread: Vec<Unread>,
    /// Conversations of which nothing that could be searched is left, in order of sequence.
    pub(crate) gone: Vec<Unread>,
}

/// What stands for a conversation that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unread {
    pub(crate) sequence: u64,
    pub(crate) key: RecordKey,
    pub(crate) version: u32,
    pub(crate) started_at: Option<Timestamp>,
}

/// One record of which something is known.
struct Entry {
    unread: Unread,
    since: Timestamp,
    what: Option<String>,
    /// Whether the catalog has it.
    there: bool,
}

impl Known {
    /// How the conversation stands whose searched record has this sequence.
    pub(crate) fn integrity(&self, sequence: u64) -> Integrity {
        match self.documents.binary_search(&sequence) {
            Ok(_) => Integrity::Damaged,
            Err(_) => Integrity::Sound,
        }
    }

    /// What is left of a conversation, by the sequence that stands for it.
    pub(crate) fn gone(&self, sequence: u64) -> Option<&Unread> {
        let at = self.gone.binary_search_by_key(&sequence, |gone| gone.sequence).ok()?;
        self.gone.get(at)
    }
}

impl Reader {
    /// The records of a conversation that are known to be damaged or lost, by kind and version; empty when nothing is
    /// known. Nothing is read for it.
    ///
    /// # Errors
    /// What is wrong with the catalog.
    pub fn damage_of(&self, id: &RecordId) -> Result<Vec<Damage>, Error> {
        let findings = self.findings();
        self.ask(|catalog| {
            let moment = catalog.reading()?;
            let mut lookup = Lookup::prepare(&moment)?;
            let mut found = Vec::new();
            for entry in entries(catalog, &findings, Some(id))?.into_values().flatten() {
                let latest = latest(&mut lookup, &entry.unread.key)?;
                let replaced = !entry.counts(latest);
                let Entry { unread: Unread { key, version, started_at, .. }, since, what, .. } = entry;
                found.push(Damage { key, version, started_at, since, what, replaced });
            }
            found.sort_by_key(|damage| (damage.key.kind.code(), damage.version));
            Ok(found)
        })
    }

    /// Reads every record of a conversation that the catalog knows, all versions, and compares each with its hash.
    ///
    /// # Errors
    /// What keeps the archive from being read at all. Damage is in the answer.
    pub fn examine(&self, id: &RecordId) -> Result<Vec<Examined>, Error> {
        let rows = self.ask(|catalog| catalog.of_conversation(id))?;
        let mut examined = Vec::with_capacity(rows.len());
        for row in rows {
            let outcome = match self.show_sequence(row.sequence) {
                // Retention removed it meanwhile.
                Ok(None) => continue,
                Ok(Some(record)) => Ok(record),
                Err(error) if error.is_integrity_failure() => Err(error),
                Err(error) => return Err(error),
            };
            examined.push(Examined { key: row.key, version: row.version, sequence: row.sequence, outcome });
        }
        examined.sort_by_key(|one| (one.key.kind.code(), one.version));
        Ok(examined)
    }

    /// What is known, as a search needs it.
    pub(crate) fn known_damage(&self) -> Result<Known, Error> {
        let findings = self.findings();
        self.ask(|catalog| {
            let mut known = Known::default();
            if findings.is_empty() && catalog.lost(None)?.is_empty() {
                return Ok(known);
            }
            let moment = catalog.reading()?;
            let found = entries(catalog, &findings, None)?;
            let mut lookup = Lookup::prepare(&moment)?;
            for (id, entries) in found {
                known.add(&mut lookup, &id, entries)?;
            }
            known.documents.sort_unstable();
            known.gone.sort_unstable_by_key(|gone| gone.sequence);
            Ok(known)
        })
    }
}

impl Known {
    fn add(&mut self, lookup: &mut Lookup<'_>, id: &RecordId, entries: Vec<Entry>) -> Result<(), Error> {
        let mut counting = Vec::new();
        for entry in entries {
            if entry.counts(latest(lookup, &entry.unread.key)?) {
                counting.push(entry);
            }
        }
        let searched = [RecordKind::Transcript, RecordKind::Details];
        for kind in searched {
            let key = RecordKey { kind, id: id.clone() };
            let Some(document) = latest(lookup, &key)? else { continue };
            if !counting.is_empty() {
                self.documents.push(document.sequence);
            }
            let own = counting.into_iter().find(|entry| entry.unread.sequence == document.sequence);
            self.unread.extend(own.map(|entry| entry.unread));
            return Ok(());
        }
        let place = |entry: &Entry| {
            (searched.iter().position(|kind| *kind == entry.unread.key.kind), entry.unread.sequence)
        };
        let standing = counting.into_iter().filter(|entry| place(entry).0.is_some());
        // A transcript before details, as in a search; of several versions the last.
        let first = standing.min_by_key(|entry| (place(entry).0, std::cmp::Reverse(place(entry).1)));
        self.gone.extend(first.map(|entry| entry.unread));
        Ok(())
    }
}

impl Entry {
    /// Whether anything is wrong by it still: its bytes are there and wrong, or nothing came after it.
    fn counts(&self, latest: Option<Latest>) -> bool {
        self.there || latest.is_none_or(|latest| latest.sequence < self.unread.sequence)
    }
}

fn latest(lookup: &mut Lookup<'_>, key: &RecordKey) -> Result<Option<Latest>, Error> {
    lookup.latest(key_hash(key), key)
}

/// What ledger and checks say, by conversation; of one only, where it is named.
fn entries(
    catalog: &Catalog,
    findings: &[Finding],
    of: Option<&RecordId>,
) -> Result<BTreeMap<RecordId, Vec<Entry>>, Error> {
    let mut found: BTreeMap<RecordId, Vec<Entry>> = BTreeMap::new();
    let lost = catalog.lost(of)?;
    let mut by_sequence = catalog.by_sequence()?;
    for finding in findings.iter().filter(|finding| of.is_none_or(|id| *id == finding.id)) {
        let there = by_sequence(finding.sequence)?.is_some();
        // A repair gave it up, or retention removed it.
        let over = lost.binary_search_by_key(&finding.sequence, |lost| lost.sequence).is_ok();
        if over || (!there && catalog.tombstone(&finding.id)?.is_some()) {
            continue;
        }
        found.entry(finding.id.clone()).or_default().push(Entry {
            unread: Unread {
                sequence: finding.sequence,
                key: RecordKey { kind: finding.kind, id: finding.id.clone() },
                version: finding.version,
                started_at: finding.started_at,
            },
            since: finding.found_at,
            what: Some(finding.what.clone()),
            there,
        });
    }
    for row in lost {
        found.entry(row.key.id.clone()).or_default().push(Entry {
            unread: Unread {
                sequence: row.sequence,
                key: row.key,
                version: row.version,
                started_at: row.started_at,
            },
            since: row.at,
            what: None,
            there: false,
        });
    }
    Ok(found)
}
