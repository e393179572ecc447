//! Messages that are sent into conversations (contract §4): what is checked before a conversation is looked at, what
//! only its channel and its participants can say, and what goes over the wire.
//!
//! | file | what it is |
//! |---|---|
//! | `draft` | what somebody wants sent, unchecked: any field may be missing or wrong |
//! | `attachment` | a file that goes along: its bytes, or where they are |
//! | `media_type` | media types and the extensions that agree with them |
//! | `message` | what has passed the check, and its bytes on the wire |
//! | `against` | the rules of the channel, and of the sender |
//! | `published` | the same by the published contract |
//! | `agentless` | messages to an address instead of into a conversation |
//! | `simulator` | a reproducible sequence of messages to try a platform with |
//!
//! ```
//! use frontdesk_domain::ConversationId;
//! use frontdesk_domain::conversation::Conversation;
//! use frontdesk_domain::outbound::MessageDraft;
//!
//! let line = br#"{"conversation_id": "c-1", "from": "agent-7", "to": ["+15550100"], "type": "text/html", "content": "<p>Hi</p>"}"#;
//! let checked = MessageDraft::read(line)?.check()?;
//! assert!(checked.findings.is_empty());
//!
//! let id = ConversationId::new("c-1")?;
//! let conversation = Conversation::read(&id, br#"{"id": "c-1", "channelType": "sms", "participants": []}"#)?;
//! let refused = checked.message.check_against(&conversation).unwrap_err();
//! let rules: Vec<_> = refused.iter().map(|violation| violation.rule).collect();
//! assert_eq!(rules, ["sender.absent", "channel.html"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod against;
mod agentless;
mod attachment;
mod draft;
mod media_type;
mod message;
mod published;
mod simulator;

pub use against::SMS_ATTACHMENT_BYTES;
pub use agentless::{Agentless, Destination, Messenger};
pub use attachment::{Attachment, AttachmentDraft, AttachmentSource};
pub use draft::{CheckedMessage, MessageDraft};
pub use media_type::{Agreement, agreement};
pub use message::{ClientId, MessageType, OutboundMessage};
pub use simulator::Simulator;
