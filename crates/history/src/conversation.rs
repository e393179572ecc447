//! One history, from where it stands to its end: fetch, compare, store, write down; then hand out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use frontdesk_api::{
    Error as ApiError, ErrorKind, Flight, HistoryPage, HistoryPages, HistoryQuery, HistorySource, PageMemory,
    PageRoom, SeenIds, Stop,
};
use frontdesk_domain::audit::{HistoryRecord, HistoryStep};
use frontdesk_domain::message::{HistoryTarget, Listing, TypeFilter, Verdict};
use frontdesk_domain::{Event, MaxDepth, RunId, Timestamp, hex};
use frontdesk_journal::Change;
use futures_util::StreamExt;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::blocking::blocking;
use crate::checkpoint::{Checkpoint, End, Stage};
use crate::destination::{Delivered, Destination, Finished};
use crate::keep::MediaArchive;
use crate::media::MediaWork;
use crate::monitor::{Monitor, Progress};
use crate::pull::{Clock, PullRequest, Session, StoreError};
use crate::report::{ConversationReport, Failed, HistoryState};
use crate::spill::{Kind, Spill, push};

/// What the conversations of a run share.
pub(crate) struct Shared<'r> {
    pub(crate) source: &'r dyn HistorySource,
    pub(crate) course: Arc<Course>,
    pub(crate) request: &'r PullRequest,
    pub(crate) media: Option<MediaWork>,
    pub(crate) memory: PageMemory,
    pub(crate) flight: Flight,
    pub(crate) monitor: &'r dyn Monitor,
    pub(crate) progress: Mutex<Progress>,
    /// Set when no further page shall be fetched.
    pub(crate) quit: Quit,
}

/// What their blocking parts share.
pub(crate) struct Course {
    pub(crate) session: Session,
    pub(crate) destination: Arc<dyn Destination>,
    pub(crate) clock: Clock,
    pub(crate) ledger: String,
    pub(crate) run: RunId,
    pub(crate) types: TypeFilter,
    /// The order of the source's listings.
    pub(crate) listing: Listing,
    /// Where the files of messages are kept, if they are.
    pub(crate) keep: Option<Arc<MediaArchive>>,
}

/// Tells every conversation to finish the page it is storing and to fetch no other.
#[derive(Debug)]
pub(crate) struct Quit(tokio::sync::watch::Sender<bool>);

impl Default for Quit {
    fn default() -> Self {
        Self(tokio::sync::watch::Sender::new(false))
    }
}

impl Quit {
    pub(crate) fn now(&self) {
        self.0.send_replace(true);
    }

    fn is_now(&self) -> bool {
        *self.0.borrow()
    }

    pub(crate) async fn asked(&self) {
        // The sender is `self`, so the channel is open.
        let _ = self.0.subscribe().wait_for(|quit| *quit).await;
    }
}

/// A conversation in progress: its working file, how far it is, and the ids it has met.
pub(crate) struct Open {
    pub(crate) target: HistoryTarget,
    pub(crate) spill: Spill,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) stage: Stage,
    seen: SeenIds,
    pub(crate) resumed: bool,
    /// Pages stored in this session.
    taken: u32,
}

impl Open {
    /// Whether the server does not know the page token of an earlier session any more: they do not live for ever.
    fn is_stale(&self, error: &ApiError) -> bool {
        self.checkpoint.pages > 0
            && self.taken == 0
            && *error.kind() == ErrorKind::Rejected
            && error.status().is_some_and(|status| status.as_u16() == 400)
    }
}

/// Why pages ended without an end.
enum Broken {
    Remote(ApiError),
    Interrupted,
    Storage(StoreError),
}

impl From<StoreError> for Broken {
    fn from(error: StoreError) -> Self {
        Self::Storage(error)
    }
}

/// How a conversation ended, whether the same request would go on with it, and the remote's failure.
type Outcome = Result<(ConversationReport, bool, Option<ApiError>), StoreError>;

impl Shared<'_> {
    /// Takes a history to its end, or as far as it goes, and hands it out.
    ///
    /// # Cancel safety
    /// A dropped future leaves what was recorded; the page in progress is asked for again by the next session.
    pub(crate) async fn run(&self, target: HistoryTarget) -> Outcome {
        let began = (self.course.clock)();
        let (course, resume) = (Arc::clone(&self.course), self.request.resume.clone());
        let mut open = blocking(move || course.open(target, resume)).await?;
        let mut failure = None;
        let mut state = None;
        if open.stage == Stage::Open {
            let pages = self.pages(open).await;
            open = pages.0;
            match pages.1 {
                Ok(()) => {}
                Err(Broken::Storage(error)) => return Err(error),
                Err(Broken::Interrupted) => state = Some((HistoryState::Interrupted, None)),
                Err(Broken::Remote(error)) => {
                    state = Some((HistoryState::Failed, Some(Failed::from(&error))));
                    failure = Some(error);
                }
            }
        }
        if let Some(work) = &self.media
            && work.is_for(&open)
        {
            let (again, is_done) = self.media(open, work).await?;
            open = again;
            if !is_done {
                // Nothing is handed out that lacks what was asked for.
                open.stage = Stage::Open;
                open.checkpoint.end = None;
                state = Some((HistoryState::Interrupted, None));
            }
        }
        let course = Arc::clone(&self.course);
        let (report, open) = blocking(move || course.hand_out(open, state, began)).await?;
        Ok((report, open, failure))
    }

    /// Takes page after page until the listing ends, for good or for now. Hands back what is open with how it went.
    async fn pages(&self, mut open: Open) -> (Open, Result<(), Broken>) {
        loop {
            let (again, ended) = self.listing(open).await;
            open = again;
            match ended {
                Err(Broken::Remote(error)) if open.is_stale(&error) => {
                    let (course, first) = (Arc::clone(&self.course), self.request.resume.clone());
                    match blocking(move || course.restart(open, first)).await {
                        Ok(fresh) => open = fresh,
                        Err((open, error)) => return (*open, Err(error.into())),
                    }
                }
                ended => return (open, ended),
            }
        }
    }

    async fn listing(&self, mut open: Open) -> (Open, Result<(), Broken>) {
        if open.checkpoint.is_at_the_end() {
            // The last page was recorded, and its end not any more.
            return self.end(open, End::Complete).await;
        }
        let left = self.request.depth.get().saturating_sub(open.checkpoint.pages);
        let Ok(depth) = MaxDepth::new(u64::from(left)) else {
            // The last page that was allowed was recorded, and its end not any more.
            return self.end(open, End::DepthLimited).await;
        };
        let mut pages = self.source.history(HistoryQuery {
            target: open.target.clone(),
            size: self.request.page_size,
            resume: open.checkpoint.next.clone(),
            depth,
            seen: open.seen.clone(),
        });
        // Of every other page it is recorded with the page before.
        let (course, token) = (Arc::clone(&self.course), open.checkpoint.next.clone());
        let start = course.step(HistoryStep::PageFetchStart, token.as_ref().map(ToString::to_string));
        let conversation = open.target.conversation().to_string();
        let recorded = blocking(move || course.record(course.change(&conversation).audit(start))).await;
        if let Err(error) = recorded {
            return (open, Err(error.into()));
        }
        loop {
            let (page, room) = match self.fetch(&mut pages).await {
                // Nothing was asked for that did not come.
                Fetched::Quit if open.checkpoint.is_at_the_end() => {
                    return self.end(open, End::Complete).await;
                }
                Fetched::Quit => return self.interrupt(open).await,
                Fetched::End => {
                    let end = match pages.stopped() {
                        Some(Stop::DepthLimited { .. }) => End::DepthLimited,
                        _ => End::Complete,
                    };
                    return self.end(open, end).await;
                }
                Fetched::Failed(error) => return self.fail(open, error).await,
                Fetched::Page(page, room) => (page, room),
            };
            let course = Arc::clone(&self.course);
            let (messages, stored_at) = (page.messages.len() as u64, (self.course.clock)());
            let stored = blocking(move || {
                let stored = course.store(open, *page);
                // The page's memory is free again.
                drop(room);
                stored
            });
            open = match stored.await {
                Ok(open) => open,
                Err((open, error)) => {
                    // Nothing can be kept any more: nobody needs to fetch on.
                    self.quit.now();
                    return (*open, Err(error.into()));
                }
            };
            self.flight.stored((self.course.clock)().since(stored_at));
            let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
            progress.pages += 1;
            progress.messages += messages;
            let now = *progress;
            drop(progress);
            self.monitor.progress(&now);
        }
    }

    async fn fetch(&self, pages: &mut HistoryPages) -> Fetched {
        let page = async {
            let room = self.memory.admit().await;
            match pages.next().await {
                None => Fetched::End,
                Some(Err(error)) => Fetched::Failed(error),
                Some(Ok(page)) => {
                    self.memory.learn(page.body_bytes);
                    self.flight.fetched(page.took);
                    Fetched::Page(Box::new(page), room)
                }
            }
        };
        if self.quit.is_now() {
            return Fetched::Quit;
        }
        tokio::select! {
            biased;
            () = self.quit.asked() => Fetched::Quit,
            page = page => page,
        }
    }

    async fn end(&self, mut open: Open, end: End) -> (Open, Result<(), Broken>) {
        open.checkpoint.end = Some(end);
        let course = Arc::clone(&self.course);
        match blocking(move || course.end(open)).await {
            Ok(open) => (open, Ok(())),
            Err((open, error)) => (*open, Err(error.into())),
        }
    }

    /// Writes down that a page did not come, and whether that is an end.
    async fn fail(&self, mut open: Open, error: ApiError) -> (Open, Result<(), Broken>) {
        let end = match error.kind() {
            ErrorKind::LoopingPagination { .. } => Some(End::Looping { message: error.to_string() }),
            // It would be refused again.
            ErrorKind::Rejected if !open.is_stale(&error) => {
                Some(End::Refused { failed: Failed::from(&error) })
            }
            _ => None,
        };
        open.checkpoint.end = end;
        let course = Arc::clone(&self.course);
        // What the server wrote may be about a customer, and the chain is for good.
        let (text, took) = (error.in_our_words(), error.elapsed());
        let recorded = blocking(move || course.fail(open, text, took)).await;
        match recorded {
            Ok(open) if matches!(open.checkpoint.end, Some(End::Looping { .. })) => (open, Ok(())),
            Ok(open) => (open, Err(Broken::Remote(error))),
            Err((open, error)) => (*open, Err(error.into())),
        }
    }
}

impl Shared<'_> {
    /// Writes down that the page that was asked for was not waited for.
    async fn interrupt(&self, open: Open) -> (Open, Result<(), Broken>) {
        let course = Arc::clone(&self.course);
        match blocking(move || course.fail(open, "interrupted".to_owned(), Duration::ZERO)).await {
            Ok(open) => (open, Err(Broken::Interrupted)),
            Err((open, error)) => (*open, Err(error.into())),
        }
    }
}

enum Fetched {
    Page(Box<HistoryPage>, Option<PageRoom>),
    End,
    Failed(ApiError),
    Quit,
}

/// What is handed back when something could not be stored.
type Kept = Result<Open, (Box<Open>, StoreError)>;

impl Course {
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    fn step(&self, event: HistoryStep, page_token: Option<String>) -> HistoryRecord {
        HistoryRecord {
            event,
            timestamp: self.now(),
            page_token,
            message_count: 0,
            latency_ms: 0,
            error: None,
        }
    }

    fn change(&self, conversation: &str) -> Change {
        Change::new().run(self.run.clone()).about(conversation)
    }

    fn record(&self, change: Change) -> Result<(), StoreError> {
        self.session.journal.record(change)?;
        Ok(())
    }

    /// The key of a conversation's item.
    fn key(target: &HistoryTarget) -> String {
        target.path()
    }

    /// Finds where a history stands.
    fn open(
        &self,
        target: HistoryTarget,
        resume: Option<frontdesk_domain::PageToken>,
    ) -> Result<Open, StoreError> {
        let key = Self::key(&target);
        let digest = Sha256::digest(&key);
        let name = hex(&digest[..16]);
        let path = format!("{}-{name}", self.ledger);
        let found = self.session.journal.item(&self.ledger, &key)?.and_then(|item| {
            let checkpoint: Checkpoint = serde_json::from_str(item.detail.get()).ok()?;
            let stage = Stage::read(&item.state)?;
            (checkpoint.run == self.run).then_some((stage, checkpoint))
        });
        let dir = &self.session.work;
        if let Some((stage, checkpoint)) = found {
            // Delivered to where it stays, the working file is gone.
            let keep = if stage == Stage::Done && self.destination.keeps() { 0 } else { checkpoint.spilled };
            if let Some(spill) = Spill::open(dir, &path, keep)? {
                let seen = SeenIds::default();
                if stage == Stage::Open {
                    let mut frames = spill.frames();
                    while let Some(frame) = frames.next()? {
                        if frame.kind != Kind::Finding {
                            seen.extend([frame.id_hash]);
                        }
                    }
                }
                return Ok(Open { target, spill, checkpoint, stage, seen, resumed: true, taken: 0 });
            }
        }
        // Nothing is known of it, or what was fetched is gone.
        let spill = match Spill::open(dir, &path, 0)? {
            Some(spill) => spill,
            None => unreachable!("no file is shorter than nothing"),
        };
        let checkpoint = Checkpoint::new(self.run.clone(), resume, self.listing);
        Ok(Open {
            target,
            spill,
            checkpoint,
            stage: Stage::Open,
            seen: SeenIds::default(),
            resumed: false,
            taken: 0,
        })
    }

    /// Forgets what was fetched.
    fn restart(&self, mut open: Open, first: Option<frontdesk_domain::PageToken>) -> Kept {
        if let Err(error) = open.spill.clear() {
            return Err((Box::new(open), error.into()));
        }
        open.checkpoint = Checkpoint::new(self.run.clone(), first, self.listing);
        (open.seen, open.resumed) = (SeenIds::default(), false);
        Ok(open)
    }

    /// Stores a page: what it holds first, then everything that is to be known of it, together.
    fn store(&self, mut open: Open, page: HistoryPage) -> Kept {
        match self.try_store(&mut open, &page) {
            Ok(()) => Ok(open),
            Err(error) => {
                // The journal may be what failed; then nobody can be told.
                let mut record = self.step(HistoryStep::ProcessError, page.token.map(String::from));
                record.error = Some(error.to_string());
                let change = self.change(open.target.conversation().as_str()).audit(record);
                let _ = self.session.journal.record(change);
                Err((Box::new(open), error))
            }
        }
    }

    fn try_store(&self, open: &mut Open, page: &HistoryPage) -> Result<(), StoreError> {
        let mut checkpoint = open.checkpoint.clone();
        let mut frames = Vec::new();
        let mut kept: Vec<&RawValue> = Vec::new();
        for message in &page.messages {
            let finding = match message {
                Err(error) => Some(checkpoint.intake.reject(*error)),
                Ok(found) => {
                    let taken = checkpoint.intake.take(&found.message, found.is_new, &self.types);
                    match taken.verdict {
                        Verdict::Kept => {
                            let bytes = found.message.bytes();
                            push(&mut frames, Kind::Kept, found.id_hash, bytes);
                            kept.push(serde_json::from_slice(bytes).map_err(std::io::Error::from)?);
                        }
                        Verdict::Filtered => push(&mut frames, Kind::Filtered, found.id_hash, b""),
                        Verdict::Duplicate => {}
                    }
                    taken.finding
                }
            };
            if let Some(finding) = finding {
                let bytes = serde_json::to_vec(&finding).map_err(std::io::Error::from)?;
                push(&mut frames, Kind::Finding, 0, &bytes);
                checkpoint.findings += 1;
            }
        }
        checkpoint.spilled = open.spill.append(&frames)?;
        checkpoint.pages += 1;
        checkpoint.next.clone_from(&page.next);
        checkpoint.claimed = page.total.or(checkpoint.claimed);

        let token = page.token.as_ref().map(ToString::to_string);
        let conversation = open.target.conversation().as_str();
        let mut record = self.step(HistoryStep::PageProcessed, token.clone());
        record.message_count = kept.len() as u64;
        record.latency_ms = millis(page.took);
        let mut change = self.change(conversation).audit(record);
        if !kept.is_empty() {
            let token = token.unwrap_or_default();
            change = change.event(Event::history_batch_sync(conversation, &token, kept, self.now()));
        }
        if page.more {
            let next = page.next.as_ref().map(ToString::to_string);
            change = change.audit(self.step(HistoryStep::PageFetchStart, next));
        }
        let key = Self::key(&open.target);
        self.record(change.item(&self.ledger, key, Stage::Open.as_str(), &checkpoint)?)?;
        open.checkpoint = checkpoint;
        open.taken += 1;
        Ok(())
    }

    /// Writes down that a listing ended.
    fn end(&self, mut open: Open) -> Kept {
        let mut record = self.step(HistoryStep::RetrievalComplete, None);
        record.message_count = open.checkpoint.intake.counts().fetched;
        open.stage = Stage::Fetched;
        self.settle(open, record)
    }

    /// Writes down that the media links were asked.
    pub(crate) fn checked(&self, open: Open) -> Result<Open, StoreError> {
        let key = Self::key(&open.target);
        let change = Change::new().item(&self.ledger, key, open.stage.as_str(), &open.checkpoint)?;
        self.record(change)?;
        Ok(open)
    }

    /// Writes down that a page did not come.
    fn fail(&self, mut open: Open, error: String, took: Duration) -> Kept {
        let token = open.checkpoint.next.as_ref().map(ToString::to_string);
        let mut record = self.step(HistoryStep::FetchError, token);
        record.latency_ms = millis(took);
        record.error = Some(error);
        if open.checkpoint.end.is_some() {
            open.stage = Stage::Fetched;
        }
        self.settle(open, record)
    }

    fn settle(&self, open: Open, record: HistoryRecord) -> Kept {
        let key = Self::key(&open.target);
        let change = self.change(open.target.conversation().as_str()).audit(record);
        let recorded = change
            .item(&self.ledger, key, open.stage.as_str(), &open.checkpoint)
            .map_err(StoreError::from)
            .and_then(|change| self.record(change));
        match recorded {
            Ok(()) => Ok(open),
            Err(error) => Err((Box::new(open), error)),
        }
    }

    /// Hands out what was fetched, and says how the conversation ended and whether the same request would go on with it.
    fn hand_out(
        &self,
        open: Open,
        state: Option<(HistoryState, Option<Failed>)>,
        began: Timestamp,
    ) -> Result<(ConversationReport, bool), StoreError> {
        let Open { target, spill, checkpoint, stage, resumed, .. } = open;
        let (state, error) = match &checkpoint.end {
            Some(End::Complete) => (HistoryState::Complete, None),
            Some(End::DepthLimited) => (HistoryState::DepthLimited, None),
            Some(End::Looping { message }) => {
                let failed = Failed {
                    message: message.clone(),
                    status: None,
                    code: None,
                    hint: None,
                    correlation_id: None,
                };
                (HistoryState::Looping, Some(failed))
            }
            Some(End::Refused { failed }) => (HistoryState::Failed, Some(failed.clone())),
            None => state.unwrap_or((HistoryState::Interrupted, None)),
        };
        let key = Self::key(&target);
        let mut report = ConversationReport {
            target,
            state,
            pages: checkpoint.pages,
            counts: checkpoint.intake.counts(),
            claimed: checkpoint.claimed,
            next_page_token: checkpoint.next.as_ref().map(ToString::to_string),
            error,
            media: checkpoint.media.clone(),
            delivered: Delivered::default(),
            resumed,
            elapsed_ms: millis(self.now().since(began)),
        };
        let is_open = stage == Stage::Open;
        // What was stopped within a second is handed out by the session that goes on; of a history that could not be
        // begun there is nothing.
        let is_there = report.pages > 0 && state != HistoryState::Interrupted;
        if is_there && (stage != Stage::Done || !self.destination.keeps()) {
            let history = Finished { report: &report, spill: &spill, findings: checkpoint.findings };
            let mut delivered = self.destination.take(&history)?;
            if let Some(keep) = &self.keep {
                delivered.media_archived = keep.put(&history)?;
            }
            report.delivered = delivered;
        }
        if stage == Stage::Fetched {
            let change = Change::new().item(&self.ledger, key, Stage::Done.as_str(), &checkpoint)?;
            self.record(change)?;
            if self.destination.keeps() {
                let (dir, path) = (Arc::clone(spill.dir()), spill.path().to_owned());
                drop(spill);
                dir.remove(&path)?;
            }
        } else if stage == Stage::Done && self.destination.keeps() {
            // It was opened to look, empty.
            spill.dir().remove(spill.path())?;
        }
        Ok((report, is_open))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
