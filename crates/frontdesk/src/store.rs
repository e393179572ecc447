//! Opens the archive of the settings, for writing or for reading.

use std::path::Path;
use std::sync::Arc;
use std::thread::available_parallelism;

use frontdesk_archive::{ErrorKind, Maintenance, ReadOptions, Reader, Settings as StoreSettings, Writer};
use frontdesk_domain::{IdError, OrganizationId, Timestamp};
use frontdesk_shell::settings::Origin;
use frontdesk_shell::{Exit, Failure, Shutdown, quantity};

use crate::args::StoreArgs;
use crate::context::Context;
use crate::failures;

/// Workers that pack, unpack and hash: one a core.
pub(crate) fn workers() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// Whose archive this is: `organization_id`, else `default` (design, archive).
pub(crate) fn organization(context: &Context<'_>) -> Result<OrganizationId, Failure> {
    Ok(context.settings.parsed("organization_id", str::parse)?.unwrap_or_default())
}

/// How the archive is written by a command that says when it began.
pub(crate) fn settings(
    context: &Context<'_>,
    arguments: &StoreArgs,
    command: &str,
    now: Timestamp,
) -> Result<StoreSettings, Failure> {
    let wait = quantity::duration(&arguments.wait)
        .map_err(|error| Failure::from_error(Exit::Usage, "bad_argument", &error).hint("see --wait"))?;
    Ok(StoreSettings {
        organization: organization(context)?,
        segment_size: segment_size(context)?,
        wait,
        holder: format!("pid {}: frontdesk {command}, since {now}", std::process::id()),
        workers: workers(),
        search_index: search_index(context)?,
        ..StoreSettings::default()
    })
}

/// Opens the archive for writing; makes it where there is none. A stop ends the wait for another writer.
pub(crate) async fn writer(
    context: &Context<'_>,
    arguments: &StoreArgs,
    command: &str,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    shutdown: &Shutdown,
) -> Result<Writer, Failure> {
    let settings = settings(context, arguments, command, now())?;
    let root = context.archive_root()?;
    let opening = tokio::task::spawn_blocking(move || open_writer(&root, &settings, now));
    tokio::select! {
        biased;
        // Opening goes on until the process ends; it can be cut anywhere, as by a crash.
        () = shutdown.requested() => {
            Err(Failure::new(Exit::Interrupted, "interrupted", "interrupted before anything was asked for")
                .hint("run the same command again"))
        }
        opened = opening => opened.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic())),
    }
}

/// Opens the archive for changes that are no puts; none is made where there is none. Where nobody says whose archive it
/// is, it is whose it is: nothing comes in from outside.
pub(crate) fn maintenance(
    context: &Context<'_>,
    arguments: &StoreArgs,
    command: &str,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
) -> Result<Maintenance, Failure> {
    let root = context.archive_root()?;
    let settings = of_archive(context, arguments, command, now())?;
    tokio::task::block_in_place(|| Maintenance::open(&root, &settings, now))
        .map_err(|error| failures::archive(&error))
}

/// How an archive is changed that is there: where nobody says whose it is, it is whose it is.
pub(crate) fn of_archive(
    context: &Context<'_>,
    arguments: &StoreArgs,
    command: &str,
    now: Timestamp,
) -> Result<StoreSettings, Failure> {
    Ok(StoreSettings {
        organization: match &arguments.organization_id {
            Some(id) => id
                .parse()
                .map_err(|error: IdError| Failure::from_error(Exit::Usage, "bad_argument", &error))?,
            None if is_said(context, "organization_id") => organization(context)?,
            None => frontdesk_archive::organization_of(&context.archive_root()?)
                .map_err(|error| failures::archive(&error))?
                .unwrap_or_default(),
        },
        ..settings(context, arguments, command, now)?
    })
}

/// Whether somebody gave the setting a value, which is then not the built-in one.
fn is_said(context: &Context<'_>, key: &str) -> bool {
    context.settings.value(key).is_some_and(|value| *value.origin() != Origin::Default)
}

/// Whose archive this is, where somebody said so.
pub(crate) fn said_organization(context: &Context<'_>) -> Result<Option<OrganizationId>, Failure> {
    if is_said(context, "organization_id") { organization(context).map(Some) } else { Ok(None) }
}

/// Opens the archive in `root` for writing with `settings`.
pub(crate) fn open_writer(
    root: &Path,
    settings: &StoreSettings,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
) -> Result<Writer, Failure> {
    Writer::open(root, settings, now).map_err(|error| failures::archive(&error))
}

/// Opens the archive for reading.
pub(crate) fn reader(context: &Context<'_>) -> Result<Reader, Failure> {
    open_reader(&context.archive_root()?)
}

/// How archives are read.
pub(crate) fn read_options() -> ReadOptions {
    ReadOptions { workers: workers(), ..ReadOptions::default() }
}

/// Opens the archive in `root` for reading.
pub(crate) fn open_reader(root: &Path) -> Result<Reader, Failure> {
    Reader::open(root, &read_options()).map_err(|error| match error.kind() {
        ErrorKind::NotAnArchive => failures::archive(&error)
            .hint("pull or import into it first, or name the folder of an archive with --data-dir"),
        _ => failures::archive(&error),
    })
}

fn segment_size(context: &Context<'_>) -> Result<u64, Failure> {
    const SMALLEST: u64 = 64 << 10;
    let size = context.settings.size("segment_size")?.unwrap_or(64 << 20);
    if size < SMALLEST {
        return Err(Failure::new(Exit::Usage, "bad_setting", format!("segment_size is {size} bytes"))
            .hint("a segment has at least 64KiB; 64MiB is the default"));
    }
    Ok(size)
}

fn search_index(context: &Context<'_>) -> Result<bool, Failure> {
    match context.settings.text("search_index") {
        None | Some("on") => Ok(true),
        Some("off") => Ok(false),
        Some(other) => Err(Failure::new(Exit::Usage, "bad_setting", format!("search_index is {other:?}"))
            .hint("say on or off")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_where_no_archive_is_says_how_to_make_one() {
        let dir = tempfile::tempdir().unwrap();
        let failure = open_reader(&dir.path().join("archive")).unwrap_err();
        assert_eq!((failure.exit(), failure.kind()), (Exit::Usage, "not_an_archive"));
        assert!(failure.to_string().contains("hint: pull or import into it first"), "{failure}");
    }
}
