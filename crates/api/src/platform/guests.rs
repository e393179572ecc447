//! Ending guests' sessions on the published contract (platform contract C.6, D.7).
//!
//! A guest is named by its conversation there: no operation of the staff's side names guests.

use std::collections::BTreeMap;

use frontdesk_domain::{ClosureReason, ConversationId, Ending, GuestId, GuestState, PathSegment, RetainData};
use futures_util::future::{BoxFuture, FutureExt as _};

use super::Platform;
use super::conversation::LiveConversation;
use super::end_conversation::{DeleteRecording, EndConversation, ListRecordings, TagConversation, WrapUp};
use crate::counters::Counters;
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind};
use crate::guests::{EndReply, Guest, GuestLook, GuestSessions};
use crate::source::Origin;

/// Ends conversations of an organisation on the published contract.
///
/// A session is active while a leg of the customer is alerting, connected or parked. It is ended by disconnecting the whole
/// conversation; before that it is given the external reference as its `externalTag`, and an agent who owes a wrap-up code is
/// disconnected with the code of the closure reason, where one is set. Data to be forgotten: the deletion of the recordings is
/// asked for, and what stays is told ([`EndReply::DoneKeeping`]).
///
/// ```
/// use frontdesk_api::{Platform, PlatformGuests};
/// use frontdesk_domain::ClosureReason;
///
/// fn guests(platform: Platform) -> PlatformGuests {
///     PlatformGuests::new(platform).wrapup_code(ClosureReason::Timeout, "3f6b0d0e-0c9f-4a6e-9d57-8a51a1a0a001")
/// }
/// ```
#[derive(Debug, Clone)]
pub struct PlatformGuests {
    platform: Platform,
    codes: BTreeMap<ClosureReason, String>,
    emergency: bool,
}

/// What the platform keeps of a conversation that is to be forgotten, whatever is asked of it.
pub(super) const KEPT: &str =
    "the platform keeps the messages until its own retention, or a GDPR request, removes them";

impl PlatformGuests {
    /// Without wrap-up codes: an agent who owes one is left to give it.
    #[must_use]
    pub fn new(platform: Platform) -> Self {
        Self { platform, codes: BTreeMap::new(), emergency: false }
    }

    /// The wrap-up code (its id) that stands for a closure reason.
    #[must_use]
    pub fn wrapup_code(mut self, reason: ClosureReason, code: impl Into<String>) -> Self {
        self.codes.insert(reason, code.into());
        self
    }

    /// Ends by the emergency tear-down instead, which the vendor asks not to rely on: all media, with a system wrap-up code.
    #[must_use]
    pub fn emergency(mut self, emergency: bool) -> Self {
        self.emergency = emergency;
        self
    }

    async fn live(&self, guest: &GuestId) -> Result<Option<LiveConversation>, Error> {
        match conversation(guest) {
            Ok(id) => self.platform.live(&id).await,
            // What no path can carry is nobody's.
            Err(_) => Ok(None),
        }
    }

    async fn send<E: Endpoint>(&self, endpoint: &E) -> Result<E::Output, Error> {
        self.platform.client.send(endpoint, &self.platform.options).await
    }

    async fn ended(&self, ending: &Ending) -> Result<EndReply, Error> {
        let id = conversation(&ending.guest_id)?;
        let Some(live) = self.platform.live(&id).await? else {
            let what = "the platform knows no such conversation".to_owned();
            return Err(Error::of_kind(EndConversation::OPERATION, ErrorKind::Unsendable { what }));
        };
        if is_over(&live) {
            return Ok(EndReply::Missing { after_lost_reply: false });
        }
        if let Some(tag) = &ending.external_ref {
            self.send(&TagConversation { id: id.clone(), tag: tag.clone() }).await?;
        }
        if !self.emergency {
            self.wrap_up(&live, ending.reason).await?;
        }
        match self.send(&EndConversation { id: id.clone(), emergency: self.emergency }).await {
            Ok(()) => {}
            Err(error) if is_answer(&error) => {
                // 404 and 409 are no words of this contract for "has ended": what is there says it (C.6).
                return match self.platform.live(&id).await? {
                    Some(live) if !is_over(&live) => Err(error),
                    _ => Ok(EndReply::Missing { after_lost_reply: error.may_have_been_processed() }),
                };
            }
            Err(error) => return Err(error),
        }
        match ending.retain_data {
            RetainData::Retain => Ok(EndReply::Done),
            RetainData::Forget => Ok(EndReply::DoneKeeping { what: self.forget(&id).await }),
        }
    }

    /// Gives the code of the reason for every agent who owes one, and disconnects them with it.
    async fn wrap_up(&self, live: &LiveConversation, reason: ClosureReason) -> Result<(), Error> {
        let Some(code) = self.codes.get(&reason) else { return Ok(()) };
        let owing = live.participants.iter().filter(|agent| {
            matches!(&*agent.purpose, "agent" | "user")
                && agent.wrapup_required
                && agent.wrapup_code.is_none()
                && agent.communications.iter().any(super::Communication::is_live)
        });
        for agent in owing {
            let Ok(participant) = PathSegment::new(&*agent.id) else { continue };
            let notes = reason.as_str();
            self.send(&WrapUp { id: live.id.clone(), participant, code: code.clone(), notes }).await?;
        }
        Ok(())
    }

    /// Asks for the deletion of the recordings, and says what stays. The session has ended: nothing here takes that back.
    async fn forget(&self, id: &ConversationId) -> String {
        let told = |what: String| format!("{what}; {KEPT}");
        let recordings = match self.send(&ListRecordings { id: id.clone() }).await {
            Ok(Some(recordings)) if !recordings.is_empty() => recordings,
            Ok(Some(_)) => return told("no recording is listed (yet)".to_owned()),
            Ok(None) => return told("its recordings are not listed yet, and none was deleted".to_owned()),
            Err(error) => {
                return told(format!("its recordings were not deleted: {}", error.in_our_words()));
            }
        };
        let (all, mut asked, mut failed) = (recordings.len(), 0_usize, None);
        for recording in recordings {
            let Ok(recording) = PathSegment::new(recording) else { continue };
            let delete = DeleteRecording { id: id.clone(), recording, at: self.platform.client.now() };
            match self.send(&delete).await {
                Ok(()) => asked += 1,
                Err(error) => failed = Some(error),
            }
        }
        let why = failed.map(|error| format!(": {}", error.in_our_words())).unwrap_or_default();
        told(format!("the deletion of {asked} of {all} recordings was asked for{why}"))
    }
}

/// The conversation that a guest is named by.
fn conversation(guest: &GuestId) -> Result<ConversationId, Error> {
    ConversationId::new(guest.as_str()).map_err(|_| {
        let what = "the guest id is no conversation's".to_owned();
        Error::of_kind(EndConversation::OPERATION, ErrorKind::Unsendable { what })
    })
}

/// Whether the guest's session is over: the conversation has ended, or no leg of the customer is live.
fn is_over(live: &LiveConversation) -> bool {
    let mut legs = live.customer_legs().peekable();
    live.has_ended() || legs.peek().is_some() && legs.all(|(_, leg)| !leg.is_live())
}

/// Whether the platform answered about the conversation itself, and not about us.
fn is_answer(error: &Error) -> bool {
    *error.kind() == ErrorKind::Rejected && !error.is_auth()
}

impl GuestSessions for PlatformGuests {
    fn guest<'a>(&'a self, id: &'a GuestId) -> BoxFuture<'a, Result<GuestLook, Error>> {
        async move {
            // An ended conversation is still to be read, so 404 is no word for "has ended" here (D.7).
            let Some(live) = self.live(id).await? else {
                let state = GuestState::from("not_found".to_owned());
                return Ok(GuestLook::Found(Guest { state, last_updated: None }));
            };
            let state = if is_over(&live) {
                GuestState::Closed
            } else if live.customer_legs().next().is_none() {
                // A call, or an e-mail: nothing here is a guest's session.
                GuestState::from("without_messages".to_owned())
            } else {
                GuestState::Active
            };
            Ok(GuestLook::Found(Guest { state, last_updated: live.ended_at }))
        }
        .boxed()
    }

    fn end<'a>(&'a self, ending: &'a Ending) -> BoxFuture<'a, Result<EndReply, Error>> {
        self.ended(ending).boxed()
    }

    fn describe(&self) -> Origin {
        self.platform.origin()
    }

    fn counters(&self) -> Counters {
        self.platform.client.counters()
    }
}
