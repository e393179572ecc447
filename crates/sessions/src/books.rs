//! The journal as the jobs here use it: changes in, intents and items out.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use frontdesk_domain::{RunId, Timestamp};
use frontdesk_journal::{Change, Clock, Item, Journal, Reader};

use crate::error::JobError;
use crate::record::Place;

/// A journal open for both, the clock of its entries, and the run they belong to.
pub(crate) struct Books {
    journal: Arc<Journal>,
    reader: Arc<Mutex<Reader>>,
    now: Clock,
    pub(crate) run: RunId,
}

impl Books {
    pub(crate) fn open(journal: Arc<Journal>, now: Clock, run: RunId) -> Result<Self, JobError> {
        let reader = Arc::new(Mutex::new(journal.reader()?));
        Ok(Self { journal, reader, now, run })
    }

    /// Reads on a thread that may block.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Reader) -> Result<T, frontdesk_journal::Error> + Send + 'static,
    ) -> Result<T, JobError> {
        let reader = Arc::clone(&self.reader);
        blocking(move || work(&reader.lock().unwrap_or_else(PoisonError::into_inner))).await
    }

    /// What the ledger has at a place.
    pub(crate) async fn item(&self, place: &Place) -> Result<Option<Item>, JobError> {
        let Place { ledger, key } = place.clone();
        self.read(move |reader| reader.item(&ledger, &key)).await
    }

    /// Returns when the change is durable. Changes that come together share a commit.
    pub(crate) async fn record(&self, change: Change) -> Result<(), JobError> {
        let pending = self.journal.submit(change)?;
        blocking(move || pending.wait().map(|_| ())).await
    }

    /// A change of this run, with nothing in it yet.
    pub(crate) fn change(&self) -> Change {
        Change::new().run(self.run.clone())
    }

    /// The time now.
    pub(crate) fn at(&self) -> Timestamp {
        (self.now)()
    }
}

/// Does what blocks on a thread that may.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, frontdesk_journal::Error> + Send + 'static,
) -> Result<T, JobError> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|_| JobError::Claims(io::Error::other("the runtime is shutting down")))??)
}
