//! The journal as the console has it: read, and told who looked at what.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use frontdesk_domain::audit::{AccessRecord, AccessStep};
use frontdesk_journal::{Change, Error, ErrorKind, Journal, Reader};
use tokio::sync::oneshot;

use super::Desk;
use super::role::Viewer;

/// A read as it is written down.
#[derive(Debug)]
pub(crate) struct Read {
    step: AccessStep,
    subject: Option<String>,
    details: BTreeMap<String, String>,
}

impl Read {
    /// Somebody did this.
    pub(crate) fn new(step: AccessStep) -> Self {
        Self { step, subject: None, details: BTreeMap::new() }
    }

    /// Somebody read this list of what says who people are.
    pub(crate) fn list(name: &str) -> Self {
        Self::new(AccessStep::Listed).of(name)
    }

    /// To this one thing.
    pub(crate) fn of(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Where a text was looked for in it, with that.
    pub(crate) fn finding(self, text: Option<&str>) -> Self {
        match text.filter(|text| !text.is_empty()) {
            Some(text) => self.with("find", text),
            None => self,
        }
    }

    /// With this. It may be personal; no secret.
    pub(crate) fn with(mut self, name: &str, text: impl Into<String>) -> Self {
        self.details.insert(name.to_owned(), text.into());
        self
    }
}

/// The journal, opened for writing when something is to be written first.
#[derive(Debug, Default)]
pub(crate) struct Books {
    writer: Mutex<Option<Arc<Journal>>>,
}

impl Books {
    /// The journal to read; `None` where there is none yet. Blocks.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub(crate) fn reader(desk: &Desk) -> Result<Option<Reader>, Error> {
        match Reader::open(&desk.journal) {
            Ok(reader) => Ok(Some(reader)),
            Err(error) if *error.kind() == ErrorKind::NotAJournal => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Records a change, and returns when it is durable. Many at once share a commit. Blocks.
    ///
    /// # Errors
    /// As [`Journal::open`] and [`Journal::record`].
    pub(crate) fn record(&self, desk: &Desk, change: Change) -> Result<(), Error> {
        let journal = self.journal(desk)?;
        let recorded = journal.record(change);
        self.settle(&journal, recorded.map(drop))
    }

    /// The same for who may not block. `None` where it would have to, and nothing is known to be recorded: the journal is
    /// not open yet, much waits to be written, or nobody writes any more.
    ///
    /// # Errors
    /// As [`Books::record`].
    ///
    /// # Cancel safety
    /// What was handed over is recorded.
    pub(crate) async fn record_soon(&self, change: Change) -> Option<Result<(), Error>> {
        // Whoever opens the journal has the lock for long.
        let journal = self.writer.try_lock().ok()?.clone()?;
        let (told, answer) = oneshot::channel();
        Self::hand_over(&journal, change, told);
        Some(self.settle(&journal, answer.await.ok()?))
    }

    /// Hands a change over to a journal that is open. `told` is told once it is known what became of the change; it is dropped
    /// where nothing can be handed over now, and nothing is known to be recorded.
    pub(crate) fn hand_over(journal: &Journal, change: Change, told: oneshot::Sender<Result<(), Error>>) {
        let done = move |recorded: Result<_, Error>| {
            // Whoever asked may be gone.
            let _ = told.send(recorded.map(drop));
        };
        // What cannot be written is refused again by whoever records it then.
        let _ = journal.offer(change, done);
    }

    /// Gives up a journal that acknowledges nothing any more. The next one opens it again, which settles what is there.
    pub(crate) fn settle(&self, journal: &Arc<Journal>, recorded: Result<(), Error>) -> Result<(), Error> {
        // It stays open: it is somebody else's turn, or the change itself that is wrong.
        let stays =
            |error: &Error| matches!(error.kind(), ErrorKind::Busy { .. } | ErrorKind::Conflict { .. });
        recorded.inspect_err(|error| {
            let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            if !stays(error) && writer.as_ref().is_some_and(|held| Arc::ptr_eq(held, journal)) {
                *writer = None;
            }
        })
    }

    /// What is written down of a read.
    pub(crate) fn change_for(desk: &Desk, viewer: &Viewer, read: &Read) -> Change {
        let record = AccessRecord {
            timestamp: (desk.now)(),
            who: viewer.name.to_string(),
            role: viewer.role.as_str().to_owned(),
            step: read.step,
            subject: read.subject.clone(),
            details: read.details.clone(),
        };
        Change::new().audit(record)
    }

    /// The journal, open for writing. Blocks while it is opened.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub(crate) fn journal(&self, desk: &Desk) -> Result<Arc<Journal>, Error> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(journal) = &*writer {
            return Ok(Arc::clone(journal));
        }
        let journal = Arc::new(Journal::open(&desk.journal, &desk.settings, Arc::clone(&desk.now))?);
        *writer = Some(Arc::clone(&journal));
        Ok(journal)
    }
}
