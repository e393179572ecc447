//! What guests say to the other side, and what they are told by it (platform contract C.2.3, C.2.6).

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::frame::{Rejection, Told, presence, push, response};
use super::protocol::{Turn, epoch_seconds};
use super::request::{Content, Event, Said};
use super::session::Life;
use crate::guests::Closure;
use crate::messages::{Attachment, Message};
use crate::moment::Moment;
use crate::platform::time::Time;
use crate::platform::{self, ids};
use crate::sandbox::{Sandbox, State};
use crate::sessions::Beginning;

/// Guests may be seen typing once in so long.
const TYPING: Duration = Duration::from_secs(5);

impl Turn<'_> {
    /// `onMessage`
    pub(super) fn message(&mut self, session: usize, said: Said) -> Result<(), Rejection> {
        let attributes = self.attributes(&said)?;
        let wait = self.state.platform.web.count_message(session, self.now);
        wait.map_err(|wait| Rejection::too_many("Message", wait))?;
        if said.r#type == "Event" {
            return self.events(session, said, attributes);
        }
        if !matches!(said.r#type.as_str(), "Text" | "Structured") {
            return Err(Rejection::new(400, format!("A guest sends no {}", said.r#type)));
        }
        if self.state.platform.web.session(session).life == Life::ReadOnly {
            return Err(Rejection::new(403, "The conversation is read-only"));
        }
        let text = said.text.clone().unwrap_or_default();
        let limit = self.state.platform.web.plan.text_bytes;
        if limit > 0 && text.len() > limit {
            let message = format!("Message length {} is over the limit of {limit}", text.len());
            return Err(Rejection::new(4011, message));
        }
        let (attachments, content) = self.contents(session, said.content.unwrap_or_default())?;
        if text.is_empty() && content.is_empty() {
            return Err(Rejection::new(4020, "A required parameter is missing: text"));
        }
        let conversation = self.conversation(session, attributes);
        let seed = self.sandbox.config().seed;
        let view = self.sandbox.conversation(self.state, &conversation);
        let view = view.map_err(|_| Rejection::new(5000, "The conversation is gone"))?;
        let message = self.state.messages.hear(&view, &text, attachments, seed, self.now);
        self.sandbox.add(self.state, &message);
        let told = Told {
            id: ids::message(&message.id),
            kind: if said.r#type == "Text" { "Text" } else { "Structured" },
            text: Some(text).filter(|text| !text.is_empty()),
            content,
            events: Vec::new(),
            inbound: true,
            nickname: None,
            time: self.now,
            message_id: said.channel.and_then(|channel| channel.message_id),
            metadata: said.metadata.unwrap_or_default(),
        };
        self.tell(session, told, true);
        Ok(())
    }

    /// `echo`: whether the connection lives, and for how long the session will.
    pub(super) fn echo(&mut self, session: usize, said: Said) {
        let web = &self.state.platform.web;
        let expires = epoch_seconds(web.session(session).expires);
        let mut metadata = said.metadata.unwrap_or_default();
        metadata.insert("durationSeconds".to_owned(), web.plan.session_seconds.to_string().into());
        metadata.insert("expirationDate".to_owned(), expires.to_string().into());
        let body = json!({"type": said.r#type, "text": said.text, "direction": "Inbound", "metadata": metadata,
            "channel": {"time": Time(self.now)}});
        let frame = response("StructuredMessage", body, self.tracing_id.as_deref());
        self.state.platform.web.tell(self.connection, frame);
    }

    /// Custom attributes: a flat map of texts, of so many bytes at most.
    fn attributes(&self, said: &Said) -> Result<Map<String, Value>, Rejection> {
        let Some(attributes) = said.custom_attributes() else { return Ok(Map::new()) };
        if !attributes.values().all(Value::is_string) {
            return Err(Rejection::new(400, "Custom attributes are texts"));
        }
        let bytes = serde_json::to_vec(attributes).map_or(0, |json| json.len());
        let limit = self.state.platform.web.plan.custom_data_bytes;
        if limit > 0 && bytes > limit {
            let message = format!("Custom attributes of {bytes} bytes are over the limit of {limit}");
            return Err(Rejection::new(4013, message));
        }
        Ok(attributes.clone())
    }

    /// What comes along with a text: files that were uploaded, and answers to buttons.
    fn contents(
        &self,
        session: usize,
        contents: Vec<Content>,
    ) -> Result<(Vec<Attachment>, Vec<Value>), Rejection> {
        let web = &self.state.platform.web;
        let base = web.connection(self.connection).map(|one| one.base.clone()).unwrap_or_default();
        let seed = self.sandbox.config().seed;
        let (mut attachments, mut told) = (Vec::new(), Vec::new());
        for content in contents {
            if let Some(attached) = content.attachment {
                let file = web.files.uploaded(session, &attached.id, self.now)?;
                let media = if file.media_type.starts_with("image/") { "Image" } else { "File" };
                told.push(json!({"contentType": "Attachment", "attachment": {
                    "id": attached.id, "mediaType": media, "mime": file.media_type, "filename": file.name,
                    "fileSize": file.content.as_ref().map(bytes::Bytes::len),
                    "url": super::upload::link(&base, &attached.id, seed, file.expires)}}));
                attachments.push(Attachment {
                    media_type: file.media_type.clone(),
                    filename: file.name.clone(),
                    content: file.content.clone(),
                    url: None,
                });
            } else if let Some(answer) = content.button_response {
                told.push(json!({"contentType": "ButtonResponse", "buttonResponse": answer}));
            } else {
                return Err(Rejection::new(400, format!("A guest sends no {}", content.content_type)));
            }
        }
        if attachments.len() > 1 {
            return Err(Rejection::new(400, "A message has one attachment at most"));
        }
        Ok((attachments, told))
    }

    /// Presence and typing.
    fn events(
        &mut self,
        session: usize,
        said: Said,
        attributes: Map<String, Value>,
    ) -> Result<(), Rejection> {
        let event = said.events.and_then(|events| events.into_iter().next());
        let event = event.ok_or_else(|| Rejection::new(4020, "A required parameter is missing: events"))?;
        let Event { event_type, presence: kind, typing } = event;
        let web = &mut self.state.platform.web;
        match (event_type.as_str(), kind.as_ref().map(|presence| presence.r#type.as_str())) {
            ("Presence", Some("Join")) if !web.plan.auto_start => {
                Err(Rejection::new(403, "Conversations do not start by themselves"))
            }
            ("Presence", Some("Join")) if web.session(session).life == Life::ReadOnly => {
                Err(Rejection::new(403, "The conversation is read-only"))
            }
            ("Presence", Some("Join")) => {
                let conversation = self.conversation(session, attributes);
                let event = self.presence(session, "Join");
                self.state.platform.web.note_join(&event, &conversation, self.now);
                Ok(())
            }
            ("Presence", Some("Clear")) if !web.plan.conversation_clear => {
                Err(Rejection::new(403, "Clearing the conversation is not enabled"))
            }
            ("Presence", Some("Clear")) => {
                self.leave_conversation(session);
                self.presence(session, "Clear");
                let web = &mut self.state.platform.web;
                web.tell_all(session, &push("SessionClearedEvent", json!({}), None));
                web.release(session);
                web.forget(session);
                Ok(())
            }
            ("Typing", _) => {
                let now = self.now;
                let web_session = web.session_mut(session);
                let wait = web_session.typed.map(|typed| typed.plus(TYPING)).filter(|next| now < *next);
                if wait.is_some() {
                    return Err(Rejection::too_many("Typing", TYPING.as_secs()));
                }
                web_session.typed = Some(now);
                let typing = typing.unwrap_or_else(|| json!({"type": "On"}));
                let event = json!({"eventType": "Typing", "typing": typing});
                let told = Told::event(self.event_id(), event, true, now);
                self.tell(session, told, false);
                Ok(())
            }
            _ => Err(Rejection::new(400, format!("A guest sends no such {event_type}"))),
        }
    }

    fn event_id(&mut self) -> String {
        ids::message(&super::id(self.sandbox.config().seed, self.state.count_request("WS event")))
    }

    /// Tells a presence; says its id.
    fn presence(&mut self, session: usize, kind: &str) -> String {
        let id = self.event_id();
        let told = Told::event(id.clone(), presence(kind), true, self.now);
        self.tell(session, told, true);
        id
    }

    /// Says it on all connections of the session, and keeps it in its history.
    fn tell(&mut self, session: usize, told: Told, keep: bool) {
        let web = &mut self.state.platform.web;
        web.tell_all(session, &push("StructuredMessage", told.json(), self.tracing_id.as_deref()));
        web.prolong(session, self.now);
        if keep {
            web.session_mut(session).history.push(told);
        }
    }

    /// The conversation that is going on, or a new one.
    fn conversation(&mut self, session: usize, attributes: Map<String, Value>) -> String {
        let web = self.state.platform.web.session(session);
        let guest = web.guest.clone();
        let open = web
            .conversation
            .clone()
            .filter(|id| self.state.sessions.find(id).is_some_and(|session| session.ended.is_none()));
        if let Some(id) = open {
            if !attributes.is_empty() {
                self.state.sessions.mark(&id, attributes);
                let participant = ids::participant(&id, "customer");
                let events = [platform::Event::Attributes(&participant)];
                self.sandbox.happened(self.state, &id, &events, self.now, self.host);
            }
            return id;
        }
        let key = self.state.platform.web.token(session);
        let beginning =
            Beginning { guest_id: guest, attributes, key: Some(key), channel: "webchat", outbound: false };
        let opened = self.sandbox.begin(self.state, beginning, self.now, self.host);
        self.state.platform.web.begin(session, &opened);
        opened
    }

    /// The guest ends the conversation that is going on, if one is.
    pub(super) fn leave_conversation(&mut self, session: usize) {
        let Some(id) = self.state.platform.web.session(session).conversation.clone() else { return };
        let closure =
            Closure { reason: "customer_initiated".to_owned(), retain_data: true, external_ref: None };
        if self.state.sessions.end_conversation(&id, closure, self.now) {
            self.sandbox.happened(self.state, &id, &[platform::Event::Ended], self.now, self.host);
        }
    }
}

impl State {
    /// Tells a guest who came in by socket what an agent says.
    pub(crate) fn tell_guest(&mut self, message: &Arc<Message>) {
        if !message.by_guest {
            self.tell_said(message);
        }
    }

    /// Tells a guest who came in by socket what was said elsewhere than on it, by either side.
    pub(crate) fn tell_said(&mut self, message: &Arc<Message>) {
        let web = &mut self.platform.web;
        let Some(session) = web.of_conversation(&message.conversation) else { return };
        let base = web.session(session).base.clone();
        let content = message.attachments.iter().enumerate().map(|(index, attachment)| {
            let media = if attachment.media_type.starts_with("image/") { "Image" } else { "File" };
            let path = crate::media::path_of_sent(&message.id, index, &attachment.filename);
            json!({"contentType": "Attachment", "attachment": {
                "id": format!("{}-{}", message.id, index + 1), "mediaType": media,
                "mime": attachment.media_type, "filename": attachment.filename,
                "fileSize": attachment.bytes(), "url": attachment.url.clone().unwrap_or_else(|| format!("{base}{path}"))}})
        });
        let told = Told {
            id: ids::message(&message.id),
            kind: "Text",
            text: Some(message.text.clone()).filter(|text| !text.is_empty()),
            content: content.collect(),
            events: Vec::new(),
            inbound: message.by_guest,
            nickname: (!message.by_guest).then(|| message.from.clone()),
            time: message.created,
            message_id: None,
            metadata: Map::new(),
        };
        web.tell_all(session, &push("StructuredMessage", told.json(), None));
        web.session_mut(session).history.push(told);
    }

    /// Tells a guest who came in by socket that somebody on the other side types.
    pub(crate) fn tell_typing(&mut self, conversation: &str, typing: Value, seed: u64, now: Moment) {
        let id = ids::message(&super::id(seed, self.count_request("WS event")));
        let web = &mut self.platform.web;
        let Some(session) = web.of_conversation(conversation) else { return };
        let event = json!({"eventType": "Typing", "typing": typing});
        web.tell_all(session, &push("StructuredMessage", Told::event(id, event, false, now).json(), None));
    }

    /// Tells a guest who came in by socket that the other side has ended the conversation.
    pub(crate) fn tell_end(&mut self, conversation: &str, seed: u64, now: Moment) {
        let id = ids::message(&super::id(seed, self.count_request("WS event")));
        let web = &mut self.platform.web;
        let Some(session) = web.of_conversation(conversation) else { return };
        if web.session(session).conversation.as_deref() != Some(conversation) {
            return;
        }
        let mut told = Told::event(id, presence("Disconnect"), false, now);
        if web.plan.read_only_end {
            told.metadata.insert("readOnly".to_owned(), "true".into());
            web.session_mut(session).life = Life::ReadOnly;
        }
        web.tell_all(session, &push("StructuredMessage", told.json(), None));
        web.session_mut(session).history.push(told);
    }
}

impl Sandbox {
    /// A conversation begins: a session of the tenant's, as if it had been opened by a request.
    pub(crate) fn begin(&self, state: &mut State, beginning: Beginning, now: Moment, host: Moment) -> String {
        let plan = state.session_plan;
        let session = state.sessions.begin(beginning, plan, self.config().seed, now);
        self.opened(state, &session, host);
        session.id.clone()
    }
}
