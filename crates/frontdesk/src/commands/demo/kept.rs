//! The second half of the demonstration: what becomes of conversations that are kept. A query, the calendar, a legal
//! hold that wins over retention, and an export that stock tools check.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use frontdesk_archive::{
    ClockTrust, Export, ExportLayout, Expression, Maintenance, Order, Reader, Search,
    Settings as StoreSettings,
};
use frontdesk_archiver::Retain;
use frontdesk_domain::retention::DEFAULT_DAYS;
use frontdesk_domain::{MatterName, Query, Timestamp};
use frontdesk_durable::OsDir;
use frontdesk_shell::clock::Stopwatch;
use frontdesk_shell::quantity::show_count;
use frontdesk_shell::{Exit, Failure};
use serde::Serialize;

use super::FOLDER;
use crate::{failures, policies};

/// What is looked for with the query language, and what a matter then holds.
const QUERY: &str = r#"refund OR "money back""#;
const MATTER: &str = "demo-refunds";
const EXPORT: &str = "export";
/// The last file an export writes.
const SUMS: &str = "SHA256SUMS";

/// What was shown.
#[derive(Serialize)]
pub(super) struct Kept {
    query: &'static str,
    query_found: u64,
    query_us: u64,
    days: u64,
    days_missing: u64,
    retention_days: u32,
    due: u64,
    held: u64,
    export: String,
    exported: u64,
    /// Whether `sha256sum` and `gzip` found it good; null where they are not installed.
    export_checked: Option<bool>,
}

impl Kept {
    /// Whether the stock tools found nothing wrong.
    pub(super) fn is_good(&self) -> bool {
        self.export_checked != Some(false)
    }

    /// As lines under those of the first half.
    pub(super) fn text(&self) -> String {
        let checked = match self.export_checked {
            Some(true) => "sha256sum and gzip find it good",
            Some(false) => "sha256sum or gzip find it damaged",
            None => "not checked: sha256sum or gzip are not on this machine",
        };
        format!(
            "\
query         {query}: {found} found in {millis:.1} ms, the best first
report        {days} days, {missing} with something missing
retention     {older} days: {due} due; {held} are under a legal hold and would be kept. Nothing was removed
export        {export}: {exported} files; {checked}",
            query = self.query,
            found = show_count(self.query_found),
            millis = self.query_us as f64 / 1000.0,
            days = show_count(self.days),
            missing = show_count(self.days_missing),
            older = self.retention_days,
            due = show_count(self.due),
            held = show_count(self.held),
            export = self.export,
            exported = show_count(self.exported),
        )
    }
}

/// Asks, holds, previews and exports. Removes nothing.
pub(super) fn keep(
    root: &Path,
    settings: &StoreSettings,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    reader: &Reader,
) -> Result<Kept, Failure> {
    let now = clock();
    let broken = |error: &dyn std::error::Error| {
        Failure::new(Exit::Unexpected, "demo", "a name or a query of the demonstration is wrong")
            .caused_by(error)
    };
    let query: Query = QUERY.parse().map_err(|error| broken(&error))?;
    let expression = Expression::Query(query);
    let watch = Stopwatch::start();
    let search = Search { order: Order::Best, ..Search::new(expression.clone(), 1) };
    let page = reader.search(&search).map_err(|error| failures::archive(&error))?;
    let query_us = watch.elapsed_us();

    let summary = reader.summary(now).map_err(|error| failures::archive(&error))?;
    let days_missing = summary.days.iter().filter(|day| !day.missing.is_empty()).count() as u64;

    let mut ids = Vec::new();
    reader
        .search_each(&expression, &mut |found| {
            ids.push(found.record.key.id);
            std::ops::ControlFlow::Continue(())
        })
        .map_err(|error| failures::archive(&error))?;
    let matter = MatterName::new(MATTER).map_err(|error| broken(&error))?;
    let mut maintenance =
        Maintenance::open(root, settings, clock).map_err(|error| failures::archive(&error))?;
    maintenance
        .hold(&matter, &ids, Some(QUERY), "shown by the demonstration")
        .and_then(|_| maintenance.close())
        .map_err(|error| failures::archive(&error))?;
    let retain = Retain { policies: policies::of_days(DEFAULT_DAYS)?, trust: ClockTrust::default() };
    let (_, survey) = retain.plan(reader, now, &mut |_, _| {}).map_err(|error| failures::archive(&error))?;

    let (exported, export_checked) = export(root, reader, expression, now)?;
    Ok(Kept {
        query: QUERY,
        query_found: page.count.unwrap_or_default(),
        query_us,
        days: summary.days.len() as u64,
        days_missing,
        retention_days: DEFAULT_DAYS,
        due: survey.verdicts.all_due(),
        held: survey.verdicts.held,
        export: format!("./{FOLDER}/{EXPORT}"),
        exported,
        export_checked,
    })
}

/// Exports what the query finds, beside the archive. An export of an earlier demonstration stays and is checked again.
fn export(
    root: &Path,
    reader: &Reader,
    expression: Expression,
    now: Timestamp,
) -> Result<(u64, Option<bool>), Failure> {
    let out = root.with_file_name(EXPORT);
    if !out.join(SUMS).exists() {
        let folder = OsDir::open_or_create(&out).map_err(|error| {
            Failure::new(Exit::Storage, "storage", format!("cannot make {}", out.display())).caused_by(&error)
        })?;
        let export = Export {
            layout: ExportLayout::Files,
            kind: None,
            started: None,
            expression: Some(expression),
            all_versions: false,
            described: format!("found by {QUERY:?}"),
        };
        reader
            .export(&export, Arc::new(folder), now, &|| false, &mut |_| {})
            .map_err(|error| failures::archive(&error))?;
    }
    let names = std::fs::read_dir(&out).and_then(|entries| {
        entries.map(|entry| entry.map(|entry| entry.file_name())).collect::<io::Result<Vec<_>>>()
    });
    let names = names.map_err(|error| {
        Failure::new(Exit::Storage, "storage", format!("cannot read {}", out.display())).caused_by(&error)
    })?;
    let packed: Vec<_> =
        names.into_iter().filter(|name| name.to_string_lossy().ends_with(".json.gz")).collect();
    let mut sums = Command::new("sha256sum");
    sums.args(["--strict", "--quiet", "-c", SUMS]);
    let mut gzip = Command::new("gzip");
    gzip.args(["-t", "--"]).args(&packed);
    let checked = match (passes(&mut sums, &out), passes(&mut gzip, &out)) {
        (Some(sums), Some(gzip)) => Some(sums && gzip),
        _ => None,
    };
    Ok((packed.len() as u64, checked))
}

/// Whether a tool is content; `None` where it cannot be run.
fn passes(tool: &mut Command, folder: &Path) -> Option<bool> {
    let quiet = tool.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().ok().map(|status| status.success())
}
