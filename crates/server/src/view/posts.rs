//! What `message send` sent into a conversation, and what became of it.

use frontdesk_domain::ConversationId;
use frontdesk_journal::{Error, Reader};
use frontdesk_messages::{Posted, posted};
use serde::Serialize;
use utoipa::ToSchema;

/// Messages that are told of one conversation.
const MOST: usize = 500;

/// A message that was to be sent, by the journal's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PostView {
    /// The id it was sent under.
    pub client_id: String,
    /// The platform's id of it, where that is known; a turn may have the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// `pending`, `delivered`, `read`, `failed`, `expired`, `timeout` of what was sent; `not_sent`, `refused`, `unknown` of
    /// what was not, or may not have been.
    pub state: &'static str,
    /// When it was begun, RFC 3339.
    pub begun_at: String,
    /// When it arrived, by the receipts that were seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrived_at: Option<String>,
}

/// The messages of a conversation, the earliest first, at most 500. Blocks.
///
/// # Errors
/// What is wrong with the journal.
pub fn posts(reader: &Reader, conversation: &str) -> Result<Vec<PostView>, Error> {
    // What is no id of a conversation to be written to was never written to.
    let Ok(id) = conversation.parse::<ConversationId>() else { return Ok(Vec::new()) };
    Ok(posted(reader, &id, MOST)?.into_iter().map(PostView::new).collect())
}

impl PostView {
    fn new(posted: Posted) -> Self {
        Self {
            state: posted.state(),
            client_id: posted.client_id.as_str().to_owned(),
            message_id: posted.message_id.map(|id| id.as_str().to_owned()),
            begun_at: posted.begun.to_string(),
            arrived_at: posted.arrived.map(|at| at.to_string()),
        }
    }
}
