//! What the published contract takes of a message (platform contract C.5.1, C.18): plain text, and files by upload.

use super::message::{MessageType, OutboundMessage};
use crate::conversation::{ChannelType, Conversation, Role};
use crate::{Collector, Violations};

/// The longest text over SMS, in characters (platform contract C.18).
pub(super) const SMS_CHARACTERS: usize = 765;
/// The longest text over web and open messaging that any source names; between 2,000 and this the platform decides.
pub(super) const MOST_CHARACTERS: usize = 4_000;

/// What the name of an upload must not hold (platform contract C.5.2).
const FORBIDDEN_IN_NAMES: &str = "\\{^}%`]\">[~<#|";

impl OutboundMessage {
    /// Its text, where it is one.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        match self.kind {
            MessageType::Plain | MessageType::Html => serde_json::from_str(&self.content).ok(),
            MessageType::Json => None,
        }
    }

    /// Checks the message against the conversation it goes into, by the rules of the published contract: plain text of a
    /// length its channel may take, and a sender who takes part as an agent. An SMS longer than 765 characters and any text
    /// longer than 4,000 are refused here; what is between is the platform's to decide, since its sources disagree.
    ///
    /// # Errors
    /// All broken rules at once.
    ///
    /// ```
    /// use frontdesk_domain::ConversationId;
    /// use frontdesk_domain::conversation::Conversation;
    /// use frontdesk_domain::outbound::MessageDraft;
    ///
    /// let draft = MessageDraft::new().conversation_id("c-1").from("u-9").to("guest").kind("text/html").text("<p>Hi</p>");
    /// let message = draft.check()?.message;
    /// let body = br#"{"id": "c-1", "channelType": "sms", "participants": [{"id": "p", "role": "agent", "from": {"id": "u-9"}}]}"#;
    /// let conversation = Conversation::read(&ConversationId::new("c-1")?, body)?;
    /// let refused = message.check_published(&conversation).unwrap_err();
    /// assert_eq!(refused.iter().next().unwrap().rule, "channel.plain_text");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn check_published(&self, conversation: &Conversation) -> Result<(), Violations> {
        let mut found = Collector::new();
        if self.conversation() != Some(&conversation.id) {
            found.push("conversation_id", "conversation.another", "this is another conversation");
        }
        if self.kind != MessageType::Plain {
            let message = "the published contract takes text/plain only";
            found.push("type", "channel.plain_text", message);
        }
        let most = match &conversation.channel_type {
            Some(ChannelType::Sms) => SMS_CHARACTERS,
            _ => MOST_CHARACTERS,
        };
        let characters = self.text().map_or(0, |text| text.chars().count());
        if characters > most {
            let message = format!("it has {characters} characters, and the channel takes {most}");
            found.push("content", "channel.text_length", message);
        }
        for (index, attachment) in self.attachments.iter().enumerate() {
            if !is_upload_name(attachment.filename()) {
                let message = "an upload's name has no white space, no leading dot, no trailing slash and none of \
                               \\ { ^ } % ` ] \" > [ ~ < # |";
                found.push(format!("attachments.{index}.filename"), "channel.filename", message);
            }
        }
        let mut roles = conversation.senders(&self.from).map(|participant| &participant.role).peekable();
        if roles.peek().is_none() {
            found.push("from", "sender.absent", "the sender takes no part in the conversation");
        } else if !roles.any(|role| *role == Role::Agent) {
            found.push("from", "sender.role", "the sender takes part, and not as an agent");
        }
        found.finish()
    }
}

/// Whether an upload may have this name (platform contract C.5.2).
fn is_upload_name(name: &str) -> bool {
    !name.starts_with('.')
        && !name.ends_with('/')
        && !name.chars().any(|letter| letter.is_whitespace() || FORBIDDEN_IN_NAMES.contains(letter))
}
