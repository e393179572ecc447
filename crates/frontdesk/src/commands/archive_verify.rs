//! `frontdesk archive verify`

use frontdesk_archive::{Damaged, VerifyOptions, VerifyReport};
use frontdesk_shell::clock::Stopwatch;
use frontdesk_shell::printer::printable;
use frontdesk_shell::quantity::{show_count, show_size};
use frontdesk_shell::{Exit, Failure};
use serde::Serialize;

use crate::clock::WallClock;
use crate::context::Context;
use crate::{failures, store};

/// The result, as scripts read it (design, "Names that scripts rely on").
#[derive(Serialize)]
struct Answer<'a> {
    records: u64,
    raw_bytes: u64,
    damaged: Vec<DamageLine<'a>>,
    /// Places beyond those listed; absent when all are.
    #[serde(skip_serializing_if = "Option::is_none")]
    more_damaged: Option<u64>,
    elapsed_ms: u64,
}

#[derive(Serialize)]
struct DamageLine<'a> {
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    what: &'a str,
}

impl<'a> DamageLine<'a> {
    fn new(damage: &'a Damaged) -> Self {
        Self { path: &damage.path, id: damage.id.as_ref().map(|id| id.as_str()), what: &damage.what }
    }
}

impl Answer<'_> {
    fn text(&self) -> String {
        let mut text = String::new();
        for damage in &self.damaged {
            let id = damage.id.map_or_else(String::new, |id| format!(" ({})", printable(id)));
            text.push_str(&format!("damaged: {}{id}: {}\n", printable(damage.path), printable(damage.what)));
        }
        if let Some(more) = self.more_damaged {
            text.push_str(&format!("and {} more places\n", show_count(more)));
        }
        let verdict = match self.damaged.len() as u64 + self.more_damaged.unwrap_or_default() {
            0 => String::from("every byte is what it was"),
            n => format!("{} places are damaged", show_count(n)),
        };
        let seconds = self.elapsed_ms as f64 / 1000.0;
        let (records, bytes) = (show_count(self.records), show_size(self.raw_bytes));
        text.push_str(&format!("{records} records, {bytes} checked in {seconds:.2} s: {verdict}"));
        text
    }
}

pub(crate) fn run(context: &Context<'_>) -> Result<Exit, Failure> {
    let reader = store::reader(context)?;
    let progress = context.progress(None);
    let watch = Stopwatch::start();
    let report = reader.verify(&VerifyOptions::default(), &mut |at| {
        progress.at(at.done_bytes, || {
            let percent = (at.done_bytes * 100).checked_div(at.total_bytes).unwrap_or(100);
            format!("{percent} % checked, {} records", show_count(at.records))
        });
    });
    progress.finish();
    let report = report.map_err(|error| failures::archive(&error))?;
    let now = WallClock::system().now();
    if let Err(error) = reader.note_verified(&report, now) {
        tracing::warn!(%error, "searches will not know what was found: it could not be written down");
    }
    for place in &report.unfinished {
        context.printer.talk(format_args!(
            "unfinished: {}: {}",
            printable(&place.path),
            printable(&place.what)
        ));
    }
    let printed = context.printer.data(&answer(&report, watch.elapsed_ms()), Answer::text);
    if report.damaged.is_empty() {
        printed?;
        return Ok(Exit::Done);
    }
    // Damage decides, also when the reader of the list has gone (`| head`).
    Ok(Exit::Integrity)
}

fn answer(report: &VerifyReport, elapsed_ms: u64) -> Answer<'_> {
    Answer {
        records: report.records,
        raw_bytes: report.raw_bytes,
        damaged: report.damaged.iter().map(DamageLine::new).collect(),
        more_damaged: (report.more_damaged > 0).then_some(report.more_damaged),
        elapsed_ms,
    }
}
