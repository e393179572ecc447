//! The dialogues that a sandbox serves: the support corpus where it is beside the project, else our own few and copies of
//! them.

use std::path::PathBuf;

use crate::cargo;

/// Beside the project's folder; not part of it, since it is large and has a licence of its own.
const BESIDE: &str = "../shared/corpus/support-dialogues.ndjson.gz";
const OURS: &str = "fixtures/data/dialogues/corpus.ndjson";
/// So many copies of our few make something to pull.
const COPIES: u64 = 3_000;

/// A file of dialogues.
pub(super) struct Corpus {
    pub(super) path: PathBuf,
    /// More than the file holds: copies are made.
    pub(super) conversations: Option<u64>,
    pub(super) is_real: bool,
}

impl Corpus {
    pub(super) fn find() -> Result<Self, String> {
        let beside = cargo::root().join(BESIDE);
        if beside.is_file() {
            return Ok(Self { path: beside, conversations: None, is_real: true });
        }
        let path = cargo::root().join(OURS);
        ensure!(path.is_file(), "{} is not there", path.display());
        Ok(Self { path, conversations: Some(COPIES), is_real: false })
    }
}
