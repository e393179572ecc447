//! What the tasks of `frontdesk serve` have in common.

use std::time::Duration;

use frontdesk_server::Trouble;
use frontdesk_shell::{Exit, Failure};

use crate::context::Context;

/// Shorter and the same would be read or asked for without end.
const SHORTEST: Duration = Duration::from_secs(1);

/// How often a task is done, by its setting; `None` where that is not set.
pub(super) fn every(
    context: &Context<'_>,
    setting: &'static str,
    hint: &str,
) -> Result<Option<Duration>, Failure> {
    let every = context.settings.duration(setting)?;
    if every.is_some_and(|every| every < SHORTEST) {
        let message = format!("{setting} is shorter than a second");
        return Err(Failure::new(Exit::Usage, "bad_setting", message).hint(hint));
    }
    Ok(every)
}

/// Whether there is an archive yet.
pub(super) fn is_archive(context: &Context<'_>) -> Result<bool, Failure> {
    Ok(context.archive_root()?.join("FORMAT.json").exists())
}

/// Why a task was not done, as the server tells it.
pub(super) fn trouble(failure: &Failure) -> Trouble {
    Trouble { kind: failure.kind(), detail: failure.one_line() }
}
