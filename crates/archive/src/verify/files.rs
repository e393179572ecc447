//! Every file is one that can be explained, and the small ones are what they should be.

use frontdesk_domain::RunId;
use frontdesk_durable::{Dir, EntryKind, LogReader, STAGE_PREFIX, read_whole};

use super::{Findings, Scope};
use crate::error::{Action, During, Error};
use crate::format::Format;
use crate::layout::{self, Name};
use crate::ledger::{Ledgered, Phase, from_log_error};

const UNEXPLAINED: &str = "nothing explains this file";
const STAGED: &str = "left by a publish that was not finished";

/// Whether somebody holds the writer's lock. Where the folder cannot be written nobody like us can.
pub(super) fn is_writer_active(dir: &dyn Dir) -> Result<bool, Error> {
    match dir.try_lock(layout::LOCK) {
        Ok(held) => Ok(held.is_none()),
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied
            ) =>
        {
            Ok(false)
        }
        Err(error) => Err(error).during(Action::Verify, layout::LOCK),
    }
}

pub(super) fn check(
    scope: &Scope<'_>,
    format: &Format,
    ledgered: Option<&Ledgered>,
    findings: &mut Findings,
) -> Result<(), Error> {
    root(scope, findings)?;
    runs(scope, format, ledgered, findings)?;
    segments(scope, ledgered, findings)
}

fn root(scope: &Scope<'_>, findings: &mut Findings) -> Result<(), Error> {
    let holder = format!("{}.holder", layout::LOCK);
    for entry in scope.dir.list("").during(Action::Verify, "the archive")? {
        let name = entry.name.as_str();
        let known = match entry.kind {
            EntryKind::Dir => [
                layout::SEGMENTS,
                layout::RUNS,
                layout::QUARANTINE,
                layout::SEARCH,
                layout::MEDIA,
                layout::INCOMING,
            ]
            .contains(&name),
            EntryKind::File => {
                let files = [
                    layout::FORMAT,
                    layout::LEDGER,
                    layout::LOCK,
                    &holder,
                    layout::RESERVE,
                    layout::CATALOG,
                    layout::CATALOG_WAL,
                    layout::CATALOG_SHM,
                    layout::CATALOG_SUM,
                ];
                files.contains(&name)
            }
            EntryKind::Other => false,
        };
        if !known {
            unexplained(scope, name, name, findings);
        }
    }
    Ok(())
}

fn runs(
    scope: &Scope<'_>,
    format: &Format,
    ledgered: Option<&Ledgered>,
    findings: &mut Findings,
) -> Result<(), Error> {
    let mut stated = ledgered.map(|ledgered| ledgered.runs.clone()).unwrap_or_default();
    for entry in list(scope, layout::RUNS)? {
        let path = format!("{}/{}", layout::RUNS, entry.name);
        let run = entry.name.strip_suffix(".ndjson").and_then(|name| RunId::new(name).ok());
        let Some(run) = run.filter(|_| entry.kind == EntryKind::File) else {
            unexplained(scope, &path, &entry.name, findings);
            continue;
        };
        let opened = LogReader::open(scope.dir, &path, format.run_seed(run.as_str())).map_err(from_log_error);
        let stated = stated.remove(&run);
        let Some(log) = findings.take(opened)? else { continue };
        if let Some(stated) = stated {
            let line = log.lines().nth(usize::try_from(stated.lines.saturating_sub(1)).unwrap_or(usize::MAX));
            if !line.is_some_and(|line| line.is_ok_and(|line| *line.hash() == stated.head.0)) {
                findings.damaged(path.clone(), "lines are gone that the ledger knows");
            }
        }
        if log.torn().is_some() && !scope.active {
            findings.unfinished(path, "its last line was not finished");
        }
    }
    for run in stated.keys() {
        findings.damaged(format!("{}/{run}.ndjson", layout::RUNS), "the log is missing");
    }
    Ok(())
}

fn segments(scope: &Scope<'_>, ledgered: Option<&Ledgered>, findings: &mut Findings) -> Result<(), Error> {
    for folder in list(scope, layout::SEGMENTS)? {
        let folder_path = format!("{}/{}", layout::SEGMENTS, folder.name);
        if folder.kind != EntryKind::Dir {
            unexplained(scope, &folder_path, &folder.name, findings);
            continue;
        }
        for file in list(scope, &folder_path)? {
            let path = format!("{folder_path}/{}", file.name);
            let name = Name::parse(&file.name).filter(|_| file.kind == EntryKind::File);
            let Some(name) = name else {
                unexplained(scope, &path, &file.name, findings);
                continue;
            };
            let Some(ledgered) = ledgered else { continue };
            let (Name::Segment(number) | Name::Sum(number)) = name;
            let state =
                ledgered.segments.get(&number).filter(|state| state.folder.to_string() == folder.name);
            match (name, state.map(|state| &state.phase)) {
                (_, None) if scope.active => {} // opened since the ledger was read
                (_, None) => findings.damaged(path, "the ledger does not know this segment"),
                (_, Some(Phase::Replaced { .. } | Phase::Removed | Phase::Copying)) => {
                    if !scope.active {
                        findings.unfinished(path, "it does not count, and the next writer removes it");
                    }
                }
                (Name::Sum(_), Some(Phase::Sealed { sha256, .. })) => {
                    let line = layout::sum_line(sha256, &path.replace(".sha256", ".ndjson.gz"));
                    let found = read_whole(scope.dir, &path, 4_096);
                    if !found.is_ok_and(|found| found == line.as_bytes()) {
                        findings.damaged(path, "it does not state the hash the segment was sealed with");
                    }
                }
                (Name::Sum(_), Some(Phase::Unsealed { .. })) => {
                    if !scope.active {
                        findings
                            .unfinished(path, "its segment is not sealed, and the next writer removes it");
                    }
                }
                (Name::Segment(_), Some(Phase::Sealed { .. } | Phase::Unsealed { .. })) => {}
            }
        }
    }
    Ok(())
}

pub(super) fn unexplained(scope: &Scope<'_>, path: &str, name: &str, findings: &mut Findings) {
    match (name.starts_with(STAGE_PREFIX), scope.active) {
        (true, true) => {}
        (true, false) => findings.unfinished(path, STAGED),
        (false, _) => findings.damaged(path, UNEXPLAINED),
    }
}

pub(super) fn list(scope: &Scope<'_>, path: &str) -> Result<Vec<frontdesk_durable::Entry>, Error> {
    match scope.dir.list(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other.during(Action::Verify, path),
    }
}
