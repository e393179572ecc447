//! Messages to an address instead of into a conversation: agentless sending (platform contract C.5.4, C.18).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::message::{MessageType, OutboundMessage};
use super::published::{MOST_CHARACTERS, SMS_CHARACTERS};
use crate::conversation::ChannelType;
use crate::suggest::nearest;
use crate::{Collector, ConversationId, Violation};

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Destination {
    /// Into a conversation.
    Conversation(ConversationId),
    /// To an address, which no agent takes part in: the platform finds or begins the conversation.
    Address(Agentless),
}

/// How a message goes to an address (platform contract C.5.4). Its sender is the platform's own: a number for SMS, an
/// integration's id for open messaging and Apple, a deployment's id for web messaging. Its recipient is an address; for web
/// messaging the id of an external contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Agentless {
    /// Over what.
    pub messenger: Messenger,
    /// Whether it joins a conversation with the recipient that is going on. Without it the platform refuses the message then.
    pub join_active: bool,
}

/// Over what a message goes to an address (platform contract C.5.4).
///
/// ```
/// use frontdesk_domain::outbound::Messenger;
///
/// assert_eq!("open".parse::<Messenger>()?, Messenger::Open);
/// assert!("webmesaging".parse::<Messenger>().unwrap_err().message.contains("did you mean webmessaging?"));
/// # Ok::<(), frontdesk_domain::Violation>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Messenger {
    /// Short messages of a telephone.
    Sms,
    /// Open messaging: a channel of one's own.
    Open,
    /// Web messaging, to a contact who wrote before.
    WebMessaging,
    /// Apple Messages.
    Apple,
    /// WhatsApp. It takes templates alone, and those are not sent here.
    WhatsApp,
}

impl Messenger {
    /// Every messenger there is.
    pub const ALL: [Self; 5] = [Self::Sms, Self::Open, Self::WebMessaging, Self::Apple, Self::WhatsApp];

    /// The platform's name of it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Open => "open",
            Self::WebMessaging => "webmessaging",
            Self::Apple => "apple",
            Self::WhatsApp => "whatsapp",
        }
    }
}

impl Messenger {
    /// The channel of a conversation over it. `webmessaging` is what the gateway contract calls `webchat`.
    #[must_use]
    pub fn channel(self) -> ChannelType {
        match self {
            Self::WebMessaging => ChannelType::Webchat,
            other => ChannelType::from(other.as_str().to_owned()),
        }
    }
}

impl fmt::Display for Messenger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for Messenger {
    type Err = Violation;

    fn from_str(name: &str) -> Result<Self, Violation> {
        Self::ALL.into_iter().find(|messenger| messenger.as_str() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str);
            let message = match nearest(name, &names) {
                Some(meant) => format!("there is no such messenger; did you mean {meant}?"),
                None => format!("there is no such messenger: there are {}", names.join(", ")),
            };
            Violation::new("messenger", "message.messenger", message)
        })
    }
}

/// Checks a message to an address: one recipient, plain text of a length the messenger may take, no files. All there is to be
/// checked, since no conversation is looked at before.
pub(super) fn check(agentless: Agentless, message: &OutboundMessage, found: &mut Collector) {
    let Agentless { messenger, .. } = agentless;
    if messenger == Messenger::WhatsApp {
        let text = "WhatsApp takes templates alone, and none are sent here";
        found.push("messenger", "agentless.template", text);
    }
    if message.kind != MessageType::Plain {
        found.push("type", "channel.plain_text", "the published contract takes text/plain only");
    }
    let most = if messenger == Messenger::Sms { SMS_CHARACTERS } else { MOST_CHARACTERS };
    let characters = message.text().map_or(0, |text| text.chars().count());
    if characters > most {
        let text = format!("it has {characters} characters, and the messenger takes {most}");
        found.push("content", "channel.text_length", text);
    }
    if !message.attachments.is_empty() {
        let text = "files go on an agent's leg alone: name a conversation";
        found.push("attachments", "agentless.attachments", text);
    }
    match message.to() {
        [to] if messenger == Messenger::Sms && !is_number(to) => {
            let text = "it is no number in the form of E.164: +, and 7 to 15 digits";
            found.push("to.0", "agentless.number", text);
        }
        [_] | [] => {}
        more => {
            let text = format!("it goes to one address, and {} are named", more.len());
            found.push("to", "agentless.recipients", text);
        }
    }
}

/// Whether it is a telephone number as SMS wants it.
fn is_number(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit())
    })
}
