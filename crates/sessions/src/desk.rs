//! One guest, from the look before to the outcome on disk.

use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use frontdesk_api::{Cancel, EndReply, GuestLook, GuestSessions};
use frontdesk_domain::closure::{Evidence, Outcome, Verdict, Why, WhyKind, judge};
use frontdesk_domain::{Ending, GuestId, RunId};
use frontdesk_durable::Dir;
use frontdesk_journal::{Change, Clock, Intent, Journal};
use uuid::Uuid;

use crate::books::Books;
use crate::claim::Claims;
use crate::clock::{Stopwatch, millis};
use crate::error::JobError;
use crate::flight::few_at_once;
use crate::record::{Ended, Entry, INTENT, Place, Purpose, not_sent, sent_again};

/// DELETEs for one guest in one run, each repeated as the contract allows. After a lost answer the session is looked at,
/// and when it still goes on, ended once more; after that it is unknown.
const MOST_ROUNDS: u32 = 2;

/// Calls that may follow an intent: the DELETEs, the look between them, and the time the platform may take for what it was
/// sent last. While they may still be under way, a session that goes on says nothing of a process that is no more.
const CALLS: u32 = 2 * MOST_ROUNDS;

/// Ends guest sessions: what every job here shares.
///
/// Each session is looked at right before its DELETE. The intent is durable before the call, and the outcome, its audit
/// record, its event and its place in the plan's ledger are durable together after it. Any number of processes may do
/// this at once over one journal and one folder of claims.
pub struct Desk {
    pub(crate) guests: Arc<dyn GuestSessions>,
    pub(crate) books: Books,
    pub(crate) claims: Claims,
    pub(crate) cancel: Cancel,
    pub(crate) host: String,
    /// How long after its intent a DELETE may be under way.
    in_doubt: Duration,
}

/// What a [`Desk`] works with.
pub struct DeskParts {
    /// The platform. Its calls must end on the signal of `cancel`.
    pub guests: Arc<dyn GuestSessions>,
    /// Where intents, outcomes, audit records and events go.
    pub journal: Arc<Journal>,
    /// The folder of the claims, shared by all processes that use the journal.
    pub claims: Arc<dyn Dir>,
    /// How many sessions are ended at once, by all of them together: 5 by default (contract §6).
    pub concurrency: NonZeroU32,
    /// Time for one call of `guests`, all its attempts and waits.
    pub call_deadline: Duration,
    /// The wall clock.
    pub now: Clock,
    /// Names the run in the audit records.
    pub run: RunId,
    /// The signal to stop.
    pub cancel: Cancel,
}

/// A new id for a run of this job: `close`, `open`.
///
/// # Panics
/// Never: its characters are those a run's id may have.
#[must_use]
pub fn new_run(job: &str) -> RunId {
    RunId::new(format!("{job}-{}", Uuid::new_v4().simple())).expect("a word, a hyphen, hexadecimal digits")
}

/// How one guest came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// What became of the session.
    pub outcome: Outcome,
    /// Milliseconds from the look to the last answer, retries and waits included.
    pub latency_ms: u64,
    /// Who found it out.
    pub by: By,
    /// What the platform keeps of a session that was to be forgotten, in words; none where it forgets all of it, or was not
    /// asked to.
    pub kept: Option<String>,
}

/// Who dealt with a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// This run.
    This,
    /// An earlier run of the same plan, or another one at the same time.
    Other,
    /// Nobody: the plan left it as it was.
    Plan,
}

/// What is known of a guest while it is dealt with.
#[derive(Default)]
struct Course {
    /// The intent that is open.
    intent: Option<String>,
    /// A DELETE of ours may have been processed.
    in_doubt: bool,
    /// What an earlier run asked for, as long as only its DELETE may have ended the session.
    earlier: Option<Purpose>,
    rounds: u32,
    /// What the platform keeps though it was to forget it.
    kept: Option<String>,
}

impl Desk {
    /// Puts a desk together.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn new(parts: DeskParts) -> Result<Self, JobError> {
        let DeskParts { guests, journal, claims, concurrency, call_deadline, now, run, cancel } = parts;
        let books = Books::open(journal, now, run)?;
        let claims = Claims::new(claims, concurrency, cancel.clone());
        let host = guests.describe().host;
        let in_doubt = call_deadline.saturating_mul(CALLS);
        Ok(Self { guests, books, claims, cancel, host, in_doubt })
    }

    /// The platform, for its counters.
    #[must_use]
    pub fn guests(&self) -> &dyn GuestSessions {
        &*self.guests
    }

    /// Ends one session, outside of any plan. `None` when the signal to stop came before anything was sent.
    ///
    /// # Cancel safety
    /// A dropped call may leave an intent open; the next run settles it. Give the signal of [`DeskParts::cancel`] instead.
    ///
    /// # Errors
    /// When the journal or the folder of claims fails. What the platform says is an [`Outcome`].
    pub async fn close(&self, ending: &Ending) -> Result<Option<Closed>, JobError> {
        self.close_at(ending, None).await
    }

    /// What would become of a session: looked at, and nothing else. `None` when it would be ended.
    ///
    /// # Cancel safety
    /// Safe: it is a read.
    pub async fn preview(&self, guest: &GuestId) -> Option<Outcome> {
        let mut evidence = self.look(guest).await.unwrap_or_else(|| Evidence::Unseen(Why::interrupted()));
        loop {
            match judge(evidence, false) {
                Verdict::End => return None,
                Verdict::Is(outcome) => return Some(outcome),
                // A look alone never asks for another one.
                Verdict::Look(why) => evidence = Evidence::Unseen(why),
            }
        }
    }

    /// Looks at the sessions whose intents a run left open that is no more, a few at once, and settles what can be: the ended
    /// ones are `ended`, with their events; of one that goes on nothing was done, once its DELETE cannot be under way any
    /// more. Returns how many were settled.
    ///
    /// # Cancel safety
    /// As [`Desk::close`].
    ///
    /// # Errors
    /// As [`Desk::close`].
    pub async fn settle_open(&self) -> Result<u64, JobError> {
        let open = self.books.read(|reader| reader.open_intents(INTENT)).await?;
        let ours = open.into_iter().filter_map(|intent| Some(Ok((self.as_ours(&intent)?, intent))));
        let mut settled = 0;
        let begin = |(purpose, intent)| self.settle(purpose, intent);
        let end = |is_settled: bool| {
            settled += u64::from(is_settled);
            ControlFlow::Continue(())
        };
        few_at_once(self.claims.width(), &self.cancel, ours, begin, end).await?;
        Ok(settled)
    }

    /// Whether it could be settled; `None` when the signal to stop came first.
    async fn settle(&self, purpose: Purpose, intent: Intent) -> Result<Option<bool>, JobError> {
        let Purpose { ending, place, .. } = purpose;
        // Somebody who is alive has it in hand.
        let Some(_claim) = self.claims.try_claim(ending.guest_id.as_str())? else { return Ok(Some(false)) };
        let id = intent.id.clone();
        if self.books.read(move |reader| reader.intent(&id)).await?.is_none_or(|(_, end)| end.is_some()) {
            return Ok(Some(false));
        }
        let watch = Stopwatch::start();
        let Some(evidence) = self.look(&ending.guest_id).await else { return Ok(None) };
        let change = match judge(evidence, true) {
            Verdict::End if self.books.at().since(intent.at) < self.in_doubt => return Ok(Some(false)),
            Verdict::End => not_sent(&self.books.run, &intent.id),
            Verdict::Is(outcome @ (Outcome::Ended | Outcome::Duplicate | Outcome::Skipped { .. })) => {
                let latency_ms = millis(watch.elapsed());
                self.outcome(&ending, &outcome, latency_ms, Some(&intent.id), place.as_ref())?
            }
            Verdict::Is(_) | Verdict::Look(_) => return Ok(Some(false)),
        };
        self.books.record(change).await?;
        Ok(Some(true))
    }

    /// The whole course of one guest; of one in a plan, at its place in the ledger.
    pub(crate) async fn close_at(
        &self,
        ending: &Ending,
        place: Option<&Place>,
    ) -> Result<Option<Closed>, JobError> {
        if let Some(closed) = self.settled(place).await? {
            return Ok(Some(closed));
        }
        let Some(_claim) = self.claims.claim(ending.guest_id.as_str()).await? else { return Ok(None) };
        // Whoever had the guest before may have settled it.
        if let Some(closed) = self.settled(place).await? {
            return Ok(Some(closed));
        }
        let (intent, earlier) = self.open_intent(&ending.guest_id).await?.unzip();
        let mut course = Course { in_doubt: intent.is_some(), intent, earlier, rounds: 0, kept: None };
        let watch = Stopwatch::start();
        let Some(outcome) = self.pursue(ending, place, &mut course).await? else {
            if let Some(intent) = &course.intent
                && !course.in_doubt
            {
                self.books.record(not_sent(&self.books.run, intent)).await?;
            }
            return Ok(None);
        };
        let latency_ms = millis(watch.elapsed());
        let intent = course.intent.as_deref();
        let kept = course.kept;
        let change = match course.earlier.filter(|_| outcome == Outcome::Ended) {
            None => self.ended(ending, &outcome, latency_ms, intent, place, kept.as_deref())?,
            // The earlier run ended it, for its own reason; both plans have their guest.
            Some(Purpose { ending, place: earlier, .. }) => {
                let change = self.outcome(&ending, &outcome, latency_ms, intent, earlier.as_ref())?;
                match place.filter(|place| earlier.as_ref() != Some(*place)) {
                    Some(place) => {
                        let outcome = outcome.clone();
                        Entry { outcome, latency_ms, read_back: None, kept: None }.put(change, place)?
                    }
                    None => change,
                }
            }
        };
        self.books.record(change).await?;
        Ok(Some(Closed { outcome, latency_ms, by: By::This, kept }))
    }

    /// Looks, ends, and looks again where an answer was lost. `None` when the signal to stop came while nothing was in
    /// doubt.
    async fn pursue(
        &self,
        ending: &Ending,
        place: Option<&Place>,
        course: &mut Course,
    ) -> Result<Option<Outcome>, JobError> {
        let guest = &ending.guest_id;
        let mut last_why = None;
        let Some(mut evidence) = self.look(guest).await else { return Ok(None) };
        loop {
            match judge(evidence, course.in_doubt) {
                Verdict::Is(outcome) => return Ok(Some(outcome)),
                Verdict::Look(why) => {
                    course.in_doubt = true;
                    match self.look(guest).await {
                        Some(seen) => evidence = seen,
                        None => return Ok(Some(Outcome::Unknown(why))),
                    }
                    last_why = Some(why);
                }
                Verdict::End if course.rounds == MOST_ROUNDS => {
                    let still = || Why::new(WhyKind::StillActive, "the session goes on after it was ended");
                    return Ok(Some(Outcome::Unknown(last_why.unwrap_or_else(still))));
                }
                Verdict::End => {
                    course.rounds += 1;
                    if course.rounds == 1 {
                        let earlier = course.intent.take();
                        course.intent = Some(self.open(ending, place, earlier.as_deref()).await?);
                    }
                    match self.end(ending, course).await {
                        Some(answer) => evidence = answer,
                        None if course.in_doubt => return Ok(Some(Outcome::Unknown(Why::interrupted()))),
                        None => return Ok(None),
                    }
                }
            }
        }
    }

    /// What a look says; `None` when the signal to stop ended it.
    pub(crate) async fn look(&self, guest: &GuestId) -> Option<Evidence> {
        Some(match self.guests.guest(guest).await {
            Ok(GuestLook::Found(found)) => Evidence::State(found.state),
            Ok(GuestLook::Missing) => Evidence::Missing,
            Err(error) if error.is_cancelled() => return None,
            Err(error) => Evidence::Unseen(error.why()),
        })
    }

    /// What the DELETE says; `None` when the signal to stop came before it was sent.
    async fn end(&self, ending: &Ending, course: &mut Course) -> Option<Evidence> {
        Some(match self.guests.end(ending).await {
            Ok(EndReply::Done) => {
                course.earlier = None;
                Evidence::Done
            }
            Ok(EndReply::DoneKeeping { what }) => {
                (course.earlier, course.kept) = (None, Some(what));
                Evidence::Done
            }
            Ok(EndReply::Missing { after_lost_reply: false }) => Evidence::Missing,
            Ok(EndReply::Missing { after_lost_reply: true }) => {
                (course.in_doubt, course.earlier) = (true, None);
                Evidence::Missing
            }
            Err(error) if error.may_have_been_processed() => {
                (course.in_doubt, course.earlier) = (true, None);
                Evidence::Lost(error.why())
            }
            Err(error) if error.is_cancelled() => return None,
            Err(error) => Evidence::Refused(error.why()),
        })
    }

    /// Makes the intent durable, and returns its id. It takes the place of an earlier one: its words and its time are those
    /// of what is sent now.
    async fn open(
        &self,
        ending: &Ending,
        place: Option<&Place>,
        earlier: Option<&str>,
    ) -> Result<String, JobError> {
        let id = format!("{INTENT}/{}", Uuid::new_v4());
        let purpose = Purpose {
            host: self.host.clone(),
            run: self.books.run.clone(),
            ending: ending.clone(),
            place: place.cloned(),
        };
        let change = purpose.open(&id, self.books.at())?;
        self.books.record(earlier.into_iter().fold(change, sent_again)).await?;
        Ok(id)
    }

    fn outcome(
        &self,
        ending: &Ending,
        outcome: &Outcome,
        latency_ms: u64,
        intent: Option<&str>,
        place: Option<&Place>,
    ) -> Result<Change, JobError> {
        self.ended(ending, outcome, latency_ms, intent, place, None)
    }

    fn ended(
        &self,
        ending: &Ending,
        outcome: &Outcome,
        latency_ms: u64,
        intent: Option<&str>,
        place: Option<&Place>,
        kept: Option<&str>,
    ) -> Result<Change, JobError> {
        let (at, run) = (self.books.at(), &self.books.run);
        Ok(Ended { ending, outcome, latency_ms, at, run, intent, place, kept }.change()?)
    }

    /// What the ledger says of a guest for whom nothing is to be done any more.
    pub(crate) async fn settled(&self, place: Option<&Place>) -> Result<Option<Closed>, JobError> {
        let Some(place) = place else { return Ok(None) };
        let entry = self.entry(place).await?.filter(|entry| entry.outcome.kind().is_final());
        Ok(entry.map(|Entry { outcome, latency_ms, kept, .. }| Closed {
            outcome,
            latency_ms,
            by: By::Other,
            kept,
        }))
    }

    /// What the ledger says of a guest.
    pub(crate) async fn entry(&self, place: &Place) -> Result<Option<Entry>, JobError> {
        Ok(self.books.item(place).await?.as_ref().and_then(Entry::read))
    }

    async fn open_intent(&self, guest: &GuestId) -> Result<Option<(String, Purpose)>, JobError> {
        let key = guest.as_str().to_owned();
        let open = self.books.read(move |reader| reader.open_intents_of(INTENT, &key)).await?;
        Ok(open.into_iter().find_map(|intent| {
            let purpose = self.as_ours(&intent)?;
            Some((intent.id, purpose))
        }))
    }

    /// What an intent says, when it is one of this tenant.
    fn as_ours(&self, intent: &Intent) -> Option<Purpose> {
        Purpose::of(intent).filter(|purpose| purpose.host == self.host)
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("run", &self.books.run).field("host", &self.host).finish_non_exhaustive()
    }
}
