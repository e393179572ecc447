//! Ending a guest's session as the guest (platform contract C.2.6, D.7).
//!
//! What the staff disconnects is a conversation; the session lives on, and the guest may begin anew in it. Whoever has the
//! session's token ends the session itself: by `closeSession`, or by `Clear`, which wipes what the guest is shown as well.

use std::fmt;

use frontdesk_domain::{ConversationId, Ending, GuestId, GuestState, RetainData};
use futures_util::future::{BoxFuture, FutureExt as _};
use serde_json::{Value, json};
use uuid::Uuid;

use super::end_conversation::TagConversation;
use super::guest_line::{GuestLine, OPERATION, fields, presence};
use super::guests::KEPT;
use super::openings::PlatformOpenings;
use crate::counters::Counters;
use crate::error::{Error, ErrorKind};
use crate::guests::{EndReply, Guest, GuestLook, GuestSessions};
use crate::source::Origin;

/// Ends one session with its token, over the guest's WebSocket.
///
/// The guest is named by the conversation, which must be that of the session. Data to be forgotten: the guest's history is
/// cleared where the deployment allows that, and what stays is told ([`EndReply::DoneKeeping`]).
///
/// ```
/// use frontdesk_api::{OwnEnd, PlatformOpenings};
///
/// fn own(door: PlatformOpenings, token: &str) -> Result<OwnEnd, uuid::Error> {
///     Ok(OwnEnd::new(door, token.parse()?))
/// }
/// ```
#[derive(Clone)]
pub struct OwnEnd {
    door: PlatformOpenings,
    token: Uuid,
}

/// A session as its token shows it.
enum Own {
    /// It goes on, in this conversation.
    Open(Box<GuestLine>, ConversationId),
    /// It has ended, and can be read.
    Ended,
    /// The token stands for none, or for one in which nothing was said.
    None,
}

impl OwnEnd {
    /// The session of `token`, which came in by this door.
    #[must_use]
    pub fn new(door: PlatformOpenings, token: Uuid) -> Self {
        Self { door, token }
    }

    async fn look(&self) -> Result<Own, Error> {
        let (mut line, session) = self.door.line(self.token).await?;
        let is = |name: &str| session.get(name).and_then(Value::as_bool);
        if is("readOnly") == Some(true) {
            return Ok(Own::Ended);
        }
        if is("newSession").unwrap_or(true) {
            // Asking made one: it is not left behind. If that fails it expires by itself, and nobody is in it.
            let _ = close(&mut line).await;
            return Ok(Own::None);
        }
        Ok(match self.door.begun(&mut line).await? {
            Some(opened) => Own::Open(Box::new(line), opened.session_id),
            None => Own::None,
        })
    }

    async fn ended(&self, ending: &Ending) -> Result<EndReply, Error> {
        let (mut line, conversation) = match self.look().await? {
            Own::Open(line, conversation) => (line, conversation),
            Own::Ended | Own::None => return Ok(EndReply::Missing { after_lost_reply: false }),
        };
        if conversation.as_str() != ending.guest_id.as_str() {
            let what = "the token is of a session in another conversation".to_owned();
            return Err(Error::of_kind(OPERATION, ErrorKind::Unsendable { what }));
        }
        if let Some(tag) = &ending.external_ref {
            self.door.call(&TagConversation { id: conversation, tag: tag.clone() }).await?;
        }
        if ending.retain_data == RetainData::Retain {
            return self.closed(&mut line).await.map(|()| EndReply::Done);
        }
        let what = match self.settled(clear(&mut line).await).await {
            Ok(()) => format!("what the guest is shown was cleared; {KEPT}"),
            Err(error) if is_refused(&error) => {
                self.closed(&mut line).await?;
                format!("the deployment clears no conversations, so the guest's history stays; {KEPT}")
            }
            Err(error) => return Err(error),
        };
        Ok(EndReply::DoneKeeping { what })
    }

    async fn closed(&self, line: &mut GuestLine) -> Result<(), Error> {
        self.settled(close(line).await).await
    }

    /// An end whose answer was lost is an end when the session is no more.
    async fn settled(&self, answered: Result<(), Error>) -> Result<(), Error> {
        match answered {
            Err(error) if error.may_have_been_processed() => match self.look().await {
                Ok(Own::Ended | Own::None) => Ok(()),
                Ok(Own::Open(..)) | Err(_) => Err(error),
            },
            other => other,
        }
    }
}

async fn close(line: &mut GuestLine) -> Result<(), Error> {
    line.ask("closeSession", fields(json!({"closeAllConnections": true})), true).await.map(drop)
}

async fn clear(line: &mut GuestLine) -> Result<(), Error> {
    let said = fields(json!({"message": presence("Clear")}));
    line.ask("onMessage", said, true).await.map(drop)
}

/// Whether clearing was refused for what it is (C.2.5).
fn is_refused(error: &Error) -> bool {
    *error.kind() == ErrorKind::Rejected && error.code() == Some("403")
}

impl GuestSessions for OwnEnd {
    fn guest<'a>(&'a self, id: &'a GuestId) -> BoxFuture<'a, Result<GuestLook, Error>> {
        async move {
            let state = match self.look().await? {
                Own::Open(_, conversation) if conversation.as_str() == id.as_str() => GuestState::Active,
                Own::Open(..) => GuestState::from("another_session".to_owned()),
                Own::Ended => GuestState::Closed,
                Own::None => GuestState::from("not_found".to_owned()),
            };
            Ok(GuestLook::Found(Guest { state, last_updated: None }))
        }
        .boxed()
    }

    fn end<'a>(&'a self, ending: &'a Ending) -> BoxFuture<'a, Result<EndReply, Error>> {
        self.ended(ending).boxed()
    }

    fn describe(&self) -> Origin {
        self.door.origin()
    }

    fn counters(&self) -> Counters {
        self.door.counted()
    }
}

// Whoever knows the token is the guest.
impl fmt::Debug for OwnEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnEnd").field("door", &self.door).finish_non_exhaustive()
    }
}
