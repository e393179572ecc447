//! Every member of every segment that counts.

use std::collections::BTreeMap;
use std::io;

use frontdesk_domain::{RecordId, RecordKind};

use super::{Findings, Progress, Scope};
use crate::catalog::{self, Catalog, Mark, ReadRecord};
use crate::error::{Action, During, Error};
use crate::layout::{self, Folder};
use crate::ledger::{Ledgered, Phase};
use crate::segment::check;
use crate::segment::header::Entry;
use crate::segment::scan::{self, Event, Part};
use crate::segment::walk::{Identity, Located, Place};

/// Ids named for one stretch of a segment that cannot be read.
const NAMED: usize = 1_000;

/// What the members of one segment come to, as far as the catalog covers it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Total {
    pub(super) members: u64,
    pub(super) records: u64,
    pub(super) raw_bytes: u64,
}

/// What was seen, by segment.
pub(super) type Seen = BTreeMap<u32, Total>;

/// What is known about where a segment ends.
struct Expected {
    number: u32,
    sealed: Option<Place>,
    /// Up to here it was durable, or acknowledged.
    at_least: Option<Place>,
    /// Up to here the catalog covers it.
    covered: Option<Place>,
    /// Whether the catalog covers it under the number of the segment it is a copy of, which has another chain.
    copied: bool,
}

enum Contents {
    Good { raw_bytes: u64, rows: Vec<ReadRecord>, unnamed: bool },
    Wrong { raw_bytes: u64, wrong: Vec<usize> },
    Unreadable(&'static str),
}

pub(super) fn check(
    scope: &Scope<'_>,
    ledgered: Option<&Ledgered>,
    compare: bool,
    findings: &mut Findings,
    progress: &mut dyn FnMut(Progress),
) -> Result<Seen, Error> {
    let (parts, expected) = parts(scope, ledgered, findings)?;
    let mut by_sequence = match &scope.catalog {
        Some((catalog, _)) if compare => findings.catalog(catalog.by_sequence())?,
        _ => None,
    };
    let mut walk = Checking {
        scope,
        parts: &parts,
        expected: &expected,
        findings,
        seen: Seen::new(),
        damaged: false,
        behind: false,
        progress: Progress { total_bytes: parts.iter().map(|part| part.end).sum(), ..Progress::default() },
        told: 0,
        compare,
    };
    let hidden = &scope.hidden;
    let work = |unpacker: &mut _, _: usize, member: &Located, packed: &[u8]| match check::check(
        &member.header,
        packed,
        unpacker,
    ) {
        Err(what) => Contents::Unreadable(what),
        Ok(checked) => {
            let raw_bytes = |keep: &dyn Fn(usize) -> bool| {
                let entries = member.header.entries.iter().enumerate();
                entries
                    .filter(|(index, entry)| keep(*index) && !hidden.contains(&entry.sequence))
                    .map(|(_, entry)| u64::from(entry.length))
                    .sum()
            };
            if !checked.wrong.is_empty() {
                let raw_bytes = raw_bytes(&|index| !checked.wrong.contains(&index));
                return Contents::Wrong { raw_bytes, wrong: checked.wrong };
            }
            let (mut rows, unnamed) = if compare { catalog::read_rows(&checked) } else { (Vec::new(), 0) };
            rows.retain(|row| !hidden.contains(&row.sequence));
            Contents::Good { raw_bytes: raw_bytes(&|_| true), rows, unnamed: unnamed > 0 }
        }
    };
    scan::scan(scope.dir, &parts, scope.workers, work, |event| {
        walk.take(event, progress, &mut |row, member, folder| match &mut by_sequence {
            None => Ok(true),
            Some(find) => {
                let there = find(row.sequence)?.is_some_and(|found| row.is_in(&found, member, folder, scope));
                Ok(there && refers_alike(scope, row)?)
            }
        })
    })?;
    progress(walk.progress);
    if walk.behind && !scope.active && scope.catalog.is_some() {
        let what = "it is behind the segments, and whoever can write the folder brings it up to date";
        walk.findings.unfinished(layout::CATALOG, what);
    }
    Ok(walk.seen)
}

/// Whether the catalog knows the files a record refers to, and no others.
fn refers_alike(scope: &Scope<'_>, row: &ReadRecord) -> Result<bool, Error> {
    match &scope.catalog {
        Some((catalog, _)) if row.key.kind == RecordKind::Media => {
            let known = catalog.files_of(row.sequence)?;
            Ok(known.iter().eq(row.media.iter().map(|file| &file.sha256.0)))
        }
        _ => Ok(true),
    }
}

fn parts(
    scope: &Scope<'_>,
    ledgered: Option<&Ledgered>,
    findings: &mut Findings,
) -> Result<(Vec<Part>, Vec<Expected>), Error> {
    let mark = scope.catalog.as_ref().map(|(_, mark)| mark);
    let mut segments: BTreeMap<u32, (Folder, Option<Place>, Option<Place>)> = BTreeMap::new();
    match ledgered {
        Some(ledgered) => {
            for (number, state) in ledgered.living() {
                let (sealed, stated) = match &state.phase {
                    Phase::Sealed { place, .. } => (Some(*place), None),
                    Phase::Unsealed { stated } => (None, *stated),
                    _ => continue,
                };
                segments.insert(number, (state.folder, sealed, stated));
            }
        }
        // Without a ledger, what the catalog covers.
        None => {
            for (number, mark) in mark.into_iter().flat_map(|mark: &Mark| &mark.segments) {
                segments.insert(*number, (mark.folder, mark.sealed.then_some(mark.place), None));
            }
        }
    }
    let (mut parts, mut expected) = (Vec::new(), Vec::new());
    for (number, (folder, sealed, stated)) in segments {
        let path = layout::segment(folder, number);
        let (covered, copied) = match scope.covered(number) {
            Some((mark, copied)) => (Some(mark.place), copied),
            None => (None, false),
        };
        let known = covered.filter(|_| !copied);
        let at_least = [stated, known].into_iter().flatten().max_by_key(|place| place.offset);
        let length = match scope.dir.metadata(&path) {
            Ok(metadata) => metadata.len,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if sealed.is_some() || at_least.is_some() {
                    const MISSING: &str = "the segment is missing";
                    let gone = match &scope.catalog {
                        Some((catalog, _)) => findings.catalog(catalog.sequences_from(number, 0))?,
                        None => None,
                    };
                    findings.report.unnamed |= gone.is_none();
                    findings.records(gone.unwrap_or_default(), MISSING);
                    findings.damaged(path, MISSING);
                }
                continue;
            }
            Err(error) => return Err(error).during(Action::Verify, &path),
        };
        let end = match sealed {
            None if scope.active => length.min(at_least.map_or(0, |place| place.offset)),
            _ => length,
        };
        parts.push(Part {
            path,
            identity: Identity { archive: scope.archive, segment: number },
            from: Place::START,
            linked: true,
            end,
        });
        expected.push(Expected { number, sealed, at_least, covered, copied });
    }
    Ok((parts, expected))
}

struct Checking<'a> {
    scope: &'a Scope<'a>,
    parts: &'a [Part],
    expected: &'a [Expected],
    findings: &'a mut Findings,
    seen: Seen,
    /// Whether anything was found in the part in progress.
    damaged: bool,
    /// Whether the catalog lacks anything.
    behind: bool,
    progress: Progress,
    told: u64,
    compare: bool,
}

type Compare<'c> = dyn FnMut(&ReadRecord, &Located, &Part) -> Result<bool, Error> + 'c;

impl Checking<'_> {
    fn take(
        &mut self,
        event: Event<Contents>,
        progress: &mut dyn FnMut(Progress),
        agrees: &mut Compare<'_>,
    ) -> Result<(), Error> {
        match event {
            Event::Member { part, member, result } => {
                self.member(part, &member, result, agrees)?;
                self.progress.done_bytes += member.length();
                if self.progress.done_bytes - self.told >= 256 * 1024 {
                    self.told = self.progress.done_bytes;
                    progress(self.progress);
                }
            }
            Event::Unreadable { part, offset, until, fault, followed } => {
                self.progress.done_bytes += until - offset;
                let expected = &self.expected[part];
                let known = expected.at_least.map_or(0, |place| place.offset);
                if !followed && expected.sealed.is_none() && offset >= known {
                    let what = format!("{} bytes from byte {offset} on are no member", until - offset);
                    self.findings.unfinished(self.parts[part].path.clone(), what);
                } else {
                    self.unreadable(part, offset, until, &fault.to_string())?;
                }
            }
            Event::End { part, place } => self.end(part, place),
            Event::Failed { part, source } => {
                self.damaged = false;
                let path = &self.parts[part].path;
                if source.kind() != io::ErrorKind::NotFound {
                    self.findings.damaged(path.clone(), format!("it cannot be read: {}", source.kind()));
                    self.findings.report.unnamed = true;
                } else if !self.scope.active {
                    self.findings.damaged(path.clone(), "the segment is missing");
                }
            }
        }
        Ok(())
    }

    fn member(
        &mut self,
        part: usize,
        member: &Located,
        contents: Contents,
        agrees: &mut Compare<'_>,
    ) -> Result<(), Error> {
        let path = &self.parts[part].path;
        if let Some(what) = member.misplaced {
            self.damaged = true;
            self.findings.damaged(path.clone(), format!("at byte {}: {what}", member.offset));
        }
        let hidden = &self.scope.hidden;
        let visible = |entry: &&Entry| !hidden.contains(&entry.sequence);
        let count = member.header.entries.iter().filter(visible).count() as u64;
        // What a writer that was stopped wrote beyond the catalog's mark is not in the catalog, and need not be: it is
        // caught up with as soon as the folder can be written.
        let covered = self.covers(part, member);
        let (records, raw_bytes) = match contents {
            Contents::Unreadable(what) => {
                let what = format!("at byte {}: {what}", member.offset);
                for entry in &member.header.entries {
                    self.record(part, entry, &what)?;
                }
                (0, 0)
            }
            Contents::Wrong { raw_bytes, wrong } => {
                for &index in &wrong {
                    let what = format!("at byte {}: the record is not what its hash says", member.offset);
                    self.record(part, &member.header.entries[index], &what)?;
                }
                let wrong = wrong.iter().map(|&index| &member.header.entries[index]).filter(visible).count();
                (count - wrong as u64, raw_bytes)
            }
            Contents::Good { raw_bytes, rows, unnamed } => {
                if unnamed {
                    self.damaged = true;
                    self.findings
                        .damaged(path.clone(), format!("at byte {}: a record states no id", member.offset));
                }
                for row in &rows {
                    if self.compare
                        && covered
                        && self.findings.catalog(agrees(row, member, &self.parts[part]))? == Some(false)
                    {
                        let id = Some(row.key.id.clone());
                        self.findings.record(
                            layout::CATALOG,
                            id,
                            "a row is missing, or is not what the segment says",
                        );
                    }
                }
                (count, raw_bytes)
            }
        };
        if covered {
            let total = self.seen.entry(self.expected[part].number).or_default();
            total.members += 1;
            total.records += records;
            total.raw_bytes += raw_bytes;
        }
        self.findings.report.records += records;
        self.findings.report.raw_bytes += raw_bytes;
        self.progress.records += records;
        Ok(())
    }

    /// Whether the catalog covers a member.
    fn covers(&mut self, part: usize, member: &Located) -> bool {
        let expected = &self.expected[part];
        let covered = expected.covered.unwrap_or(Place::START);
        if member.offset >= covered.offset {
            self.behind = true;
            return false;
        }
        let place = Place {
            offset: member.end(),
            number: member.header.number.wrapping_add(1),
            previous: member.hash,
        };
        let stands = match covered.offset.cmp(&member.end()) {
            std::cmp::Ordering::Greater => true,
            // At the end of all the segment itself is looked at.
            std::cmp::Ordering::Equal => {
                expected.copied || covered == place || member.end() == self.parts[part].end
            }
            std::cmp::Ordering::Less => false,
        };
        if !stands {
            let what = format!("segment {} has no member that ends where it says", expected.number);
            self.findings.damaged(layout::CATALOG, what);
        }
        true
    }

    fn record(&mut self, part: usize, entry: &Entry, what: &str) -> Result<(), Error> {
        self.damaged = true;
        let id = match (&entry.id, &self.scope.catalog) {
            (Some(id), _) => Some(id.clone()),
            (None, Some((catalog, _))) => self.findings.catalog(id_of(catalog, entry.sequence))?.flatten(),
            (None, None) => None,
        };
        self.findings.records([entry.sequence], what);
        self.findings.record(&self.parts[part].path, id, what);
        Ok(())
    }

    /// Names the records that lie, as far as the catalog knows, where no header can be read.
    fn unreadable(&mut self, part: usize, offset: u64, until: u64, what: &str) -> Result<(), Error> {
        self.damaged = true;
        let (path, number) = (&self.parts[part].path, self.expected[part].number);
        let what = format!("at byte {offset}: {what}");
        let sequences = match &self.scope.catalog {
            Some((catalog, _)) => {
                self.findings.catalog(catalog.sequences_between(number, offset, until))?.unwrap_or_default()
            }
            None => Vec::new(),
        };
        self.findings.report.unnamed |= sequences.is_empty();
        self.findings.records(sequences.iter().copied(), &what);
        let named = sequences.len().min(NAMED);
        for sequence in &sequences[..named] {
            let id = match &self.scope.catalog {
                Some((catalog, _)) => self.findings.catalog(id_of(catalog, *sequence))?.flatten(),
                None => None,
            };
            self.findings.record(path, id, &what);
        }
        if named == 0 || named < sequences.len() {
            let more = sequences.len() - named;
            let rest = if more > 0 { format!("{what}; {more} more records") } else { what };
            self.findings.damaged(path.clone(), rest);
        }
        Ok(())
    }

    fn end(&mut self, part: usize, place: Place) {
        let expected = &self.expected[part];
        let path = &self.parts[part].path;
        let damaged = std::mem::take(&mut self.damaged);
        self.seen.entry(expected.number).or_default();
        if damaged {
            return; // it cannot end as it should
        }
        let what = match (expected.sealed, expected.at_least) {
            (Some(sealed), _) if place != sealed => "it does not end as it did when it was sealed",
            (None, Some(known)) if place.offset < known.offset => {
                "members that were acknowledged are gone from its end"
            }
            (None, Some(known)) if place.offset == known.offset && place != known => {
                "its last member is not the one that was acknowledged"
            }
            _ if expected
                .covered
                .filter(|_| !expected.copied)
                .is_some_and(|covered| covered.offset == place.offset && covered != place) =>
            {
                "its last member is not the one the catalog knows"
            }
            _ => return,
        };
        self.findings.damaged(path.clone(), what);
    }
}

fn id_of(catalog: &Catalog, sequence: u64) -> Result<Option<RecordId>, Error> {
    Ok(catalog.by_sequence()?(sequence)?.map(|found| found.key.id))
}

impl ReadRecord {
    /// Whether the catalog's row says the same as the segment.
    fn is_in(&self, found: &catalog::Found, member: &Located, part: &Part, scope: &Scope<'_>) -> bool {
        found.key == self.key
            && found.key_hash == self.key_hash
            && found.version == self.version
            && found.sha256 == self.sha256
            && found.stable == self.stable
            && found.start == self.start
            && found.length == self.length
            && found.started_at == self.started_at
            && layout::segment(found.folder, scope.now(found.member.segment)) == part.path
            && found.member.number == member.header.number
            && found.member.offset == member.offset
            && found.member.length == member.length()
            && found.member.archived_at == member.header.archived_at
    }
}
