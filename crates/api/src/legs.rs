//! The port of a channel on which nothing makes two posts of one message the same (platform contract B.7, C.5.1, C.5.4).
//!
//! There a message has no name before it is there, so a post is made once. When its answer is lost, the conversation is
//! looked into: what is new on the agent's leg and says the same is the message. One that goes to an address has no leg, and its
//! conversation is looked for first. [`Mark`] is what has to be kept for that
//! before the post goes out; it holds no text.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use frontdesk_domain::conversation::Conversation;
use frontdesk_domain::delivery::{ClockSample, MessageId, Status};
use frontdesk_domain::outbound::{Agentless, OutboundMessage};
use frontdesk_domain::{ConversationId, Timestamp, Violations, hex};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::messages::Accepted;

/// Where messages are posted on an agent's leg of a conversation, or to an address, each of them once.
///
/// A message takes one post for its text and one for each of its files, in this order (platform contract C.5.1: text and
/// media in separate requests).
///
/// ```
/// use frontdesk_api::Post;
/// use frontdesk_domain::outbound::{AttachmentDraft, MessageDraft};
///
/// let draft = MessageDraft::new().conversation_id("c-1").from("u-9").to("guest").kind("text/plain").text("Your map");
/// let message = draft.attachment(AttachmentDraft::of_bytes("map.png", b"PNG")).check().unwrap().message;
/// assert_eq!(Post::count(&message), 2);
/// ```
pub trait LegMessages: Send + Sync {
    /// Looks at the conversation, finds the agent's leg, checks the message against both, and uploads the files of the
    /// posts from number `from` on, counted from 0. Nothing that a customer sees has happened then. Of a message to an address
    /// nothing is looked at; `now` is the time on the platform's clock as far as it is known, for where no look tells it.
    ///
    /// # Cancel safety
    /// Safe: a file that was uploaded and not sent is seen by nobody.
    ///
    /// # Errors
    /// When the platform does not say, or does not take a file.
    fn prepare<'a>(
        &'a self,
        message: &'a OutboundMessage,
        from: usize,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Preparation, Error>>;

    /// Makes one post. `None` when the platform took it and does not say under which id (202 without a body): look with
    /// [`LegMessages::find`].
    ///
    /// It is repeated only where it surely was not processed; a second call posts a second time.
    ///
    /// # Cancel safety
    /// A dropped call may have been processed: keep the [`Mark`] of the post before, and look.
    ///
    /// # Errors
    /// When it was not posted, or when that is not known: then
    /// [`may_have_been_processed`](Error::may_have_been_processed).
    fn post<'a>(&'a self, post: &'a Post) -> BoxFuture<'a, Result<Option<Accepted>, Error>>;

    /// Looks into the message's conversation, or into those of its address, for what a post with this mark would have made
    /// there.
    ///
    /// # Cancel safety
    /// Safe: a read has changed nothing.
    ///
    /// # Errors
    /// When the platform does not say.
    fn find<'a>(
        &'a self,
        message: &'a OutboundMessage,
        mark: &'a Mark,
    ) -> BoxFuture<'a, Result<Traces, Error>>;

    /// How long after its intent a post may still be on its way, or made and not shown yet: all the time that a call may
    /// take, and some for the platform.
    fn patience(&self) -> Duration;
}

/// What became of the preparation of a message.
#[derive(Debug)]
pub enum Preparation {
    /// It can be posted.
    Ready(Box<Ready>),
    /// A rule of the channel or of the leg refuses it.
    Refused(Box<Conversation>, Violations),
    /// 404: the platform knows no such conversation.
    Missing,
}

/// A message that can be posted.
#[derive(Debug)]
pub struct Ready {
    /// The conversation, looked at just now; none where the message goes to an address.
    pub conversation: Option<Conversation>,
    /// The platform's clock beside ours; none where the answer has no `Date` that can be read.
    pub clock: Option<ClockSample>,
    /// What is to be posted, in this order.
    pub posts: Vec<Post>,
}

/// One post: where it goes, what it says, and by what it is found again.
#[derive(Clone, PartialEq, Eq)]
pub struct Post {
    /// Where it goes.
    pub to: PostTo,
    /// What it says.
    pub content: PostContent,
    /// By what it is found again.
    pub mark: Mark,
}

/// Where a post goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostTo {
    /// On a leg of this conversation: that of the mark.
    Leg(ConversationId),
    /// To an address.
    Address(Addressed),
}

/// An address, and how a post gets there (platform contract C.5.4).
#[derive(Clone, PartialEq, Eq)]
pub struct Addressed {
    /// Over what, and whether into a conversation that is going on.
    pub way: Agentless,
    /// As whom: a number, an integration's or a deployment's id.
    pub from: String,
    /// To whom: an address, or the id of a contact.
    pub to: String,
}

impl fmt::Debug for Addressed {
    /// How; not to whom.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Addressed").field("way", &self.way).finish_non_exhaustive()
    }
}

/// What a post says: exactly one kind of content (platform contract C.5.1).
#[derive(Clone, PartialEq, Eq)]
pub enum PostContent {
    /// A text.
    Text(String),
    /// A file that was uploaded: the platform's id of it.
    Media(String),
}

impl Post {
    /// How many posts a message takes: one for its text, and one for each of its files.
    #[must_use]
    pub fn count(message: &OutboundMessage) -> usize {
        1 + message.attachments().len()
    }
}

impl fmt::Debug for Post {
    /// Where it goes; not what it says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let content = match &self.content {
            PostContent::Text(_) => "text",
            PostContent::Media(_) => "media",
        };
        f.debug_struct("Post").field("content", &content).field("mark", &self.mark).finish_non_exhaustive()
    }
}

/// By what a post is found again when its answer was lost. It is kept before the post goes out, and holds no text.
///
/// ```
/// use frontdesk_api::{Mark, MarkContent};
/// use frontdesk_domain::Timestamp;
///
/// let at: Timestamp = "2026-03-02T09:15:31Z".parse()?;
/// let mark = Mark::new("k2", MarkContent::of_text("Hello"), Some(at), std::time::Duration::from_secs(300))
///     .seen("m-1", Some(at));
/// assert!(!mark.admits("m-1", Some(at)), "it was there before");
/// assert!(mark.admits("m-2", Some(at)));
/// assert!(mark.content.is_text("Hello") && !mark.content.is_text("hello"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The agent's leg (its communication id); empty where the post goes to an address, and may be on any.
    pub leg: String,
    /// What stands for what the post says.
    pub content: MarkContent,
    /// No message made before this, by the platform's clock, is the post; none where that clock is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// No message made after this, by the platform's clock, is the post.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Messages that were there before, as far as their time does not say so.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub before: BTreeSet<String>,
}

/// What stands for what a post says, where its text must not be.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarkContent {
    /// SHA-256 of the text, in hexadecimal.
    Text(String),
    /// A file: the platform's id of it, and the name it was uploaded under.
    Media {
        /// The platform's id.
        id: String,
        /// Its name.
        name: String,
    },
}

impl MarkContent {
    /// What stands for this text.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        Self::Text(digest(text))
    }

    /// Whether this text is meant.
    #[must_use]
    pub fn is_text(&self, text: &str) -> bool {
        matches!(self, Self::Text(known) if *known == digest(text))
    }

    /// Whether a file with this id, or under this name, is meant.
    #[must_use]
    pub fn is_media(&self, id: Option<&str>, name: Option<&str>) -> bool {
        match self {
            Self::Text(_) => false,
            Self::Media { id: known, name: called } => {
                id == Some(known.as_str()) || name == Some(called.as_str())
            }
        }
    }
}

impl Mark {
    /// How far apart the clocks of two of the platform's machines may be.
    const SLACK: Duration = Duration::from_secs(60);

    /// A mark of a post on this leg, made at the time `now` of the platform's clock and there, if at all, within `patience`.
    #[must_use]
    pub fn new(
        leg: impl Into<String>,
        content: MarkContent,
        now: Option<Timestamp>,
        patience: Duration,
    ) -> Self {
        Self {
            leg: leg.into(),
            content,
            since: now.and_then(|now| now.checked_sub(Self::SLACK)),
            until: now.and_then(|now| now.checked_add(patience)?.checked_add(Self::SLACK)),
            before: BTreeSet::new(),
        }
    }

    /// Adds a message that is there already. Those whose time says that they are need not be named.
    #[must_use]
    pub fn seen(mut self, id: &str, at: Option<Timestamp>) -> Self {
        if self.admits(id, at) {
            self.before.insert(id.to_owned());
        }
        self
    }

    /// Whether the message with this id and time may be the post, as far as these two say.
    #[must_use]
    pub fn admits(&self, id: &str, at: Option<Timestamp>) -> bool {
        let in_time = at.is_none_or(|at| {
            self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at <= until)
        });
        in_time && !self.before.contains(id)
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mark")
            .field("leg", &self.leg)
            .field("since", &self.since)
            .field("before", &self.before.len())
            .finish_non_exhaustive()
    }
}

/// What a look for a post found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Traces {
    /// Messages that may be the post, the oldest first.
    pub found: Vec<Trace>,
    /// New messages on the leg whose content is not to be had yet: one of them may be the post.
    pub unread: usize,
}

/// A message that may be the post that is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// Its id.
    pub id: MessageId,
    /// The conversation it is in.
    pub conversation: ConversationId,
    /// How far it came; none where the platform says nothing we know.
    pub status: Option<Status>,
}

fn digest(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}
