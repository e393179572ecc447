//! One history, from where it stands to its end: fetch, compare, store, write down; then hand out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use frontdesk_api::{
    Error as ApiError, ErrorKind, Flight, HistoryPage, HistoryPages, HistoryQuery, HistorySource, PageMemory,
    PageRoom, Stop,
};
use frontdesk_domain::MaxDepth;
use frontdesk_domain::audit::HistoryStep;
use futures_util::StreamExt;

use crate::blocking::blocking;
use crate::checkpoint::{End, Stage};
use crate::course::{Course, Open};
use crate::media::MediaWork;
use crate::monitor::{Monitor, Progress};
use crate::order::{Begun, Order, Turn};
use crate::pull::{PullRequest, StoreError};
use crate::report::{ConversationReport, Failed, HistoryState};

/// What the conversations of a run share.
pub(crate) struct Shared<'r> {
    pub(crate) source: &'r dyn HistorySource,
    pub(crate) course: Arc<Course>,
    pub(crate) request: &'r PullRequest,
    pub(crate) media: Option<MediaWork>,
    pub(crate) memory: PageMemory,
    pub(crate) flight: Flight,
    pub(crate) order: Mutex<Order>,
    pub(crate) monitor: &'r dyn Monitor,
    pub(crate) progress: Mutex<Progress>,
    /// Set when no further page shall be fetched.
    pub(crate) quit: Quit,
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

/// Why pages ended without an end.
enum Broken {
    Remote(ApiError),
    /// Others come first; so many pages are left.
    PutBack(u64),
    Interrupted,
    Storage(StoreError),
}

impl From<StoreError> for Broken {
    fn from(error: StoreError) -> Self {
        Self::Storage(error)
    }
}

/// How a conversation's turn ended.
pub(crate) enum Step {
    /// The conversation ended with it: whether the same request would go on with it, and the remote's failure.
    Ended(Box<ConversationReport>, bool, Option<ApiError>),
    /// It goes on after others, with so many pages left.
    PutBack(Turn, u64),
}

impl Shared<'_> {
    /// Who waits.
    pub(crate) fn order(&self) -> MutexGuard<'_, Order> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a history to its end, or as far as it goes, and hands it out; or puts it back after its first page. One that
    /// does not go on is handed out as it is, interrupted.
    ///
    /// # Cancel safety
    /// A dropped future leaves what was recorded; the page in progress is asked for again by the next session.
    pub(crate) async fn run(&self, turn: Turn, goes_on: bool) -> Result<Step, StoreError> {
        let Turn { begun, target } = turn;
        let began = begun.map_or_else(|| (self.course.clock)(), |begun| begun.at);
        let (course, resume) = (Arc::clone(&self.course), self.request.resume.clone());
        let mut open = blocking(move || course.open(target, resume)).await?;
        if let Some(Begun { resumed, .. }) = begun {
            (open.resumed, open.has_waited) = (resumed, true);
        }
        let mut failure = None;
        let mut state = None;
        if open.stage == Stage::Open {
            let pages = if goes_on { self.pages(open).await } else { self.interrupt(open).await };
            open = pages.0;
            match pages.1 {
                Ok(()) => {}
                Err(Broken::PutBack(left)) => {
                    let begun = Some(Begun { at: began, resumed: open.resumed });
                    return Ok(Step::PutBack(Turn { begun, target: open.target }, left));
                }
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
        Ok(Step::Ended(Box::new(report), open, failure))
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
        if !open.is_announced() {
            let (course, token) = (Arc::clone(&self.course), open.checkpoint.next.as_ref());
            let start = course.step(HistoryStep::PageFetchStart, token.map(ToString::to_string));
            let conversation = open.target.conversation().to_string();
            let recorded = blocking(move || course.record(course.change(&conversation).audit(start))).await;
            if let Err(error) = recorded {
                return (open, Err(error.into()));
            }
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
            if let Some(left) = self.others_first(&open) {
                return (open, Err(Broken::PutBack(left)));
            }
        }
    }

    /// How many pages are left of a history that goes on after others.
    fn others_first(&self, open: &Open) -> Option<u64> {
        if open.checkpoint.pages != 1 || open.has_waited {
            return None;
        }
        let left = if open.checkpoint.is_at_the_end() { 0 } else { open.pages_left(self.request)? };
        self.order().first_page(left).then_some(left)
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
