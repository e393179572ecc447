//! `frontdesk archive export --out DIR`

use std::sync::Arc;

use frontdesk_archive::{Export, ExportLayout, ExportReport, Expression};
use frontdesk_domain::{Collector, TimeRange, Timestamp};
use frontdesk_durable::OsDir;
use frontdesk_shell::clock::Stopwatch;
use frontdesk_shell::printer::printable;
use frontdesk_shell::quantity::{self, show_count, show_size};
use frontdesk_shell::{Exit, Failure};
use serde::Serialize;

use crate::args::{ExportArgs, ExportFormat};
use crate::clock::WallClock;
use crate::context::{self, Context};
use crate::{failures, store};

/// The result, as scripts read it.
#[derive(Serialize)]
struct Answer {
    out: String,
    records: u64,
    files: u64,
    media: u64,
    raw_bytes: u64,
    file_bytes: u64,
    unreadable: u64,
    elapsed_ms: u64,
}

impl Answer {
    fn text(&self) -> String {
        format!(
            "{} records ({}) in {} files ({}) written to {} and read again in {:.1} s\ncheck it with: sha256sum --strict -c SHA256SUMS",
            show_count(self.records),
            show_size(self.raw_bytes),
            show_count(self.files),
            show_size(self.file_bytes),
            printable(&self.out),
            self.elapsed_ms as f64 / 1000.0,
        )
    }
}

pub(crate) async fn run(context: &Context<'_>, arguments: &ExportArgs) -> Result<Exit, Failure> {
    let export = export(arguments)?;
    let shutdown = context::signals()?;
    let now = WallClock::of(context).await?.now();
    let reader = store::reader(context)?;
    let shown = arguments.out.display().to_string();
    let folder = OsDir::open_or_create(&arguments.out).map_err(|error| {
        Failure::new(Exit::Storage, "storage", format!("cannot make the folder {shown}")).caused_by(&error)
    })?;
    let watch = Stopwatch::start();
    let progress = context.progress(Some(reader.stats().map_err(|error| failures::archive(&error))?.records));
    // The job blocks its thread; the runtime's other threads listen for signals meanwhile.
    let report = tokio::task::block_in_place(|| {
        reader.export(&export, Arc::new(folder), now, &|| shutdown.is_requested(), &mut |at| {
            progress.at(at.records, || {
                let what = if at.checking { "written; reading them again" } else { "written" };
                format!("{} records {what}", show_count(at.records))
            });
        })
    });
    progress.finish();
    let report = report.map_err(|error| failures::archive(&error))?;
    if report.interrupted {
        let message =
            format!("interrupted after {} records; {shown} is marked as unfinished", report.records);
        return Err(
            Failure::new(Exit::Interrupted, "interrupted", message).hint("the same command begins it again")
        );
    }
    let answer = Answer {
        out: shown,
        records: report.records,
        files: report.files,
        media: report.media,
        raw_bytes: report.raw_bytes,
        file_bytes: report.file_bytes,
        unreadable: report.unreadable,
        elapsed_ms: watch.elapsed_ms(),
    };
    context.printer.data(&answer, Answer::text)?;
    ended(context, &report)
}

fn ended(context: &Context<'_>, report: &ExportReport) -> Result<Exit, Failure> {
    for record in &report.named {
        let text = format!(
            "left out: {} version {}: {}: {}",
            record.key, record.version, record.segment, record.what
        );
        context.printer.talk(printable(&text));
    }
    if report.unreadable == 0 {
        return Ok(Exit::Done);
    }
    let message =
        format!("{} records cannot be read, and the export is without them", show_count(report.unreadable));
    Err(Failure::new(Exit::Integrity, "incomplete", message).hint(
        "frontdesk archive verify names what is damaged; frontdesk archive repair mends what can be mended",
    ))
}

/// What was asked for; everything that is wrong with it is told at once.
fn export(arguments: &ExportArgs) -> Result<Export, Failure> {
    let mut found = Collector::new();
    let time = |text: &Option<String>| text.as_deref().map(Timestamp::from_date_or_time).transpose();
    let from = found.check("--from", time(&arguments.from));
    let to = found.check("--to", time(&arguments.to));
    let mut started = None;
    if let (Some(from), Some(to)) = (from, to)
        && (from.is_some() || to.is_some())
    {
        let range = TimeRange::new(from.unwrap_or(Timestamp::MIN), to.unwrap_or(Timestamp::MAX));
        started = found.check("--from, --to", range);
    }
    let failure = |message: String| Failure::new(Exit::Usage, "bad_argument", message);
    found.finish().map_err(|violations| {
        failure(violations.to_string()).hint("write 2025-03-01 or 2025-03-01T10:00:00Z")
    })?;
    if arguments.contains.as_deref() == Some("") {
        return Err(
            failure("--contains: there is no text to look for".into()).hint("give at least one character")
        );
    }
    let expression = match (&arguments.query, &arguments.contains) {
        (Some(query), _) => Some(Expression::Query(super::archive_search::query(query)?)),
        (None, contains) => contains.clone().map(Expression::Contains),
    };
    if !arguments.metadata.is_empty() && arguments.format != ExportFormat::Csv {
        return Err(failure("--metadata names columns of --format csv only".into())
            .hint("leave it out: the other forms hold whole records"));
    }
    let file_bytes = quantity::size(&arguments.file_size)
        .map_err(|error| Failure::from_error(Exit::Usage, "bad_argument", &error).hint("see --file-size"))?;
    let layout = match arguments.format {
        ExportFormat::Files => ExportLayout::Files,
        ExportFormat::Ndjson => ExportLayout::Ndjson { file_bytes },
        ExportFormat::Csv => ExportLayout::Csv { metadata: arguments.metadata.clone() },
    };
    Ok(Export {
        layout,
        kind: None,
        started,
        expression,
        all_versions: arguments.all_versions,
        described: described(arguments),
    })
}

/// The selection in words, for the manifest.
fn described(arguments: &ExportArgs) -> String {
    let mut words = Vec::new();
    let from_to = [("from", &arguments.from), ("to", &arguments.to)];
    words.extend(from_to.iter().filter_map(|(name, value)| Some(format!("{name} {}", value.as_ref()?))));
    words.extend(arguments.query.as_ref().map(|query| format!("found by {query:?}")));
    words.extend(arguments.contains.as_ref().map(|text| format!("containing {text:?}")));
    words.push(if arguments.all_versions { "all versions".into() } else { "latest versions".into() });
    words.join(", ")
}
