//! The guest's side of the protocol: frames in, frames out (platform contract C.2). Frames are answered
//! one after the other, under the sandbox's lock; what is said goes to the connections' own queues.

use http::Method;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use super::frame::{Frame, Rejection, push, response};
use super::jwt;
use super::request::{Action, Attach, Configure, Request};
use super::session::Life;
use crate::fault::{Effect, Question};
use crate::form;
use crate::moment::Moment;
use crate::random::mix;
use crate::sandbox::{Sandbox, State};

/// A request of a guest on its way through.
pub(super) struct Turn<'a> {
    pub(super) sandbox: &'a Sandbox,
    pub(super) state: &'a mut State,
    pub(super) connection: u64,
    pub(super) tracing_id: Option<String>,
    pub(super) now: Moment,
    /// The host's time, by which calls are made.
    pub(super) host: Moment,
}

/// Why nobody is let in: a status and a text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Barred(pub(crate) u16, pub(crate) &'static str);

impl Sandbox {
    /// Lets a guest in. `query` is that of `/v1?deploymentId=…`, `base` where the guest found the sandbox.
    pub(crate) fn guest_arrives(
        &self,
        query: &str,
        origin: Option<&str>,
        base: String,
        host: Moment,
    ) -> Result<(u64, UnboundedReceiver<Frame>), Barred> {
        let mut state = self.state();
        let now = state.clock.now(host);
        *state.stats.requests.entry("GET /v1".to_owned()).or_default() += 1;
        let pairs = form::pairs(query).unwrap_or_default();
        let web = &mut state.platform.web;
        if form::value(&pairs, "deploymentId") != Some(self.config().deployment_id.as_str())
            || !web.plan.active
        {
            return Err(Barred(403, "there is no such deployment, or it is not active"));
        }
        if !web.plan.allows(origin) {
            return Err(Barred(403, "this origin is not allowed"));
        }
        web.arrive(base, now).map_err(|_| Barred(429, "too many connections"))
    }

    /// A guest says something.
    pub(crate) fn guest_says(&self, connection: u64, text: &str, host: Moment) {
        let mut state = self.state();
        let now = state.clock.now(host);
        state.platform.web.expire(connection, now);
        let read = Request::read(text);
        let label = format!("WS {}", read.as_ref().map_or("*", |request| request.body.label()));
        let fault = state.frame_fault(&label, text, now);
        match fault {
            Some(Effect::CommittedThen { .. } | Effect::Reset(_) | Effect::Cut(_) | Effect::Stall(_)) => {
                // Carried out, but whoever asked is not told.
                let web = &mut state.platform.web;
                web.tell(connection, Frame::Break);
            }
            Some(_) => {
                state.platform.web.tell(connection, Frame::Break);
                return;
            }
            None => {}
        }
        let (tracing_id, object) = match &read {
            Ok(request) => (request.tracing_id.clone(), request.body.wants_object()),
            Err(unreadable) => (unreadable.tracing_id.clone(), None),
        };
        let counted = state.platform.web.count_request(connection, now);
        let mut turn = Turn { sandbox: self, state: &mut state, connection, tracing_id, now, host };
        let done = match (counted, read) {
            (Err(wait), _) => Err(Rejection::too_many("Request", wait)),
            (Ok(()), Err(unreadable)) => Err(Rejection::new(unreadable.code, unreadable.message)),
            (Ok(()), Ok(request)) => turn.answer(request),
        };
        if let Err(rejection) = done {
            let frame = rejection.frame(turn.tracing_id.as_deref(), object.as_deref());
            turn.state.platform.web.tell(connection, frame);
        }
    }

    /// A guest's connection is gone.
    pub(crate) fn guest_leaves(&self, connection: u64) {
        self.state().platform.web.leave(connection);
    }

    /// Time passes for a guest who says nothing.
    pub(crate) fn guest_waits(&self, connection: u64, host: Moment) {
        let mut state = self.state();
        let now = state.clock.now(host);
        state.platform.web.expire(connection, now);
    }
}

impl State {
    /// Counts a frame, and asks the fault plan about it: rules name its path, which is the action.
    fn frame_fault(&mut self, label: &str, text: &str, now: Moment) -> Option<Effect> {
        let number = self.count_request(label);
        let question = Question {
            number,
            method: &Method::GET,
            label,
            endpoint: None,
            page: None,
            target: "",
            now,
            body: text.as_bytes(),
        };
        let fired = self.faults.decide(&question)?;
        *self.stats.faults.entry(fired.name()).or_default() += 1;
        fired.effect
    }
}

impl Action {
    /// The name by which it is counted; those that are none are counted together.
    fn label(&self) -> &'static str {
        match self {
            Action::Configure(_) => "configureSession",
            Action::ConfigureAuthenticated => "configureAuthenticatedSession",
            Action::GetConfiguration { .. } => "getConfiguration",
            Action::Message(_) => "onMessage",
            Action::Echo(_) => "echo",
            Action::Attach(_) => "onAttachment",
            Action::GetAttachment { .. } => "getAttachment",
            Action::DeleteAttachment { .. } => "deleteAttachment",
            Action::GetJwt => "getJwt",
            Action::Close { .. } => "closeSession",
            Action::Unknown => "*",
        }
    }

    /// The attachment about which errors are wanted as objects.
    fn wants_object(&self) -> Option<String> {
        match self {
            Action::Attach(Attach { errors_as_json: Some(true), attachment_id, .. }) => {
                Some(attachment_id.clone().unwrap_or_default())
            }
            _ => None,
        }
    }
}

impl Turn<'_> {
    fn answer(&mut self, request: Request) -> Result<(), Rejection> {
        match request.body {
            Action::Configure(configure) => return self.configure(&request.token, &configure),
            Action::ConfigureAuthenticated => {
                return Err(Rejection::new(4000, "Authenticated guests are not configured"));
            }
            Action::GetConfiguration { deployment } => {
                self.check_deployment(&deployment)?;
                let body = self.configuration();
                self.respond("GetConfigurationResponse", body);
                return Ok(());
            }
            Action::Unknown => {
                return Err(Rejection::new(400, format!("There is no action {}", request.action)));
            }
            _ => {}
        }
        let session = self.session(&request.token)?;
        match request.body {
            Action::Message(said) => self.message(session, *said),
            Action::Echo(said) => {
                let wait = self.state.platform.web.count_echo(self.connection, self.now);
                wait.map_err(|wait| Rejection::too_many("Health check", wait))?;
                self.echo(session, *said);
                Ok(())
            }
            Action::Attach(attach) => self.announce(session, attach),
            Action::GetAttachment { id } => self.link(session, &id),
            Action::DeleteAttachment { id } => {
                self.state.platform.web.files.delete(session, &id)?;
                self.respond("AttachmentDeletedResponse", json!({"attachmentId": id}));
                Ok(())
            }
            Action::GetJwt => {
                let life = self.state.platform.web.plan.jwt_seconds;
                let seed = self.sandbox.config().seed;
                let (jwt, exp) = jwt::issue(jwt::Subject::Session(session as u64), life, seed, self.now);
                self.respond("JwtResponse", json!({"jwt": jwt, "exp": exp}));
                Ok(())
            }
            Action::Close { all } => {
                self.close(session, all);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn respond(&self, class: &str, body: Value) {
        let frame = response(class, body, self.tracing_id.as_deref());
        self.state.platform.web.tell(self.connection, frame);
    }

    fn check_deployment(&self, id: &str) -> Result<(), Rejection> {
        if id == self.sandbox.config().deployment_id {
            Ok(())
        } else {
            Err(Rejection::new(400, "The deployment is not the one that was connected to"))
        }
    }

    /// The session that the connection is configured for.
    fn session(&self, token: &str) -> Result<usize, Rejection> {
        let web = &self.state.platform.web;
        let session = web.connection(self.connection).and_then(|connection| connection.session);
        let session = session.filter(|index| web.of_token(token) == Some(*index));
        let session = session.ok_or_else(|| Rejection::new(4007, "The session was not found"))?;
        if web.session(session).life == Life::Expired {
            return Err(Rejection::new(4006, "The session has expired"));
        }
        Ok(session)
    }

    /// `configureSession`: the session of this token, or a new one.
    fn configure(&mut self, token: &str, configure: &Configure) -> Result<(), Rejection> {
        self.check_deployment(&configure.deployment_id)?;
        let (seed, now) = (self.sandbox.config().seed, self.now);
        let web = &mut self.state.platform.web;
        let known = web.of_token(token);
        let start_new = configure.start_new == Some(true);
        let mut cleared = false;
        let (index, new) = match known {
            Some(index) if start_new => {
                cleared = true;
                self.leave_conversation(index);
                self.state.platform.web.release(index);
                self.state.platform.web.forget(index);
                (self.state.platform.web.open(token, seed, now), true)
            }
            Some(index) => {
                if web.session(index).expires <= now {
                    web.session_mut(index).life = Life::Expired;
                    return Err(Rejection::new(4006, "The session has expired"));
                }
                (index, false)
            }
            None => (web.open(token, seed, now), true),
        };
        let web = &mut self.state.platform.web;
        web.count_configure(index, now).map_err(|wait| Rejection::too_many("Configure", wait))?;
        web.join(self.connection, index);
        let session = web.session(index);
        let read_only = session.life == Life::ReadOnly;
        if !read_only {
            web.prolong(index, now);
        }
        if !new && let Some(conversation) = self.state.platform.web.session(index).conversation.clone() {
            self.state.sessions.again(&conversation);
        }
        let web = &self.state.platform.web;
        let mut body = self.configuration();
        let extra = json!({
            "connected": true, "newSession": new, "readOnly": read_only, "clearedExistingSession": cleared,
            "durationSeconds": web.plan.session_seconds,
            "expirationDate": epoch_seconds(web.session(index).expires), "autoStarted": false,
        });
        if let (Value::Object(body), Value::Object(extra)) = (&mut body, extra) {
            body.remove("messageRoutingEnabled");
            body.remove("sessionDurationSeconds");
            body.extend(extra);
        }
        self.respond("SessionResponse", body);
        Ok(())
    }

    /// What the deployment allows.
    fn configuration(&self) -> Value {
        let plan = &self.state.platform.web.plan;
        let types = if plan.file_types.is_empty() { vec!["*/*".to_owned()] } else { plan.file_types.clone() };
        let types: Vec<_> = types.into_iter().map(|name| json!({"type": name})).collect();
        json!({
            "allowedMedia": {"inbound": {"fileTypes": types, "maxFileSizeKB": plan.file_kb}},
            "blockedExtensions": plan.blocked_extensions, "maxCustomDataBytes": plan.custom_data_bytes,
            "messageRoutingEnabled": true, "sessionDurationSeconds": plan.session_seconds,
        })
    }

    /// `onAttachment`: where to bring it.
    fn announce(&mut self, session: usize, attach: Attach) -> Result<(), Rejection> {
        let seed = self.sandbox.config().seed;
        let id =
            attach.attachment_id.clone().filter(|id| !id.is_empty()).unwrap_or_else(|| {
                super::id(mix(seed, 0x6669_6c65), self.state.count_request("WS attachment"))
            });
        let web = &mut self.state.platform.web;
        let base = web.connection(self.connection).map(|one| one.base.clone()).unwrap_or_default();
        let plan = web.plan.clone();
        let file = web.files.announce(session, &id, attach, &plan, self.now)?;
        let mut body = json!({
            "attachmentId": id, "url": super::upload::link(&base, &id, seed, file.expires),
            "headers": super::upload::headers(&file.media_type),
            "fileName": file.name, "fileType": file.media_type,
        });
        if let Some(size) = file.size {
            body["fileSize"] = size.into();
        }
        self.respond("PresignedUrlResponse", body);
        Ok(())
    }

    /// `getAttachment`: where to get it.
    fn link(&mut self, session: usize, id: &str) -> Result<(), Rejection> {
        let seed = self.sandbox.config().seed;
        let web = &self.state.platform.web;
        let base = web.connection(self.connection).map(|one| one.base.clone()).unwrap_or_default();
        let file = web.files.uploaded(session, id, self.now)?;
        let body = json!({
            "attachmentId": id, "url": super::upload::link(&base, id, seed, file.expires), "headers": {},
            "fileName": file.name, "fileType": file.media_type, "fileSize": file.size,
        });
        self.respond("PresignedUrlResponse", body);
        Ok(())
    }

    /// `closeSession`: the guest ends it.
    fn close(&mut self, session: usize, all: bool) {
        self.leave_conversation(session);
        let web = &mut self.state.platform.web;
        web.session_mut(session).life = Life::ReadOnly;
        let closing = if all { web.connections(session) } else { vec![self.connection] };
        for connection in &closing {
            web.tell(*connection, push("ConnectionClosedEvent", Value::Object(Map::new()), None));
        }
        let body = json!({"connected": false, "newSession": false, "readOnly": true});
        self.respond("SessionResponse", body);
        for connection in closing {
            self.state.platform.web.close(connection);
        }
    }
}

/// Whole seconds since the epoch.
pub(super) fn epoch_seconds(moment: Moment) -> i64 {
    moment.as_nanos().div_euclid(1_000_000_000)
}
