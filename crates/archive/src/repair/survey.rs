//! What is damaged, and what is lost with it. Changes nothing.

use std::collections::BTreeSet;
use std::io;

use frontdesk_domain::{RecordKey, Timestamp};
use frontdesk_durable::Dir;

use super::LostRecord;
use crate::catalog::{Catalog, Mark};
use crate::error::{Action, During, Error};
use crate::layout::{self, Folder};
use crate::ledger::{Ledgered, Phase};
use crate::segment::check;
use crate::segment::header::Header;
use crate::segment::scan::{self, Event, Part};
use crate::segment::walk::{Identity, Located, Place};

/// A segment that must be written anew.
pub(super) struct Damaged {
    pub(super) number: u32,
    pub(super) folder: Folder,
    pub(super) sealed: bool,
    /// Bytes of the file; `None` when it is missing.
    pub(super) length: Option<u64>,
    pub(super) what: Vec<String>,
    /// Stretches of the file whose bytes are put aside.
    pub(super) stretches: Vec<(u64, u64)>,
    /// Offsets of members of which nothing is kept.
    pub(super) dropped: BTreeSet<u64>,
    /// Records that are not what their hash says, in members that are kept otherwise.
    pub(super) wrong: BTreeSet<u64>,
    pub(super) kept: u64,
    pub(super) lost: Vec<LostRecord>,
}

impl Damaged {
    pub(super) fn path(&self) -> String {
        layout::segment(self.folder, self.number)
    }
}

/// What a worker makes of a member: the places of its wrong records, or why nothing of it can be believed.
type Contents = Result<Vec<usize>, &'static str>;

/// The segment in progress.
struct Looking<'a> {
    damaged: Damaged,
    identity: Identity,
    /// Where a sealed segment ends, by the ledger.
    sealed: Option<Place>,
    /// Up to here members were acknowledged.
    at_least: u64,
    known: Option<(&'a Catalog, &'a Mark)>,
    /// Sequences of records that were there.
    named: BTreeSet<u64>,
    /// Sequences of those that are.
    good: Vec<u64>,
    last: u64,
}

/// Looks at every segment that counts.
pub(super) fn survey(
    dir: &dyn Dir,
    archive: [u8; 16],
    ledgered: &Ledgered,
    known: Option<(&Catalog, &Mark)>,
    workers: usize,
) -> Result<Vec<Damaged>, Error> {
    let (mut parts, mut looking) = (Vec::new(), Vec::new());
    for (number, state) in ledgered.living() {
        let path = layout::segment(state.folder, number);
        let (sealed, stated) = match &state.phase {
            Phase::Sealed { place, .. } => (Some(*place), place.offset),
            Phase::Unsealed { stated } => (None, stated.map_or(0, |stated| stated.offset)),
            _ => continue,
        };
        let covered =
            known.and_then(|(_, mark)| mark.segments.get(&number)).map_or(0, |mark| mark.place.offset);
        let length = match dir.metadata(&path) {
            Ok(metadata) => Some(metadata.len),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).during(Action::Repair, &path),
        };
        let identity = Identity { archive, segment: number };
        let end = length.unwrap_or(0);
        parts.push(Part { path, identity, from: Place::START, linked: true, end });
        looking.push(Looking {
            damaged: Damaged {
                number,
                folder: state.folder,
                sealed: sealed.is_some(),
                length,
                what: Vec::new(),
                stretches: Vec::new(),
                dropped: BTreeSet::new(),
                wrong: BTreeSet::new(),
                kept: 0,
                lost: Vec::new(),
            },
            identity,
            sealed,
            at_least: stated.max(covered),
            known,
            named: BTreeSet::new(),
            good: Vec::new(),
            last: 0,
        });
    }
    let work = |unpacker: &mut _, _: usize, member: &Located, packed: &[u8]| -> Contents {
        check::check(&member.header, packed, unpacker).map(|checked| checked.wrong)
    };
    scan::scan(dir, &parts, workers, work, |event| match event {
        Event::Member { part, member, result } => {
            looking[part].member(&member, result);
            Ok(())
        }
        Event::Unreadable { part, offset, until, fault, followed } => {
            looking[part].unreadable(offset, until, &fault.to_string(), followed);
            Ok(())
        }
        Event::End { part, place } => {
            looking[part].end(place);
            Ok(())
        }
        Event::Failed { source, .. } if source.kind() == io::ErrorKind::NotFound => Ok(()),
        Event::Failed { part, source } => Err(source).during(Action::Repair, &parts[part].path),
    })?;
    let mut found = Vec::new();
    for segment in looking {
        if let Some(damaged) = segment.finish()? {
            found.push(damaged);
        }
    }
    Ok(found)
}

impl Looking<'_> {
    fn member(&mut self, member: &Located, contents: Contents) {
        let (from, until) = (member.offset, member.end());
        let header = &member.header;
        if header.archive != self.identity.archive || header.segment != self.identity.segment {
            self.drop_member(from, until, "a member belongs elsewhere", None);
            return;
        }
        if let Some(what) = member.misplaced {
            self.damaged.what.push(format!("at byte {from}: {what}"));
        }
        let first = header.entries.first().map_or(0, |entry| entry.sequence);
        if first <= self.last {
            // Its records are there already, or it is out of its order.
            self.drop_member(from, until, "a member is there twice, or too late", None);
            return;
        }
        if self.sealed.is_some_and(|place| from >= place.offset) {
            self.drop_member(from, until, "a member lies behind the segment's end", None);
            return;
        }
        match contents {
            Err(what) => {
                self.drop_member(from, until, what, Some(header));
            }
            Ok(wrong) => {
                self.last = header.entries.last().map_or(self.last, |entry| entry.sequence);
                self.damaged.kept += (header.entries.len() - wrong.len()) as u64;
                let good = header.entries.iter().enumerate().filter(|(index, _)| !wrong.contains(index));
                self.good.extend(good.map(|(_, entry)| entry.sequence));
                if !wrong.is_empty() {
                    self.stretch(from, until, "a record is not what its hash says");
                    let sequences = wrong.iter().map(|index| header.entries[*index].sequence);
                    self.damaged.wrong.extend(sequences.clone());
                    self.named.extend(sequences);
                    if wrong.len() == header.entries.len() {
                        self.damaged.dropped.insert(from);
                    }
                }
            }
        }
    }

    fn unreadable(&mut self, offset: u64, until: u64, fault: &str, followed: bool) {
        // What nobody was told of is torn, not damaged: the next opening settles it.
        if followed || self.sealed.is_some() || offset < self.at_least {
            self.stretch(offset, until, fault);
        }
    }

    fn end(&mut self, place: Place) {
        if let Some(sealed) = self.sealed {
            if place.offset < sealed.offset {
                self.damaged.what.push("it is shorter than it was when it was sealed".to_owned());
            } else if place != sealed && self.damaged.what.is_empty() {
                self.damaged.what.push("it does not end as it did when it was sealed".to_owned());
            }
        } else if place.offset < self.at_least {
            let from = place.offset;
            self.damaged.what.push(format!("members that were durable are gone from byte {from} on"));
        }
    }

    fn finish(mut self) -> Result<Option<Damaged>, Error> {
        if self.damaged.length.is_none() {
            if self.at_least == 0 && self.sealed.is_none() {
                return Ok(None); // opened in the ledger and never made
            }
            self.damaged.what.push("the segment is missing".to_owned());
        }
        if self.damaged.what.is_empty() {
            return Ok(None);
        }
        let path = self.damaged.path();
        if let Some((catalog, _)) = self.known {
            // What the catalog has there and nobody found.
            self.named.extend(catalog.sequences_from(self.damaged.number, 0)?);
        }
        self.good.sort_unstable();
        self.named.retain(|sequence| self.good.binary_search(sequence).is_err());
        let mut by_sequence = match self.known {
            Some((catalog, _)) => Some(catalog.by_sequence()?),
            None => None,
        };
        for &sequence in &self.named {
            let found = match &mut by_sequence {
                Some(find) => find(sequence)?,
                None => None,
            };
            let time = |micros: Option<i64>| Timestamp::from_micros(micros?).ok();
            let (key, version, started_at): (Option<RecordKey>, Option<u32>, Option<Timestamp>) = match found
            {
                Some(found) => (Some(found.key), Some(found.version), time(found.started_at)),
                None => (None, None, None),
            };
            self.damaged.lost.push(LostRecord { sequence, key, version, started_at, segment: path.clone() });
        }
        Ok(Some(self.damaged))
    }

    /// Nothing of a member is kept.
    fn drop_member(&mut self, from: u64, until: u64, what: &str, header: Option<&Header>) {
        self.damaged.dropped.insert(from);
        self.stretch(from, until, what);
        self.named.extend(header.into_iter().flat_map(|header| &header.entries).map(|entry| entry.sequence));
    }

    fn stretch(&mut self, from: u64, until: u64, what: &str) {
        self.damaged.what.push(format!("at byte {from}: {what}"));
        self.damaged.stretches.push((from, until));
    }
}
