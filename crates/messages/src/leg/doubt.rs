//! A post whose answer is not known: looked for, claimed, or given up.

use std::time::Duration;

use frontdesk_api::{LegMessages, Mark, Post, Trace};
use frontdesk_domain::delivery::{MessageId, Status};
use frontdesk_domain::{Timestamp, Why, WhyKind};
use frontdesk_journal::{Change, ErrorKind};
use tokio::time::sleep;

use super::{Course, Step};
use crate::clock::{instant, millis};
use crate::courier::Courier;
use crate::error::SendError;
use crate::outcome::{Delivery, Outcome, OutcomeKind};
use crate::record::{CLAIMS, Entry, Observed, OnePost, Purpose};

/// Waits before the looks after a lost answer: the platform shows a message a moment after it took it.
const LOOKS: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];

/// A post that was made, or was about to be.
pub(super) struct Doubt {
    pub(super) intent: String,
    pub(super) mark: Mark,
    /// When its intent was recorded.
    pub(super) at: Timestamp,
    /// Why its answer is not known.
    pub(super) why: Why,
    /// The ledger knows that it is in doubt.
    pub(super) known: bool,
}

impl Courier {
    /// Looks for a post whose answer is not known, and settles it as far as it can be.
    pub(super) async fn look_for(
        &self,
        legs: &dyn LegMessages,
        course: &mut Course<'_>,
        doubt: Doubt,
    ) -> Result<Step, SendError> {
        let over = self.now().since(doubt.at) >= legs.patience();
        let mut why = doubt.why.clone();
        let mut decided = false;
        for wait in LOOKS {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => break,
                () = sleep(wait) => {}
            }
            // The run that made the post may be alive, and know.
            if let Some(entry) = self.entry(&course.key).await?
                && (entry.outcome.kind() == OutcomeKind::Sent || entry.posts.len() > course.number())
            {
                if entry.outcome.kind() == OutcomeKind::Sent {
                    let turn = self.earlier(course.prepared, course.key.clone(), &entry);
                    return Ok(Step::Ended(Some(turn)));
                }
                course.entry = entry;
                return Ok(Step::There);
            }
            match legs.find(course.message, &doubt.mark).await {
                Ok(traces) => {
                    for Trace { id, conversation, status } in traces.found {
                        course.entry.conversation = Some(conversation);
                        if self.claim(course, &doubt.intent, id, status).await? {
                            return Ok(Step::There);
                        }
                        course.entry.conversation = course.message.conversation().cloned();
                    }
                    decided = traces.unread == 0;
                }
                Err(error) => {
                    why = error.why();
                    decided = false;
                    break;
                }
            }
            if over {
                break;
            }
        }
        if over && decided {
            let text = "its answer was lost, and the conversation does not show it";
            let outcome = Outcome::Unknown(Why::new(WhyKind::Unavailable, text));
            return self.conclude(course, Some(&doubt.intent), outcome, None).await.map(Step::Ended);
        }
        let outcome = course.so_far(Outcome::Unknown(why));
        if doubt.known {
            // Nothing new is known: the ledger stays as it is, whoever else writes it.
            course.entry.outcome = outcome;
            let entry = course.entry.clone();
            return Ok(Step::Ended(Some(self.turn(course, entry, None))));
        }
        self.conclude(course, None, outcome, None).await.map(Step::Ended)
    }

    /// Records that a message of the platform is the next post of this one. `false` when it is known to be another's.
    pub(super) async fn claim(
        &self,
        course: &mut Course<'_>,
        intent: &str,
        id: MessageId,
        status: Option<Status>,
    ) -> Result<bool, SendError> {
        let claim = format!("{}\n{id}", self.host);
        let mut entry = course.entry.clone();
        if entry.posts.is_empty() {
            status.into_iter().for_each(|status| entry.receipts.learn(status));
        }
        entry.posts.push(id);
        if entry.posts.len() >= Post::count(course.message) {
            entry.outcome = Outcome::Sent;
            entry.delivery = Some(Delivery::Pending);
            entry.message_id = entry.posts.first().cloned();
            entry.latency_ms = millis(instant() - course.started);
        } else {
            let text = "the run ended before the rest of it was sent";
            entry.outcome = Outcome::NotSent(Why::new(WhyKind::Interrupted, text));
        }
        let mut change = Change::new();
        if self.is_open(intent).await? {
            change = change.settle_intent(intent, OutcomeKind::Sent.as_str());
        }
        change = change.item_once(CLAIMS, claim, OutcomeKind::Sent.as_str(), &course.key, None)?;
        let sla = self.judge(&entry);
        let observed =
            Observed { run: &self.run, at: self.now(), key: &course.key, sla: sla.as_ref(), result: None };
        // Sender and recipients are wanted until all of it is there.
        let parties = entry.parties.clone();
        let mut change = observed.change(change, &mut entry)?;
        if entry.outcome.kind() == OutcomeKind::NotSent {
            entry.parties = parties;
            change = entry.put(change, &course.key)?;
        }
        match self.record(change).await {
            Ok(()) => {
                course.entry = entry;
                Ok(true)
            }
            Err(error) if is_repeated(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The post that is in doubt, where its intent is open.
    pub(super) async fn post_in_doubt(
        &self,
        purpose: &Purpose,
        entry: &Entry,
    ) -> Result<Option<Doubt>, SendError> {
        let id = purpose.post_id(entry.tries, entry.posts.len());
        let wanted = id.clone();
        let found = self.read(move |reader| reader.intent(&wanted)).await?;
        let Some((intent, None)) = found else { return Ok(None) };
        let Some(OnePost { mark, .. }) = Purpose::of(&intent).and_then(|purpose| purpose.post) else {
            return Ok(None);
        };
        let why = entry.outcome.why().cloned().unwrap_or_else(Why::interrupted);
        Ok(Some(Doubt { intent: id, mark, at: intent.at, why, known: true }))
    }
}

/// Whether the claim is another message's.
fn is_repeated(error: &SendError) -> bool {
    matches!(error, SendError::Journal(error) if *error.kind() == ErrorKind::Repeated)
}
