//! Sending on the published contract: on the agent's leg, each post once (platform contract C.5, B.7).

use std::collections::HashSet;
use std::time::Duration;

use frontdesk_domain::delivery::{ClockSample, MessageId, Status};
use frontdesk_domain::outbound::{ClientId, Destination, OutboundMessage};
use frontdesk_domain::{ConversationId, PathSegment, Timestamp, Violation, Violations};
use futures_util::future::{BoxFuture, FutureExt as _};

use super::Platform;
use super::conversation::{LiveConversation, ReadLive};
use super::files::{FileDoor, Target};
use super::message_data::MessageData;
use super::messages::{MOST_IDS, ReadMessages};
use super::post_message::PostMessage;
use super::seen::names;
use crate::conversation::{ConversationLook, Conversations, Look};
use crate::counters::Counters;
use crate::endpoint::Endpoint as _;
use crate::error::{Error, ErrorKind};
use crate::legs::{
    LegMessages, Mark, MarkContent, Post, PostContent, PostTo, Preparation, Ready, Trace, Traces,
};
use crate::messages::{Accepted, MessageChannel};
use crate::source::Origin;

/// How long the platform may take to show a message, beside the time of the call.
const SHOWING: Duration = Duration::from_secs(120);

/// Sends messages into conversations of an organisation on the published contract.
///
/// The sender of a message is an agent of its conversation, named by user id or participant id, whose leg is connected.
/// Sender and recipients are the leg's, whatever the message names beside. A message to an address goes without an agent (C.5.4).
///
/// ```
/// use std::sync::Arc;
/// use frontdesk_api::transport::memory::{MemoryTransport, Reply};
/// use frontdesk_api::{Client, ConversationLook, Conversations as _, Credentials, Platform, PlatformMessages};
/// use frontdesk_domain::{ConversationId, Secret};
/// use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let transport = MemoryTransport::new(|request| match request.uri().path() {
///     "/oauth/token" => Reply::json(&json!({"access_token": "t", "expires_in": 86399})),
///     _ => Reply::json(&json!({"id": "c-1", "participants": [{"id": "p", "purpose": "agent", "userId": "u-9",
///         "messages": [{"id": "k2", "state": "connected", "type": "webmessaging"}]}]})),
/// });
/// let client = Client::builder("https://api.mypurecloud.de".parse()?, Credentials::new("id", Secret::new("secret"))?);
/// let channel = PlatformMessages::new(Platform::new(client.build(Arc::new(transport))));
/// let ConversationLook::Found(look) = channel.conversation(&ConversationId::new("c-1")?).await? else { panic!() };
/// assert_eq!(look.conversation.senders("u-9").count(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct PlatformMessages {
    platform: Platform,
    files: Option<FileDoor>,
}

impl PlatformMessages {
    /// Sends texts. Messages with files need [`files`](PlatformMessages::files) beside.
    #[must_use]
    pub fn new(platform: Platform) -> Self {
        Self { platform, files: None }
    }

    /// The door through which files are put, and fetched where they are behind a link.
    #[must_use]
    pub fn files(mut self, door: FileDoor) -> Self {
        self.files = Some(door);
        self
    }

    pub(super) fn platform(&self) -> &Platform {
        &self.platform
    }

    /// How long after its intent a post may turn up.
    pub(super) fn patience_of_posts(&self) -> Duration {
        self.platform.options.deadline.saturating_add(SHOWING)
    }

    /// The conversation, and the platform's clock beside ours.
    async fn live(
        &self,
        id: &ConversationId,
    ) -> Result<Option<(LiveConversation, Option<ClockSample>)>, Error> {
        let Platform { client, options, .. } = &self.platform;
        match client.send_timed(&ReadLive { id: id.clone() }, options).await {
            Ok((live, took)) => {
                let clock = live.answered_at.and_then(|date| ClockSample::new(client.now(), took, date));
                Ok(Some((live, clock)))
            }
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What the platform says of these messages; those that are not to be had are left out.
    async fn read(&self, conversation: &ConversationId, ids: &[&str]) -> Result<Vec<MessageData>, Error> {
        let mut all = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(MOST_IDS) {
            let ids = chunk.iter().map(|id| (*id).to_owned()).collect();
            let bulk = ReadMessages { conversation: conversation.clone(), ids };
            match self.platform.client.send(&bulk, &self.platform.options).await {
                Ok(messages) => {
                    all.extend(messages.iter().filter_map(|message| MessageData::read(message.bytes())));
                }
                Err(error) if error.is_missing() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    async fn prepared(
        &self,
        message: &OutboundMessage,
        from: usize,
        now: Timestamp,
    ) -> Result<Preparation, Error> {
        let id = match message.destination() {
            Destination::Conversation(id) => id,
            Destination::Address(way) => return Ok(self.addressed(message, *way, now)),
        };
        let Some((live, clock)) = self.live(id).await? else { return Ok(Preparation::Missing) };
        let conversation = live.seen();
        if let Err(violations) = message.check_published(&conversation) {
            return Ok(Preparation::Refused(Box::new(conversation), violations));
        }
        let Some(leg) = leg_of(&live, message.from()) else {
            let what = "the sender has no leg in the conversation that is connected";
            let violations = Violations::from(Violation::new("from", "leg.not_connected", what));
            return Ok(Preparation::Refused(Box::new(conversation), violations));
        };
        let mut contents = Vec::new();
        if from == 0 {
            let text = message.text().unwrap_or_default();
            contents.push((MarkContent::of_text(&text), PostContent::Text(text)));
        }
        let Platform { client, options, .. } = &self.platform;
        let door = self.files.as_ref();
        let target = Target { client, options, door, conversation: id, leg: &leg };
        for file in message.attachments().iter().skip(from.saturating_sub(1)) {
            let file = target.bring(file).await?;
            let mark = MarkContent::Media { id: file.id.clone(), name: file.name };
            contents.push((mark, PostContent::Media(file.id)));
        }
        let posts = contents
            .into_iter()
            .map(|(stands_for, content)| Post {
                to: PostTo::Leg(id.clone()),
                content,
                mark: mark(&live, leg.as_str(), stands_for, self.patience_of_posts()),
            })
            .collect();
        Ok(Preparation::Ready(Box::new(Ready { conversation: Some(conversation), clock, posts })))
    }

    async fn posted(&self, post: &Post) -> Result<Option<Accepted>, Error> {
        let conversation = match &post.to {
            PostTo::Leg(conversation) => conversation.clone(),
            PostTo::Address(to) => return self.post_addressed(to, &post.content).await,
        };
        let leg = PathSegment::new(&*post.mark.leg).map_err(|_| {
            let what = "the leg's id cannot be named".to_owned();
            Error::of_kind(PostMessage::OPERATION, ErrorKind::Unsendable { what })
        })?;
        let Platform { client, options, .. } = &self.platform;
        let call = PostMessage { conversation, leg, content: post.content.clone() };
        let (posted, took) = client.send_timed(&call, options).await?;
        let clock = posted.answered_at.and_then(|date| ClockSample::new(client.now(), took, date));
        Ok(posted.message.map(|message| Accepted {
            id: message.id,
            conversation: None,
            // Whatever it says, the platform has it.
            status: message.status.unwrap_or(Status::Queued),
            clock,
        }))
    }

    pub(super) async fn traces(&self, conversation: &ConversationId, mark: &Mark) -> Result<Traces, Error> {
        let Some((live, _)) = self.live(conversation).await? else { return Ok(Traces::default()) };
        let candidates = candidates(&live, mark);
        let read = self.read(conversation, &candidates).await?;
        let mut unread: HashSet<&str> = candidates.into_iter().collect();
        let mut found: Vec<&MessageData> = Vec::new();
        for message in &read {
            let Some(content) = &message.content else {
                if message.inbound {
                    unread.remove(message.id.as_str());
                }
                continue;
            };
            unread.remove(message.id.as_str());
            let says_it = match &mark.content {
                MarkContent::Text(_) => {
                    content.files.is_empty()
                        && content.text.as_deref().is_some_and(|text| mark.content.is_text(text))
                }
                MarkContent::Media { .. } => content
                    .files
                    .iter()
                    .any(|(id, name)| mark.content.is_media(id.as_deref(), name.as_deref())),
            };
            if says_it && !message.inbound && mark.admits(message.id.as_str(), message.at) {
                found.push(message);
            }
        }
        found.sort_by(|one, other| (one.at, &one.id).cmp(&(other.at, &other.id)));
        let found = found.into_iter().map(|message| Trace {
            id: message.id.clone(),
            conversation: conversation.clone(),
            status: message.status,
        });
        Ok(Traces { found: found.collect(), unread: unread.len() })
    }

    async fn looked(&self, id: &ConversationId, of: &[MessageId]) -> Result<ConversationLook, Error> {
        let Some((live, clock)) = self.live(id).await? else { return Ok(ConversationLook::Missing) };
        let mut conversation = live.seen();
        // The conversation tells how messages stand; when they got there is in their receipts alone (D.4).
        let wanted: HashSet<&MessageId> = of.iter().collect();
        let over = conversation
            .messages
            .iter()
            .filter(|seen| wanted.contains(&seen.id) && seen.status.is_some_and(Status::is_final));
        let ids: Vec<&str> = over.map(|seen| seen.id.as_str()).collect();
        let receipts = if ids.is_empty() {
            Vec::new()
        } else {
            match self.read(id, &ids).await {
                Ok(receipts) => receipts,
                // Without the right to read messages there are no times, and the states are told all the same.
                Err(error) if error.is_auth() => Vec::new(),
                Err(error) => return Err(error),
            }
        };
        for message in receipts {
            if let Some(seen) = conversation.messages.iter_mut().find(|seen| seen.id == message.id) {
                let told = message.observation();
                seen.created = seen.created.into_iter().chain(told.created).min();
                seen.times = told.times;
            }
        }
        Ok(ConversationLook::Found(Box::new(Look { conversation, clock })))
    }
}

/// The leg of the sender that is connected: the latest where there is more than one.
fn leg_of(live: &LiveConversation, sender: &str) -> Option<PathSegment> {
    let ours = live
        .agent_legs()
        .filter(|(participant, leg)| leg.is_connected() && names(participant).any(|name| name == sender));
    ours.last().and_then(|(_, leg)| PathSegment::new(&*leg.id).ok())
}

/// The mark of a post on this leg: what is there already is not it.
fn mark(live: &LiveConversation, leg: &str, content: MarkContent, patience: Duration) -> Mark {
    let messages = live.legs().flat_map(|(_, leg)| &leg.messages);
    messages.fold(Mark::new(leg, content, live.answered_at, patience), |mark, message| {
        mark.seen(&message.id, message.at)
    })
}

/// The messages that may be the post: new, not the customer's, and on no other agent's leg where the mark names one.
fn candidates<'l>(live: &'l LiveConversation, mark: &Mark) -> Vec<&'l str> {
    let others: HashSet<&str> = live
        .agent_legs()
        .filter(|(_, leg)| !mark.leg.is_empty() && leg.id != mark.leg)
        .flat_map(|(_, leg)| leg.messages.iter().map(|message| &*message.id))
        .collect();
    let mut met = HashSet::new();
    let messages = live.legs().flat_map(|(_, leg)| leg.messages.iter().map(move |message| (leg, message)));
    messages
        .filter(|(leg, message)| {
            let time: Option<Timestamp> = message.at;
            mark.admits(&message.id, time)
                && message.status.as_deref() != Some("received")
                && (leg.id == mark.leg || !others.contains(&*message.id))
        })
        .map(|(_, message)| &*message.id)
        .filter(|id| met.insert(*id))
        .collect()
}

impl LegMessages for PlatformMessages {
    fn prepare<'a>(
        &'a self,
        message: &'a OutboundMessage,
        from: usize,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Preparation, Error>> {
        self.prepared(message, from, now).boxed()
    }

    fn post<'a>(&'a self, post: &'a Post) -> BoxFuture<'a, Result<Option<Accepted>, Error>> {
        self.posted(post).boxed()
    }

    fn find<'a>(
        &'a self,
        message: &'a OutboundMessage,
        mark: &'a Mark,
    ) -> BoxFuture<'a, Result<Traces, Error>> {
        match message.destination() {
            Destination::Conversation(id) => self.traces(id, mark).boxed(),
            Destination::Address(way) => self.traces_at_address(message, *way, mark).boxed(),
        }
    }

    fn patience(&self) -> Duration {
        self.patience_of_posts()
    }
}

impl Conversations for PlatformMessages {
    fn conversation<'a>(&'a self, id: &'a ConversationId) -> BoxFuture<'a, Result<ConversationLook, Error>> {
        self.looked(id, &[]).boxed()
    }
}

impl MessageChannel for PlatformMessages {
    /// Posts the message, each part once. The key means nothing to the platform: a second call sends a second message. Of
    /// what rules refuse the first is told as the error.
    fn send<'a>(
        &'a self,
        message: &'a OutboundMessage,
        _: &'a ClientId,
    ) -> BoxFuture<'a, Result<Accepted, Error>> {
        async move {
            let refused =
                |what: String| Error::of_kind(PostMessage::OPERATION, ErrorKind::Unsendable { what });
            let posts = match self.prepared(message, 0, self.platform.client.now()).await? {
                Preparation::Ready(ready) => ready.posts,
                Preparation::Missing => return Err(refused("there is no such conversation".to_owned())),
                Preparation::Refused(_, violations) => return Err(refused(violations.to_string())),
            };
            let mut first = None;
            for post in &posts {
                let accepted = self.posted(post).await?;
                first = first.or(accepted);
            }
            first.ok_or_else(|| {
                let what = "the platform took it, and does not say under which id".to_owned();
                Error::of_kind(PostMessage::OPERATION, ErrorKind::Malformed { what }).in_doubt()
            })
        }
        .boxed()
    }

    fn legs(&self) -> Option<&dyn LegMessages> {
        Some(self)
    }

    fn look<'a>(
        &'a self,
        id: &'a ConversationId,
        of: &'a [MessageId],
    ) -> BoxFuture<'a, Result<ConversationLook, Error>> {
        self.looked(id, of).boxed()
    }

    fn describe(&self) -> Origin {
        self.platform.origin()
    }

    fn counters(&self) -> Counters {
        self.platform.client.counters()
    }
}
