//! `frontdesk archive pull`

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use frontdesk_archiver::{Pull, PullReport, PullRequest};
use frontdesk_domain::{
    Certificate, Collector, Filter, PageSize, RunState, TimeRange, Timestamp, Violations,
};
use frontdesk_shell::clock::Stopwatch;
use frontdesk_shell::printer::printable;
use frontdesk_shell::quantity::show_count;
use frontdesk_shell::{Exit, Failure, Shutdown};
use serde::Serialize;

use crate::args::PullArgs;
use crate::clock::WallClock;
use crate::commands::watch::{Unit, Watch};
use crate::context::Context;
use crate::{connect, failures, store};

/// Windows in flight: enough to hide the latency of one page behind the storing of others.
pub(crate) const IN_FLIGHT: NonZero<usize> = NonZero::new(4).unwrap();
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
            elapsed_ms,
        }
    }

    fn text(&self) -> String {
        format!(
            "{}: {} conversations on {} pages in {:.1} s\n  {} stored, {} new versions, {} unchanged, {} expired, {} rejected\n  {} requests, {} throttled; certificate in run {}",
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
    let gateway = connect::gateway(context, &clock)?;
    let shutdown = Shutdown::listen().map_err(|error| {
        Failure::new(Exit::Unexpected, "signals", "cannot listen for signals").caused_by(&error)
    })?;
    let now = clock.source();
    let writer = Arc::new(store::writer(context, &arguments.store, "archive pull", Arc::clone(&now))?);
    let pull = Pull::new(&gateway, Arc::clone(&writer), store::organization(context)?, &*now);
    let monitor = Watch::new(context.printer, context.progress(Some(seconds(&request.range))), Unit::Range);
    let report = pull.run(&request, shutdown.requested(), &monitor).await;
    drop(monitor);
    drop(pull);
    let report = report.map_err(|error| failures::archive(&error.0))?;
    close(writer)?;
    context.printer.data(&Answer::new(&report, watch.elapsed_ms()), Answer::text)?;
    ended(&report, arguments.require_complete)
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
    if report.interrupted {
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
        Some(text) => Timestamp::from_date_or_time(text).map(Some),
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
