//! Shows a job's progress and notes to the person at the terminal.

use std::sync::atomic::{AtomicU64, Ordering};

use frontdesk_archiver::monitor::Progress as JobProgress;
use frontdesk_archiver::{Monitor, Note};
use frontdesk_domain::{RunId, TranscriptReport};
use frontdesk_shell::Printer;
use frontdesk_shell::progress::Progress;
use frontdesk_shell::quantity::{show_count, show_size};

/// Listens to a pull or an import.
pub(crate) struct Watch<'p> {
    printer: &'p Printer,
    progress: Progress<'p>,
    unit: Unit,
    /// Where the listing stands while the texts are taken.
    reached: AtomicU64,
}

/// What [`JobProgress::done`] counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Seconds of the range that was asked for.
    Range,
    /// Bytes read.
    Bytes,
}

impl<'p> Watch<'p> {
    pub(crate) fn new(printer: &'p Printer, progress: Progress<'p>, unit: Unit) -> Self {
        Self { printer, progress, unit, reached: AtomicU64::new(0) }
    }
}

impl Monitor for Watch<'_> {
    fn started(&self, run: &RunId, resumed: bool, windows: usize) {
        let what = if resumed { "goes on with" } else { "begins" };
        self.progress.say(self.printer, &format!("{what} run {run}: {windows} windows"));
    }

    fn stored(&self, job: &JobProgress) {
        self.reached.store(job.done, Ordering::Relaxed);
        self.progress.at(job.done, || {
            let seen = show_count(job.tally.seen());
            let new = show_count(job.tally.stored + job.tally.versions_added);
            match self.unit {
                Unit::Range => {
                    let percent = (job.done * 100).checked_div(job.total).unwrap_or(100);
                    format!(
                        "{percent} % of the range, {seen} conversations on {} pages, {new} new",
                        show_count(job.pages)
                    )
                }
                Unit::Bytes => format!("{} read, {seen} conversations, {new} new", show_size(job.done)),
            }
        });
    }

    fn transcripts(&self, counts: &TranscriptReport) {
        self.progress.at(self.reached.load(Ordering::Relaxed), || {
            let new = show_count(counts.stored + counts.versions_added);
            format!("{} transcripts looked at, {new} new", show_count(counts.looked))
        });
    }

    fn note(&self, note: &Note) {
        let text = match note {
            Note::Rejected { place, reason } => format!("rejected: {place}: {reason}"),
            Note::WindowRestarted { window } => {
                format!("the stored page token is no longer accepted; begins {window} again")
            }
            Note::RunLogDamaged { run } => {
                format!("the log of the earlier run {run} is damaged, so nothing goes on with it")
            }
            Note::WindowFailed { window, reason } => format!("{window} is not complete: {reason}"),
            _ => return,
        };
        self.progress.say(self.printer, &frontdesk_shell::printer::printable(&text));
    }
}
