//! What the platform calls back with when a conversation was created (contract §3).
//!
//! A callback is read here and nowhere else: whoever takes one has a conversation's id and what the guest's session was
//! opened with. [`CallbackKey`] says which callbacks are one event.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::event::Event;
use crate::time::Timestamp;

/// For so long equal bodies without an id are one event (contract §3).
pub const EQUAL_BODIES: Duration = Duration::from_secs(24 * 3600);

/// The longest `webhook-id` that is taken, in bytes.
pub const LONGEST_ID: usize = 512;

/// A conversation was created, says the platform.
///
/// `Debug` shows neither id nor attributes.
///
/// ```
/// use frontdesk_domain::callback::SessionCallback;
///
/// let body = br#"{"conversationId": "c-7", "attributes": {"source": "web_portal"}}"#;
/// let event = SessionCallback::parse(body)?.event("2025-03-01T10:00:00Z".parse()?);
/// assert_eq!(
///     event.body().get(),
///     r#"{"genesys_session_id":"c-7","event_type":"session.created","timestamp":"2025-03-01T10:00:00Z","metadata":{"source": "web_portal"}}"#
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SessionCallback {
    conversation_id: String,
    attributes: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    conversation_id: String,
    #[serde(default)]
    attributes: Option<Box<RawValue>>,
}

impl SessionCallback {
    /// Reads the body of a callback: a JSON object with a non-empty string `conversationId`; `attributes` are whatever
    /// they are, or are not there.
    ///
    /// # Errors
    /// [`CallbackError`]. Nothing of the body is repeated in it.
    pub fn parse(body: &[u8]) -> Result<Self, CallbackError> {
        let text = std::str::from_utf8(body).map_err(|_| CallbackError::NotJson)?;
        // JSON's white space alone. An array with the values in order would be read as well.
        if !text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{') {
            return Err(match serde_json::from_str::<&RawValue>(text) {
                Ok(_) => CallbackError::NotAnObject,
                Err(_) => CallbackError::NotJson,
            });
        }
        let written: Written = serde_json::from_str(text).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => CallbackError::ConversationId,
            _ => CallbackError::NotJson,
        })?;
        if written.conversation_id.is_empty() {
            return Err(CallbackError::ConversationId);
        }
        Ok(Self { conversation_id: written.conversation_id, attributes: written.attributes })
    }

    /// What a callback about this conversation says, where the platform tells it in another way.
    #[must_use]
    pub fn new(conversation_id: &str, attributes: &BTreeMap<String, String>) -> Self {
        // A map of texts is an object; written so, it is read again.
        let attributes = serde_json::value::to_raw_value(attributes).ok();
        Self { conversation_id: conversation_id.to_owned(), attributes }
    }

    /// The conversation that was created.
    #[must_use]
    pub fn conversation_id(&self) -> &str {
        &self.conversation_id
    }

    /// What the CRM is told, with the time at which the callback was received. Ordered by conversation.
    #[must_use]
    pub fn event(&self, received: Timestamp) -> Event {
        Event::session_created(&self.conversation_id, self.attributes.as_deref(), received)
    }
}

impl fmt::Debug for SessionCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionCallback").finish_non_exhaustive()
    }
}

/// Why a body is no callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum CallbackError {
    /// It cannot be read as JSON.
    #[error("the body is not JSON")]
    NotJson,
    /// It is JSON, and something else than an object.
    #[error("the body is no JSON object")]
    NotAnObject,
    /// There is no conversation id, two of them, or one that is no text.
    #[error("conversationId is no text, or not there once")]
    ConversationId,
}

/// What makes callbacks one event: their `webhook-id`, without one the bytes of their bodies (contract §3).
///
/// ```
/// use frontdesk_domain::callback::{CallbackKey, EQUAL_BODIES};
///
/// assert_eq!(CallbackKey::of_id("msg_1"), CallbackKey::of_id("msg_1"));
/// assert_eq!(CallbackKey::of_id("msg_1").map(|key| key.within()), Some(None));
/// assert_eq!(CallbackKey::of_body(b"{}").within(), Some(EQUAL_BODIES));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CallbackKey {
    text: String,
    within: Option<Duration>,
}

impl CallbackKey {
    /// Callbacks with this id are one, whenever they come. `None` for an id that is empty or longer than
    /// [`LONGEST_ID`].
    #[must_use]
    pub fn of_id(id: &str) -> Option<Self> {
        let usable = !id.is_empty() && id.len() <= LONGEST_ID;
        usable.then(|| Self { text: format!("id:{id}"), within: None })
    }

    /// Callbacks with this body are one for [`EQUAL_BODIES`].
    #[must_use]
    pub fn of_body(body: &[u8]) -> Self {
        Self { text: format!("body:{}", crate::hex(&Sha256::digest(body))), within: Some(EQUAL_BODIES) }
    }

    /// The key as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// For how long a callback makes later ones with the same key its repetitions; for ever where it does not say.
    #[must_use]
    pub fn within(&self) -> Option<Duration> {
        self.within
    }
}
