//! What all scenarios share: the binary, the corpus, the runtime of the sandboxes, and what they have to say.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use tokio::runtime::{Builder, Runtime};

use super::options::Options;
use super::{binary, canary, corpus};

/// Made once a task.
pub(super) struct House {
    pub(super) options: Options,
    /// The binary under test.
    pub(super) binary: PathBuf,
    /// Dialogues to serve.
    pub(super) corpus: corpus::Corpus,
    /// Where in-process sandboxes run.
    pub(super) runtime: Runtime,
    /// The secret that must not show up anywhere.
    pub(super) canary: canary::Canary,
    notices: Mutex<Vec<String>>,
}

impl House {
    pub(super) fn open(options: Options) -> Result<Self, String> {
        let binary = options.binary.clone().map_or_else(binary::build, Ok)?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| format!("cannot start the runtime of the sandboxes: {error}"))?;
        let corpus = corpus::Corpus::find()?;
        let canary = canary::Canary::new(options.seed);
        let house = Self { options, binary, corpus, runtime, canary, notices: Mutex::new(Vec::new()) };
        if !house.corpus.is_real {
            house.notice("the corpus is not beside the project: made-up dialogues stand in for it".into());
        }
        Ok(house)
    }

    /// Something a reader of the result must know, such as a check that this machine does not allow. Said once, at the
    /// end.
    pub(super) fn notice(&self, text: String) {
        let mut notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        if !notices.contains(&text) {
            notices.push(text);
        }
    }

    pub(super) fn notices(&self) -> Vec<String> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
