//! NDJSON: files of bounded size, a line for each record, exactly its bytes.

use frontdesk_durable::Dir;

use super::folder::{Folder, Growing, MANIFEST_LINES, RECORDS, RECORDS_SUFFIX, shown};
use super::{ExportReport, Job, Step, manifest};
use crate::error::{Action, Error, ErrorKind};
use crate::segment::pack;

/// Bytes that are packed at a time, into a gzip member of their own.
const BLOCK: usize = 1 << 20;

/// The file in progress.
struct Output {
    file: Option<Growing>,
    block: Vec<u8>,
    /// Lines of the file so far.
    lines: u64,
    number: u64,
    most: u64,
}

pub(super) fn write(
    job: Job<'_>,
    folder: &mut Folder,
    file_bytes: u64,
    report: &mut ExportReport,
) -> Result<(), Error> {
    let mut index = Growing::create(folder.dir.clone(), MANIFEST_LINES)?;
    let mut output = Output { file: None, block: Vec::new(), lines: 0, number: 0, most: file_bytes.max(1) };
    let threads = job.reader.workers;
    job.run(
        threads,
        report,
        |_, bytes| bytes.to_vec(),
        |row, step, report| match step {
            Step::Took(bytes) => {
                let (file, line) = output.add(folder, &bytes, report)?;
                index.write(&manifest::line(row, &file, Some(line)))
            }
            Step::Unreadable(unreadable) => index.write(&manifest::unreadable(row, &unreadable)),
        },
    )?;
    output.end(folder, report)?;
    let (name, sha256) = index.finish()?;
    folder.sum(&name, &sha256)
}

impl Output {
    fn name(&self) -> String {
        format!("{RECORDS}{:06}{RECORDS_SUFFIX}", self.number)
    }

    /// Adds a record; says in which file it is, and in which line.
    fn add(
        &mut self,
        folder: &mut Folder,
        bytes: &[u8],
        report: &mut ExportReport,
    ) -> Result<(String, u64), Error> {
        if self.file.is_none() {
            self.number += 1;
            self.lines = 0;
            self.file = Some(Growing::create(folder.dir.clone(), &self.name())?);
        }
        self.block.extend_from_slice(bytes);
        self.block.push(b'\n');
        self.lines += 1;
        let place = (self.name(), self.lines);
        if self.block.len() >= BLOCK {
            self.pack(&*folder.dir)?;
            if self.file.as_ref().is_some_and(|file| file.length() >= self.most) {
                self.end(folder, report)?;
            }
        }
        Ok(place)
    }

    fn pack(&mut self, dir: &dyn Dir) -> Result<(), Error> {
        let Some(file) = &mut self.file else { return Ok(()) };
        if !self.block.is_empty() {
            let packed = pack::gzip(&self.block);
            self.block.clear();
            self.block.shrink_to(2 * BLOCK);
            let failed = || Error::new(Action::Export, shown(dir, ""), ErrorKind::Storage);
            file.write(&packed.ok_or_else(failed)?)?;
        }
        Ok(())
    }

    /// Ends the file in progress, where there is one.
    fn end(&mut self, folder: &mut Folder, report: &mut ExportReport) -> Result<(), Error> {
        self.pack(&*folder.dir)?;
        let Some(file) = self.file.take() else { return Ok(()) };
        report.files += 1;
        report.file_bytes += file.length();
        let (name, sha256) = file.finish()?;
        folder.sum(&name, &sha256)
    }
}
