//! Guests who come in, as the platform tells of them over a line: into the journal, once each, like callbacks.
//!
//! A line is best effort. So what began since it was last known that nothing was missed is looked for, too: when a line
//! opens, and every few minutes while it is open. Up to when nothing was missed is kept in the journal, so what happened while
//! nobody listened is found by whoever listens next.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use frontdesk_api::{Arrival, ArrivalLine, Arrivals, Cancel, Error as ApiError, Signal};
use frontdesk_domain::callback::CallbackKey;
use frontdesk_domain::{ConversationId, TimeRange, Timestamp};
use frontdesk_journal::{Change, Clock, Error, Item};
use tokio::sync::Notify;
use tokio::task::spawn_blocking;

use crate::Reception;

/// The ledger with the time up to which nothing was missed: one item.
const LEDGER: &str = "arrivals";
const HEARD: &str = "heard_until";
/// So much of the time before is looked at again: a listing knows a conversation a while after it began.
const OVERLAP: Duration = Duration::from_secs(15 * 60);
/// How far the platform's clock may be behind when somebody listens for the first time.
const AHEAD: Duration = Duration::from_secs(60);
/// No more is looked for: longer than this nobody waits to be told.
const FURTHEST: Duration = Duration::from_secs(7 * 24 * 3_600);
/// How often it is looked for what a line did not tell, and how soon again where that failed.
const LOOK_EVERY: Duration = Duration::from_secs(5 * 60);
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// Waits before another line is opened, one after the other; the last one holds on.
const WAITS: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(60),
];

/// Opens the place where callbacks are stored. It may block on the disk.
pub type OpenReception = dyn Fn() -> Result<Arc<Reception>, Error> + Send + Sync;

/// Takes guests who come in into a journal.
///
/// **What holds.** A conversation that began while this was told or found of it is stored once, whatever was told twice, and
/// however often this is begun anew. One that is neither told nor listed by the platform is not.
pub struct Intake {
    arrivals: Arc<dyn Arrivals>,
    reception: Arc<OpenReception>,
    stored: Arc<Notify>,
    now: Clock,
}

impl fmt::Debug for Intake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intake").field("arrivals", &self.arrivals).finish_non_exhaustive()
    }
}

/// Why it cannot go on for now.
#[derive(Debug)]
enum Trouble {
    Remote(ApiError),
    Journal(Error),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remote(error) => error.fmt(f),
            Self::Journal(error) => error.fmt(f),
        }
    }
}

impl From<ApiError> for Trouble {
    fn from(error: ApiError) -> Self {
        Self::Remote(error)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Journal(error)
    }
}

impl Intake {
    /// Takes in whom `arrivals` tells of. `stored` is notified of what is to be delivered.
    #[must_use]
    pub fn new(
        arrivals: Arc<dyn Arrivals>,
        reception: Arc<OpenReception>,
        stored: Arc<Notify>,
        now: Clock,
    ) -> Self {
        Self { arrivals, reception, stored, now }
    }

    /// Listens until `cancel`. A line that is lost is opened again, sooner at first and later after many failures.
    ///
    /// # Cancel safety
    /// What was stored is stored. A dropped run may have missed what was on its way; the next one looks for it.
    pub async fn run(&self, cancel: &Cancel) {
        let mut failures = 0;
        while !cancel.is_cancelled() {
            let trouble = match self.session(cancel, &mut failures).await {
                Ok(()) => return,
                Err(trouble) => trouble,
            };
            if cancel.is_cancelled() {
                return;
            }
            let asked = match &trouble {
                Trouble::Remote(error) => error.retry_after(),
                Trouble::Journal(_) => None,
            };
            let wait = asked.unwrap_or(WAITS[failures.min(WAITS.len() - 1)]);
            failures += 1;
            tracing::warn!(error = %trouble, "nobody is heard of for a while: the line is opened again");
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = cancel.cancelled() => {}
            }
        }
    }

    /// One line, and the ones that follow it in order.
    async fn session(&self, cancel: &Cancel, failures: &mut usize) -> Result<(), Trouble> {
        let mut line = self.arrivals.listen().await?;
        let mut desk = Desk::open(self).await?;
        told_refusals(&*line);
        // When it was looked for what was not told, and how long that holds.
        let mut looked: Option<(Timestamp, Duration)> = None;
        while !cancel.is_cancelled() {
            let now = (self.now)();
            // A clock that was set back says nothing of the time that has passed.
            if looked.is_none_or(|(at, holds)| now < at || now.since(at) >= holds) {
                looked = Some((now, self.looked(&mut desk).await?));
                *failures = 0;
            }
            match line.next().await? {
                Signal::Arrival(arrival) => desk.take(&arrival).await?,
                Signal::Closing => {
                    // The new one first, then the old one goes: in between nothing is missed.
                    line = self.arrivals.listen().await?;
                    told_refusals(&*line);
                    looked = None;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Looks for what was not told, and says when to do so again. That it cannot be looked for is no reason not to listen.
    async fn looked(&self, desk: &mut Desk<'_>) -> Result<Duration, Trouble> {
        match self.look(desk).await {
            Ok(()) => Ok(LOOK_EVERY),
            Err(Trouble::Remote(error)) => {
                let since = desk.heard_until;
                tracing::warn!(%error, %since, "what was not told since then cannot be looked for, for now");
                Ok(error.retry_after().unwrap_or(LOOK_AGAIN))
            }
            Err(trouble) => Err(trouble),
        }
    }

    async fn look(&self, desk: &mut Desk<'_>) -> Result<(), Trouble> {
        let now = (self.now)();
        let furthest = now.checked_sub(FURTHEST).unwrap_or(desk.heard_until);
        if desk.heard_until < furthest {
            let (from, to) = (desk.heard_until, furthest);
            tracing::warn!(%from, %to, "who came in between is not looked for any more");
        }
        let from = desk.heard_until.checked_sub(OVERLAP).unwrap_or(desk.heard_until);
        let from = from.max(furthest).max(desk.first);
        // A moment more, so that the range is one.
        let to = now.checked_add(Duration::from_millis(1)).unwrap_or(now);
        let mut found = 0_u64;
        if let Ok(range) = TimeRange::new(from, to) {
            for conversation in self.arrivals.since(range).await? {
                if desk.knows(&conversation).await? {
                    continue;
                }
                if let Some(arrival) = self.arrivals.look(&conversation).await? {
                    found += 1;
                    desk.take(&arrival).await?;
                }
            }
        }
        if found > 0 {
            tracing::info!(found, "guests came in of whom the line did not tell");
        }
        desk.heard(now).await
    }
}

fn told_refusals(line: &dyn ArrivalLine) {
    for refusal in line.refused() {
        tracing::warn!(refusal, "the platform does not tell of some queue: its guests are found by looking");
    }
}

/// Stores arrivals, and knows which it has.
struct Desk<'i> {
    intake: &'i Intake,
    reception: Arc<Reception>,
    /// From when on guests are told of at all: who was there before anybody listened is no news.
    first: Timestamp,
    /// Up to when nothing was missed.
    heard_until: Timestamp,
    /// Conversations that are stored, by when they were met last: the same is told many times.
    known: BTreeMap<ConversationId, Timestamp>,
}

impl<'i> Desk<'i> {
    async fn open(intake: &'i Intake) -> Result<Self, Trouble> {
        let (open, now) = (Arc::clone(&intake.reception), (intake.now)());
        let opened = blocking(move || {
            let reception = open()?;
            let (first, heard_until) = match reception.heard()? {
                Some(heard) => heard,
                None => {
                    // The clocks here and there need not agree to the second.
                    let now = now.checked_sub(AHEAD).unwrap_or(now);
                    reception.hear((now, now))?;
                    (now, now)
                }
            };
            Ok((reception, first, heard_until))
        });
        let (reception, first, heard_until) = opened.await?;
        Ok(Self { intake, reception, first, heard_until, known: BTreeMap::new() })
    }

    /// Stores an arrival that is news.
    async fn take(&mut self, arrival: &Arrival) -> Result<(), Trouble> {
        let is_old = arrival.started_at.is_some_and(|at| at < self.first);
        if is_old || self.known.contains_key(&arrival.conversation) {
            return Ok(());
        }
        let (reception, callback) = (Arc::clone(&self.reception), arrival.callback());
        let Some(key) = key(&arrival.conversation) else { return Ok(()) };
        let receipt = blocking(move || Ok(reception.store(&callback, &key)?)).await?;
        if !receipt.repeated {
            self.intake.stored.notify_one();
        }
        self.remember(arrival.conversation.clone());
        Ok(())
    }

    async fn knows(&mut self, conversation: &ConversationId) -> Result<bool, Trouble> {
        if self.known.contains_key(conversation) {
            return Ok(true);
        }
        let Some(key) = key(conversation) else { return Ok(true) };
        let reception = Arc::clone(&self.reception);
        let known = blocking(move || Ok(reception.has(&key)?)).await?;
        if known {
            self.remember(conversation.clone());
        }
        Ok(known)
    }

    fn remember(&mut self, conversation: ConversationId) {
        self.known.insert(conversation, (self.intake.now)());
    }

    /// Nothing was missed up to here.
    async fn heard(&mut self, until: Timestamp) -> Result<(), Trouble> {
        let (reception, first) = (Arc::clone(&self.reception), self.first);
        blocking(move || Ok(reception.hear((first, until))?)).await?;
        self.heard_until = until;
        // What is forgotten here is found in the journal.
        if let Some(before) = until.checked_sub(FURTHEST) {
            self.known.retain(|_, met| *met >= before);
        }
        Ok(())
    }
}

/// A conversation is one event, in whatever way it is heard of. None for an id that is too long to be stored.
fn key(conversation: &ConversationId) -> Option<CallbackKey> {
    CallbackKey::of_id(&format!("conversation:{conversation}"))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Trouble> + Send + 'static,
) -> Result<T, Trouble> {
    spawn_blocking(work).await.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))
}

/// Since when guests are told of, and up to when nothing was missed.
pub(crate) type Heard = (Timestamp, Timestamp);

impl Reception {
    /// Whether a callback was received before.
    fn has(&self, key: &CallbackKey) -> Result<bool, Error> {
        Ok(self.received(key, (self.now)())?.is_some())
    }

    fn heard(&self) -> Result<Option<Heard>, Error> {
        let item = self.reader.lock().unwrap_or_else(PoisonError::into_inner).item(LEDGER, HEARD)?;
        // What cannot be read was written by another version: it is as if nobody had listened.
        Ok(item.and_then(|item: Item| serde_json::from_str(item.detail.get()).ok()))
    }

    fn hear(&self, heard: Heard) -> Result<(), Error> {
        self.journal.record(Change::new().item(LEDGER, HEARD, "heard", &heard)?).map(drop)
    }
}
