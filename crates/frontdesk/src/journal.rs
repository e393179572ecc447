//! Opens the journal of the data directory, for recording or for reading.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use frontdesk_journal::{Journal, Reader, Settings};
use frontdesk_shell::Failure;

use crate::clock::WallClock;
use crate::context::Context;
use crate::failures;

/// How long a command waits for another one that is recording.
pub(crate) const WAIT: Duration = Duration::from_secs(30);

/// The journal's folder.
pub(crate) fn root(context: &Context<'_>) -> Result<PathBuf, Failure> {
    Ok(context.settings.data_dir(&context.environment)?.join("journal"))
}

/// How the journal is opened by a command.
pub(crate) fn settings(context: &Context<'_>, command: &str, wait: Duration) -> Settings {
    Settings {
        actor: format!("pid {}", std::process::id()),
        command: command.to_owned(),
        wait,
        key_file: key_file(context),
    }
}

/// The key file of the settings; without one the journal's own is used.
pub(crate) fn key_file(context: &Context<'_>) -> Option<PathBuf> {
    context.settings.text("journal_key_file").map(PathBuf::from)
}

/// How long what is over is kept in the journal: the setting `events_kept`.
pub(crate) fn kept(context: &Context<'_>) -> Result<Duration, Failure> {
    Ok(context.settings.duration("events_kept")?.unwrap_or(Duration::MAX))
}

/// Opens the journal for a command that records; makes it where there is none. Takes away what was over long ago.
pub(crate) fn open(context: &Context<'_>, command: &str, clock: &WallClock) -> Result<Journal, Failure> {
    let (root, settings) = (root(context)?, settings(context, command, WAIT));
    let before = (clock.source())().checked_sub(kept(context)?);
    let open = || {
        let journal = Journal::open(&root, &settings, clock.source())?;
        if let Some(before) = before {
            journal.prune(before)?;
        }
        Ok(journal)
    };
    tokio::task::block_in_place(open).map_err(|error| failures::journal(&error))
}

/// Closes it, so that its newest head stands beside it.
pub(crate) fn close(journal: Arc<Journal>) -> Result<(), Failure> {
    match Arc::into_inner(journal) {
        Some(journal) => {
            tokio::task::block_in_place(|| journal.close()).map_err(|error| failures::journal(&error))
        }
        // A call of an interrupted part still runs; the next start writes the head.
        None => Ok(()),
    }
}

/// Opens the journal in a folder for reading.
pub(crate) fn reader(root: &Path) -> Result<Reader, Failure> {
    Reader::open(root).map_err(|error| failures::journal(&error))
}
