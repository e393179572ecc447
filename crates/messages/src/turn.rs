//! One message, from the look at its conversation to the outcome on disk.

use std::sync::Arc;

use frontdesk_api::{Accepted, Error, ErrorKind};
use frontdesk_domain::audit::MessageResult;
use frontdesk_domain::conversation::Conversation;
use frontdesk_domain::delivery::{Receipts, Sla};
use frontdesk_domain::outbound::{CheckedMessage, OutboundMessage};
use frontdesk_domain::{Timestamp, Violation, Violations, Why, WhyKind};
use frontdesk_journal::Change;
use tokio::time::Instant;
use uuid::Uuid;

use crate::clock::{instant, millis};
use crate::courier::Courier;
use crate::error::SendError;
use crate::outcome::{By, Delivery, Outcome, OutcomeKind, Sent};
use crate::prepared::Prepared;
use crate::record::{Entry, INTENT, Observed, Parties, Purpose};

/// How a message stands after its turn.
pub(crate) struct Turn {
    pub(crate) sent: Sent,
    /// It waits for receipts: its place, and its item.
    pub(crate) open: Option<(String, Entry)>,
}

/// The course of one message while it is dealt with.
struct Course {
    key: String,
    purpose: Purpose,
    tries: u32,
    /// A POST of ours may have been processed.
    in_doubt: bool,
    /// There is an intent that the outcome settles.
    intended: bool,
    begun: Option<Timestamp>,
    started: Instant,
}

/// Where a course ended.
struct Reached {
    outcome: Outcome,
    /// What the platform said of a message it took.
    accepted: Option<Accepted>,
    conversation: Option<Arc<Conversation>>,
    /// What a rule of the conversation said.
    violations: Option<Violations>,
}

impl Reached {
    fn without_conversation(outcome: Outcome) -> Self {
        Self { outcome, accepted: None, conversation: None, violations: None }
    }
}

impl Courier {
    /// The whole turn of one message. `None` when the signal to stop came before anything was sent.
    ///
    /// # Cancel safety
    /// A dropped call may leave an intent open; the next run settles it. Give the signal of
    /// [`CourierParts::cancel`](crate::CourierParts::cancel) instead.
    pub(crate) async fn deliver(&self, prepared: &Prepared) -> Result<Option<Box<Turn>>, SendError> {
        let message = match &prepared.checked {
            Ok(CheckedMessage { message, .. }) => message,
            Err(refusal) => return self.refuse(prepared, refusal).await.map(Some),
        };
        if let Some(legs) = self.channel.legs() {
            return self.deliver_on_leg(legs, prepared, message).await;
        }
        let digest = message.digest();
        let key = match &prepared.key {
            Some(key) => key.clone(),
            None => self.single_key(&digest).await?,
        };
        let before = self.entry(&key).await?;
        if let Some(entry) = &before
            && entry.outcome.kind() == OutcomeKind::Sent
        {
            return Ok(Some(self.earlier(prepared, key, entry)));
        }
        let client_id = self.client_id(&key);
        let purpose = Purpose { host: self.host.clone(), key: key.clone(), client_id, digest, post: None };
        let in_doubt = match &before {
            Some(entry) => self.is_open(&purpose.id(entry.tries)).await?,
            None => false,
        };
        let tries = match &before {
            Some(entry) if in_doubt => entry.tries,
            Some(entry) => entry.tries.saturating_add(1),
            None => 1,
        };
        let begun = before.map(|entry| entry.begun);
        let mut course =
            Course { key, purpose, tries, in_doubt, intended: in_doubt, begun, started: instant() };
        match self.pursue(message, &mut course).await? {
            Some(reached) => self.settle(prepared, message, &course, reached).await.map(Some),
            None => Ok(None),
        }
    }

    /// Looks at the conversation, checks, and sends. `None` when the signal to stop came while nothing was in doubt.
    async fn pursue(
        &self,
        message: &OutboundMessage,
        course: &mut Course,
    ) -> Result<Option<Reached>, SendError> {
        let Some(id) = message.conversation() else {
            let why =
                "a message to an address is the platform contract's: the gateway sends into conversations";
            let violations = Violations::from(Violation::new("messenger", "message.contract", why));
            let outcome = Outcome::Refused(Why::new(WhyKind::Refused, told(&violations)));
            let violations = Some(violations);
            return Ok(Some(Reached { violations, ..Reached::without_conversation(outcome) }));
        };
        let conversation = match self.facts(id).await {
            Ok(Some(conversation)) => Some(conversation),
            // A message in doubt is settled by its client id, whatever became of its conversation.
            Ok(None) | Err(_) if course.in_doubt => None,
            Ok(None) => {
                let why = Why::new(WhyKind::Refused, "the platform knows no such conversation");
                return Ok(Some(Reached::without_conversation(Outcome::Refused(why))));
            }
            Err(error) if error.is_cancelled() => return Ok(None),
            Err(error) => return Ok(Some(Reached::without_conversation(outcome_of(&error)))),
        };
        if let Some(conversation) = &conversation
            && !course.in_doubt
            && let Err(violations) = message.check_against(conversation)
        {
            return Ok(Some(Reached {
                outcome: Outcome::Refused(Why::new(WhyKind::Refused, told(&violations))),
                accepted: None,
                conversation: Some(Arc::clone(conversation)),
                violations: Some(violations),
            }));
        }
        self.open(message, course, conversation.as_deref()).await?;
        let (outcome, accepted) = match self.channel.send(message, &course.purpose.client_id).await {
            Ok(accepted) => {
                self.learn(accepted.clock);
                (Outcome::Sent, Some(accepted))
            }
            Err(error) if error.may_have_been_processed() || course.in_doubt => {
                (Outcome::Unknown(error.why()), None)
            }
            Err(error) if error.is_cancelled() => {
                self.withdraw(course).await?;
                return Ok(None);
            }
            Err(error) => (outcome_of(&error), None),
        };
        Ok(Some(Reached { outcome, accepted, conversation, violations: None }))
    }

    /// Makes the intent durable, with the item that says the message is in doubt until there is an outcome.
    async fn open(
        &self,
        message: &OutboundMessage,
        course: &mut Course,
        conversation: Option<&Conversation>,
    ) -> Result<(), SendError> {
        let at = self.now();
        let begun = *course.begun.get_or_insert(at);
        if course.in_doubt {
            return Ok(());
        }
        let why = Why::new(WhyKind::Interrupted, "the run ended before the answer came");
        let entry = Entry {
            host: self.host.clone(),
            conversation: message.conversation().cloned(),
            client_id: course.purpose.client_id.clone(),
            outcome: Outcome::Unknown(why),
            message_id: None,
            channel: conversation.and_then(|conversation| conversation.channel_type.clone()),
            begun,
            tries: course.tries,
            delivery: None,
            receipts: Receipts::default(),
            missed_told: false,
            latency_ms: 0,
            parties: Some(Parties::of(message)),
            posts: Vec::new(),
        };
        let change =
            Change::new().run(self.run.clone()).open_intent(course.purpose.intent(course.tries, at)?);
        self.record(entry.put(change, &course.key)?).await?;
        course.intended = true;
        Ok(())
    }

    /// Settles the intent of a message that was surely not sent, since the signal to stop came first.
    async fn withdraw(&self, course: &Course) -> Result<(), SendError> {
        let Some(mut entry) = self.entry(&course.key).await? else { return Ok(()) };
        entry.outcome = Outcome::NotSent(Why::interrupted());
        entry.parties = None;
        let change = Change::new()
            .run(self.run.clone())
            .settle_intent(course.purpose.id(course.tries), OutcomeKind::NotSent.as_str());
        self.record(entry.put(change, &course.key)?).await
    }

    /// Records how the turn came out, and makes what is told of it.
    async fn settle(
        &self,
        prepared: &Prepared,
        message: &OutboundMessage,
        course: &Course,
        reached: Reached,
    ) -> Result<Box<Turn>, SendError> {
        let Reached { outcome, accepted, conversation, violations } = reached;
        let kind = outcome.kind();
        // Another process with the same lines may know more by now: what was sent stays so.
        if kind != OutcomeKind::Sent
            && let Some(entry) = self.entry(&course.key).await?
            && entry.outcome.kind() == OutcomeKind::Sent
        {
            return Ok(self.earlier(prepared, course.key.clone(), &entry));
        }
        let at = self.now();
        let latency_ms = millis(instant() - course.started);
        let mut receipts = Receipts::default();
        let message_id = accepted.map(|Accepted { id, status, .. }| {
            receipts.learn(status);
            id
        });
        let mut entry = Entry {
            host: self.host.clone(),
            conversation: message.conversation().cloned(),
            client_id: course.purpose.client_id.clone(),
            outcome,
            // Whatever the answer said of its status, the times are in the conversation.
            delivery: message_id.is_some().then_some(Delivery::Pending),
            message_id,
            channel: conversation.and_then(|conversation| conversation.channel_type.clone()),
            begun: course.begun.unwrap_or(at),
            tries: course.tries,
            receipts,
            missed_told: false,
            latency_ms,
            parties: Some(Parties::of(message)),
            posts: Vec::new(),
        };
        let intent = course.purpose.id(course.tries);
        let mut change = Change::new();
        if kind != OutcomeKind::Unknown && course.intended && self.is_open(&intent).await? {
            change = change.settle_intent(intent, kind.as_str());
        }
        let result = match kind {
            OutcomeKind::Sent => None,
            OutcomeKind::NotSent => Some(MessageResult::Failed),
            OutcomeKind::Refused => Some(MessageResult::Refused),
            OutcomeKind::Unknown => Some(MessageResult::Unknown),
        };
        let sla = self.judge(&entry);
        let observed = Observed { run: &self.run, at, key: &course.key, sla: sla.as_ref(), result };
        let change = observed.change(change, &mut entry)?;
        self.record(change).await?;
        let mut sent = self.of_entry(prepared.number, &entry, By::This);
        sent.violations = violations;
        if let Ok(CheckedMessage { findings, .. }) = &prepared.checked {
            sent.findings.clone_from(findings);
        }
        Ok(Box::new(Turn { sent, open: entry.is_open().then(|| (course.key.clone(), entry)) }))
    }

    /// What an earlier run says of a message that was sent. It is followed on where nothing final was seen.
    pub(crate) fn earlier(&self, prepared: &Prepared, key: String, entry: &Entry) -> Box<Turn> {
        let sent = self.of_entry(prepared.number, entry, By::Other);
        Box::new(Turn { sent, open: entry.is_open().then(|| (key, entry.clone())) })
    }

    /// What is told of a message of the ledger.
    pub(crate) fn of_entry(&self, line: Option<u64>, entry: &Entry, by: By) -> Sent {
        Sent {
            line,
            conversation: entry.conversation.as_ref().map(|id| id.as_str().to_owned()),
            client_id: Some(entry.client_id.clone()),
            message_id: entry.message_id.clone(),
            outcome: entry.outcome.clone(),
            violations: None,
            findings: Vec::new(),
            delivery: entry.delivery,
            receipts: entry.receipts,
            sla: self.judge(entry),
            latency_ms: entry.latency_ms,
            by,
        }
    }

    /// How a message stands to its threshold now, by the platform's clock.
    pub(crate) fn judge(&self, entry: &Entry) -> Option<Sla> {
        entry.sla(self.platform_now(), self.watching.threshold)
    }

    /// The key of a single message: that of an equal one in doubt, which is to be settled first, else a new one.
    pub(crate) async fn single_key(&self, digest: &str) -> Result<String, SendError> {
        let open = self.read(|reader| reader.open_intents(INTENT)).await?;
        let same = open.iter().filter_map(Purpose::of).find(|purpose| {
            purpose.digest == digest && purpose.host == self.host && purpose.key.starts_with("single/")
        });
        Ok(same.map_or_else(|| format!("single/{}", Uuid::new_v4()), |purpose| purpose.key))
    }
}

/// What a call says that surely sent nothing: the platform refused the message, or could not be asked.
pub(crate) fn outcome_of(error: &Error) -> Outcome {
    match error.kind() {
        ErrorKind::Rejected if !error.is_auth() => Outcome::Refused(error.why()),
        _ => Outcome::NotSent(error.why()),
    }
}

/// All broken rules in one line.
pub(crate) fn told(violations: &Violations) -> String {
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
