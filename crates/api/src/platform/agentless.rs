//! Sending to an address (platform contract C.5.4): the post, and the look for it where its answer was lost.
//!
//! Before the answer nobody knows the conversation. So it is looked for among those of the address, which the details query
//! finds (C.7): what is new in one of them since, goes out and says the same is the message.

use std::time::Duration;

use frontdesk_domain::delivery::{ClockSample, Status};
use frontdesk_domain::filter::platform::{DimensionFilter, Parts, Predicate};
use frontdesk_domain::outbound::{Agentless, Messenger, OutboundMessage};
use frontdesk_domain::{ConversationId, TimeRange, Timestamp};

use super::channel::PlatformMessages;
use super::details_query::DetailsQueryPage;
use super::post_agentless::PostAgentless;
use crate::endpoint::Endpoint as _;
use crate::error::{Error, ErrorKind};
use crate::legs::{Addressed, Mark, MarkContent, Post, PostContent, PostTo, Preparation, Ready, Traces};
use crate::messages::Accepted;

/// Conversations of one address that are looked into; of more it is not known whether the message is there.
const MOST_CONVERSATIONS: u32 = 100;
/// How long before a post a conversation may have begun that it joined: a query takes seven days (C.7.3).
const JOINED_WITHIN: Duration = Duration::from_secs(6 * 86_400);
/// What stands for the leg where there is none.
const NO_LEG: &str = "";

impl PlatformMessages {
    /// The one post of a message to an address. Everything about it was checked, and nothing is asked.
    pub(super) fn addressed(&self, message: &OutboundMessage, way: Agentless, now: Timestamp) -> Preparation {
        let text = message.text().unwrap_or_default();
        let to = message.to().first().cloned().unwrap_or_default();
        let mark = Mark::new(NO_LEG, MarkContent::of_text(&text), Some(now), self.patience_of_posts());
        let to = Addressed { way, from: message.from().to_owned(), to };
        let post = Post { to: PostTo::Address(to), content: PostContent::Text(text), mark };
        Preparation::Ready(Box::new(Ready { conversation: None, clock: None, posts: vec![post] }))
    }

    pub(super) async fn post_addressed(
        &self,
        to: &Addressed,
        content: &PostContent,
    ) -> Result<Option<Accepted>, Error> {
        let PostContent::Text(text) = content else {
            let what = "files go on an agent's leg alone".to_owned();
            return Err(Error::of_kind(PostAgentless::OPERATION, ErrorKind::Unsendable { what }));
        };
        let client = self.platform().client();
        let call = PostAgentless { to: to.clone(), text: text.clone() };
        let (posted, took) = client.send_timed(&call, self.platform().call()).await?;
        let clock = posted.answered_at.and_then(|date| ClockSample::new(client.now(), took, date));
        // Without its conversation the message is to be looked for.
        Ok(posted.message.zip(posted.conversation).map(|(message, conversation)| Accepted {
            id: message.id,
            conversation: Some(conversation),
            status: message.status.unwrap_or(Status::Queued),
            clock,
        }))
    }

    /// Looks for the message in the conversations of its address.
    pub(super) async fn traces_at_address(
        &self,
        message: &OutboundMessage,
        way: Agentless,
        mark: &Mark,
    ) -> Result<Traces, Error> {
        let mut traces = Traces::default();
        let Some(interval) = interval(mark) else { return Ok(Traces { unread: 1, ..traces }) };
        let Some(to) = message.to().first() else { return Ok(traces) };
        let names: &[&'static str] = match way.messenger {
            Messenger::WebMessaging => &["externalContactId"],
            // Whoever wrote first, the address is one of the two.
            _ => &["addressTo", "addressFrom"],
        };
        let predicates = names.iter().map(|dimension| Predicate { dimension, value: to.clone() });
        let filters = Parts { segment: vec![DimensionFilter::any(predicates.collect())], ..Parts::default() };
        let page = DetailsQueryPage { interval, filters, size: MOST_CONVERSATIONS, page: 1 };
        let found = self.platform().client().send(&page, self.platform().call()).await?;
        let known = u64::try_from(found.conversations.len()).unwrap_or(u64::MAX);
        // What is beyond the page, and what could not be read of it, may hold the message.
        traces.unread += usize::from(found.total_hits.is_some_and(|total| total > known));
        for conversation in found.conversations {
            let id = conversation.ok().and_then(|one| ConversationId::new(one.record.key().id.as_str()).ok());
            let Some(id) = id else {
                traces.unread += 1;
                continue;
            };
            let Traces { found, unread } = self.traces(&id, mark).await?;
            traces.found.extend(found);
            traces.unread += unread;
        }
        Ok(traces)
    }
}

/// When the conversation of a post with this mark can have begun; none where its time is not known.
fn interval(mark: &Mark) -> Option<TimeRange> {
    let (since, until) = (mark.since?, mark.until?);
    TimeRange::new(since.checked_sub(JOINED_WITHIN).unwrap_or(since), until).ok()
}
