//! Progress, and a line for each conversation that is not on stdout already.

use frontdesk_domain::RunId;
use frontdesk_history::{ConversationReport, HistoryState, Monitor, Progress as JobProgress};
use frontdesk_shell::Printer;
use frontdesk_shell::clock::Stopwatch;
use frontdesk_shell::printer::printable;
use frontdesk_shell::progress::Progress;
use frontdesk_shell::quantity::show_count;

use super::lines;
use crate::context::Context;

/// Listens to a pull of histories.
pub(super) struct Watch<'p> {
    printer: &'p Printer,
    progress: Progress<'p>,
    watch: Stopwatch,
    /// Whether stdout has a line for each conversation.
    lines: bool,
}

impl<'p> Watch<'p> {
    pub(super) fn new(context: &Context<'p>, total: u64, lines: bool) -> Self {
        Self {
            printer: context.printer,
            progress: context.progress(Some(total)),
            watch: Stopwatch::start(),
            lines,
        }
    }
}

impl Monitor for Watch<'_> {
    fn started(&self, run: &RunId, resumed: bool, conversations: usize) {
        let what = if resumed { "goes on with" } else { "begins" };
        self.progress.say(self.printer, &format!("{what} run {run}: {conversations} conversations"));
    }

    fn progress(&self, job: &JobProgress) {
        self.progress.at(job.done, || {
            let rate = job.messages * 1000 / self.watch.elapsed_ms().max(1);
            format!(
                "{} of {} conversations, {} pages, {} messages, {} messages/s",
                show_count(job.done),
                show_count(job.total),
                show_count(job.pages),
                show_count(job.messages),
                show_count(rate)
            )
        });
    }

    fn ended(&self, report: &ConversationReport) {
        if self.lines {
            // A closed stdout is noticed when the summary is written.
            let _ = self.printer.data(report, text);
        } else if report.pages == 0 || report.state == HistoryState::Interrupted {
            // Nothing of it was handed out, so its report goes alone.
            let _ = lines::report(report).map(|line| self.printer.raw(&line));
        }
        if matches!(report.state, HistoryState::Failed | HistoryState::Looping) {
            let why = report.error.as_ref().map_or("", |error| &error.message);
            let conversation = report.target.conversation();
            let line = format!("{conversation:?} is {}: {}", report.state.as_str(), printable(why));
            self.progress.say(self.printer, &line);
        }
    }
}

/// One conversation on one line.
fn text(report: &ConversationReport) -> String {
    let mut line = format!(
        "{:<13} {:>6} messages on {:>4} pages  {}",
        report.state.as_str(),
        show_count(report.counts.kept),
        report.pages,
        printable(report.target.conversation().as_str())
    );
    if let Some(token) = &report.next_page_token {
        let token: String = token.chars().take(80).collect();
        line.push_str(&format!("  (--resume {})", printable(&token)));
    }
    if let Some(archived) = report.delivered.archived {
        line.push_str(&format!("  [{archived}]"));
    }
    line
}
