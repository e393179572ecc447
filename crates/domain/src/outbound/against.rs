//! The rules that only the conversation can decide: what its channel takes, and who may send.

use super::message::{MessageType, OutboundMessage};
use crate::conversation::{ChannelType, Conversation, Role};
use crate::{Collector, Violations};

/// The largest attachment that SMS takes, in bytes, decoded (contract §4).
pub const SMS_ATTACHMENT_BYTES: usize = 1 << 20;

impl OutboundMessage {
    /// Checks the message against the conversation it goes into: SMS takes no HTML and no attachment above 1 MiB decoded,
    /// a conversation without a channel is refused, and the sender takes part as an agent (contract §4).
    ///
    /// # Errors
    /// All broken rules at once.
    pub fn check_against(&self, conversation: &Conversation) -> Result<(), Violations> {
        let mut found = Collector::new();
        if self.conversation() != Some(&conversation.id) {
            found.push("conversation_id", "conversation.another", "this is another conversation");
        }
        match &conversation.channel_type {
            None => found.push("type", "channel.missing", "the conversation has no channel type"),
            Some(ChannelType::Sms) => self.check_sms(&mut found),
            Some(_) => {}
        }
        let mut roles = conversation.senders(&self.from).map(|participant| &participant.role).peekable();
        if roles.peek().is_none() {
            found.push("from", "sender.absent", "the sender takes no part in the conversation");
        } else if !roles.any(|role| *role == Role::Agent) {
            found.push("from", "sender.role", "the sender takes part, and not as an agent");
        }
        found.finish()
    }

    fn check_sms(&self, found: &mut Collector) {
        if self.kind == MessageType::Html {
            found.push("type", "channel.html", "SMS takes no text/html");
        }
        for (index, attachment) in self.attachments.iter().enumerate() {
            if let Some(bytes) = attachment.decoded_bytes().filter(|bytes| *bytes > SMS_ATTACHMENT_BYTES) {
                found.push(
                    format!("attachments.{index}.content"),
                    "channel.attachment_size",
                    format!("it has {bytes} bytes, and SMS takes {SMS_ATTACHMENT_BYTES}"),
                );
            }
        }
    }
}
