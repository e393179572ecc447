//! The exit codes: a published interface (design, "Command line"; README, "Exit codes").

use std::process::ExitCode;

/// How a command ended. The numbers never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Exit {
    /// Everything asked was done and verified.
    Done = 0,
    /// An unexpected failure: a bug, or a state nobody thought of.
    Unexpected = 1,
    /// Wrong usage, or refused by validation.
    Usage = 2,
    /// Something was done and kept, but not all of it.
    Partial = 3,
    /// Authentication or permission.
    Auth = 4,
    /// Nothing was done: the remote was unavailable, throttled to the end, or the budget was spent.
    Unavailable = 5,
    /// Integrity failure: something stored is not what it was.
    Integrity = 6,
    /// Blocked by policy.
    Policy = 7,
    /// The store is busy: another process is writing to it.
    Busy = 8,
    /// Storage failure: full, read-only, a failing write or fsync. Nothing was acknowledged after it.
    Storage = 9,
    /// Interrupted; the state is saved and the same command resumes.
    Interrupted = 130,
}

impl Exit {
    /// Every exit code, in the order of the numbers.
    pub const ALL: [Self; 11] = [
        Self::Done,
        Self::Unexpected,
        Self::Usage,
        Self::Partial,
        Self::Auth,
        Self::Unavailable,
        Self::Integrity,
        Self::Policy,
        Self::Busy,
        Self::Storage,
        Self::Interrupted,
    ];

    /// The number a shell sees.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// One line on what the number means, as help and README print it.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "everything asked was done and verified",
            Self::Unexpected => "unexpected failure",
            Self::Usage => "usage, or refused by validation",
            Self::Partial => "something done and kept, but not all",
            Self::Auth => "authentication or permission",
            Self::Unavailable => "nothing done: remote unavailable, throttled to the end, or budget spent",
            Self::Integrity => "integrity failure",
            Self::Policy => "blocked by policy",
            Self::Busy => "store busy",
            Self::Storage => "storage failure (full, read-only, failing write or fsync)",
            Self::Interrupted => "interrupted; state saved, the same command resumes",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_the_published_ones() {
        let table: Vec<String> =
            Exit::ALL.iter().map(|exit| format!("{:>3}  {}", exit.code(), exit.meaning())).collect();
        insta::assert_snapshot!(table.join("\n"));
    }
}
