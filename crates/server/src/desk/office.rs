//! All that a handler of the console or the API has at hand.

use std::sync::Arc;

use axum::BoxError;
use axum::body::Body;
use frontdesk_archive::Reader as ArchiveReader;
use frontdesk_archiver::LateQueue;
use frontdesk_domain::Timestamp;
use frontdesk_journal::{Change, Reader as JournalReader};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::books::{Books, Read};
use super::logins::Logins;
use super::role::Viewer;
use super::{Desk, access};
use crate::bodies::Room;
use crate::limits::Limits;
use crate::metrics::Traffic;
use crate::problem::Problem;
use crate::stream::{self, Begun, Said, Speaker};
use crate::view::runs::RunMemory;
use crate::warnings::Warnings;
use crate::work::Work;

/// Handlers parse, ask the office, and render what they get.
#[derive(Debug)]
pub(crate) struct Office {
    pub(crate) desk: Arc<Desk>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) room: Room,
    pub(crate) warnings: Warnings,
    pub(crate) traffic: Arc<Traffic>,
    pub(super) logins: Logins,
    pub(super) known: access::Known,
    work: Arc<Work>,
    books: Arc<Books>,
    streams: Arc<Semaphore>,
    /// What was read of the runs' logs.
    pub(crate) runs: Arc<RunMemory>,
    pub(crate) late: Arc<LateQueue>,
}

impl Office {
    pub(crate) fn new(
        desk: Desk,
        work: Arc<Work>,
        limits: Arc<Limits>,
        room: Room,
        warnings: Warnings,
        traffic: Arc<Traffic>,
    ) -> std::io::Result<Self> {
        let streams = Arc::new(Semaphore::new(limits.streams));
        Ok(Self {
            desk: Arc::new(desk),
            limits,
            room,
            warnings,
            traffic,
            logins: Logins::new()?,
            known: access::Known::default(),
            work,
            books: Arc::default(),
            streams,
            runs: Arc::default(),
            late: Arc::default(),
        })
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        (self.desk.now)()
    }

    /// Requests that wait for a place to read.
    pub(crate) fn waiting(&self) -> u64 {
        self.work.gate.waiting()
    }

    /// Asks the archive, where it may block.
    ///
    /// # Errors
    /// As [`Work::run`], and why there is no archive to ask.
    pub(crate) async fn archive<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&ArchiveReader) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let desk = Arc::clone(&self.desk);
        self.work.run(move || ask_of(&desk, ask)).await
    }

    /// Asks the archive and writes down that somebody looked: one way there and back, since the thread that asked hands the
    /// entry over, and nobody is woken before that is durable.
    ///
    /// # Errors
    /// As [`Office::archive`]; why it could not be written down: then nothing is shown.
    pub(crate) async fn shown<T: Send + 'static>(
        &self,
        viewer: &Viewer,
        read: Read,
        ask: impl FnOnce(&ArchiveReader) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let (give, mut given) = oneshot::channel();
        let (told, recorded) = oneshot::channel();
        let (desk, books) = (Arc::clone(&self.desk), Arc::clone(&self.books));
        let change = Books::change_for(&self.desk, viewer, &read);
        let work = move || {
            let found = ask_of(&desk, ask).and_then(|answer| Ok((answer, books.journal(&desk)?)));
            let journal = found.as_ref().ok().map(|(_, journal)| Arc::clone(journal));
            // Whoever asked may be gone; that somebody asked is written down all the same.
            let _ = give.send(found);
            if let Some(journal) = journal {
                Books::hand_over(&journal, change, told);
            }
        };
        self.work.begin(work).await?;
        let recorded = self.work.within(recorded).await?;
        // It is there by now, or whoever should give it panicked.
        let (answer, journal) = given.try_recv().map_err(|_| Problem::unexpected())??;
        match recorded {
            Ok(recorded) => self.books.settle(&journal, recorded)?,
            Err(_) => self.record(Books::change_for(&self.desk, viewer, &read)).await?,
        }
        Ok(answer)
    }

    /// Goes on with what was let in already, on a thread where it may block.
    ///
    /// # Errors
    /// What `work` says, and that the process is ending.
    pub(crate) async fn beside<T: Send + 'static, E: Into<BoxError> + Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, BoxError> {
        self.work.workers.run(work).await?.map_err(Into::into)
    }

    /// A place for one more stream of events, kept until it is dropped.
    ///
    /// # Errors
    /// `busy` where there are as many as may be.
    pub(crate) fn stream_place(&self) -> Result<OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.streams).try_acquire_owned().map_err(|_| {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "too many pages follow their runs at once")
                .hint("load the page again in a moment")
                .retry_after(30)
        })
    }

    /// Has an answer made that is written while it is read, where it may block.
    ///
    /// # Errors
    /// As [`stream::begin`].
    pub(crate) async fn stream(
        &self,
        tell: impl FnOnce(&Speaker) -> Said + Send + 'static,
    ) -> Result<Begun, Problem> {
        stream::begin(&self.work, &self.limits, tell).await
    }

    /// Asks the journal, where it may block; `None` is one that nothing was ever written to.
    ///
    /// # Errors
    /// As [`Work::run`], and what is wrong with the journal.
    pub(crate) async fn journal<T: Send + 'static>(
        &self,
        ask: impl FnOnce(Option<&JournalReader>) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let desk = Arc::clone(&self.desk);
        self.work.run(move || ask(Books::reader(&desk)?.as_ref())).await
    }

    /// The same for what is empty where nothing was ever written.
    ///
    /// # Errors
    /// As [`Office::journal`].
    pub(crate) async fn entries<T: Default + Send + 'static>(
        &self,
        ask: impl FnOnce(&JournalReader) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        self.journal(move |reader| reader.map_or_else(|| Ok(T::default()), ask)).await
    }

    /// Writes down that somebody looked at something. Durable when it returns, so it comes before the answer.
    ///
    /// # Errors
    /// Why it could not be written down: then nothing is shown.
    pub(crate) async fn saw(&self, viewer: &Viewer, read: Read) -> Result<(), Problem> {
        let change = || Books::change_for(&self.desk, viewer, &read);
        // Whoever waits for the disk only needs no thread for that, nor a place among those who search.
        match self.work.within(self.books.record_soon(change())).await? {
            Some(recorded) => Ok(recorded?),
            None => self.record(change()).await,
        }
    }

    /// Records a change of the journal's.
    ///
    /// # Errors
    /// What the journal says: then nothing has changed.
    pub(crate) async fn record(&self, change: Change) -> Result<(), Problem> {
        let (desk, books) = (Arc::clone(&self.desk), Arc::clone(&self.books));
        self.work.run(move || books.record(&desk, change).map_err(Problem::from)).await
    }
}

/// Asks the archive of a desk. Blocks.
fn ask_of<T>(desk: &Desk, ask: impl FnOnce(&ArchiveReader) -> Result<T, Problem>) -> Result<T, Problem> {
    let answer = ask(&*desk.archive.reader()?);
    if answer.as_ref().is_err_and(Problem::is_ours) {
        desk.archive.forget();
    }
    answer
}

/// An answer in JSON.
pub(crate) fn json<T: Serialize>(value: &T) -> Response<Body> {
    // What the views have always makes JSON.
    let mut response = Response::new(Body::from(serde_json::to_vec(value).unwrap_or_default()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
