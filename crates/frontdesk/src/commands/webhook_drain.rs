//! `frontdesk webhook drain`

use std::sync::Arc;

use frontdesk_api::Cancel;
use frontdesk_deliveries::{DrainOptions, End, Ended, Monitor, Report, Until};
use frontdesk_journal::outbox::Outcome;
use frontdesk_shell::printer::printable;
use frontdesk_shell::progress::Progress;
use frontdesk_shell::quantity::{self, show_count};
use frontdesk_shell::{Exit, Failure, Printer};
use serde::Serialize;

use crate::args::DrainArgs;
use crate::clock::WallClock;
use crate::context::{self, Context};
use crate::interruption::heeding;
use crate::{failures, journal, outbox};

#[derive(Serialize)]
struct Summary {
    state: &'static str,
    attempts: u64,
    delivered: u64,
    retried: u64,
    dead: u64,
    disabled: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_due: Option<String>,
}

struct Watch<'p> {
    printer: &'p Printer,
    progress: Progress<'p>,
}

impl Monitor for Watch<'_> {
    fn ended(&self, ended: &Ended<'_>, so_far: &Report) {
        self.progress.at(so_far.attempts, || format!("{} delivered", show_count(so_far.delivered)));
        let what = match ended.outcome {
            Outcome::Gone => "is out of service: it answered 410",
            Outcome::Dead => "did not take an event for a week; it is given up",
            _ => return,
        };
        let text = format!("{} {what} ({})", ended.endpoint, ended.webhook_id);
        self.progress.say(self.printer, &printable(&text));
    }
}

pub(crate) async fn run(context: &Context<'_>, arguments: &DrainArgs) -> Result<Exit, Failure> {
    let mut options = DrainOptions::default();
    options.until = if arguments.until_empty { Until::Empty } else { Until::NothingDue };
    options.concurrency = usize::from(arguments.concurrency);
    options.flush = true;
    options.time = arguments
        .time
        .as_deref()
        .map(quantity::duration)
        .transpose()
        .map_err(|error| Failure::from_error(Exit::Usage, "bad_argument", &error).at("--for"))?;
    let root = outbox::root(context)?;
    // There is nothing to deliver where there is no journal.
    drop(outbox::reader(context)?);
    let clock = WallClock::of(context).await?;
    let shutdown = context::signals()?;
    let journal = Arc::new(journal::open(context, "webhook drain", &clock)?);
    let report = {
        let drain = outbox::drain(context, Arc::clone(&journal), &root, &clock)?;
        let watch = Watch { printer: context.printer, progress: context.progress(None) };
        let (handle, cancel) = Cancel::pair();
        let work = drain.run(&options, &cancel, &watch);
        heeding(shutdown.requested(), &handle, work).await.map_err(|error| failures::journal(&error))?
    };
    journal::close(journal)?;
    if report.end == End::Busy {
        return Err(Failure::new(Exit::Busy, "store_busy", "another process delivers")
            .hint("it goes on with everything that is stored; serve is such a process"));
    }
    show(context, &report)?;
    Ok(exit(&report))
}

fn exit(report: &Report) -> Exit {
    match (report.end, report.retried + report.dead, report.delivered) {
        (End::Cancelled, _, _) => Exit::Interrupted,
        (_, 0, _) => Exit::Done,
        (_, _, 0) => Exit::Unavailable,
        // Until nothing is open: what was retried on the way came through in the end.
        (End::Empty, _, _) if report.dead == 0 => Exit::Done,
        _ => Exit::Partial,
    }
}

fn show(context: &Context<'_>, report: &Report) -> Result<(), Failure> {
    let summary = Summary {
        state: match report.end {
            End::Empty => "empty",
            End::NothingDue => "nothing_due",
            End::Time => "time",
            End::Cancelled => "interrupted",
            End::Busy => "busy",
        },
        attempts: report.attempts,
        delivered: report.delivered,
        retried: report.retried,
        dead: report.dead,
        disabled: report.disabled,
        next_due: report.next_due.map(|due| due.to_string()),
    };
    context.printer.data(&summary, |summary| {
        let next = match &summary.next_due {
            Some(due) => format!("the next is due {due}"),
            None => "nothing is open".to_owned(),
        };
        format!(
            "{} delivered with {} attempts, {} failed and are due again, {} given up; {next}",
            show_count(summary.delivered),
            show_count(summary.attempts),
            show_count(summary.retried),
            show_count(summary.dead)
        )
    })
}
