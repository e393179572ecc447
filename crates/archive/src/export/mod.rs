//! Handing records out: in the documents' layout, as NDJSON, or their facts as CSV (contract §5; `docs/export.md`).
//!
//! An export is written into a folder of its own, is checked by reading it again, and can be checked by anybody with
//! `sha256sum -c` and `gzip -t`.

mod check;
mod csv;
mod files;
mod folder;
mod lines;
mod manifest;
mod media;

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use frontdesk_domain::media::media_files;
use frontdesk_domain::{RecordKey, RecordKind, TimeRange, Timestamp};
use frontdesk_durable::Dir;

use crate::catalog::{RowFilter, key_hash};
use crate::error::Error;
use crate::reader::Reader;
use crate::search::Expression;
use crate::stream::Unreadable;
use folder::Folder;
use manifest::Manifest;

/// Records that cannot be read and are named one by one; the rest is only counted.
const NAMED: usize = 20;

/// What to export, and in which form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// The form.
    pub layout: ExportLayout,
    /// Only of this kind.
    pub kind: Option<RecordKind>,
    /// Only of conversations that started in this range.
    pub started: Option<TimeRange>,
    /// Only conversations whose latest version is found by this.
    pub expression: Option<Expression>,
    /// Earlier versions too, not only the latest.
    pub all_versions: bool,
    /// The selection in words, as the manifest states it.
    pub described: String,
}

/// The form of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportLayout {
    /// The documents' layout: a `{id}_{sha8}.json.gz` for each record ([`crate::export_name`]).
    Files,
    /// `records-000001.ndjson.gz` and on: a line for each record.
    Ndjson {
        /// Packed bytes after which another file begins.
        file_bytes: u64,
    },
    /// `facts.csv`: what is known of each record without its transcript.
    Csv {
        /// Keys of the payload's `metadata` that become columns.
        metadata: Vec<String>,
    },
}

/// How far an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExportProgress {
    /// Records written.
    pub records: u64,
    /// Whether what was written is being read again.
    pub checking: bool,
}

/// What an export came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExportReport {
    /// Records in it.
    pub records: u64,
    /// Files that hold them.
    pub files: u64,
    /// Files of messages among them.
    pub media: u64,
    /// Bytes of the records.
    pub raw_bytes: u64,
    /// Bytes of the files.
    pub file_bytes: u64,
    /// Records that were asked for and cannot be read, or that could not be searched. The export is without them.
    pub unreadable: u64,
    /// The first of them.
    pub named: Vec<Unreadable>,
    /// Whether the caller asked it to stop. The folder is marked as unfinished then.
    pub interrupted: bool,
}

impl Reader {
    /// Writes an export into `to`, which is empty, or holds what an export did not finish: that is taken away first.
    ///
    /// Until it is whole the folder carries the file `EXPORT-UNFINISHED.json`; `SHA256SUMS` comes last. Everything is
    /// durable, and was read again and compared, before this returns. `stop` is asked between pages of records.
    ///
    /// # Errors
    /// `Occupied` when something else is in the folder; `Damage` when what was written reads differently; `Catalog`
    /// and what the file system says. What was written is left, marked as unfinished.
    pub fn export(
        &self,
        export: &Export,
        to: Arc<dyn Dir>,
        now: Timestamp,
        stop: &dyn Fn() -> bool,
        progress: &mut dyn FnMut(ExportProgress),
    ) -> Result<ExportReport, Error> {
        let mut report = ExportReport::default();
        let selected = self.selected(export, &mut report)?;
        let filter = RowFilter {
            kind: export.kind,
            started: export.started,
            latest_only: !export.all_versions,
            after: 0,
        };
        let wanted = |key: i64| selected.as_ref().is_none_or(|selected| selected.contains(&key));
        let mut folder = Folder::claim(to)?;
        let manifest = Manifest::new(&self.format, export, now);
        let mut referred = media::Referred::new();
        let job = Job { reader: self, filter, wanted: &wanted, stop, progress, referred: &mut referred };
        match &export.layout {
            ExportLayout::Files => files::write(job, &mut folder, &mut report)?,
            ExportLayout::Ndjson { file_bytes } => lines::write(job, &mut folder, *file_bytes, &mut report)?,
            ExportLayout::Csv { metadata } => csv::write(job, &mut folder, metadata, &mut report)?,
        }
        if !matches!(export.layout, ExportLayout::Csv { .. }) && !report.interrupted {
            media::write(self, &mut folder, &referred, stop, &mut report)?;
        }
        if report.interrupted {
            return Ok(report);
        }
        folder.publish(folder::MANIFEST, &manifest.text(&report))?;
        let written = folder.complete()?;
        progress(ExportProgress { records: report.records, checking: true });
        check::check(&written.dir, self.workers)?;
        written.release()?;
        Ok(report)
    }

    /// Hashes of the keys of the records wanted of the conversations that an expression finds; `None` where everything is wanted.
    fn selected(&self, export: &Export, report: &mut ExportReport) -> Result<Option<HashSet<i64>>, Error> {
        let Some(expression) = &export.expression else { return Ok(None) };
        let mut selected = HashSet::new();
        let searched = self.search_each(expression, &mut |found| {
            // Of a conversation that was found by its transcript the details are wanted, too.
            let RecordKey { kind, id } = found.record.key;
            let kinds = export.kind.map_or([RecordKind::Details, kind], |kind| [kind; 2]);
            selected.extend(kinds.map(|kind| key_hash(&RecordKey { kind, id: id.clone() })));
            ControlFlow::Continue(())
        })?;
        report.unreadable += searched.incomplete;
        Ok(Some(selected))
    }
}

/// What every layout is given.
struct Job<'j> {
    reader: &'j Reader,
    filter: RowFilter,
    wanted: &'j dyn Fn(i64) -> bool,
    stop: &'j dyn Fn() -> bool,
    progress: &'j mut dyn FnMut(ExportProgress),
    /// The files that the records refer to.
    referred: &'j mut media::Referred,
}

/// How a page goes on.
enum Step<T> {
    Took(T),
    Unreadable(Unreadable),
}

impl Job<'_> {
    /// Streams the selected records through `work` and `sink`, counts them, and ends when the caller wants it to.
    fn run<T: Send>(
        self,
        threads: usize,
        report: &mut ExportReport,
        work: impl Fn(&crate::catalog::Found, &[u8]) -> T + Sync,
        mut sink: impl FnMut(&crate::catalog::Found, Step<T>, &mut ExportReport) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Self { reader, filter, wanted, stop, progress, referred } = self;
        let mut at = ExportProgress::default();
        let ended = reader.stream(
            filter,
            |row| wanted(row.key_hash),
            threads,
            |row, bytes| {
                let files = if row.key.kind == RecordKind::Media { media_files(bytes) } else { Vec::new() };
                (work(row, bytes), files)
            },
            |row, worked| {
                if stop() {
                    report.interrupted = true;
                    return Err(Error::interrupted());
                }
                match worked {
                    Ok((worked, files)) => {
                        for file in files {
                            let first = || (row.key.clone(), row.version, row.sequence);
                            referred.entry(file.sha256).or_insert_with(first);
                        }
                        report.records += 1;
                        report.raw_bytes += u64::from(row.length);
                        sink(row, Step::Took(worked), report)?;
                    }
                    Err(unreadable) => {
                        report.unreadable += 1;
                        if report.named.len() < NAMED {
                            report.named.push(unreadable.clone());
                        }
                        sink(row, Step::Unreadable(unreadable), report)?;
                    }
                }
                at.records = report.records;
                progress(at);
                Ok(())
            },
        );
        match ended {
            Err(_) if report.interrupted => Ok(()),
            other => other,
        }
    }
}
