//! `frontdesk archive pull`

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use frontdesk_archiver::{Monitor, Pull, PullReport, PullRequest, Transcripts};
use frontdesk_domain::{
    Certificate, Collector, Filter, PageSize, RunState, TimeRange, Timestamp, TranscriptReport, Violation,
    Violations,
};
use frontdesk_shell::clock::Stopwatch;
use frontdesk_shell::printer::printable;
use frontdesk_shell::quantity::show_count;
use frontdesk_shell::{Exit, Failure, Shutdown};
use serde::Serialize;

use crate::args::{PullArgs, StoreArgs};
use crate::audited::{self, Outcome, Planned};
use crate::clock::WallClock;
use crate::commands::watch::{Unit, Watch};
use crate::connect::Source;
use crate::context::{self, Context};
use crate::{connect, failures, store};

/// Windows in flight while no limit is known: each costs a connection and the ids of a window. With a limit the pull
/// itself counts how many use it up (ADR 0009).
pub(crate) const IN_FLIGHT: NonZero<usize> = NonZero::new(8).unwrap();
const DEFAULT_DAYS: u32 = 7;
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The last line, as scripts read it (design, "Names that scripts rely on").
#[derive(Serialize)]
struct Answer<'a> {
    run_id: &'a str,
    state: RunState,
    seen: u64,
    stored: u64,
    versions_added: u64,
    unchanged: u64,
    expired: u64,
    rejected: u64,
    pages: u64,
    requests: u64,
    throttled: u64,
    /// Where the texts are asked for by themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    transcripts: Option<TranscriptReport>,
    elapsed_ms: u64,
}

impl<'a> Answer<'a> {
    fn new(report: &'a PullReport, elapsed_ms: u64) -> Self {
        let certificate = &report.certificate;
        Self {
            run_id: certificate.run_id.as_str(),
            state: certificate.state,
            seen: report.tally.seen(),
            stored: certificate.stored,
            versions_added: certificate.versions_added,
            unchanged: certificate.unchanged,
            expired: certificate.expired,
            rejected: certificate.rejected,
            pages: certificate.pages,
            requests: certificate.requests,
            throttled: certificate.throttled,
            transcripts: certificate.transcripts,
            elapsed_ms,
        }
    }

    fn text(&self) -> String {
        let texts = self.transcripts.map_or_else(String::new, |texts| {
            format!(
                "\n  transcripts: {} looked at, {} stored, {} new versions, {} unchanged; {} of the range may still change, {} given up",
                show_count(texts.looked),
                show_count(texts.stored),
                show_count(texts.versions_added),
                show_count(texts.unchanged),
                show_count(texts.late),
                show_count(texts.gone),
            )
        });
        format!(
            "{}: {} conversations on {} pages in {:.1} s\n  {} stored, {} new versions, {} unchanged, {} expired, {} rejected\n  {} requests, {} throttled; certificate in run {}{texts}",
            self.state,
            show_count(self.seen),
            show_count(self.pages),
            self.elapsed_ms as f64 / 1000.0,
            show_count(self.stored),
            show_count(self.versions_added),
            show_count(self.unchanged),
            show_count(self.expired),
            show_count(self.rejected),
            show_count(self.requests),
            show_count(self.throttled),
            self.run_id,
        )
    }
}

pub(crate) async fn run(context: &Context<'_>, arguments: &PullArgs) -> Result<Exit, Failure> {
    let watch = Stopwatch::start();
    let clock = WallClock::of(context).await?;
    let request = request(context, arguments, clock.now())?;
    let source = connect::source(context, &clock)?;
    let shutdown = context::signals()?;
    let planned = Planned::new("archive pull", &arguments.store.wait);
    let begun = audited::begin(context, &clock, Some(&shutdown), planned).await?;
    let mut outcome = Outcome::default();
    let monitor = Watch::new(context.printer, context.progress(Some(seconds(&request.range))), Unit::Range);
    let job = Job { source: &source, request: &request, store: &arguments.store, command: "archive pull" };
    let result = job.run(context, &clock, &shutdown, &monitor, &mut outcome).await;
    drop(monitor);
    let report = tokio::task::block_in_place(|| begun.end(result, outcome))?;
    context.printer.data(&Answer::new(&report, watch.elapsed_ms()), Answer::text)?;
    ended(&report, arguments.require_complete)
}

/// One pull into the archive, by whichever command.
pub(crate) struct Job<'a> {
    pub(crate) source: &'a Source,
    pub(crate) request: &'a PullRequest,
    pub(crate) store: &'a StoreArgs,
    /// The command that pulls.
    pub(crate) command: &'a str,
}

impl Job<'_> {
    /// Opens the archive, pulls, and closes it.
    ///
    /// # Errors
    /// What the archive says; what the platform says is in the report.
    pub(crate) async fn run(
        &self,
        context: &Context<'_>,
        clock: &WallClock,
        shutdown: &Shutdown,
        monitor: &dyn Monitor,
        outcome: &mut Outcome,
    ) -> Result<PullReport, Failure> {
        let now = clock.source();
        let writer = store::writer(context, self.store, self.command, Arc::clone(&now), shutdown).await?;
        let writer = Arc::new(writer);
        let window = context.settings.duration("threading_window")?.unwrap_or_default();
        let transcripts = self.source.transcripts.as_deref().map(|source| Transcripts::new(source, window));
        let pull =
            Pull::new(&*self.source.conversations, Arc::clone(&writer), store::organization(context)?, &*now)
                .transcripts(transcripts);
        let report = pull.run(self.request, shutdown.requested(), monitor).await;
        drop(pull);
        let report = report.map_err(|error| failures::archive(&error.0))?;
        outcome.counts = audited::counts(&report.tally);
        outcome.counts.push(("pages", report.certificate.pages));
        if let Some(transcripts) = &report.certificate.transcripts {
            outcome.counts.push(("transcripts", transcripts.looked));
            outcome.counts.push(("late", transcripts.late));
        }
        outcome.run = Some(report.certificate.run_id.clone());
        close(writer)?;
        Ok(report)
    }
}

/// Closes the archive, so that the next start finds nothing to settle.
pub(crate) fn close(writer: Arc<frontdesk_archive::Writer>) -> Result<(), Failure> {
    match Arc::into_inner(writer) {
        Some(writer) => writer.close().map_err(|error| failures::archive(&error)),
        // A store call of an interrupted window still runs; the next start settles what it leaves.
        None => Ok(()),
    }
}

/// The exit code of a pull, with what is missing said on stderr.
pub(crate) fn ended(report: &PullReport, require_complete: bool) -> Result<Exit, Failure> {
    let certificate = &report.certificate;
    let took_something = certificate.pages > 0;
    // A stop that came when everything was taken changed nothing.
    if report.interrupted && certificate.state == RunState::Incomplete {
        let message =
            format!("interrupted after {} pages; what was taken is stored", show_count(certificate.pages));
        return Err(Failure::new(Exit::Interrupted, "interrupted", message).hint("the same command resumes"));
    }
    match (certificate.state, &report.cause) {
        (RunState::Complete, _) => Ok(Exit::Done),
        (RunState::Provisional, _) if !require_complete => Ok(Exit::Done),
        (RunState::Provisional, _) => {
            let message = "the certificate is provisional: conversations of the range may still change";
            Err(Failure::new(Exit::Partial, "provisional", message)
                .hint("run the same command again after the look-back, or leave --require-complete out"))
        }
        (RunState::Incomplete, Some(cause)) if !took_something => {
            Err(failures::remote(cause).at(&printable(&certificate.origin)))
        }
        (RunState::Incomplete, cause) => {
            let mut failure = Failure::new(Exit::Partial, "incomplete", missing(certificate))
                .hint("the same command goes on where this run stopped");
            if let Some(cause) = cause {
                failure = failure.caused_by(cause).correlation_id(cause.correlation_id().map(str::to_owned));
                if let Some(hint) = cause.hint() {
                    failure =
                        failure.hint(format!("{hint}; the same command goes on where this run stopped"));
                }
            }
            Err(failure)
        }
    }
}

fn missing(certificate: &Certificate) -> String {
    const MOST: usize = 3;
    let mut message =
        format!("the certificate is incomplete: {} windows lack something", certificate.missing.len());
    for missing in certificate.missing.iter().take(MOST) {
        let token = missing.page_token.as_ref().map_or_else(String::new, |token| {
            format!(" at page token {}", printable(&token.as_str().chars().take(80).collect::<String>()))
        });
        message.push_str(&format!(
            "; {} to {}{token}: {}",
            missing.window_from, missing.window_to, missing.reason
        ));
    }
    if certificate.missing.len() > MOST {
        message.push_str("; …");
    }
    message
}

/// Checks everything that was typed, and reports all of it at once.
fn request(context: &Context<'_>, arguments: &PullArgs, now: Timestamp) -> Result<PullRequest, Failure> {
    let mut found = Collector::new();
    let today = now.start_of_day();
    let time = |text: &Option<String>, usual: Option<Timestamp>| match text {
        Some(text) => Timestamp::from_date_or_time(text).map(Some).map_err(|error| {
            let mut violation = Violation::from(error);
            violation.message.push_str(" (write 2025-03-01 or 2025-03-01T10:00:00Z)");
            violation
        }),
        None => Ok(usual),
    };
    let from = found.check("--from", time(&arguments.from, today.checked_sub(DAY * DEFAULT_DAYS)));
    let to = found.check("--to", time(&arguments.to, today.checked_add(DAY)));
    let range = match (from.flatten(), to.flatten()) {
        (Some(from), Some(to)) => found.check("--from, --to", TimeRange::new(from, to)),
        _ => None,
    };
    let filter = found.check("--filter", arguments.filter.as_deref().map(str::parse::<Filter>).transpose());
    let page_size = found.check("--page-size", arguments.page_size.parse::<PageSize>());
    let look_back = context.settings.duration("look_back")?.unwrap_or_default();
    found.finish().map_err(|violations| refused(&violations))?;
    match (range, filter, page_size) {
        (Some(range), Some(filter), Some(page_size)) => {
            Ok(PullRequest { range, filter, page_size, look_back, in_flight: IN_FLIGHT })
        }
        // Nothing is missing without a violation, and those were reported.
        _ => Err(Failure::new(Exit::Unexpected, "request", "the request is not complete")),
    }
}

fn refused(violations: &Violations) -> Failure {
    let count = violations.iter().count();
    let mut failure = Failure::new(Exit::Usage, "refused", "the command cannot be run as it is");
    for violation in violations.iter() {
        let line = std::io::Error::other(format!("{}: {}", violation.path, violation.message));
        failure = failure.caused_by(&line);
    }
    if count == 1 { failure } else { failure.hint(format!("{count} things to mend")) }
}

fn seconds(range: &TimeRange) -> u64 {
    range.to().since(range.from()).as_secs()
}

#[cfg(test)]
mod tests {
    use frontdesk_archiver::Tally;
    use frontdesk_domain::{Missing, OrganizationId, RunOutset};
    use frontdesk_shell::{Environment, Format, Printer};

    use super::*;
    use crate::args::{ConnectionArgs, GlobalArgs};

    fn time(text: &str) -> Timestamp {
        Timestamp::from_date_or_time(text).unwrap()
    }

    fn report(state: RunState, pages: u64, interrupted: bool) -> PullReport {
        let (from, to) = (time("2025-01-01"), time("2025-01-02"));
        let missing = Missing {
            window_from: from,
            window_to: to,
            page_token: Some("t\n1".into()),
            reason: "why".into(),
        };
        let outset = RunOutset {
            run_id: "pull-x".parse().unwrap(),
            organization: OrganizationId::default(),
            contract: "gateway".into(),
            origin: "gateway.example".into(),
            from,
            to,
            filter: None,
            page_size: PageSize::default(),
            look_back_seconds: 0,
            started_at: from,
        };
        let missing = if state == RunState::Incomplete { vec![missing] } else { Vec::new() };
        let certificate = Certificate { state, pages, missing, ..Certificate::begun(outset) };
        PullReport { certificate, tally: Tally::default(), resumed: false, interrupted, cause: None }
    }

    #[test]
    fn the_exit_code_follows_the_certificate() {
        let cases = [
            (RunState::Complete, false, false, Exit::Done),
            (RunState::Complete, false, true, Exit::Done),
            (RunState::Provisional, false, false, Exit::Done),
            (RunState::Provisional, false, true, Exit::Partial),
            (RunState::Incomplete, false, false, Exit::Partial),
            (RunState::Incomplete, true, false, Exit::Interrupted),
            (RunState::Complete, true, false, Exit::Done),
            (RunState::Provisional, true, true, Exit::Partial),
        ];
        for (state, interrupted, require_complete, expected) in cases {
            let exit = match ended(&report(state, 3, interrupted), require_complete) {
                Ok(exit) => exit,
                Err(failure) => failure.exit(),
            };
            assert_eq!(exit, expected, "{state} {interrupted} {require_complete}");
        }
    }

    #[test]
    fn what_is_missing_is_named_and_cannot_reach_the_terminal_raw() {
        let failure = ended(&report(RunState::Incomplete, 3, false), false).unwrap_err();
        insta::assert_snapshot!(failure.to_string());
    }

    fn asked(change: impl FnOnce(&mut PullArgs)) -> Result<PullRequest, Failure> {
        let mut arguments = PullArgs {
            from: None,
            to: None,
            filter: None,
            page_size: "500".into(),
            look_back: None,
            require_complete: false,
            connection: ConnectionArgs::default(),
            store: StoreArgs { organization_id: None, wait: "30s".into() },
        };
        change(&mut arguments);
        let printer = Printer::new(Format::Text, true);
        let global = GlobalArgs::default();
        let context = Context::new(&global, None, Vec::new(), Environment::default(), &printer).unwrap();
        request(&context, &arguments, time("2026-03-10T15:04:05Z"))
    }

    #[test]
    fn the_usual_range_is_the_last_seven_days_to_the_coming_midnight() {
        let request = asked(|_| {}).unwrap();
        assert_eq!(request.range.from(), time("2026-03-03"));
        assert_eq!(request.range.to(), time("2026-03-11"));
        assert_eq!(request.page_size.get(), 500);
        assert_eq!(request.look_back, Duration::from_secs(72 * 3600));
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let failure = asked(|arguments| {
            arguments.from = Some("2025-13-01".into());
            arguments.to = Some("tomorrow".into());
            arguments.page_size = "10001".into();
            arguments.filter = Some("queue eq web".into());
        })
        .unwrap_err();
        assert_eq!(failure.exit(), Exit::Usage);
        insta::assert_snapshot!(failure.to_string());
        let reversed = asked(|arguments| {
            arguments.from = Some("2025-02-01".into());
            arguments.to = Some("2025-02-01".into());
        });
        assert_eq!(reversed.unwrap_err().exit(), Exit::Usage);
    }
}
