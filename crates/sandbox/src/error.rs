//! Why a sandbox could not be made.

use std::io;
use std::path::{Path, PathBuf};

/// A setting or a corpus file that a sandbox cannot work with. Trying again without a change is no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A corpus file could not be opened, read or unpacked.
    #[error("reading the corpus {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A corpus line is no conversation.
    #[error("reading the corpus {}, line {line}: {problem}", path.display())]
    BadLine {
        /// The file.
        path: PathBuf,
        /// 1-based.
        line: u64,
        /// What is wrong, without a word of the line.
        problem: String,
    },
    /// A setting makes no sense.
    #[error("the sandbox setting `{name}`: {problem}")]
    Setting {
        /// The field of [`Config`](crate::Config) or of the fault plan.
        name: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

impl Error {
    pub(crate) fn unreadable(path: &Path, source: io::Error) -> Self {
        Self::Unreadable { path: path.to_owned(), source }
    }

    pub(crate) fn setting(name: &'static str, problem: impl Into<String>) -> Self {
        Self::Setting { name, problem: problem.into() }
    }
}
