//! `frontdesk archive import --ndjson FILE | --layout DIR`

mod layout;

use std::fs::File;
use std::io::{self, Read};
use std::num::NonZero;
use std::path::Path;

use frontdesk_archiver::{Import, ImportReport, Tally};
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
    lines: u64,
    raw_bytes: u64,
    elapsed_ms: u64,
}

impl Answer {
    fn text(&self) -> String {
        format!(
            "{} conversations read ({}) in {:.1} s: {} stored, {} new versions, {} unchanged, {} expired, {} rejected",
            show_count(self.seen),
            show_size(self.raw_bytes),
            self.elapsed_ms as f64 / 1000.0,
            show_count(self.tally.stored),
            show_count(self.tally.versions_added),
            show_count(self.tally.unchanged),
            show_count(self.tally.expired),
            show_count(self.tally.rejected),
        )
    }
}

pub(crate) async fn run(context: &Context<'_>, arguments: &ImportArgs) -> Result<Exit, Failure> {
    match (&arguments.layout, &arguments.ndjson) {
        (Some(folder), _) => layout::run(context, arguments, folder).await,
        (None, Some(file)) => ndjson(context, arguments, file).await,
        (None, None) => Err(Failure::new(Exit::Usage, "bad_argument", "there is nothing to import")
            .hint("name a file with --ndjson, or a folder with --layout")),
    }
}

async fn ndjson(context: &Context<'_>, arguments: &ImportArgs, file: &Path) -> Result<Exit, Failure> {
    let (input, total) = open(file)?;
    let shutdown = context::signals()?;
    let watch = Stopwatch::start();
    let clock = WallClock::of(context).await?;
    let planned = Planned::new("archive import", &arguments.store.wait).with("from", "ndjson");
    let begun = audited::begin(context, &clock, Some(&shutdown), planned).await?;
    let mut outcome = Outcome::default();
    let result = store_lines(context, arguments, (input, total), &clock, &shutdown, &mut outcome).await;
    let report = tokio::task::block_in_place(|| begun.end(result, outcome))?;
    let answer = Answer {
        seen: report.tally.seen(),
        tally: report.tally,
        lines: report.lines,
        raw_bytes: report.raw_bytes,
        elapsed_ms: watch.elapsed_ms(),
    };
    context.printer.data(&answer, Answer::text)?;
    ended(&report)
}

async fn store_lines(
    context: &Context<'_>,
    arguments: &ImportArgs,
    (input, total): (Box<dyn Read + Send>, Option<u64>),
    clock: &WallClock,
    shutdown: &Shutdown,
    outcome: &mut Outcome,
) -> Result<ImportReport, Failure> {
    let writer = store::writer(context, &arguments.store, "archive import", clock.source(), shutdown).await?;
    let monitor = Watch::new(context.printer, context.progress(total), Unit::Bytes);
    let workers = NonZero::new(store::workers()).unwrap_or(NonZero::<usize>::MIN);
    // The job blocks its thread; the runtime's other threads listen for signals meanwhile.
    let report = tokio::task::block_in_place(|| {
        Import::new(input, workers).run(&writer, &|| shutdown.is_requested(), &monitor)
    });
    drop(monitor);
    let report = report.map_err(|error| failures::archive(&error))?;
    outcome.counts = audited::counts(&report.tally);
    writer.close().map_err(|error| failures::archive(&error))?;
    Ok(report)
}

fn open(path: &Path) -> Result<(Box<dyn Read + Send>, Option<u64>), Failure> {
    if path.as_os_str() == "-" {
        return Ok((Box::new(io::stdin()), None));
    }
    let unreadable = |error: io::Error| {
        let message = format!("cannot read {}", path.display());
        Failure::new(Exit::Usage, "unreadable_input", message)
            .caused_by(&error)
            .hint("check the path of --ndjson")
    };
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(unreadable(io::ErrorKind::IsADirectory.into()));
    }
    // Progress counts unpacked bytes; of a gzip file only the packed length is known.
    let plain = path.extension().is_none_or(|extension| extension != "gz");
    Ok((Box::new(file), (plain && metadata.is_file()).then_some(metadata.len())))
}

fn ended(report: &ImportReport) -> Result<Exit, Failure> {
    if let Some(error) = &report.input_error {
        let kept = report.tally.seen() > 0;
        let exit = if kept { Exit::Partial } else { Exit::Usage };
        let message = format!("the input cannot be read beyond line {}", report.lines);
        let failure = Failure::new(exit, "unreadable_input", message).caused_by(error);
        return Err(
            failure.hint("what was read before is stored; give the whole file and run the same command")
        );
    }
    if report.interrupted {
        let message = format!("interrupted after line {}; what was read is stored", report.lines);
        return Err(
            Failure::new(Exit::Interrupted, "interrupted", message).hint("the same command takes the rest")
        );
    }
    if report.tally.rejected > 0 {
        let message = format!("{} lines could not be kept", show_count(report.tally.rejected));
        return Err(Failure::new(Exit::Partial, "rejected", message).hint(
            "a line is a JSON object with an id, interactionId or conversationId of at most 1,024 bytes",
        ));
    }
    Ok(Exit::Done)
}
