//! The plain scan: every conversation, by what is searched of it, inflated and looked at.
//!
//! It needs nothing but the segments and the catalog's note of which versions are the latest.

use std::io;

use frontdesk_domain::query::Document;

use super::collect::Keep;
use super::sequences::Sequences;
use crate::catalog::{self, Mark};
use crate::error::Error;
use crate::layout;
use crate::reader::Reader;
use crate::segment::check::{self, Checked};
use crate::segment::header::{Entry, Header};
use crate::segment::scan::{self, Event, Part};
use crate::segment::walk::{Identity, Place};

/// How often the segments may change while they are searched.
const LOOKS: u32 = 5;

/// What a worker makes of a member.
struct Found<T> {
    made: Vec<T>,
    unreadable: u64,
}

/// What is made of a conversation with this sequence; `None` when it is of no interest.
pub(super) type Work<'a, T> = &'a (dyn Fn(u64, Document<'_>) -> Option<T> + Sync);

/// How far a scan has come.
#[derive(Default)]
struct Progress {
    /// Conversations that could not be read.
    incomplete: u64,
    /// The part of which a member was read last, and where that ends.
    reached: (usize, u64),
    /// Whether a segment was not there any more.
    vanished: bool,
}

impl Reader {
    /// Reads all conversations and keeps what `work` makes of them. Gives how many could not be read, whatever the reason.
    ///
    /// # Errors
    /// What is wrong with the catalog.
    pub(super) fn scan<T: Send>(&self, work: Work<'_, T>, keep: &mut dyn Keep<T>) -> Result<u64, Error> {
        let mut progress = Progress::default();
        for _ in 0..LOOKS {
            progress = Progress::default();
            keep.begin();
            let mark = self.look(work, keep, &mut progress)?;
            if !progress.vanished {
                break;
            }
            // A writer puts copies in the place of segments when it settles an unclean stop. Then everything is
            // looked for again: some of it is elsewhere now, and would be missed without a word.
            self.refresh()?;
            if self.mark()?.segments.keys().eq(mark.segments.keys()) {
                break;
            }
        }
        Ok(progress.incomplete)
    }

    /// Reads everything once; gives what the catalog covered then.
    fn look<T: Send>(
        &self,
        work: Work<'_, T>,
        keep: &mut dyn Keep<T>,
        progress: &mut Progress,
    ) -> Result<Mark, Error> {
        let (mark, superseded) = self.snapshot()?;
        let parts = parts(&mark, self.format.archive());
        scan::scan(
            &*self.dir,
            &parts,
            self.workers,
            |unpacker, _, member, packed| match check::check(&member.header, packed, unpacker) {
                Ok(checked) => made(&checked, &superseded, work),
                Err(_) => Found { made: Vec::new(), unreadable: conversations(&member.header, &superseded) },
            },
            |event| self.collect(event, &parts, keep, progress),
        )?;
        Ok(mark)
    }

    fn collect<T>(
        &self,
        event: Event<Found<T>>,
        parts: &[Part],
        keep: &mut dyn Keep<T>,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        match event {
            Event::Member { member, result, part } => {
                let identity = parts[part].identity;
                if member.header.archive != identity.archive || member.header.segment != identity.segment {
                    // Of another segment: whatever belongs here cannot be read.
                    progress.incomplete += self.lost(identity.segment, member.offset, member.end())?;
                    return Ok(());
                }
                progress.reached = (part, member.end());
                progress.incomplete += result.unreadable;
                result.made.into_iter().for_each(|one| keep.take(one));
            }
            Event::Unreadable { part, offset, until, .. } => {
                progress.incomplete += self.lost(parts[part].identity.segment, offset, until)?;
            }
            Event::End { part, place } => {
                let part = &parts[part];
                if place.offset < part.end {
                    progress.incomplete += self.lost(part.identity.segment, place.offset, part.end)?;
                }
            }
            Event::Failed { part, source } => {
                let from = if progress.reached.0 == part { progress.reached.1 } else { 0 };
                let part = &parts[part];
                progress.vanished |= source.kind() == io::ErrorKind::NotFound;
                tracing::warn!(path = %part.path, error = %source, "left out: it cannot be read");
                progress.incomplete += self.lost(part.identity.segment, from, part.end)?;
            }
        }
        Ok(())
    }

    /// Latest conversations that lie, as the catalog knows, in a stretch of a segment.
    fn lost(&self, segment: u32, offset: u64, until: u64) -> Result<u64, Error> {
        self.ask(|catalog| catalog.latest_between(segment, offset, until))
    }

    /// How far to read, and what is not the latest of what is read: both of one moment, lest a writer that is
    /// at work make a conversation appear twice or not at all.
    fn snapshot(&self) -> Result<(Mark, Sequences), Error> {
        let archive = self.format.archive();
        self.ask(|catalog| {
            let mut superseded = Sequences::default();
            let mark = catalog.snapshot(&archive, |sequence| superseded.insert(sequence))?;
            Ok((mark, superseded))
        })
    }
}

fn parts(mark: &Mark, archive: [u8; 16]) -> Vec<Part> {
    let part = |(number, segment): (&u32, &catalog::SegmentMark)| Part {
        path: layout::segment(segment.folder, *number),
        identity: Identity { archive, segment: *number },
        from: Place::START,
        linked: true,
        end: segment.place.offset,
    };
    mark.segments.iter().map(part).collect()
}

fn is_latest(entry: &Entry, superseded: &Sequences) -> bool {
    catalog::is_searched(entry.kind) && !superseded.contains(entry.sequence)
}

fn conversations(header: &Header, superseded: &Sequences) -> u64 {
    header.entries.iter().filter(|entry| is_latest(entry, superseded)).count() as u64
}

fn made<T>(checked: &Checked<'_>, superseded: &Sequences, work: Work<'_, T>) -> Found<T> {
    let mut found = Found { made: Vec::new(), unreadable: 0 };
    for (index, entry, _, bytes) in checked.records() {
        if !is_latest(entry, superseded) {
            continue;
        }
        if checked.wrong.contains(&index) {
            found.unreadable += 1;
            continue;
        }
        let document = Document::of(entry.kind, bytes).version(entry.version);
        found.made.extend(work(entry.sequence, document));
    }
    found
}
