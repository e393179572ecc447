//! Failures of the rooms below, as exit codes and words: one exhaustive map each.

use frontdesk_api::{Error as ApiError, ErrorKind as ApiErrorKind};
use frontdesk_archive::{Error as ArchiveError, ErrorKind as ArchiveErrorKind};
use frontdesk_shell::{Exit, Failure};

/// A failure of the archive.
pub(crate) fn archive(error: &ArchiveError) -> Failure {
    let (exit, kind) = match error.kind() {
        ArchiveErrorKind::Busy { .. } => (Exit::Busy, "store_busy"),
        ArchiveErrorKind::Storage | ArchiveErrorKind::Poisoned | ArchiveErrorKind::ReadOnly => {
            (Exit::Storage, "storage")
        }
        ArchiveErrorKind::Catalog => (Exit::Storage, "catalog"),
        ArchiveErrorKind::Damage { .. } => (Exit::Integrity, "damage"),
        ArchiveErrorKind::ForeignOrganization { .. } => (Exit::Usage, "foreign_organization"),
        ArchiveErrorKind::ForeignArchive => (Exit::Usage, "foreign_archive"),
        ArchiveErrorKind::NewerFormat { .. } => (Exit::Usage, "newer_format"),
        ArchiveErrorKind::NotAnArchive => (Exit::Usage, "not_an_archive"),
        ArchiveErrorKind::OutdatedCursor => (Exit::Usage, "outdated_cursor"),
        ArchiveErrorKind::Malformed { .. } => (Exit::Usage, "bad_query"),
        ArchiveErrorKind::Occupied { .. } => (Exit::Usage, "folder_not_empty"),
        ArchiveErrorKind::Interrupted => (Exit::Interrupted, "interrupted"),
        ArchiveErrorKind::Unknown { .. } => (Exit::Usage, "not_found"),
        ArchiveErrorKind::ClockAhead { .. } => (Exit::Policy, "clock_ahead"),
        ArchiveErrorKind::TooLarge { .. } => (Exit::Usage, "too_large"),
        // A kind this version does not know yet.
        _ => (Exit::Unexpected, "archive"),
    };
    with_hint(Failure::from_error(exit, kind, error), error.hint().map(str::to_owned))
}

/// A failure of the remote, of which nothing was taken.
pub(crate) fn remote(error: &ApiError) -> Failure {
    let (alone, kind) = match error.kind() {
        ApiErrorKind::Unauthorized => (Exit::Auth, "unauthorized"),
        ApiErrorKind::Forbidden => (Exit::Auth, "forbidden"),
        ApiErrorKind::Unsendable { .. } => (Exit::Usage, "unsendable"),
        ApiErrorKind::Rejected => (Exit::Unavailable, "rejected"),
        ApiErrorKind::Redirected => (Exit::Unavailable, "redirected"),
        ApiErrorKind::Throttled => (Exit::Unavailable, "throttled"),
        ApiErrorKind::Unavailable => (Exit::Unavailable, "unavailable"),
        ApiErrorKind::Transport(_) => (Exit::Unavailable, "transport"),
        ApiErrorKind::TooLarge { .. } => (Exit::Unavailable, "too_large"),
        ApiErrorKind::Malformed { .. } => (Exit::Unavailable, "malformed"),
        ApiErrorKind::LoopingPagination { .. } => (Exit::Unavailable, "looping_pagination"),
        ApiErrorKind::Deadline => (Exit::Unavailable, "deadline"),
        ApiErrorKind::BudgetSpent => (Exit::Unavailable, "budget_spent"),
        ApiErrorKind::Cancelled => (Exit::Interrupted, "interrupted"),
        // A kind this version does not know yet.
        _ => (Exit::Unavailable, "remote"),
    };
    let exit = if error.is_auth() { Exit::Auth } else { alone };
    let failure =
        Failure::from_error(exit, kind, error).correlation_id(error.correlation_id().map(str::to_owned));
    with_hint(failure, error.hint())
}

fn with_hint(failure: Failure, hint: Option<String>) -> Failure {
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
