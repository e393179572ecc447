//! `frontdesk audit export`

use std::ops::ControlFlow;

use frontdesk_journal::PersonalValues;
use frontdesk_shell::{Exit, Failure};

use super::audit_tail;
use crate::args::AuditExportArgs;
use crate::context::{self, Context};
use crate::{failures, journal};

pub(crate) fn run(context: &Context<'_>, arguments: &AuditExportArgs) -> Result<Exit, Failure> {
    let kind = audit_tail::kind(arguments.kind.as_deref())?;
    let shutdown = context::signals()?;
    let reader = journal::reader(&journal::root(context)?)?;
    let failed = |error: frontdesk_journal::Error| failures::journal(&error);
    if arguments.head {
        let head = reader.head().map_err(failed)?;
        context.printer.data(&head, |head| serde_json::to_string(head).unwrap_or_default())?;
        return Ok(Exit::Done);
    }
    let mut output = Ok(());
    let mut write = |line: &str| {
        output = context.printer.raw(line.as_bytes()).and_then(|()| context.printer.raw(b"\n"));
        if output.is_err() || shutdown.is_requested() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    tokio::task::block_in_place(|| {
        if arguments.chain {
            let personal = match arguments.no_personal {
                true => PersonalValues::LeftOut,
                false => PersonalValues::Included,
            };
            return reader.chain(personal, &mut write);
        }
        let mut broken = Ok(());
        reader.entries(0, kind, &mut |entry| match entry.record() {
            Ok(record) => write(&record),
            Err(error) => {
                broken = Err(error);
                ControlFlow::Break(())
            }
        })?;
        broken
    })
    .map_err(failed)?;
    output?;
    if shutdown.is_requested() {
        return Err(Failure::new(Exit::Interrupted, "interrupted", "interrupted; the export is not whole")
            .hint("run the same command again"));
    }
    Ok(Exit::Done)
}
