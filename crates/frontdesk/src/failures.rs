//! Failures of the rooms below, as exit codes and words: one exhaustive map each.

use std::io;

use frontdesk_api::{Error as ApiError, ErrorKind as ApiErrorKind};
use frontdesk_archive::{Error as ArchiveError, ErrorKind as ArchiveErrorKind};
use frontdesk_domain::{Why, WhyKind};
use frontdesk_history::StoreError;
use frontdesk_journal::{Error as JournalError, ErrorKind as JournalErrorKind};
use frontdesk_shell::printer::printable;
use frontdesk_shell::{Exit, Failure};

/// A failure of the archive.
pub(crate) fn archive(error: &ArchiveError) -> Failure {
    let (exit, kind) = match error.kind() {
        ArchiveErrorKind::Busy { .. } => (Exit::Busy, "store_busy"),
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
        _ if error.is_storage_failure() => (Exit::Storage, "storage"),
        // A kind this version does not know yet.
        _ => (Exit::Unexpected, "archive"),
    };
    with_hint(Failure::from_error(exit, kind, error), error.hint().map(str::to_owned))
}

/// A failure of the journal.
pub(crate) fn journal(error: &JournalError) -> Failure {
    let (exit, kind) = match error.kind() {
        JournalErrorKind::Busy { .. } => (Exit::Busy, "store_busy"),
        JournalErrorKind::Damage { .. } => (Exit::Integrity, "damage"),
        JournalErrorKind::NotAJournal => (Exit::Usage, "not_a_journal"),
        JournalErrorKind::NewerFormat { .. } => (Exit::Usage, "newer_format"),
        JournalErrorKind::Conflict { .. } | JournalErrorKind::Repeated => (Exit::Unexpected, "conflict"),
        JournalErrorKind::Unknown { .. } => (Exit::Usage, "not_found"),
        JournalErrorKind::KeyMissing { .. } | JournalErrorKind::KeyExposed { .. } => (Exit::Usage, "key"),
        JournalErrorKind::Malformed { .. } => (Exit::Usage, "malformed"),
        JournalErrorKind::Interrupted => (Exit::Interrupted, "interrupted"),
        _ if error.is_storage_failure() => (Exit::Storage, "storage"),
        // A kind this version does not know yet.
        _ => (Exit::Unexpected, "journal"),
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

/// Why a single session was not opened or ended, to a client that needs the scopes `scopes`. Nothing was done.
pub(crate) fn not_done(why: &Why, scopes: &str) -> Failure {
    let (exit, kind, hint) = match why.kind {
        WhyKind::Unauthorized => (Exit::Auth, "unauthorized", None),
        WhyKind::Forbidden => (Exit::Auth, "forbidden", None),
        WhyKind::Interrupted => (Exit::Interrupted, "interrupted", Some("run the same command again")),
        WhyKind::Refused => {
            (Exit::Unavailable, "rejected", Some("check what was asked for; nothing was done"))
        }
        WhyKind::Conflict => (Exit::Partial, "conflict", Some("nothing was changed; look at what is there")),
        WhyKind::Throttled => (Exit::Unavailable, "throttled", Some("nothing was done; run it again later")),
        WhyKind::Malformed => {
            (Exit::Unavailable, "malformed", Some("is base_url the address of the gateway?"))
        }
        WhyKind::Unavailable | WhyKind::StillActive => {
            (Exit::Unavailable, "unavailable", Some("nothing was done; run it again later"))
        }
    };
    let role = || format!("check the client and give its role {scopes}");
    Failure::new(exit, kind, printable(&why.to_string())).hint(hint.map_or_else(role, str::to_owned))
}

/// Why it is not known of a single session whether something was done.
pub(crate) fn in_doubt(why: &Why) -> Failure {
    let (exit, kind) = match why.kind {
        WhyKind::Interrupted => (Exit::Interrupted, "interrupted"),
        _ => (Exit::Partial, "unknown"),
    };
    let message = format!("it may have been done, and that is not known: {}", printable(&why.to_string()));
    Failure::new(exit, kind, message).hint("the same command finds out, and does it once")
}

/// A failure of the files of the data directory, or of a folder that was named.
pub(crate) fn files(error: &io::Error) -> Failure {
    Failure::new(Exit::Storage, "storage", "a file or folder cannot be written")
        .caused_by(error)
        .hint("look at the space that is left and at who may write there; the same command goes on")
}

/// A failure to store histories.
pub(crate) fn histories(error: &StoreError) -> Failure {
    match error {
        StoreError::Journal(error) => journal(error),
        StoreError::Archive(error) => archive(error),
        // A reader that went away, as everywhere.
        StoreError::Files(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            Failure::from(io::Error::from(error.kind()))
        }
        StoreError::Files(error) => files(error),
        StoreError::Busy(_) => Failure::from_error(Exit::Busy, "store_busy", error)
            .hint("wait for it to end; two processes must not pull the same histories"),
        // A kind this version does not know yet.
        _ => Failure::from_error(Exit::Unexpected, "histories", error),
    }
}

fn with_hint(failure: Failure, hint: Option<String>) -> Failure {
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
