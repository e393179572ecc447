//! `frontdesk audit rotate`

use frontdesk_shell::{Exit, Failure};
use serde::Serialize;

use crate::clock::WallClock;
use crate::context::Context;
use crate::{failures, journal};

#[derive(Serialize)]
struct Answer {
    key_id: String,
    previous: String,
    entry: u64,
}

pub(crate) async fn run(context: &Context<'_>) -> Result<Exit, Failure> {
    let clock = WallClock::of(context).await?;
    let root = journal::root(context)?;
    // A journal whose key is replaced is one that is there.
    drop(journal::reader(&root)?);
    let settings = journal::settings(context, "audit rotate", journal::WAIT);
    let rotation =
        tokio::task::block_in_place(|| frontdesk_journal::rotate(&root, &settings, clock.source()))
            .map_err(|error| failures::journal(&error))?;
    let answer = Answer { key_id: rotation.key_id, previous: rotation.previous, entry: rotation.entry };
    context.printer.data(&answer, |answer| {
        format!(
            "the key {} signs from entry {} on; {} stays in the key file, for what it signed",
            answer.key_id, answer.entry, answer.previous
        )
    })?;
    Ok(Exit::Done)
}
