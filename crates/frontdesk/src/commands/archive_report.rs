//! `frontdesk archive report [--summary]`

use std::fmt::Write as _;

use frontdesk_archive::{Error as ArchiveError, ReportEntry, Reported, Summary};
use frontdesk_domain::Timestamp;
use frontdesk_server::view::availability;
use frontdesk_server::view::coverage::CoverageView;
use frontdesk_shell::quantity::{show_count, show_size};
use frontdesk_shell::{Exit, Failure, Format, Printer};

use crate::args::ReportArgs;
use crate::clock::WallClock;
use crate::context::Context;
use crate::{failures, store};

/// Bytes that are handed to stdout at a time.
const CHUNK: usize = 64 << 10;

pub(crate) async fn run(context: &Context<'_>, arguments: &ReportArgs) -> Result<Exit, Failure> {
    let now = WallClock::of(context).await?.now();
    let reader = store::reader(context)?;
    if arguments.summary {
        let summary = reader.summary(now).map_err(|error| failures::archive(&error))?;
        for run in &summary.unreadable_runs {
            context.printer.talk(format_args!("the log of run {run} is damaged: it proves nothing here"));
        }
        context.printer.data(&CoverageView::new(&summary, now), |_| text(&summary))?;
        return Ok(Exit::Done);
    }
    if context.printer.format() == Format::Json {
        let write = |piece: Vec<u8>| context.printer.raw(&piece).map_err(Stopped::Output);
        availability::write(&reader, now, CHUNK, &mut { write }).map_err(Stopped::into_failure)?;
        return Ok(Exit::Done);
    }
    let mut listing = Listing { printer: context.printer, text: String::new(), now };
    reader
        .report(|reported| match reported {
            Reported::Total(total) => listing.begin(total),
            Reported::Record(record) => listing.add(&record),
        })
        .map_err(Stopped::into_failure)?;
    listing.end()?;
    Ok(Exit::Done)
}

/// Why the list ended early.
enum Stopped {
    Archive(ArchiveError),
    Output(Failure),
}

impl From<ArchiveError> for Stopped {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(error)
    }
}

impl Stopped {
    fn into_failure(self) -> Failure {
        match self {
            Self::Archive(error) => failures::archive(&error),
            Self::Output(failure) => failure,
        }
    }
}

/// The list as people read it, which is never in memory as a whole. For scripts `availability::write` writes it.
struct Listing<'p> {
    printer: &'p Printer,
    text: String,
    now: Timestamp,
}

impl Listing<'_> {
    fn begin(&mut self, total: u64) -> Result<(), Stopped> {
        self.text = format!("{} files at {}\n", show_count(total), self.now);
        Ok(())
    }

    fn add(&mut self, record: &ReportEntry<'_>) -> Result<(), Stopped> {
        let ReportEntry { filename, size_bytes, last_modified } = record;
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "{last_modified:<27}  {size_bytes:>10}  {filename}");
        if self.text.len() >= CHUNK {
            self.printer.raw(self.text.as_bytes()).map_err(Stopped::Output)?;
            self.text.clear();
        }
        Ok(())
    }

    fn end(self) -> Result<(), Failure> {
        self.printer.raw(self.text.as_bytes())
    }
}

/// A day as people write it.
fn date(midnight: Timestamp) -> String {
    let text = midnight.to_string();
    text.split('T').next().unwrap_or(&text).to_owned()
}

fn text(summary: &Summary) -> String {
    let stats = &summary.stats;
    let mut text =
        format!("{:<12}{:<12}{:>12}{:>13}{:>9}", "day", "state", "stored", "provisional", "missing");
    text.push_str(&format!("{:>9}{:>9}\n", "expired", "held"));
    for day in &summary.days {
        let (date, state) = (date(day.day), day.state.as_str());
        let (stored, provisional) = (show_count(day.stored), show_count(day.provisional));
        let missing = day.missing.len();
        let (expired, held) = (show_count(day.expired), show_count(day.held));
        text.push_str(&format!("{date:<12}{state:<12}{stored:>12}{provisional:>13}{missing:>9}"));
        text.push_str(&format!("{expired:>9}{held:>9}\n"));
        for gap in &day.missing {
            text.push_str(&format!("    missing: {}\n", gap.range));
        }
    }
    if summary.undated > 0 {
        text.push_str(&format!("{:<24}{:>12}\n", "without a start", show_count(summary.undated)));
    }
    text.push_str(&format!(
        "{} conversations, {} records, {} in {} segments of {}",
        show_count(stats.conversations),
        show_count(stats.records),
        show_size(stats.raw_bytes),
        show_count(stats.segments),
        show_size(stats.packed_bytes),
    ));
    if summary.media.files > 0 {
        let (files, bytes) = (show_count(summary.media.files), show_size(summary.media.bytes));
        text.push_str(&format!("\n{files} files of messages, {bytes}"));
    }
    text
}
