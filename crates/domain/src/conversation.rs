//! A conversation as the platform shows it while it goes on (contract §4): its channel, who takes part, how its
//! messages stand; and, of a guest session, the guest and the attributes it was opened with (contract §3).
//!
//! | file | what it is |
//! |---|---|
//! | `id` | which conversation |
//! | `party` | the channel, the participants and their roles |
//! | `read` | an answer's bytes, read as tolerantly as the contract allows |
//!
//! Read from an answer it is taken as it came: what is missing stays missing, what cannot be read is left out, and the
//! rules of sending decide whether that is enough.

mod id;
mod party;
mod read;

use std::fmt;

use serde_json::{Map, Value};

use crate::delivery::Observation;

pub use id::ConversationId;
pub use party::{ChannelType, Participant, Role};
pub use read::ConversationError;

/// A conversation at one moment.
///
/// ```
/// use frontdesk_domain::ConversationId;
/// use frontdesk_domain::conversation::{ChannelType, Conversation, Role};
///
/// let id = ConversationId::new("c-1")?;
/// let body = br#"{"id": "c-1", "channelType": "sms", "participants": [
///     {"id": "p-1", "role": "agent", "from": {"id": "agent-7"}}]}"#;
/// let conversation = Conversation::read(&id, body)?;
/// assert_eq!(conversation.channel_type, Some(ChannelType::Sms));
/// assert_eq!(conversation.participants[0].role, Role::Agent);
/// assert_eq!(conversation.guest_id, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Conversation {
    /// Which one.
    pub id: ConversationId,
    /// What its messages travel over; none where the platform does not say.
    pub channel_type: Option<ChannelType>,
    /// Who takes part, in the platform's order.
    pub participants: Vec<Participant>,
    /// How its messages stand, in the platform's order; those without an id are left out.
    pub messages: Vec<Observation>,
    /// The guest it was opened for, as the platform names them; none where it was not said.
    pub guest_id: Option<String>,
    /// The attributes it was opened with, the three of the consent among them; empty where none were said.
    pub attributes: Map<String, Value>,
}

impl Conversation {
    /// Everybody who sends as `sender`: one person may take part more than once.
    pub fn senders<'a>(&'a self, sender: &'a str) -> impl Iterator<Item = &'a Participant> {
        self.participants.iter().filter(move |participant| participant.from_id.as_deref() == Some(sender))
    }
}

impl fmt::Debug for Conversation {
    /// Counts only: ids and attributes say something about people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversation")
            .field("channel_type", &self.channel_type)
            .field("participants", &self.participants.len())
            .field("messages", &self.messages.len())
            .field("attributes", &self.attributes.len())
            .finish_non_exhaustive()
    }
}
