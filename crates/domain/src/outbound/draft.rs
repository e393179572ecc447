//! What somebody wants sent, unchecked.

use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::agentless::{self, Agentless, Destination, Messenger};
use super::attachment::AttachmentDraft;
use super::message::{MessageType, OutboundMessage};
use crate::draft::{Entries, Field, Loose, fields};
use crate::suggest::nearest;
use crate::{Collector, ConversationId, Violation, Violations, json};

/// The fields of a draft, as they are written.
const FIELDS: [&str; 8] =
    ["conversation_id", "from", "to", "type", "content", "attachments", "messenger", "join_active"];

/// The longest address of a sender or recipient, in bytes.
const MOST_ADDRESS_BYTES: usize = 1_024;

/// A message somebody wants sent: any field may be missing or wrong (contract §4).
///
/// A line is `{"conversation_id", "from", "to": ["…"], "type", "content", "attachments"?}`; one to an address has `messenger`, and
/// `join_active` as it likes, instead of the conversation (platform contract C.5.4). What has the wrong type, is
/// there twice or is not known is kept for [`check`](MessageDraft::check), which reports all of it together.
///
/// ```
/// use frontdesk_domain::outbound::MessageDraft;
///
/// let draft = MessageDraft::read(br#"{"conversation_id": "..", "to": [], "type": "text", "content": ""}"#)?;
/// let refused = draft.check().unwrap_err();
/// let paths: Vec<_> = refused.iter().map(|violation| violation.path.as_str()).collect();
/// assert_eq!(paths, ["conversation_id", "from", "to", "type"]);
///
/// let draft = MessageDraft::new().conversation_id("c-1").from("agent-7").to("guest-1").kind("text/plain").text("Hello");
/// assert_eq!(draft.check()?.message.to(), ["guest-1"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct MessageDraft {
    conversation_id: Field<String>,
    from: Field<String>,
    to: Field<Vec<Field<String>>>,
    kind: Field<String>,
    content: Content,
    attachments: Field<Vec<AttachmentDraft>>,
    messenger: Field<String>,
    join_active: Field<bool>,
    others: Vec<Violation>,
}

/// What was found of the content.
#[derive(Clone, PartialEq, Eq, Default)]
enum Content {
    #[default]
    Absent,
    /// A text.
    Text(String),
    /// Any JSON value but null, as it came.
    Json(Box<str>),
    /// Words that are no JSON value.
    NoJson,
}

/// A message that may be sent, and what is remarkable about it.
#[derive(Debug, Clone)]
pub struct CheckedMessage {
    /// The message.
    pub message: OutboundMessage,
    /// What could not be checked: a media type or an extension we do not know. No refusal (contract §4).
    pub findings: Vec<Violation>,
}

impl MessageDraft {
    /// A draft that says nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a line.
    ///
    /// # Errors
    /// When it is no JSON object.
    pub fn read(line: &[u8]) -> Result<Self, serde_json::Error> {
        /// The content's own bytes: numbers and the order of keys are the sender's business.
        #[derive(Deserialize)]
        struct Raw<'a> {
            #[serde(borrow, default)]
            content: Option<&'a RawValue>,
        }
        let Entries(entries) = serde_json::from_slice(line)?;
        let mut draft = Self::default();
        let mut others = Vec::new();
        fields(entries, "", &FIELDS, &mut others, |name, value| match name {
            "conversation_id" => draft.conversation_id = value.text(),
            "from" => draft.from = value.text(),
            "to" => draft.to = each(value, Loose::text),
            "type" => draft.kind = value.text(),
            "content" => draft.content = Content::of(value),
            "messenger" => draft.messenger = value.text(),
            "join_active" => draft.join_active = value.flag(),
            _ => draft.attachments = each(value, AttachmentDraft::of),
        });
        draft.others = others;
        if let Content::Json(bytes) = &mut draft.content
            && let Ok(Raw { content: Some(raw) }) = serde_json::from_slice(line)
        {
            *bytes = raw.get().into();
        }
        Ok(draft)
    }

    /// The conversation it goes into.
    #[must_use]
    pub fn conversation_id(mut self, id: impl Into<String>) -> Self {
        self.conversation_id = Field::Given(id.into());
        self
    }

    /// Over what it goes, to an address instead of into a conversation.
    #[must_use]
    pub fn messenger(mut self, messenger: impl Into<String>) -> Self {
        self.messenger = Field::Given(messenger.into());
        self
    }

    /// Whether it joins a conversation with the address that is going on.
    #[must_use]
    pub fn join_active(mut self, join: bool) -> Self {
        self.join_active = Field::Given(join);
        self
    }

    /// Who sends it.
    #[must_use]
    pub fn from(mut self, from: impl Into<String>) -> Self {
        self.from = Field::Given(from.into());
        self
    }

    /// Adds somebody who gets it.
    #[must_use]
    pub fn to(mut self, to: impl Into<String>) -> Self {
        match &mut self.to {
            Field::Given(all) => all.push(Field::Given(to.into())),
            other => *other = Field::Given(vec![Field::Given(to.into())]),
        }
        self
    }

    /// What its content is: `text/plain`, `text/html` or `application/json`.
    #[must_use]
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Field::Given(kind.into());
        self
    }

    /// Its content, a text.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.content = Content::Text(text.into());
        self
    }

    /// Its content, a JSON value in words.
    #[must_use]
    pub fn json(mut self, json: &str) -> Self {
        self.content = match serde_json::from_str::<&RawValue>(json) {
            Ok(raw) if raw.get() == "null" => Content::Absent,
            Ok(raw) => match serde_json::from_str::<String>(raw.get()) {
                Ok(text) => Content::Text(text),
                Err(_) => Content::Json(raw.get().into()),
            },
            Err(_) => Content::NoJson,
        };
        self
    }

    /// Adds a file that goes along.
    #[must_use]
    pub fn attachment(mut self, attachment: AttachmentDraft) -> Self {
        match &mut self.attachments {
            Field::Given(all) => all.push(attachment),
            other => *other = Field::Given(vec![attachment]),
        }
        self
    }

    /// Takes from `defaults` the conversation and the sender where this draft does not say them. What it says wrongly
    /// stays wrong.
    #[must_use]
    pub fn or(mut self, defaults: &Self) -> Self {
        self.conversation_id.fill(&defaults.conversation_id);
        self.from.fill(&defaults.from);
        self
    }

    /// The sender as far as one is given: for the record of a refusal.
    #[must_use]
    pub fn sender(&self) -> Option<&str> {
        match &self.from {
            Field::Given(from) => Some(from),
            _ => None,
        }
    }

    /// The recipients as far as they are given: for the record of a refusal.
    #[must_use]
    pub fn recipients(&self) -> Vec<&str> {
        match &self.to {
            Field::Given(all) => all
                .iter()
                .filter_map(|one| match one {
                    Field::Given(one) => Some(one.as_str()),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    /// The conversation's id as far as one is given: for the line of a refusal.
    #[must_use]
    pub fn conversation(&self) -> Option<&str> {
        match &self.conversation_id {
            Field::Given(id) => Some(id),
            _ => None,
        }
    }

    /// Checks everything that can be checked before the conversation is looked at.
    ///
    /// # Errors
    /// All broken rules at once.
    pub fn check(&self) -> Result<CheckedMessage, Violations> {
        let mut found = Collector::new();
        let mut findings = Vec::new();
        for other in &self.others {
            found.push(&other.path, other.rule, &other.message);
        }
        let destination = self.destination(&mut found);
        let from = self
            .from
            .needed(&mut found, "from", "a sender is needed")
            .filter(|from| is_address(&mut found, "from", from));
        let to = self.recipients_checked(&mut found);
        let kind = self
            .kind
            .needed(&mut found, "type", &format!("a type is needed: {}", type_names()))
            .and_then(|name| {
                let known = MessageType::ALL.into_iter().find(|kind| kind.as_str() == name);
                if known.is_none() {
                    found.push("type", "message.type", unknown_type(&name));
                }
                known
            });
        let content = self.content_checked(kind, &mut found);
        let drafts = self.attachments.optional(&mut found, "attachments").unwrap_or_default();
        let mut attachments = Vec::with_capacity(drafts.len());
        for (index, draft) in drafts.iter().enumerate() {
            attachments.extend(draft.check(&format!("attachments.{index}"), &mut found, &mut findings));
        }
        let message = match (destination, from, kind, content) {
            (Some(destination), Some(from), Some(kind), Some(content)) => {
                Some(OutboundMessage { destination, from, to, kind, content, attachments })
            }
            // Each of them is there, or was noted above.
            _ => None,
        };
        if let Some(message) = &message
            && let Destination::Address(way) = message.destination
        {
            agentless::check(way, message, &mut found);
        }
        found.finish()?;
        let incomplete = || Violation::new("", "message.incomplete", "the draft is not complete");
        Ok(CheckedMessage { message: message.ok_or_else(incomplete)?, findings })
    }

    /// Where it goes: into a conversation, unless a messenger is named.
    fn destination(&self, found: &mut Collector) -> Option<Destination> {
        if self.messenger == Field::Absent {
            if self.join_active != Field::Absent {
                let message = "only a message to an address can join a conversation: name a messenger";
                found.push("join_active", "agentless.messenger", message);
            }
            let id = self.conversation_id.needed(found, "conversation_id", "a conversation id is needed");
            let id = id.and_then(|id| found.check("conversation_id", ConversationId::new(id)));
            return id.map(Destination::Conversation);
        }
        if self.conversation_id != Field::Absent {
            let message = "a message goes into a conversation or, with a messenger, to an address; not both";
            found.push("conversation_id", "agentless.conversation", message);
        }
        let join_active = self.join_active.optional(found, "join_active").unwrap_or_default();
        let messenger = self.messenger.optional(found, "messenger").and_then(|name| {
            name.parse::<Messenger>()
                .map_err(|violation| found.push("messenger", violation.rule, violation.message))
                .ok()
        });
        messenger.map(|messenger| Destination::Address(Agentless { messenger, join_active }))
    }

    fn recipients_checked(&self, found: &mut Collector) -> Vec<String> {
        let Some(all) = self.to.needed(found, "to", "a recipient is needed") else { return Vec::new() };
        if all.is_empty() {
            found.push("to", "message.recipients", "a recipient is needed");
        }
        let mut to = Vec::with_capacity(all.len());
        for (index, one) in all.iter().enumerate() {
            let path = format!("to.{index}");
            let one = one.needed(found, &path, "a recipient is text");
            to.extend(one.filter(|one| is_address(found, &path, one)));
        }
        to
    }

    fn content_checked(&self, kind: Option<MessageType>, found: &mut Collector) -> Option<Box<str>> {
        let is_text = matches!(kind, Some(MessageType::Plain | MessageType::Html));
        let wrong = match &self.content {
            Content::Absent => ("field.missing", "content is needed"),
            Content::NoJson => ("message.content", "it is no JSON value"),
            Content::Text(text) if text.is_empty() && is_text => {
                ("message.content", "a text is wanted, and this one is empty")
            }
            Content::Text(text) => return Some(serde_json::Value::from(text.as_str()).to_string().into()),
            Content::Json(_) if is_text => ("message.content", "text is wanted for this type"),
            Content::Json(raw) => match json::compact(raw.as_bytes()) {
                Ok(bytes) => return String::from_utf8(bytes.into_owned()).ok().map(Into::into),
                Err(_) => ("message.content", "it is no JSON value"),
            },
        };
        found.push("content", wrong.0, wrong.1);
        None
    }
}

impl Content {
    fn of(value: Loose) -> Self {
        match value {
            Loose::Null => Self::Absent,
            Loose::Text(text) => Self::Text(text),
            // Its bytes are taken from the line.
            _ => Self::Json(Box::default()),
        }
    }
}

impl fmt::Debug for MessageDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MessageDraft(..)")
    }
}

/// Each item of an array; what is no array stays wrong.
fn each<T>(value: Loose, read: impl FnMut(Loose) -> T) -> Field<Vec<T>> {
    match value.list() {
        Field::Given(items) => Field::Given(items.into_iter().map(read).collect()),
        Field::Absent => Field::Absent,
        Field::Wrong(what) => Field::Wrong(what),
    }
}

fn is_address(found: &mut Collector, path: &str, text: &str) -> bool {
    let wrong = if text.trim().is_empty() {
        "it is empty"
    } else if text.len() > MOST_ADDRESS_BYTES {
        "it is longer than 1024 bytes"
    } else if text.chars().any(char::is_control) {
        "it holds a control character"
    } else {
        return true;
    };
    found.push(path, "message.address", wrong);
    false
}

fn type_names() -> String {
    MessageType::ALL.map(MessageType::as_str).join(", ")
}

fn unknown_type(given: &str) -> String {
    match nearest(given, &MessageType::ALL.map(MessageType::as_str)) {
        Some(meant) => format!("there is no such type; did you mean {meant}?"),
        None => format!("there is no such type: there are {}", type_names()),
    }
}
