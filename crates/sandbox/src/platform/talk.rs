//! One conversation, whoever made it, as all operations of the published contract see it.

mod build;
mod legs;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::guests::{Fate, GuestPlan};
use crate::media::Link;
use crate::messages::{Message, Status};
use crate::moment::Moment;
use crate::random::{fraction, hash_text};
use crate::sandbox::State;
use crate::tenant::Changes;

use super::plan::PlatformPlan;

pub(crate) use legs::{Leg, Purpose, wrap_up_codes};

/// A conversation.
pub(crate) struct Talk {
    pub(crate) id: String,
    pub(crate) medium: Medium,
    pub(crate) outbound: bool,
    pub(crate) start: Moment,
    /// When it was over, as somebody sees it who looks at the conversation itself; nothing as long as
    /// something can be said in it.
    pub(crate) ended: Option<Moment>,
    /// The same as analytics tell it: a conversation of the start has an end there, as on the gateway's
    /// side, whether or not its guest could go on.
    pub(crate) told_end: Option<Moment>,
    /// Why it is over, in the dotted words of C.4.1.
    pub(crate) ended_by: &'static str,
    /// Who is on the other side.
    pub(crate) customer: String,
    pub(crate) queue: String,
    pub(crate) language: Option<String>,
    /// The customer's, from the start.
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) external_tag: Option<String>,
    /// In the order in which they joined.
    agents: Vec<Agent>,
    /// What was said, in order.
    pub(crate) lines: Vec<Line>,
    /// What was done to it over this contract.
    pub(crate) mark: Mark,
}

/// By which medium a conversation is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Medium {
    /// Messages of this messenger; nothing when the conversation does not say of which.
    Message(Option<Messenger>),
    Voice,
    Email,
}

/// A messenger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Messenger {
    Web,
    Sms,
    Open,
}

/// An agent who takes or took part.
struct Agent {
    number: u64,
    joined: Moment,
    /// When the conversation was handed on.
    left: Option<Moment>,
    /// What was said while the agent took part.
    lines: Range<usize>,
}

/// Something that was said.
pub(crate) struct Line {
    /// As the published contract writes it.
    pub(crate) id: String,
    pub(crate) guest: bool,
    pub(crate) at: Moment,
    pub(crate) kind: Kind,
    pub(crate) text: String,
    pub(crate) attached: Vec<Attached>,
    /// The message that was sent over one of the contracts; nothing when it was there from the start.
    pub(crate) sent: Option<Arc<Message>>,
}

/// What kind of thing was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Words,
    /// A button was pressed.
    Button,
}

/// What came with a line.
#[derive(Debug, Clone)]
pub(crate) enum Attached {
    /// Something behind a link of the sandbox's own.
    Link(Link),
    /// Attachment `index` of a message that was sent.
    Sent { message: Arc<Message>, index: usize },
}

impl Messenger {
    /// In the lower case of most places (C.17).
    pub(crate) fn name(self) -> &'static str {
        match self {
            Messenger::Web => "webmessaging",
            Messenger::Sms => "sms",
            Messenger::Open => "open",
        }
    }

    /// As the normalized message calls it.
    pub(crate) fn platform(self) -> &'static str {
        match self {
            Messenger::Web => "WebMessaging",
            Messenger::Sms => "Sms",
            Messenger::Open => "Open",
        }
    }
}

impl Medium {
    /// As analytics call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Medium::Message(_) => "message",
            Medium::Voice => "voice",
            Medium::Email => "email",
        }
    }

    /// Who carries it.
    pub(crate) fn provider(self) -> &'static str {
        match self {
            Medium::Message(_) => "PureCloud Messaging",
            Medium::Voice => "Edge",
            Medium::Email => "PureCloud Email",
        }
    }

    pub(crate) fn messenger(self) -> Option<Messenger> {
        match self {
            Medium::Message(messenger) => messenger,
            Medium::Voice | Medium::Email => None,
        }
    }
}

impl Talk {
    /// The number of the agent who took part at a moment, or of the one who came next.
    pub(crate) fn agent_at(&self, at: Moment) -> Option<u64> {
        let there = self.agents.iter().find(|agent| agent.left.is_none_or(|left| at < left));
        there.map(|agent| agent.number)
    }
}

impl Line {
    /// How far it got by `now`, in the words of C.5.6; what was there from the start was read.
    pub(crate) fn status(&self, now: Moment) -> &'static str {
        if self.guest {
            return "received";
        }
        match &self.sent {
            None => "read",
            Some(message) => match message.receipts.status(now) {
                Status::Queued => "queued",
                Status::Sent => "sent",
                Status::Delivered => "delivery-success",
                Status::Read => "read",
                Status::Failed => "delivery-failed",
            },
        }
    }

    pub(crate) fn direction(&self) -> &'static str {
        if self.guest { "inbound" } else { "outbound" }
    }
}

/// What was done to a conversation over the published contract, and over that alone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mark {
    pub(crate) external_tag: Option<String>,
    /// By participant; they win against those of the start.
    pub(crate) attributes: BTreeMap<String, BTreeMap<String, String>>,
    /// By participant.
    pub(crate) wrap_ups: BTreeMap<String, WrapUp>,
    /// When and why a leg was left, by communication.
    pub(crate) left: BTreeMap<String, (Moment, &'static str)>,
    /// Its recordings survive whatever would delete them (C.10.3).
    pub(crate) protected: bool,
    /// When its recordings are put into the archive, and when they are deleted (C.10).
    pub(crate) archive_date: Option<Moment>,
    pub(crate) delete_date: Option<Moment>,
}

/// How an agent put a conversation away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WrapUp {
    /// The id of the wrap-up code.
    pub(crate) code: String,
    pub(crate) name: Option<String>,
    pub(crate) notes: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) duration_seconds: Option<u64>,
    pub(crate) end: Option<Moment>,
}

/// What of the state it takes to make conversations, so that they are made outside of the lock.
pub(crate) struct Seen {
    pub(crate) changes: Arc<Changes>,
    fates: BTreeMap<u64, Fate>,
    guest_plan: GuestPlan,
    pub(crate) marks: Arc<BTreeMap<String, Mark>>,
    pub(crate) plan: PlatformPlan,
    /// When the plan began.
    since: Moment,
    pub(crate) now: Moment,
}

impl Seen {
    /// What concerns the conversations with these numbers.
    pub(crate) fn of(state: &State, numbers: Range<u64>, now: Moment) -> Self {
        Self {
            changes: Arc::clone(&state.changes),
            fates: state.fates.within(numbers),
            guest_plan: state.guest_plan,
            marks: Arc::clone(&state.platform.marks),
            plan: state.platform.plan.clone(),
            since: state.platform.since.unwrap_or(now),
            now,
        }
    }

    /// Stands for what has become of the guests.
    pub(crate) fn fates_fingerprint(&self) -> u64 {
        hash_text(format!("{:?}", self.fates).as_bytes())
    }

    /// Whether the text of a message can be had, and if not, whether it ever can.
    pub(crate) fn text_of(&self, message: &str) -> Text {
        let place = fraction(hash_text(message.as_bytes()), 0x7465_7874);
        let until = self.since.plus(std::time::Duration::from_secs(self.plan.late_seconds));
        if place < self.plan.absent {
            Text::Never
        } else if place < self.plan.absent + self.plan.late && self.now < until {
            Text::Later
        } else {
            Text::There
        }
    }
}

/// Whether the text of a message can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Text {
    There,
    Later,
    Never,
}
