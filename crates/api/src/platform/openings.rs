//! Opening guests' sessions on the published contract: over the guest's WebSocket (platform contract C.2, D.2).
//!
//! The key of an opening is the token of the session, which whoever knows it can go on with: the same opening again is the
//! same session, and opens no second conversation.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use frontdesk_domain::session::{OpenedSession, SessionRequest};
use frontdesk_domain::{ConversationId, PathSegment, Timestamp};
use futures_util::future::{BoxFuture, FutureExt as _};
use http::{HeaderValue, Uri};
use serde_json::{Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use super::Platform;
use super::guest_history::GuestHistory;
use super::guest_line::{GuestLine, OPERATION, configuration, fields, presence};
use super::message_details::{LOOKS, ReadMessageDetails};
use crate::conversation::{ConversationLook, Conversations, Look};
use crate::counters::Counters;
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind};
use crate::openings::{OpenReply, Opening, SessionOpenings};
use crate::source::Origin;
use crate::transport::socket::Sockets;

/// Custom attributes that a message may have where the session does not say, in bytes of their JSON (C.2.7).
const CUSTOM_BYTES: u64 = 2_048;
/// Waits before a connection that failed is tried again.
const AGAIN: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)];

/// Where guests come in: a web deployment.
#[derive(Debug, Clone)]
pub struct GuestDoor {
    /// The address of the guests' sockets, without a query: `wss://webmessaging.{domain}/v1`.
    pub url: Uri,
    /// The deployment's id.
    pub deployment: String,
    /// One of the deployment's allowed domains, as an origin: `https://shop.example`. None where it allows all.
    pub origin: Option<HeaderValue>,
    /// What the guest says first where a conversation does not start by a `Join` alone: without it such a session is not opened.
    pub first_text: Option<String>,
}

/// Opens sessions through a web deployment of an organisation on the published contract.
///
/// Attributes, consent and routing hints travel as custom attributes, which the deployment's inbound flow reads: `consent.*`,
/// `routing.priority`, `routing.skills`, `routing.language`, `guest.id`. Nothing there tells a place in a queue.
#[derive(Debug, Clone)]
pub struct PlatformOpenings {
    platform: Platform,
    sockets: Arc<dyn Sockets>,
    door: GuestDoor,
}

impl PlatformOpenings {
    /// Opens sessions at this door, through these sockets. The conversation of a session is found with the platform's staff
    /// token.
    #[must_use]
    pub fn new(platform: Platform, sockets: Arc<dyn Sockets>, door: GuestDoor) -> Self {
        Self { platform, sockets, door }
    }

    /// Tries again where the connection failed; the same token goes on with what was begun.
    async fn opened(&self, opening: &Opening) -> Result<OpenedSession, Error> {
        let mut in_doubt = false;
        for wait in AGAIN {
            match self.attempt(opening).await {
                Ok(opened) => return Ok(opened),
                Err(error) if is_passing(&error) => {
                    in_doubt |= error.may_have_been_processed();
                    let wait = error.retry_after().unwrap_or(wait);
                    tokio::select! {
                        biased;
                        () = self.platform.options.cancel.cancelled() => {
                            return Err(if in_doubt { error.in_doubt() } else { error });
                        }
                        () = sleep(wait) => {}
                    }
                }
                Err(error) => return Err(if in_doubt { error.in_doubt() } else { error }),
            }
        }
        self.attempt(opening).await.map_err(|error| if in_doubt { error.in_doubt() } else { error })
    }

    async fn attempt(&self, opening: &Opening) -> Result<OpenedSession, Error> {
        let door = &self.door;
        let attributes = custom_attributes(&opening.request);
        let (mut line, session) = self.line(opening.key).await?;
        check_size(&attributes, session.get("maxCustomDataBytes").and_then(Value::as_u64))?;
        if session.get("readOnly").and_then(Value::as_bool) == Some(true) {
            return Err(rejected("the session of this key has ended, and can only be read"));
        }
        let is_new = session.get("newSession").and_then(Value::as_bool).unwrap_or(true);
        if !is_new && let Some(opened) = self.begun(&mut line).await? {
            return Ok(opened);
        }
        match line.ask("onMessage", message(presence("Join"), &attributes), true).await {
            Ok(echo) => match self.conversation_of(&echo.body, 201).await? {
                Some(opened) => return Ok(opened),
                None if door.first_text.is_none() => return Err(not_found()),
                // What the guest says is in the same conversation, and is found where a Join is not.
                None => {}
            },
            // The deployment does not start conversations by themselves (C.2.6, autoStart).
            Err(error) if is_no_start(&error) => {}
            Err(error) => return Err(error),
        }
        let Some(text) = &door.first_text else {
            return Err(rejected(
                "a Join starts no conversation at this deployment, and no first text is set (guest_first_text)",
            ));
        };
        let said = message(json!({"type": "Text", "text": text}), &attributes);
        let echo = line.ask("onMessage", said, true).await?;
        self.conversation_of(&echo.body, 201).await?.ok_or_else(not_found)
    }

    /// A connection of the session of this token, and what the platform says of the session.
    pub(super) async fn line(&self, token: Uuid) -> Result<(GuestLine, Value), Error> {
        let door = &self.door;
        let mut line = GuestLine::open(&*self.sockets, &self.url()?, door.origin.as_ref(), token).await?;
        let session = line.ask("configureSession", configuration(&door.deployment), false).await?.body;
        Ok((line, session))
    }

    /// A call of the client's.
    pub(super) async fn call<E: Endpoint>(&self, endpoint: &E) -> Result<E::Output, Error> {
        self.platform.client.send(endpoint, &self.platform.options).await
    }

    pub(super) fn origin(&self) -> Origin {
        self.platform.origin()
    }

    pub(super) fn counted(&self) -> Counters {
        self.platform.client.counters()
    }

    /// The conversation of a session that was begun before: that of the newest message the guest's history shows.
    pub(super) async fn begun(&self, line: &mut GuestLine) -> Result<Option<OpenedSession>, Error> {
        let answer = line.ask("getJwt", serde_json::Map::new(), false).await?.body;
        let jwt = answer.get("jwt").and_then(Value::as_str).unwrap_or_default();
        let history = GuestHistory::new(jwt, self.door.origin.clone())
            .map_err(|_| rejected("the guest's token cannot be sent"))?;
        let page = self.call(&history).await?;
        for said in page.messages.into_iter().flatten() {
            let said: Value = serde_json::from_slice(said.message.bytes()).unwrap_or_default();
            if let Some(opened) = self.conversation_of(&said, 200).await? {
                return Ok(Some(opened));
            }
        }
        Ok(None)
    }

    /// The conversation of a message as the guest's side tells of it, as the staff's side knows it (C.2.8).
    async fn conversation_of(&self, message: &Value, status: u16) -> Result<Option<OpenedSession>, Error> {
        let id = message.get("id").and_then(Value::as_str).unwrap_or_default();
        let Ok(id) = PathSegment::new(id) else { return Ok(None) };
        let created = message.get("channel").and_then(|channel| channel.get("time")).and_then(Value::as_str);
        let created = created.and_then(|time| time.parse::<Timestamp>().ok());
        for wait in LOOKS {
            sleep(wait).await;
            let details = ReadMessageDetails { id: id.clone() };
            match self.call(&details).await {
                Ok(Some(conversation)) => {
                    return Ok(Some(OpenedSession {
                        session_id: conversation,
                        status,
                        queue_position: None,
                        estimated_wait: None,
                        created,
                    }));
                }
                Ok(None) => {}
                Err(error) if error.is_missing() => {}
                // The session is there, whoever may look for its conversation.
                Err(error) => return Err(error.in_doubt()),
            }
        }
        Ok(None)
    }

    fn url(&self) -> Result<Uri, Error> {
        let deployment = crate::percent::encoded(&self.door.deployment);
        let url = format!("{}?deploymentId={deployment}", self.door.url);
        Uri::try_from(url).map_err(|_| rejected("the address of the guests' sockets cannot be called"))
    }
}

/// Where a guest's own id travels among the attributes.
pub(super) const GUEST_ID: &str = "guest.id";
const PRIORITY: &str = "routing.priority";
const SKILLS: &str = "routing.skills";
const LANGUAGE: &str = "routing.language";

/// Whether an attribute is a routing hint that was sent along.
pub(super) fn is_hint(key: &str) -> bool {
    [PRIORITY, SKILLS, LANGUAGE].contains(&key)
}

/// The attributes of a request as the guest's side carries them: texts alone.
pub(super) fn custom_attributes(request: &SessionRequest) -> BTreeMap<String, String> {
    let SessionRequest { guest_id, attributes, consent, routing } = request;
    let mut all: BTreeMap<String, String> =
        attributes.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let skills: Vec<&str> = routing.skills.iter().map(AsRef::as_ref).collect();
    let mut add = |key: &str, value: String| all.insert(key.to_owned(), value);
    add("consent.data_processing", "true".to_owned());
    add("consent.marketing", consent.marketing.to_string());
    add("consent.timestamp", consent.timestamp.to_string());
    add(GUEST_ID, guest_id.as_str().to_owned());
    add(PRIORITY, routing.priority.to_string());
    add(SKILLS, skills.join(","));
    if let Some(language) = &routing.language {
        add(LANGUAGE, language.as_str().to_owned());
    }
    all
}

/// A message with the attributes on its channel (C.2.3).
fn message(said: Value, attributes: &BTreeMap<String, String>) -> serde_json::Map<String, Value> {
    let mut said = fields(said);
    said.insert("channel".to_owned(), json!({"metadata": {"customAttributes": attributes}}));
    fields(json!({"message": said}))
}

/// Refuses what the platform would not take, before it is sent: counted as bytes of the attributes' JSON.
fn check_size(attributes: &BTreeMap<String, String>, most: Option<u64>) -> Result<(), Error> {
    let most = most.filter(|most| *most > 0).unwrap_or(CUSTOM_BYTES);
    let bytes = serde_json::to_vec(attributes).map_or(0, |json| json.len() as u64);
    if bytes > most {
        let what = format!("the attributes have {bytes} bytes together, and the deployment takes {most}");
        return Err(Error::of_kind(OPERATION, ErrorKind::Unsendable { what }));
    }
    Ok(())
}

/// The platform took the guest's message, and does not say into which conversation.
fn not_found() -> Error {
    let what = "the conversation of the guest's message is not to be found".to_owned();
    Error::of_kind(OPERATION, ErrorKind::Malformed { what }).in_doubt()
}

fn rejected(what: &str) -> Error {
    Error::of_kind(OPERATION, ErrorKind::Unsendable { what: what.to_owned() })
}

/// Whether another connection may fare better.
fn is_passing(error: &Error) -> bool {
    use crate::transport::TransportKind::{Connect, CutBody, Dns, Reset, Timeout};
    match error.kind() {
        ErrorKind::Transport(kind) => matches!(kind, Connect | Dns | Reset | CutBody | Timeout),
        ErrorKind::Throttled | ErrorKind::Unavailable => error.operation() == OPERATION,
        _ => false,
    }
}

/// Whether a `Join` was refused for what it is: 400, 403, 4000.
fn is_no_start(error: &Error) -> bool {
    matches!(error.code(), Some("400" | "403" | "4000"))
}

impl Conversations for PlatformOpenings {
    fn conversation<'a>(&'a self, id: &'a ConversationId) -> BoxFuture<'a, Result<ConversationLook, Error>> {
        async move {
            Ok(self.platform.live(id).await?.map_or(ConversationLook::Missing, |live| {
                ConversationLook::Found(Box::new(Look { conversation: live.seen(), clock: None }))
            }))
        }
        .boxed()
    }
}

impl SessionOpenings for PlatformOpenings {
    fn open<'a>(&'a self, opening: &'a Opening) -> BoxFuture<'a, Result<OpenReply, Error>> {
        async move {
            let cancel = &self.platform.options.cancel;
            if cancel.is_cancelled() {
                return Err(Error::of_kind(OPERATION, ErrorKind::Cancelled));
            }
            let deadline = self.platform.options.deadline;
            match tokio::time::timeout(deadline, self.opened(opening)).await {
                Ok(opened) => opened.map(OpenReply::Opened),
                Err(_) => Err(Error::of_kind(OPERATION, ErrorKind::Deadline).in_doubt()),
            }
        }
        .boxed()
    }

    fn describe(&self) -> Origin {
        self.origin()
    }

    fn counters(&self) -> Counters {
        self.counted()
    }
}
