//! Looking again later: what became of messages that were sent and not followed to their end.

use std::collections::{BTreeMap, HashMap};

use frontdesk_domain::conversation::Conversation;
use frontdesk_domain::{ConversationId, Why};
use frontdesk_journal::Change;
use futures_util::stream::{self, StreamExt as _};

use crate::courier::Courier;
use crate::error::SendError;
use crate::monitor::Monitor;
use crate::outcome::{By, Delivery, Outcome, OutcomeKind, Sent};
use crate::record::{Entry, LEDGER, Observed};
use crate::report::{Counts, Stop};

/// Items read at once.
const PAGE: usize = 1_000;
/// Looks on their way at once.
const LOOKS: usize = 8;

/// What looking again came to.
#[derive(Debug, Clone, Default)]
pub struct StatusReport {
    /// Messages that were looked for, by how they stand now.
    pub counts: Counts,
    /// Looks at conversations.
    pub looks: u64,
    /// Conversations that could not be looked at; why the last one could not.
    pub unread: u64,
    /// Why the last of them could not.
    pub why: Option<Why>,
    /// Why it did not go on to its end.
    pub stop: Option<Stop>,
}

impl Courier {
    /// Looks once more at every conversation with messages that no final receipt was seen of, each once, and at no other.
    /// With `all`, messages with an outcome are told too, without a look.
    ///
    /// # Cancel safety
    /// Safe: what was seen is recorded a conversation at a time.
    ///
    /// # Errors
    /// When the journal fails.
    pub async fn look_again(&self, all: bool, monitor: &dyn Monitor) -> Result<StatusReport, SendError> {
        let mut report = StatusReport::default();
        let mut rooms: BTreeMap<ConversationId, Vec<(String, Entry)>> = BTreeMap::new();
        let mut after: Option<String> = None;
        loop {
            let from = after.take();
            let items = self.read(move |reader| reader.items(LEDGER, from.as_deref(), PAGE)).await?;
            let full = items.len() == PAGE;
            after = items.last().map(|item| item.key.clone());
            for item in &items {
                let Some(entry) = Entry::read(item).filter(|entry| entry.host == self.host) else { continue };
                // What was sent has a conversation.
                if let Some(id) = entry.conversation.clone().filter(|_| entry.is_open()) {
                    rooms.entry(id).or_default().push((item.key.clone(), entry));
                } else if all || entry.outcome.kind() == OutcomeKind::Unknown {
                    let sent = self.of_entry(None, &entry, By::Other);
                    report.counts.add(&sent);
                    monitor.done(&sent, report.counts.total());
                }
            }
            if !full {
                break;
            }
        }
        let looks = stream::iter(rooms).map(|(id, entries)| async move {
            let of: Vec<_> = entries.iter().filter_map(|(_, entry)| entry.message_id.clone()).collect();
            let look = if self.cancel.is_cancelled() { None } else { Some(self.look(&id, &of).await) };
            (entries, look)
        });
        let mut looks = std::pin::pin!(looks.buffer_unordered(LOOKS));
        while let Some((entries, look)) = looks.next().await {
            let conversation = match look {
                Some(Ok(conversation)) => {
                    report.looks += 1;
                    conversation
                }
                Some(Err(error)) if !error.is_cancelled() => {
                    report.unread += 1;
                    report.why = Some(error.why());
                    None
                }
                Some(Err(_)) | None => {
                    report.stop = Some(Stop::Interrupted);
                    None
                }
            };
            for sent in self.seen(entries, conversation.as_ref()).await? {
                report.counts.add(&sent);
                monitor.done(&sent, report.counts.total());
            }
        }
        Ok(report)
    }

    /// Records what a look says of these messages.
    async fn seen(
        &self,
        entries: Vec<(String, Entry)>,
        conversation: Option<&Conversation>,
    ) -> Result<Vec<Sent>, SendError> {
        let messages: HashMap<_, _> = conversation
            .iter()
            .flat_map(|found| &found.messages)
            .map(|message| (&message.id, message))
            .collect();
        let mut change = Change::new();
        let mut told = Vec::with_capacity(entries.len());
        for (key, mut entry) in entries {
            let before = (entry.receipts, entry.delivery, entry.missed_told);
            if let Some(observation) = entry.message_id.as_ref().and_then(|id| messages.get(id)) {
                entry.receipts.observe(observation);
            }
            // What timed out stays so until a receipt comes.
            let delivery = match Delivery::of(entry.receipts.status()) {
                Delivery::Pending => entry.delivery.unwrap_or(Delivery::Pending),
                decided => decided,
            };
            entry.delivery = Some(delivery);
            let sla = self.judge(&entry);
            let result = delivery.result().filter(|_| before.1 != Some(delivery));
            let missed = sla.as_ref().is_some_and(|sla| sla.meets_sla == Some(false)) && !before.2;
            if conversation.is_some() && (result.is_some() || missed || entry.receipts != before.0) {
                let observed =
                    Observed { run: &self.run, at: self.now(), key: &key, sla: sla.as_ref(), result };
                change = observed.change(change, &mut entry)?;
            }
            let mut sent = self.of_entry(None, &entry, By::This);
            sent.outcome = Outcome::Sent;
            told.push(sent);
        }
        if !change.is_empty() {
            self.record(change).await?;
        }
        Ok(told)
    }
}
