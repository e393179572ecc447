//! Removing conversations by retention: the one place where anything is removed because of its age.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use frontdesk_domain::{MatterName, PolicyName, RecordId, RecordKind, Timestamp};
use frontdesk_durable::Sha256Hash;

use crate::compact::LeftOut;
use crate::error::{Action, Error, ErrorKind};
use crate::ledger::{Change, Expired, ExpiredRecord, Hex};
use crate::maintenance::Maintenance;
use crate::search::index;

/// Conversations in one line of the ledger, which is one transaction of the catalog.
const LINE: usize = 256;

/// A conversation that is to be removed, as it was when that was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The conversation.
    pub id: RecordId,
    /// The latest version of its record of kind `details`.
    pub version: u32,
    /// SHA-256 of that version.
    pub sha256: Sha256Hash,
    /// The policy by which it is due.
    pub policy: PolicyName,
    /// What its age was counted from.
    pub since: Timestamp,
}

/// What became of a removal.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Removed {
    /// All its records are gone, for every reader.
    Expired {
        /// How many there were, every version counted.
        records: u64,
        /// Their bytes.
        raw_bytes: u64,
    },
    /// It is held, and stays.
    Held(Vec<MatterName>),
    /// It has another latest version than when that was decided, and stays.
    Changed,
    /// It is not there (any more).
    Missing,
}

/// How far the clock is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockTrust {
    /// How much later than the archive's last time it may be.
    pub limit: Duration,
    /// Whether somebody looked at it and says that it is right.
    pub confirmed: bool,
}

impl Default for ClockTrust {
    /// A day, and nobody looked.
    fn default() -> Self {
        Self { limit: Duration::from_hours(24), confirmed: false }
    }
}

/// What rewriting came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compacted {
    /// Segments of which nothing was kept.
    pub dropped: u64,
    /// Segments that were copied in part.
    pub rewritten: u64,
    /// Packed bytes that were given back.
    pub freed: u64,
    /// Segments that must be repaired before the bytes of removed records can be taken out of them.
    pub damaged: u64,
}

impl Maintenance {
    /// Refuses to go on while the clock is further ahead of the archive's last time than `trust` says: ledger lines
    /// of a clock that jumped do not count. With `confirmed` the ledger says that somebody vouched for it.
    ///
    /// # Errors
    /// `ClockAhead`; `Storage`.
    pub fn check_clock(&mut self, trust: ClockTrust) -> Result<(), Error> {
        let now = self.now();
        let last = self.store.ledger.fold()?.times.reliable(trust.limit);
        let Some(last) = last.filter(|last| last.checked_add(trust.limit).is_some_and(|border| now > border))
        else {
            return Ok(());
        };
        if !trust.confirmed {
            return Err(Error::new(Action::Expire, "the archive", ErrorKind::ClockAhead { last, now }));
        }
        self.store.begin_changes()?;
        self.store.ledger.append("the clock was confirmed", vec![Change::Clock {}])
    }

    /// Removes conversations, with all their records and versions, and leaves a tombstone of each: a later put of one
    /// gives [`PutOutcome::Expired`](crate::PutOutcome::Expired). Gives what became of each, in their order. Nothing
    /// that is held or has changed is removed.
    ///
    /// No reader that is opened after a conversation's line is in the ledger sees it. Its bytes are taken out of the
    /// segments before this returns; a segment that is damaged keeps them until it is repaired. Works on a full disk
    /// as long as the reserve is there.
    ///
    /// # Errors
    /// `ClockAhead` before anything is removed; `Storage` and what SQLite says: what was removed by then stays removed.
    pub fn expire(
        &mut self,
        removals: &[Removal],
        reason: &str,
        trust: ClockTrust,
    ) -> Result<(Vec<Removed>, Compacted), Error> {
        self.check_clock(trust)?;
        let mut outcomes = vec![Removed::Missing; removals.len()];
        // Segment by segment, by the first a conversation has records in: room is made early, and once a segment's
        // turn is over nothing more is removed from it, so that each is rewritten once.
        let mut by_segment: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (index, removal) in removals.iter().enumerate() {
            let found = self.store.catalog.of_conversation(&removal.id)?;
            if let Some(first) = found.iter().map(|found| found.member.segment).min() {
                by_segment.entry(first).or_default().push(index);
            }
        }
        let mut compacted = Compacted::default();
        if by_segment.is_empty() && self.store.ledger.fold()?.unrewritten.is_empty() {
            return Ok((outcomes, compacted));
        }
        self.give_up_reserve()?;
        let mut gone = Vec::new();
        for (segment, indices) in by_segment {
            for piece in indices.chunks(LINE) {
                gone.extend(self.bury(removals, piece, reason, &mut outcomes)?);
            }
            self.compact(Some(segment), &mut compacted)?;
        }
        self.compact(None, &mut compacted)?;
        // Until here the search index does not fit the catalog, and nobody uses it.
        index::removed(&self.store.dir, self.store.archive, &gone)?;
        Ok((outcomes, compacted))
    }

    /// Writes one line about some removals, as far as nothing speaks against them now. Gives the sequences of what is
    /// gone.
    fn bury(
        &mut self,
        removals: &[Removal],
        indices: &[usize],
        reason: &str,
        outcomes: &mut [Removed],
    ) -> Result<Vec<u64>, Error> {
        let (mut conversations, mut segments, mut ids) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        for &index in indices {
            let removal = &removals[index];
            let matters = self.store.catalog.matters(&removal.id)?;
            if !matters.is_empty() {
                outcomes[index] = Removed::Held(matters);
                continue;
            }
            let found = self.store.catalog.of_conversation(&removal.id)?;
            let latest = found.iter().rfind(|found| found.key.kind == RecordKind::Details);
            let Some(latest) = latest.filter(|_| ids.insert(&removal.id)) else { continue };
            if (latest.version, latest.sha256) != (removal.version, removal.sha256) {
                outcomes[index] = Removed::Changed;
                continue;
            }
            segments.extend(found.iter().map(|found| found.member.segment));
            outcomes[index] = Removed::Expired {
                records: found.len() as u64,
                raw_bytes: found.iter().map(|found| u64::from(found.length)).sum(),
            };
            let records = found.iter().map(|found| ExpiredRecord {
                kind: found.key.kind,
                version: found.version,
                sequence: found.sequence,
                sha256: Hex(found.sha256),
            });
            conversations.push(Expired {
                id: removal.id.clone(),
                policy: removal.policy.clone(),
                since: removal.since,
                records: records.collect(),
            });
        }
        if conversations.is_empty() {
            return Ok(Vec::new());
        }
        let segments = segments.into_iter().collect();
        let records = conversations.iter().flat_map(|conversation| &conversation.records);
        let gone = records.map(|record| record.sequence).collect();
        self.change(reason, Change::Expire { segments, conversations })?;
        Ok(gone)
    }

    /// Rewrites the segments that have bytes of removed records in them; one only, where it is named.
    fn compact(&mut self, only: Option<u32>, compacted: &mut Compacted) -> Result<(), Error> {
        let unrewritten = self.store.ledger.fold()?.unrewritten;
        for segment in unrewritten.into_iter().filter(|segment| only.is_none_or(|only| only == *segment)) {
            let hidden = self.store.catalog.hidden(segment)?;
            let record = |sequence: u64| hidden.binary_search(&sequence).is_ok();
            let left_out = LeftOut { record: &record, unreadable: false };
            match self.rewrite(segment, &left_out, "removed records") {
                Ok(rewrite) => {
                    match rewrite.by {
                        Some(_) => compacted.rewritten += 1,
                        None => compacted.dropped += 1,
                    }
                    compacted.freed += rewrite.before.saturating_sub(rewrite.after);
                }
                Err(error) if error.is_integrity_failure() => {
                    // Counted once, at the end.
                    compacted.damaged += u64::from(only.is_none());
                    tracing::warn!(%error, "the bytes of removed records stay until the segment is repaired");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
