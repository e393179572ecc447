//! `frontdesk audit tail`

use std::ops::ControlFlow;
use std::time::Duration;

use frontdesk_domain::audit::AuditKind;
use frontdesk_journal::{Entry, Reader};
use frontdesk_shell::printer::printable;
use frontdesk_shell::{Exit, Failure, Format};

use crate::args::TailArgs;
use crate::context::{self, Context};
use crate::{failures, journal};

/// How often the journal is looked at for new entries.
const LOOK_EVERY: Duration = Duration::from_millis(250);

pub(crate) async fn run(context: &Context<'_>, arguments: &TailArgs) -> Result<Exit, Failure> {
    let kind = kind(arguments.kind.as_deref())?;
    let lines: u64 = arguments.lines.parse().map_err(|_| {
        Failure::new(Exit::Usage, "bad_argument", format!("-n: {:?} is no number", arguments.lines))
            .hint("write how many entries to show")
    })?;
    let shutdown = context::signals()?;
    let reader = journal::reader(&journal::root(context)?)?;
    let before = reader.before_last(lines, kind).map_err(|error| failures::journal(&error))?;
    let mut last = show(context, &reader, before, kind)?;
    if !arguments.follow {
        return Ok(Exit::Done);
    }
    loop {
        context.printer.flush()?;
        tokio::select! {
            biased;
            () = shutdown.requested() => return Ok(Exit::Done),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        last = show(context, &reader, last, kind)?;
    }
}

/// Shows the entries after a number; gives the number of the last one.
fn show(context: &Context<'_>, reader: &Reader, after: u64, kind: Option<AuditKind>) -> Result<u64, Failure> {
    let (mut last, mut failed) = (after, None);
    let read = tokio::task::block_in_place(|| {
        reader.entries(after, kind, &mut |entry| match line(context, &entry) {
            Ok(()) => {
                last = entry.number;
                ControlFlow::Continue(())
            }
            Err(failure) => {
                failed = Some(failure);
                ControlFlow::Break(())
            }
        })
    });
    read.map_err(|error| failures::journal(&error))?;
    failed.map_or(Ok(last), Err)
}

fn line(context: &Context<'_>, entry: &Entry) -> Result<(), Failure> {
    let failed = |error: frontdesk_journal::Error| failures::journal(&error);
    let line = match context.printer.format() {
        Format::Json => entry.whole().map_err(failed)?,
        Format::Text => {
            let record = entry.record().map_err(failed)?;
            format!("{}  {}  {}  {}", entry.at, entry.number, printable(&entry.kind), printable(&record))
        }
    };
    context.printer.raw(format!("{line}\n").as_bytes())
}

/// A kind of entries as it is typed.
pub(super) fn kind(text: Option<&str>) -> Result<Option<AuditKind>, Failure> {
    text.map(str::parse).transpose().map_err(|error: frontdesk_domain::audit::UnknownAuditKind| {
        Failure::from_error(Exit::Usage, "bad_argument", &error).at("--kind").hint(error.hint())
    })
}
