//! `frontdesk session consent`: the receipts of a guest's consent.

use std::ops::ControlFlow;

use frontdesk_domain::audit::ConsentRecord;
use frontdesk_sessions::{Receipt, Standing, receipts};
use frontdesk_shell::printer::printable;
use frontdesk_shell::{Exit, Failure};
use serde::Serialize;

use crate::context::Context;
use crate::{failures, journal};

/// A receipt: what is in the audit log, and where.
#[derive(Serialize)]
struct ReceiptLine<'a> {
    entry: u64,
    #[serde(flatten)]
    record: &'a ConsentRecord,
    #[serde(flatten)]
    standing: Standing,
}

impl ReceiptLine<'_> {
    fn text(&self) -> String {
        let ConsentRecord { session_id, consented_at, marketing, text_version, locale, .. } = self.record;
        let what =
            if *marketing { "data processing and marketing" } else { "data processing, not marketing" };
        let text =
            text_version.as_deref().map_or_else(String::new, |name| format!(", text {}", printable(name)));
        let locale = locale.as_deref().map_or_else(String::new, |tag| format!(" ({tag})"));
        let session = printable(session_id);
        format!("{consented_at}  {what}{text}{locale}; session {session}; audit entry {}", self.entry)
    }
}

pub(crate) fn run(context: &Context<'_>, guest: &str) -> Result<Exit, Failure> {
    let reader = journal::reader(&journal::root(context)?)?;
    let mut shown = 0_u64;
    let mut failure = None;
    let read = tokio::task::block_in_place(|| {
        receipts(&reader, Some(guest), |Receipt { entry, record, standing }| {
            shown += 1;
            let line = ReceiptLine { entry, record: &record, standing };
            failure = context.printer.data(&line, ReceiptLine::text).err();
            if failure.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    });
    read.map_err(|error| failures::journal(&error))?;
    match (failure, shown) {
        (Some(failure), _) => Err(failure),
        (None, 0) => {
            Err(Failure::new(Exit::Usage, "not_found", "no consent of this guest is in the audit log").hint(
                "session list shows the guests; a guest whose values were destroyed is not found any more",
            ))
        }
        (None, _) => Ok(Exit::Done),
    }
}
