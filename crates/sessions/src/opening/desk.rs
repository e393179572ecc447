//! One request, from the check to the outcome on disk.

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use frontdesk_api::{Cancel, ConversationLook, OpenReply, Opening, SessionOpenings};
use frontdesk_domain::pii::PiiPolicy;
use frontdesk_domain::session::{
    CheckedSession, Evidence, OpeningOutcome, Refusal, SameSession, SessionRequest, Verdict, judge,
};
use frontdesk_domain::{
    GuestId, RunId, SessionDraft, SessionRefusal, Timestamp, Violation, Violations, Why, WhyKind,
};
use frontdesk_durable::Dir;
use frontdesk_journal::{Clock, Intent, Journal};
use uuid::Uuid;

use super::record::{Came, Entry, NOT_SENT, OPEN_INTENT, Purpose, State, claim_of, refused_record};
use crate::books::Books;
use crate::claim::Claims;
use crate::clock::{Stopwatch, millis};
use crate::desk::By;
use crate::error::JobError;
use crate::record::Place;

/// POSTs for one request in one run, each repeated as the contract allows. After a lost answer it is sent once more with
/// its key; after that it is unknown.
const MOST_ROUNDS: u32 = 2;

/// Opens guest sessions: what every job here shares.
///
/// Any number of processes may do this at once over one journal and one folder of claims.
pub struct OpeningDesk {
    sessions: Arc<dyn SessionOpenings>,
    pub(super) books: Books,
    pub(super) claims: Claims,
    pub(super) cancel: Cancel,
    pub(super) host: String,
    policy: PiiPolicy,
    /// Intents that this run could not settle: another run has better chances.
    in_vain: Mutex<HashSet<String>>,
}

/// What an [`OpeningDesk`] works with.
pub struct OpeningParts {
    /// The platform. Its calls must end on the signal of `cancel`.
    pub sessions: Arc<dyn SessionOpenings>,
    /// Where intents, outcomes, audit records and receipts go.
    pub journal: Arc<Journal>,
    /// The folder of the claims, shared by all processes that use the journal.
    pub claims: Arc<dyn Dir>,
    /// How many requests are dealt with at once, by all of them together.
    pub concurrency: NonZeroU32,
    /// What counts as personal data, and what is done about it.
    pub policy: PiiPolicy,
    /// The wall clock.
    pub now: Clock,
    /// Names the run in the audit records.
    pub run: RunId,
    /// The signal to stop.
    pub cancel: Cancel,
}

/// How one request came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Whose session; none where the request does not say it rightly, and was not sent.
    pub guest_id: Option<GuestId>,
    /// What became of the request.
    pub outcome: OpeningOutcome,
    /// Milliseconds from the check to the last answer, retries and waits included.
    pub latency_ms: u64,
    /// Who found it out.
    pub by: By,
    /// What the policy only warns of.
    pub warnings: Vec<Violation>,
}

/// A request that was made before, with its intent.
struct Earlier {
    id: String,
    purpose: Purpose,
    open: bool,
}

impl OpeningDesk {
    /// Puts a desk together.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn new(parts: OpeningParts) -> Result<Self, JobError> {
        let OpeningParts { sessions, journal, claims, concurrency, policy, now, run, cancel } = parts;
        let books = Books::open(journal, now, run)?;
        let claims = Claims::new(claims, concurrency, cancel.clone());
        let host = sessions.describe().host;
        Ok(Self { sessions, books, claims, cancel, host, policy, in_vain: Mutex::default() })
    }

    /// The platform, for its counters.
    #[must_use]
    pub fn sessions(&self) -> &dyn SessionOpenings {
        &*self.sessions
    }

    /// Opens one session. `None` when the signal to stop came before anything was sent.
    ///
    /// A request for the same guest with the same words that an earlier run left open is this request: it is sent with its
    /// key and the time of its consent.
    ///
    /// # Cancel safety
    /// A dropped call may leave an intent open; the next run settles it. Give the signal of [`OpeningParts::cancel`]
    /// instead.
    ///
    /// # Errors
    /// When the journal or the folder of claims fails. What the platform says is an [`OpeningOutcome`].
    pub async fn open(&self, draft: &SessionDraft) -> Result<Option<Answered>, JobError> {
        self.open_at(Ok(draft.clone()), None).await
    }

    /// What would be sent, or why it would not: checked, and nothing else. The guest of a draft that names none is made up.
    ///
    /// # Errors
    /// All broken rules at once.
    pub fn preview(&self, draft: &SessionDraft) -> Result<SessionRequest, SessionRefusal> {
        self.check(&named(draft.clone(), None), self.books.at()).map(|checked| checked.request)
    }

    /// Sends again, with their keys, the requests whose intents a run left open that is no more; those that this one could
    /// not settle are left to the next. Returns how many were settled.
    ///
    /// # Cancel safety
    /// As [`OpeningDesk::open`].
    ///
    /// # Errors
    /// As [`OpeningDesk::open`].
    pub async fn settle_open(&self) -> Result<u64, JobError> {
        let mut settled = 0;
        for intent in self.books.read(|reader| reader.open_intents(OPEN_INTENT)).await? {
            let Some(purpose) = Purpose::of(&intent).filter(|purpose| purpose.host == self.host) else {
                continue;
            };
            if self.in_vain.lock().unwrap_or_else(PoisonError::into_inner).contains(&intent.id) {
                continue;
            }
            if self.cancel.is_cancelled() {
                break;
            }
            // Somebody who is alive has it in hand.
            let Some(_claim) = self.claims.try_claim(&purpose.claim())? else { continue };
            let id = intent.id.clone();
            if self.books.read(move |reader| reader.intent(&id)).await?.is_none_or(|(_, end)| end.is_some()) {
                continue;
            }
            let earlier = Earlier { id: intent.id, purpose, open: true };
            let Some(answered) = self.carry_out(earlier, &Stopwatch::start(), Vec::new()).await? else {
                break;
            };
            settled += u64::from(!matches!(answered.outcome, OpeningOutcome::Unknown(_)));
        }
        Ok(settled)
    }

    /// The whole course of one request; of one among many, at its place in the ledger.
    pub(super) async fn open_at(
        &self,
        draft: Result<SessionDraft, Violations>,
        place: Option<&Place>,
    ) -> Result<Option<Answered>, JobError> {
        let watch = Stopwatch::start();
        let entry = self.entry(place).await?;
        if let Some(answered) = entry.as_ref().and_then(settled) {
            return Ok(Some(answered));
        }
        let (draft, made_up) = match draft {
            Ok(draft) => {
                let asked = entry.as_ref().is_some_and(|entry| entry.asked.is_some());
                let made_up = !draft.names_guest() && !asked;
                (named(draft, entry.as_ref()), made_up)
            }
            Err(violations) => {
                let refusal = SessionRefusal::of_shape(violations);
                return self.refuse(None, &refusal, place, entry, &watch).await.map(Some);
            }
        };
        let guest = draft.guest();
        let claim = claim_of(place, guest.as_ref().map_or("", GuestId::as_str));
        let Some(_claim) = self.claims.claim(&claim).await? else { return Ok(None) };
        // Whoever had it before may have settled it.
        let entry = self.entry(place).await?;
        if let Some(answered) = entry.as_ref().and_then(settled) {
            return Ok(Some(answered));
        }
        let checked = self.check(&draft, self.books.at());
        if let Some(open) = self.open_intent(place, entry.as_ref(), checked.as_ref().ok()).await? {
            // It may have been sent, whatever the line or the policy says by now: what came of it has to be known.
            let warnings = checked.map(|checked| checked.warnings).unwrap_or_default();
            return self.carry_out(open, &watch, warnings).await;
        }
        let CheckedSession { request, warnings } = match checked {
            Ok(checked) => checked,
            Err(refusal) => {
                // Nobody has heard of a guest that was made up for a request that is not sent.
                let guest = guest.filter(|_| !made_up);
                return self.refuse(guest, &refusal, place, entry, &watch).await.map(Some);
            }
        };
        let (request, key) = match entry.and_then(|entry| entry.asked) {
            Some(asked) => asked.again(request),
            None => (request, None),
        };
        let key = key.unwrap_or_else(|| Uuid::new_v4().to_string());
        let (host, run) = (self.host.clone(), self.books.run.clone());
        let purpose = Purpose { host, run, key, request, place: place.cloned() };
        let id = format!("{OPEN_INTENT}/{}", Uuid::new_v4());
        self.books.record(purpose.open(self.books.change(), &id, self.books.at())?).await?;
        self.carry_out(Earlier { id, purpose, open: false }, &watch, warnings).await
    }

    /// Sends a request whose intent is on the disk, and records what came of it. With `open` it may have been sent before.
    async fn carry_out(
        &self,
        Earlier { id, purpose, open }: Earlier,
        watch: &Stopwatch,
        warnings: Vec<Violation>,
    ) -> Result<Option<Answered>, JobError> {
        let Some(outcome) = self.pursue(&purpose, open).await else {
            if !open {
                self.books.record(self.books.change().settle_intent(&id, NOT_SENT)).await?;
            }
            return Ok(None);
        };
        if matches!(outcome, OpeningOutcome::Unknown(_)) {
            self.in_vain.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone());
        }
        let (latency_ms, at) = (millis(watch.elapsed()), self.books.at());
        let came = Came { purpose: &purpose, intent: &id, outcome: &outcome, latency_ms, at };
        self.books.record(came.put(self.books.change())?).await?;
        let guest_id = Some(purpose.request.guest_id);
        Ok(Some(Answered { guest_id, outcome, latency_ms, by: By::This, warnings }))
    }

    /// Sends, and sends again where an answer was lost. `None` when the signal to stop came before it was sent.
    async fn pursue(&self, purpose: &Purpose, mut in_doubt: bool) -> Option<OpeningOutcome> {
        let Some(key) = purpose.key() else {
            let why = Why::new(WhyKind::Malformed, "the key of the intent cannot be read");
            return Some(OpeningOutcome::Failed(why));
        };
        let opening = Opening { key, request: purpose.request.clone() };
        let mut rounds = 0;
        let mut lost = None;
        loop {
            let Some(evidence) = self.send(&opening).await else {
                // Without an answer of this run the intent stays as it was.
                return lost.map(OpeningOutcome::Unknown);
            };
            match judge(evidence, in_doubt) {
                Verdict::Is(outcome) => return Some(outcome),
                Verdict::Again(why) => {
                    rounds += 1;
                    in_doubt = true;
                    if rounds == MOST_ROUNDS || self.cancel.is_cancelled() {
                        return Some(OpeningOutcome::Unknown(why));
                    }
                    lost = Some(why);
                }
            }
        }
    }

    /// What the POST says, and of a conflict the session it names; `None` when the signal to stop came before it was sent.
    async fn send(&self, opening: &Opening) -> Option<Evidence> {
        let conflict = |text: &str| Why::new(WhyKind::Conflict, text);
        let id = match self.sessions.open(opening).await {
            Ok(OpenReply::Opened(opened)) => return Some(Evidence::Created(opened)),
            Ok(OpenReply::Mismatch) => {
                return Some(Evidence::Refused(conflict("the key was used for another request before")));
            }
            Ok(OpenReply::Conflict { conversation_id: None }) => {
                let why = conflict("the guest has an open session, and the answer does not name it");
                return Some(Evidence::ConflictUnseen(why));
            }
            Ok(OpenReply::Conflict { conversation_id: Some(id) }) => id,
            Err(error) if error.may_have_been_processed() => return Some(Evidence::Lost(error.why())),
            Err(error) if error.is_cancelled() => return None,
            Err(error) => return Some(Evidence::Refused(error.why())),
        };
        Some(match self.sessions.conversation(&id).await {
            Ok(ConversationLook::Found(look)) => {
                let same = SameSession::of(&opening.request, &look.conversation);
                Evidence::Conflict(id, same)
            }
            Ok(ConversationLook::Missing) => {
                Evidence::ConflictUnseen(conflict("the guest has an open session that cannot be found"))
            }
            Err(error) => Evidence::ConflictUnseen(error.why()),
        })
    }

    /// Checks a draft that names its guest.
    fn check(&self, draft: &SessionDraft, at: Timestamp) -> Result<CheckedSession, SessionRefusal> {
        draft.check(&self.policy, at)
    }

    /// Records an attempt that broke rules. One that the ledger has as refused already was recorded by then.
    async fn refuse(
        &self,
        guest_id: Option<GuestId>,
        refusal: &SessionRefusal,
        place: Option<&Place>,
        entry: Option<Entry>,
        watch: &Stopwatch,
    ) -> Result<Answered, JobError> {
        let outcome = OpeningOutcome::Refused(Refusal::from(refusal));
        let warnings = refusal.warnings.clone();
        let latency_ms = millis(watch.elapsed());
        if entry.as_ref().is_some_and(|entry| entry.state == State::Refused) {
            return Ok(Answered { guest_id, outcome, latency_ms, by: By::Other, warnings });
        }
        let mut change = self.books.change().audit(refused_record(refusal, self.books.at(), latency_ms));
        if let Some(place) = place {
            let asked = entry.and_then(|entry| entry.asked);
            change = Entry { intent: None, asked, latency_ms, state: State::Refused }.put(change, place)?;
        }
        self.books.record(change).await?;
        Ok(Answered { guest_id, outcome, latency_ms, by: By::This, warnings })
    }

    async fn entry(&self, place: Option<&Place>) -> Result<Option<Entry>, JobError> {
        let Some(place) = place else { return Ok(None) };
        Ok(self.books.item(place).await?.as_ref().and_then(Entry::read))
    }

    /// The intent of this request that is open: of one among many by its place, of a single one by guest and words.
    async fn open_intent(
        &self,
        place: Option<&Place>,
        entry: Option<&Entry>,
        checked: Option<&CheckedSession>,
    ) -> Result<Option<Earlier>, JobError> {
        if place.is_some() {
            let Some(id) = entry.and_then(|entry| entry.intent.clone()) else { return Ok(None) };
            let found = self.books.read(move |reader| reader.intent(&id)).await?;
            return Ok(found.and_then(|(intent, end)| self.as_earlier(&intent).filter(|_| end.is_none())));
        }
        let Some(CheckedSession { request, .. }) = checked else { return Ok(None) };
        let guest = request.guest_id.as_str().to_owned();
        let open = self.books.read(move |reader| reader.open_intents_of(OPEN_INTENT, &guest)).await?;
        let mut ours = open.iter().filter_map(|intent| self.as_earlier(intent));
        Ok(ours.find(|earlier| earlier.purpose.place.is_none() && is_same(&earlier.purpose.request, request)))
    }

    /// An intent that is open, when it is ours.
    fn as_earlier(&self, intent: &Intent) -> Option<Earlier> {
        let purpose = Purpose::of(intent).filter(|purpose| purpose.host == self.host)?;
        Some(Earlier { id: intent.id.clone(), purpose, open: true })
    }
}

/// What the ledger says of a request for which nothing is to be done any more.
fn settled(entry: &Entry) -> Option<Answered> {
    entry.state.settled().map(|outcome| Answered {
        guest_id: entry.asked.as_ref().map(|asked| asked.guest_id.clone()),
        outcome,
        latency_ms: entry.latency_ms,
        by: By::Other,
        warnings: Vec::new(),
    })
}

/// A draft that names its guest: the one that was made up for it before, else a new one.
fn named(draft: SessionDraft, entry: Option<&Entry>) -> SessionDraft {
    if draft.names_guest() {
        return draft;
    }
    let before = entry.and_then(|entry| entry.asked.as_ref()).map(|asked| asked.guest_id.as_str().to_owned());
    draft.guest_id(before.unwrap_or_else(|| format!("guest_{}", Uuid::new_v4())))
}

/// Whether two requests are the same but for the time of the consent.
fn is_same(one: &SessionRequest, other: &SessionRequest) -> bool {
    let mut other = other.clone();
    other.consent.timestamp = one.consent.timestamp;
    *one == other
}

impl std::fmt::Debug for OpeningDesk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpeningDesk")
            .field("run", &self.books.run)
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}
