//! Opens the journal of the settings.

use std::sync::Arc;

use frontdesk_journal::{Journal, Settings};
use frontdesk_shell::Failure;

use crate::clock::WallClock;
use crate::context::Context;
use crate::failures;

/// Opens the journal for a command that records; makes it where there is none.
pub(crate) fn open(context: &Context<'_>, command: &str, clock: &WallClock) -> Result<Journal, Failure> {
    let root = context.settings.data_dir(&context.environment)?.join("journal");
    let settings = Settings { command: command.to_owned(), ..Settings::default() };
    tokio::task::block_in_place(|| Journal::open(&root, &settings, clock.source()))
        .map_err(|error| failures::journal(&error))
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
