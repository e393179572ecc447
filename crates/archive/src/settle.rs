//! What an opening does about what the run before left behind.

use std::collections::BTreeSet;

use frontdesk_durable::{Dir, Head, publish_with};

use crate::catalog::{Catalog, Lost, Mark};
use crate::error::{Action, During, Error};
use crate::layout::{self, Folder};
use crate::ledger::{Change, FolderName, Ledger, Ledgered, Phase, Stated};
use crate::open::OnDisk;
use crate::put::publish_sum;
use crate::segment::recover::{self, Good};
use crate::segment::walk::{Identity, Place};

/// How many lost sequence numbers an error names.
const NAMED: usize = 20;

/// Settles unsealed segments that were not stopped in good order.
pub(crate) struct Settling<'a> {
    pub(crate) dir: &'a dyn Dir,
    pub(crate) archive: [u8; 16],
    pub(crate) ledger: &'a mut Ledger,
    pub(crate) catalog: &'a Catalog,
    pub(crate) mark: Option<&'a Mark>,
    pub(crate) next_segment: u32,
    pub(crate) workers: usize,
    /// Segments that are vouched for by the catalog alone, so that this run's last line must state them.
    pub(crate) vouched: BTreeSet<u32>,
}

/// A segment that must be copied, and what was found in it.
struct Unclean {
    number: u32,
    folder: Folder,
    length: u64,
    good: Good,
}

impl Settling<'_> {
    /// Looks at everything first and changes nothing while anything is damaged.
    pub(crate) fn settle(&mut self, ledgered: &Ledgered) -> Result<Head, Error> {
        let mut unclean = Vec::new();
        let mut lines = Vec::new();
        for (&number, state) in &ledgered.segments {
            let stated = match state.phase {
                Phase::Copying => {
                    lines.push(Change::Remove { segment: number });
                    continue;
                }
                Phase::Unsealed { stated } => stated,
                Phase::Sealed { .. } | Phase::Replaced { .. } | Phase::Removed => continue,
            };
            let path = layout::segment(state.folder, number);
            let length = match self.dir.metadata(&path) {
                Ok(metadata) => metadata.len,
                // Opened in the ledger and never made.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && stated.is_none() => 0,
                Err(error) => return Err(error).during(Action::Recover, &path),
            };
            if stated.is_some_and(|stated| stated.offset == length) {
                continue;
            }
            // The catalog is told of members after the fdatasync that made them durable. What a failed one left, and
            // what nobody was told of, lies behind its mark.
            if length > 0 && self.covered(number) == length {
                self.vouched.insert(number);
                continue;
            }
            let good = if length == 0 {
                Good { place: Place::START, records: 0, raw_bytes: 0 }
            } else {
                let identity = Identity { archive: self.archive, segment: number };
                recover::survey(self.dir, &path, identity, length, self.workers)?
            };
            self.refuse_loss(number, &path, good.place.offset, stated)?;
            unclean.push(Unclean { number, folder: state.folder, length, good });
        }
        for segment in unclean {
            self.copy(&segment)?;
        }
        if !lines.is_empty() {
            self.ledger.append("a copy that was not finished", lines)?;
        }
        Ok(self.ledger.head())
    }

    /// How far the catalog goes in a segment.
    fn covered(&self, number: u32) -> u64 {
        self.mark.and_then(|mark| mark.segments.get(&number)).map_or(0, |mark| mark.place.offset)
    }

    /// What the catalog or the ledger covers was acknowledged; less than that is damage, not a torn tail.
    fn refuse_loss(&self, number: u32, path: &str, end: u64, stated: Option<Place>) -> Result<(), Error> {
        if self.covered(number) > end {
            let lost = Lost { segment: number, path: path.to_owned(), from: end };
            return Err(lost_records(self.catalog, &lost));
        }
        if stated.is_some_and(|stated| stated.offset > end) {
            let what = format!("members that were durable are not readable from byte {end} on");
            return Err(Error::damage(Action::Recover, path, what));
        }
        Ok(())
    }

    fn copy(&mut self, segment: &Unclean) -> Result<(), Error> {
        let path = layout::segment(segment.folder, segment.number);
        let end = segment.good.place.offset;
        if segment.length > end {
            self.quarantine(segment, &path)?;
        }
        if end == 0 {
            let nothing = Change::Replace { segment: segment.number, by: None, rewritten: None };
            return self.ledger.append("an unclean stop, and no member in it", vec![nothing]);
        }
        let to = self.next_segment;
        self.next_segment += 1;
        let open =
            Change::Open { segment: to, folder: FolderName(segment.folder), copy_of: Some(segment.number) };
        self.ledger.append("an unclean stop", vec![open])?;
        let identity = Identity { archive: self.archive, segment: segment.number };
        let copy = recover::copy(self.dir, &path, identity, end, to, segment.folder)
            .during(Action::Recover, &layout::segment(segment.folder, to))?;
        let folder = segment.folder.path();
        self.dir.sync_dir(&folder).during(Action::Recover, &folder)?;
        let by = Some(Stated::new(to, copy.place));
        let replace = Change::Replace { segment: segment.number, by, rewritten: None };
        self.ledger.append("an unclean stop", vec![replace])?;
        tracing::info!(from = segment.number, to, "a segment of an unclean stop was copied");
        Ok(())
    }

    /// Puts bytes aside that are no member and that nobody was told were stored.
    fn quarantine(&mut self, segment: &Unclean, path: &str) -> Result<(), Error> {
        let offset = segment.good.place.offset;
        let file = self.dir.open_read(path).during(Action::Read, path)?;
        let kept = format!("{}/{:06}-{offset}.torn", layout::QUARANTINE, segment.number);
        publish_with(self.dir, &kept, &mut |kept| recover::copy_tail(&*file, offset, segment.length, kept))
            .during(Action::Recover, &kept)?;
        let change =
            Change::Quarantine { path: path.to_owned(), offset, length: segment.length - offset, kept };
        self.ledger.append("torn by an unclean stop", vec![change])
    }
}

/// Says which acknowledged records are gone.
pub(crate) fn lost_records(catalog: &Catalog, lost: &Lost) -> Error {
    let sequences = match catalog.sequences_from(lost.segment, lost.from) {
        Ok(sequences) => sequences,
        Err(error) => return error,
    };
    let mut named: Vec<String> = sequences.iter().take(NAMED).map(u64::to_string).collect();
    if sequences.len() > NAMED {
        named.push(format!("and {} more", sequences.len() - NAMED));
    }
    let what = format!(
        "acknowledged records are gone from byte {} on: {} of them, sequence numbers {}",
        lost.from,
        sequences.len(),
        named.join(", ")
    );
    Error::damage(Action::Open, lost.path.clone(), what)
}

/// Removes the files of segments that do not count any more. The catalog points elsewhere already.
pub(crate) fn remove_replaced(dir: &dyn Dir, ledgered: &Ledgered, on_disk: &OnDisk) -> Result<(), Error> {
    for (number, (path, _)) in on_disk {
        let phase = ledgered.segments.get(number).map(|state| &state.phase);
        let sum_of_unsealed = path.ends_with(".sha256") && matches!(phase, Some(Phase::Unsealed { .. }));
        if sum_of_unsealed || matches!(phase, Some(Phase::Replaced { .. } | Phase::Removed)) {
            dir.remove(path).during(Action::Recover, path)?;
        }
    }
    Ok(())
}

/// Writes checksum files of sealed segments that are not there: they are projections of the ledger.
pub(crate) fn restore_sums(dir: &dyn Dir, ledgered: &Ledgered, on_disk: &OnDisk) -> Result<(), Error> {
    let there: BTreeSet<u32> =
        on_disk.iter().filter(|(_, (_, sum))| *sum).map(|(number, _)| *number).collect();
    for (number, state) in ledgered.living() {
        let Phase::Sealed { sha256, .. } = &state.phase else { continue };
        if !there.contains(&number) {
            publish_sum(dir, state.folder, number, sha256)?;
        }
    }
    Ok(())
}
