//! `frontdesk archive import --layout DIR`

use std::num::NonZero;
use std::path::Path;

use frontdesk_archiver::{ImportLayout, LayoutReport, Tally};
use frontdesk_shell::clock::Stopwatch;
use frontdesk_shell::quantity::{show_count, show_size};
use frontdesk_shell::{Exit, Failure, Shutdown};
use serde::Serialize;

use crate::args::ImportArgs;
use crate::audited::{self, Outcome, Planned};
use crate::clock::WallClock;
use crate::commands::watch::{Unit, Watch};
use crate::context::{self, Context};
use crate::{failures, store};

#[derive(Serialize)]
struct Answer {
    seen: u64,
    #[serde(flatten)]
    tally: Tally,
    files: u64,
    skipped: u64,
    raw_bytes: u64,
    elapsed_ms: u64,
}

impl Answer {
    fn text(&self) -> String {
        format!(
            "{} files read ({}) in {:.1} s: {} stored, {} new versions, {} unchanged, {} expired, {} rejected; {} other things left alone",
            show_count(self.files),
            show_size(self.raw_bytes),
            self.elapsed_ms as f64 / 1000.0,
            show_count(self.tally.stored),
            show_count(self.tally.versions_added),
            show_count(self.tally.unchanged),
            show_count(self.tally.expired),
            show_count(self.tally.rejected),
            show_count(self.skipped),
        )
    }
}

pub(super) async fn run(
    context: &Context<'_>,
    arguments: &ImportArgs,
    folder: &Path,
) -> Result<Exit, Failure> {
    let shown = folder.display().to_string();
    if !folder.is_dir() {
        let message = format!("cannot read {shown}: it is no folder");
        return Err(Failure::new(Exit::Usage, "unreadable_input", message).hint("check the path of --layout"));
    }
    let shutdown = context::signals()?;
    let watch = Stopwatch::start();
    let clock = WallClock::of(context).await?;
    let planned = Planned::new("archive import", &arguments.store.wait).with("from", "layout");
    let begun = audited::begin(context, &clock, Some(&shutdown), planned).await?;
    let mut outcome = Outcome::default();
    let result = store_files(context, arguments, folder, &clock, &shutdown, &mut outcome).await;
    let report = tokio::task::block_in_place(|| begun.end(result, outcome))?;
    let answer = Answer {
        seen: report.tally.seen(),
        tally: report.tally,
        files: report.files,
        skipped: report.skipped,
        raw_bytes: report.raw_bytes,
        elapsed_ms: watch.elapsed_ms(),
    };
    context.printer.data(&answer, Answer::text)?;
    ended(&report, &shown)
}

async fn store_files(
    context: &Context<'_>,
    arguments: &ImportArgs,
    folder: &Path,
    clock: &WallClock,
    shutdown: &Shutdown,
    outcome: &mut Outcome,
) -> Result<LayoutReport, Failure> {
    let writer = store::writer(context, &arguments.store, "archive import", clock.source(), shutdown).await?;
    let monitor = Watch::new(context.printer, context.progress(None), Unit::Bytes);
    let workers = NonZero::new(store::workers()).unwrap_or(NonZero::<usize>::MIN);
    // The job blocks its thread; the runtime's other threads listen for signals meanwhile.
    let report = tokio::task::block_in_place(|| {
        ImportLayout::new(folder, workers).run(&writer, &|| shutdown.is_requested(), &monitor)
    });
    drop(monitor);
    let report = report.map_err(|error| failures::archive(&error))?;
    outcome.counts = audited::counts(&report.tally);
    writer.close().map_err(|error| failures::archive(&error))?;
    Ok(report)
}

fn ended(report: &LayoutReport, shown: &str) -> Result<Exit, Failure> {
    let kept = report.tally.seen() > 0;
    if let Some(error) = &report.input_error {
        let exit = if kept { Exit::Partial } else { Exit::Usage };
        let message = format!("{shown} cannot be read to its end");
        let failure = Failure::new(exit, "unreadable_input", message).caused_by(error);
        return Err(failure.hint(
            "what was read before is stored; an unfinished export is made whole by the same export command",
        ));
    }
    if report.interrupted {
        let message =
            format!("interrupted after {} files; what was read is stored", show_count(report.files));
        return Err(
            Failure::new(Exit::Interrupted, "interrupted", message).hint("the same command takes the rest")
        );
    }
    if report.tally.rejected > 0 || report.skipped > 0 {
        let message = format!(
            "{} files could not be kept, {} other things were left alone",
            show_count(report.tally.rejected),
            show_count(report.skipped)
        );
        return Err(Failure::new(Exit::Partial, "rejected", message).hint(
            "a file is named {id}_{first 8 hex of its content's sha256}.json.gz and holds one conversation",
        ));
    }
    Ok(Exit::Done)
}
