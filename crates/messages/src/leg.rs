//! One message where nothing makes two posts of it the same (platform contract B.7): each post is made once.
//!
//! ```text
//! look ─► intent with mark ─► POST ─► answered ───────────────► claimed, the next post
//!                              └────► answer lost, or 202 alone ─► look ─► there ─► claimed
//!                                                                   └────► not there: unknown; settled so by the
//!                                                                          next run after the patience. Never posted again.
//! ```
//!
//! A message to an address goes the same way: no conversation is looked at before, and what is lost is looked for in those of its
//! address (C.5.4).
//!
//! A claim says which message of the platform is which of ours: of two equal texts in doubt each gets one of its own.

mod doubt;

use frontdesk_api::{Accepted, LegMessages, Post, Preparation, Ready};
use frontdesk_domain::audit::MessageResult;
use frontdesk_domain::conversation::Conversation;
use frontdesk_domain::delivery::Receipts;
use frontdesk_domain::outbound::{CheckedMessage, Destination, OutboundMessage};
use frontdesk_domain::{Violations, Why, WhyKind};
use frontdesk_journal::{Change, ErrorKind};
use tokio::time::Instant;

use self::doubt::Doubt;
use crate::clock::{instant, millis};
use crate::courier::Courier;
use crate::error::SendError;
use crate::outcome::{By, Outcome, OutcomeKind};
use crate::prepared::Prepared;
use crate::record::{Entry, Observed, OnePost, Parties, Purpose};
use crate::turn::{Turn, outcome_of, told};

/// The course of one message while it is dealt with.
struct Course<'m> {
    message: &'m OutboundMessage,
    prepared: &'m Prepared,
    key: String,
    purpose: Purpose,
    /// How it stands, as the ledger has it or is to have it.
    entry: Entry,
    started: Instant,
}

/// Where a step ended.
enum Step {
    /// The post is there, and recorded.
    There,
    /// It may have been made.
    Doubt(Box<Doubt>),
    /// This is how the message ended.
    Ended(Option<Box<Turn>>),
}

impl Course<'_> {
    /// The number of the post that is next.
    fn number(&self) -> usize {
        self.entry.posts.len()
    }

    fn is_complete(&self) -> bool {
        self.number() >= Post::count(self.message)
    }

    /// Why the message did not come further, said with what is there of it.
    fn so_far(&self, outcome: Outcome) -> Outcome {
        let there = self.number();
        if there == 0 {
            return outcome;
        }
        let posts = Post::count(self.message);
        let tell = |why: Why| {
            let text = format!("{there} of its {posts} posts are there; {}", why.text);
            Why { text, ..why }
        };
        match outcome {
            Outcome::Sent => Outcome::Sent,
            Outcome::NotSent(why) => Outcome::NotSent(tell(why)),
            Outcome::Refused(why) => Outcome::Refused(tell(why)),
            Outcome::Unknown(why) => Outcome::Unknown(tell(why)),
        }
    }
}

impl Courier {
    /// The whole turn of one message. `None` when the signal to stop came before anything was sent.
    ///
    /// # Cancel safety
    /// As [`Courier::deliver`].
    pub(crate) async fn deliver_on_leg(
        &self,
        legs: &dyn LegMessages,
        prepared: &Prepared,
        message: &OutboundMessage,
    ) -> Result<Option<Box<Turn>>, SendError> {
        let digest = message.digest();
        let key = match &prepared.key {
            Some(key) => key.clone(),
            None => self.single_key(&digest).await?,
        };
        let client_id = self.client_id(&key);
        let purpose = Purpose { host: self.host.clone(), key: key.clone(), client_id, digest, post: None };
        let before = self.entry(&key).await?;
        let mut doubt = None;
        let entry = match before {
            Some(entry) if entry.outcome.kind() == OutcomeKind::Sent => {
                return Ok(Some(self.earlier(prepared, key, &entry)));
            }
            Some(entry) if entry.outcome.kind() == OutcomeKind::Unknown => {
                doubt = self.post_in_doubt(&purpose, &entry).await?;
                if doubt.is_none() {
                    // It was looked for to the end. It is not posted again.
                    return Ok(Some(self.earlier(prepared, key, &entry)));
                }
                entry
            }
            Some(entry) => Entry { tries: entry.tries.saturating_add(1), ..entry },
            None => self.new_entry(message, &purpose),
        };
        let mut course = Course { message, prepared, key, purpose, entry, started: instant() };
        loop {
            if let Some(doubt) = doubt.take() {
                match self.look_for(legs, &mut course, doubt).await? {
                    Step::There => {}
                    Step::Doubt(_) | Step::Ended(None) => return Ok(None),
                    Step::Ended(turn) => return Ok(turn),
                }
            }
            if course.is_complete() {
                let entry = course.entry.clone();
                return Ok(Some(self.turn(&course, entry, None)));
            }
            let (conversation, posts) =
                match legs.prepare(message, course.number(), self.platform_now()).await {
                    Ok(Preparation::Ready(ready)) => {
                        let Ready { conversation, clock, posts } = *ready;
                        self.learn(clock);
                        (conversation.map(|conversation| self.keep_facts(conversation)), posts)
                    }
                    Ok(Preparation::Refused(conversation, violations)) => {
                        self.keep_channel(&mut course, Some(&conversation));
                        let outcome = Outcome::Refused(Why::new(WhyKind::Refused, told(&violations)));
                        return self.conclude(&mut course, None, outcome, Some(violations)).await;
                    }
                    Ok(Preparation::Missing) => {
                        let why = Why::new(WhyKind::Refused, "the platform knows no such conversation");
                        return self.conclude(&mut course, None, Outcome::Refused(why), None).await;
                    }
                    Err(error) if error.is_cancelled() => return Ok(None),
                    Err(error) => {
                        // An upload whose answer was lost has sent nothing.
                        return self.conclude(&mut course, None, outcome_of(&error), None).await;
                    }
                };
            self.keep_channel(&mut course, conversation.as_deref());
            for post in &posts {
                match self.post(legs, &mut course, post).await? {
                    Step::There => {}
                    Step::Doubt(lost) => {
                        doubt = Some(*lost);
                        break;
                    }
                    Step::Ended(turn) => return Ok(turn),
                }
            }
        }
    }

    /// Makes one post: the intent, the call, the outcome.
    async fn post(
        &self,
        legs: &dyn LegMessages,
        course: &mut Course<'_>,
        post: &Post,
    ) -> Result<Step, SendError> {
        let at = self.now();
        let number = course.number();
        let one = OnePost { number, run: self.run.clone(), mark: post.mark.clone() };
        let purpose = Purpose { post: Some(one), ..course.purpose.clone() };
        let intent = purpose.post_id(course.entry.tries, number);
        let why = Why::new(WhyKind::Interrupted, "the run ended before the answer came");
        course.entry.outcome = Outcome::Unknown(why.clone());
        let change = Change::new().run(self.run.clone()).open_intent(purpose.intent(course.entry.tries, at)?);
        match self.record(course.entry.put(change, &course.key)?).await {
            Ok(()) => {}
            // Another run has it in hand, and made its own mark.
            Err(error) if is_conflict(&error) => {
                return Ok(match self.post_in_doubt(&course.purpose, &course.entry).await? {
                    Some(doubt) => Step::Doubt(Box::new(doubt)),
                    None => match self.entry(&course.key).await? {
                        Some(entry) => {
                            Step::Ended(Some(self.earlier(course.prepared, course.key.clone(), &entry)))
                        }
                        None => return Err(error),
                    },
                });
            }
            Err(error) => return Err(error),
        }
        let mark = post.mark.clone();
        let lost = |why: Why| Box::new(Doubt { intent: intent.clone(), mark, at, why, known: false });
        match legs.post(post).await {
            Ok(Some(Accepted { id, conversation, status, clock })) => {
                self.learn(clock);
                course.entry.conversation = conversation.or(course.entry.conversation.take());
                if self.claim(course, &intent, id, Some(status)).await? {
                    return Ok(Step::There);
                }
                // Somebody took it for a message of the same words that was in doubt.
                Ok(Step::Doubt(lost(Why::new(WhyKind::Conflict, "it was taken for an equal message"))))
            }
            Ok(None) => {
                Ok(Step::Doubt(lost(Why::new(WhyKind::Unavailable, "the platform did not say its id"))))
            }
            Err(error) if error.may_have_been_processed() => Ok(Step::Doubt(lost(error.why()))),
            Err(error) if error.is_cancelled() => {
                course.entry.outcome = course.so_far(Outcome::NotSent(Why::interrupted()));
                course.entry.parties = None;
                let change =
                    Change::new().run(self.run.clone()).settle_intent(&intent, OutcomeKind::NotSent.as_str());
                self.record(course.entry.put(change, &course.key)?).await?;
                Ok(Step::Ended(None))
            }
            Err(error) => {
                self.conclude(course, Some(&intent), outcome_of(&error), None).await.map(Step::Ended)
            }
        }
    }

    /// Records how the message ended short of being sent; with `intent`, of this post.
    async fn conclude(
        &self,
        course: &mut Course<'_>,
        intent: Option<&str>,
        outcome: Outcome,
        violations: Option<Violations>,
    ) -> Result<Option<Box<Turn>>, SendError> {
        let outcome = course.so_far(outcome);
        let kind = outcome.kind();
        let mut entry = course.entry.clone();
        entry.outcome = outcome;
        entry.latency_ms = millis(instant() - course.started);
        entry.parties = Some(Parties::of(course.message));
        let mut change = Change::new();
        if let Some(intent) = intent
            && self.is_open(intent).await?
        {
            change = change.settle_intent(intent, kind.as_str());
        }
        let result = Some(match kind {
            OutcomeKind::NotSent => MessageResult::Failed,
            OutcomeKind::Refused => MessageResult::Refused,
            OutcomeKind::Sent | OutcomeKind::Unknown => MessageResult::Unknown,
        });
        let observed = Observed { run: &self.run, at: self.now(), key: &course.key, sla: None, result };
        let change = observed.change(change, &mut entry)?;
        self.record(change).await?;
        course.entry = entry.clone();
        Ok(Some(self.turn(course, entry, violations)))
    }

    /// What is told of a message after its turn.
    fn turn(&self, course: &Course<'_>, entry: Entry, violations: Option<Violations>) -> Box<Turn> {
        let mut sent = self.of_entry(course.prepared.number, &entry, By::This);
        sent.violations = violations;
        if let Ok(CheckedMessage { findings, .. }) = &course.prepared.checked {
            sent.findings.clone_from(findings);
        }
        Box::new(Turn { sent, open: entry.is_open().then(|| (course.key.clone(), entry)) })
    }

    fn new_entry(&self, message: &OutboundMessage, purpose: &Purpose) -> Entry {
        Entry {
            host: self.host.clone(),
            conversation: message.conversation().cloned(),
            client_id: purpose.client_id.clone(),
            outcome: Outcome::NotSent(Why::interrupted()),
            message_id: None,
            channel: None,
            begun: self.now(),
            tries: 1,
            delivery: None,
            receipts: Receipts::default(),
            missed_told: false,
            latency_ms: 0,
            parties: Some(Parties::of(message)),
            posts: Vec::new(),
        }
    }

    fn keep_channel(&self, course: &mut Course<'_>, conversation: Option<&Conversation>) {
        course.entry.channel = match (course.message.destination(), conversation) {
            (Destination::Address(way), _) => Some(way.messenger.channel()),
            (Destination::Conversation(_), conversation) => {
                conversation.and_then(|conversation| conversation.channel_type.clone())
            }
        };
        course.entry.parties = Some(Parties::of(course.message));
    }
}

/// Whether another run has the intent.
fn is_conflict(error: &SendError) -> bool {
    matches!(error, SendError::Journal(error) if matches!(error.kind(), ErrorKind::Conflict { .. }))
}
