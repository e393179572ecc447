//! One window: fetch, check, store, write down; the next page is fetched while one is stored.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use frontdesk_api::{
    ConversationPage, ConversationSource, DetailsQuery, Error as ApiError, ErrorKind, Flight, PageMemory,
    PageRoom,
};
use frontdesk_archive::{Error as ArchiveError, Prepared, RunLog, Writer};
use frontdesk_domain::{Filter, PageSize, Timestamp, hex};
use futures_util::StreamExt;
use sha2::{Digest, Sha256};

use crate::checkpoint::{Failed, Line, Page, WindowState, write_id_hashes};
use crate::monitor::{MOST_NOTES, Monitor, Note};
use crate::pull::Now;
use crate::tally::Tally;

/// What the windows of a run share.
pub(crate) struct Shared<'r> {
    pub(crate) source: &'r dyn ConversationSource,
    pub(crate) writer: &'r Arc<Writer>,
    pub(crate) log: Arc<Mutex<RunLog>>,
    pub(crate) memory: PageMemory,
    pub(crate) flight: Flight,
    pub(crate) now: &'r Now,
    pub(crate) size: PageSize,
    pub(crate) filter: Option<Filter>,
    pub(crate) look_back: Duration,
    pub(crate) monitor: &'r dyn Monitor,
    /// Rejected records told so far.
    pub(crate) told: AtomicU64,
    /// Set when no further page shall be fetched.
    pub(crate) quit: Quit,
    /// Called after each stored page with the window's index and state.
    pub(crate) progress: &'r (dyn Fn(u32, &WindowState) + Sync),
}

/// Tells every window to finish the page it is storing and to fetch no other.
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

    async fn asked(&self) {
        // The sender is `self`, so the channel is open.
        let _ = self.0.subscribe().wait_for(|quit| *quit).await;
    }
}

/// Why a window stopped before its last page.
pub(crate) enum Stopped {
    /// The remote: the run may go on with other windows.
    Remote(Box<ApiError>),
    /// The store: nothing may be acknowledged after it.
    Storage(ArchiveError),
}

/// A page, when it was asked for, and its share of the memory.
struct Fetched {
    at: Timestamp,
    page: Result<ConversationPage, ApiError>,
    permit: Option<PageRoom>,
}

impl Shared<'_> {
    /// Takes the window from where `state` is to its last page.
    ///
    /// Ends early, without an error, when [`Shared::quit`] was asked for: `state` then is not done.
    ///
    /// # Cancel safety
    /// A dropped future leaves what was stored; a page whose records are durable but whose line is not
    /// written yet is fetched again by the next run, and found unchanged.
    pub(crate) async fn run(&self, index: u32, state: &mut WindowState) -> Result<(), Stopped> {
        let resumed_at = state.next.clone();
        let ended = match self.pages(index, state).await {
            Err(Stopped::Remote(error))
                if resumed_at.is_some()
                    && state.next == resumed_at
                    && *error.kind() == ErrorKind::Rejected =>
            {
                // Page tokens do not live for ever: begin the window again. What is stored is found unchanged.
                let now = (self.now)();
                self.append(Line::Restarted { window: index, at: now }).await.map_err(Stopped::Storage)?;
                *state = WindowState::new(state.range);
                self.monitor.note(&Note::WindowRestarted { window: state.range });
                self.pages(index, state).await
            }
            result => result,
        };
        if let Err(Stopped::Remote(error)) = &ended
            && !ends_the_run(error)
        {
            self.monitor.note(&Note::WindowFailed { window: state.range, reason: error.to_string() });
        }
        ended
    }

    async fn pages(&self, index: u32, state: &mut WindowState) -> Result<(), Stopped> {
        let mut pages = self.source.conversations(DetailsQuery {
            range: state.range,
            size: self.size,
            filter: self.filter.clone(),
            resume: state.next.clone(),
            max_pages: None,
            seen: state.seen.clone(),
        });
        let mut fetched = self.fetch(Pin::new(&mut pages)).await;
        while let Some(Fetched { at, page, permit }) = fetched {
            let page = match page {
                Ok(page) => page,
                Err(error) => {
                    state.failed =
                        Some(Failed { token: error.looping_token().cloned(), reason: error.to_string() });
                    return Err(Stopped::Remote(Box::new(error)));
                }
            };
            let store = async {
                let begun = (self.now)();
                let stored = self.store(index, state, at, page, permit).await;
                self.flight.stored((self.now)().since(begun));
                if stored.is_err() {
                    // Nothing can be kept any more: do not wait for the page that is being fetched.
                    self.quit.now();
                }
                stored
            };
            let (stored, next) = tokio::join!(store, self.fetch(Pin::new(&mut pages)));
            stored.map_err(Stopped::Storage)?;
            (self.progress)(index, state);
            fetched = next;
        }
        Ok(())
    }

    async fn fetch(&self, mut pages: Pin<&mut frontdesk_api::ConversationPages>) -> Option<Fetched> {
        let page = async {
            let permit = self.memory.admit().await;
            let at = (self.now)();
            let page = pages.next().await?;
            if let Ok(page) = &page {
                self.memory.learn(page.body_bytes);
                self.flight.fetched(page.took);
            }
            Some(Fetched { at, page, permit })
        };
        tokio::select! {
            biased;
            () = self.quit.asked() => None,
            page = page => page,
        }
    }

    async fn store(
        &self,
        index: u32,
        state: &mut WindowState,
        at: Timestamp,
        page: ConversationPage,
        permit: Option<PageRoom>,
    ) -> Result<(), ArchiveError> {
        let late_border = at.checked_sub(self.look_back);
        let number = state.pages + 1;
        let mut draft = Page {
            window: index,
            page: number,
            token: page.token,
            next: page.next,
            at,
            tally: Tally::default(),
            late: 0,
            fingerprint: String::new(),
            new_ids: String::new(),
            reached: None,
            available_until: page.available_until,
        };
        let mut conversations = Vec::with_capacity(page.conversations.len());
        let mut new_ids = Vec::new();
        for conversation in page.conversations {
            match conversation {
                Ok(conversation) => {
                    let is_new = conversation.is_new;
                    if is_new {
                        new_ids.push(conversation.id_hash);
                    }
                    let facts = &conversation.facts;
                    let begun_long_ago = matches!((facts.started_at, late_border), (Some(start), Some(border)) if start < border);
                    draft.late += u64::from(is_new && begun_long_ago && facts.ended_at.is_none());
                    draft.reached = draft.reached.max(facts.started_at);
                    conversations.push(conversation);
                }
                Err(rejected) => {
                    draft.tally.rejected += 1;
                    if self.told.fetch_add(1, Ordering::Relaxed) >= MOST_NOTES {
                        continue;
                    }
                    self.monitor.note(&Note::Rejected {
                        place: format!(
                            "page {number} of {}, conversation {}",
                            state.range,
                            rejected.index + 1
                        ),
                        reason: rejected.error.to_string(),
                    });
                }
            }
        }
        draft.new_ids = write_id_hashes(&new_ids);
        let writer = Arc::clone(self.writer);
        let log = Arc::clone(&self.log);
        let stored = blocking(move || {
            let mut fingerprint = Sha256::new();
            let prepared: Vec<Prepared> = conversations
                .into_iter()
                .map(|conversation| {
                    let prepared = Prepared::new(conversation.record, conversation.facts);
                    let id = prepared.key().id.as_str();
                    fingerprint.update((id.len() as u64).to_le_bytes());
                    fingerprint.update(id);
                    fingerprint.update(prepared.sha256());
                    prepared
                })
                .collect();
            draft.fingerprint = hex(&fingerprint.finalize());
            for outcome in writer.put(prepared)? {
                draft.tally.count(outcome);
            }
            append(&log, &Line::Page(draft.clone()))?;
            // The page's memory is free again.
            drop(permit);
            Ok::<Page, ArchiveError>(draft)
        })
        .await?;
        state.apply(&stored);
        Ok(())
    }

    async fn append(&self, line: Line) -> Result<(), ArchiveError> {
        let log = Arc::clone(&self.log);
        blocking(move || append(&log, &line)).await
    }
}

/// A window with a fault of its own does not stop the others; a remote that is gone or refuses us would only be
/// asked in vain.
pub(crate) fn ends_the_run(error: &ApiError) -> bool {
    error.is_auth() || error.is_unavailable()
}

/// Writes one line of the run's log.
pub(crate) fn append(log: &Mutex<RunLog>, line: &Line) -> Result<(), ArchiveError> {
    // Our own lines: plain structs without maps of odd keys, which serde_json always writes.
    let value = serde_json::to_value(line).unwrap_or_default();
    log.lock().unwrap_or_else(PoisonError::into_inner).append(&value)
}

/// Runs `work` where it may block, and hands a panic on.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Blocking work is never cancelled but by a runtime that ends, and then nobody waits here.
            Err(_) => std::future::pending().await,
        },
    }
}
