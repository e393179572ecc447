//! What is known of conversations and of the platform's clock, from the answers so far.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use frontdesk_api::{ConversationLook, Error};
use frontdesk_domain::conversation::Conversation;
use frontdesk_domain::delivery::{ClockSample, ClockSkew, MeasuredSkew, MessageId};
use frontdesk_domain::{ConversationId, Timestamp};
use tokio::time::Instant;

use crate::clock::instant;
use crate::courier::Courier;

/// How long what a look said of channel and participants is good for.
const FACTS_AGE: Duration = Duration::from_secs(60);
/// Conversations whose facts are kept at once.
const MOST_FACTS: usize = 10_000;

/// What answers said.
#[derive(Default)]
pub(crate) struct Facts {
    conversations: Mutex<HashMap<ConversationId, (Instant, Arc<Conversation>)>>,
    skew: Mutex<ClockSkew>,
}

impl Facts {
    fn conversations(&self) -> MutexGuard<'_, HashMap<ConversationId, (Instant, Arc<Conversation>)>> {
        self.conversations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn skew(&self) -> MutexGuard<'_, ClockSkew> {
        self.skew.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Courier {
    /// How far the platform's clock is ahead of ours, and how often one of them jumped.
    #[must_use]
    pub fn clocks(&self) -> (Option<MeasuredSkew>, u32) {
        let skew = self.known.skew();
        (skew.measured(), skew.jumps())
    }

    /// The time now, by the platform's clock.
    pub(crate) fn platform_now(&self) -> Timestamp {
        self.known.skew().platform_time(self.now())
    }

    pub(crate) fn learn(&self, sample: Option<ClockSample>) {
        sample.into_iter().for_each(|sample| self.known.skew().add(sample));
    }

    /// What is known of a conversation's channel and participants: fresh enough, or asked for. `None` for 404.
    pub(crate) async fn facts(&self, id: &ConversationId) -> Result<Option<Arc<Conversation>>, Error> {
        let known = self.known.conversations().get(id).cloned();
        if let Some((at, conversation)) = known
            && instant() - at < FACTS_AGE
        {
            return Ok(Some(conversation));
        }
        self.look(id, &[]).await.map(|look| look.map(|look| self.keep_facts(look)))
    }

    /// Looks at a conversation for the sake of these messages, and learns of the platform's clock. `None` for 404.
    pub(crate) async fn look(
        &self,
        id: &ConversationId,
        of: &[MessageId],
    ) -> Result<Option<Conversation>, Error> {
        match self.channel.look(id, of).await? {
            ConversationLook::Found(look) => {
                self.learn(look.clock);
                Ok(Some(look.conversation))
            }
            ConversationLook::Missing => Ok(None),
        }
    }

    /// Keeps channel and participants; the messages have been seen.
    pub(crate) fn keep_facts(&self, mut conversation: Conversation) -> Arc<Conversation> {
        conversation.messages = Vec::new();
        conversation.attributes.clear();
        let conversation = Arc::new(conversation);
        let mut facts = self.known.conversations();
        if facts.len() >= MOST_FACTS {
            facts.clear();
        }
        facts.insert(conversation.id.clone(), (instant(), Arc::clone(&conversation)));
        conversation
    }
}
