//! What each endpoint answers, once the request was let in.

use std::sync::Arc;

use bytes::Bytes;
use http::header::HOST;
use http::uri::Authority;
use http::{Request, StatusCode};

use super::{Sandbox, State, Visit};
use crate::conversation::{self, Conversation};
use crate::details;
use crate::fault::Shape;
use crate::guests::{self, Closure, Ended};
use crate::history;
use crate::media;
use crate::messages::{self, Message};
use crate::platform::Event;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::route::Endpoint;
use crate::sessions;
use crate::subscriptions;
use crate::token::{self, bearer};

impl Sandbox {
    pub(super) fn answer(&self, request: &Request<Bytes>, visit: &Visit) -> Result<Reply, Problem> {
        let effect = visit.pass.effect();
        match visit.endpoint.clone()? {
            Endpoint::Token => {
                token::answer(&mut self.state().tokens, &self.config, request, visit.pass.now, effect)
            }
            Endpoint::Details => {
                self.state().tokens.authorize(request.headers(), visit.pass.now, details::SCOPE)?;
                let query = details::Query::read(request.body(), self.config.seed)?;
                let (changes, opened) = {
                    let state = self.state();
                    (Arc::clone(&state.changes), state.sessions.started_in(query.from, query.to))
                };
                Ok(details::answer(&self.tenant, &changes, &opened, &query, &Shape::of(effect)))
            }
            Endpoint::History => self.history(request, visit, &Shape::of(effect)),
            Endpoint::GuestRead => {
                let mut state = self.state();
                state.tokens.authorize(request.headers(), visit.pass.now, guests::READ)?;
                let (plan, id) = (state.guest_plan, visit.id()?);
                match state.sessions.look(id) {
                    Some(reply) => Ok(reply),
                    None => state.fates.read(&self.guests, plan, id, visit.pass.now),
                }
            }
            Endpoint::GuestEnd => self.end_guest(request, visit),
            Endpoint::SessionOpen => self.open_session(request, visit),
            Endpoint::ConversationRead => {
                self.state().tokens.authorize(request.headers(), visit.pass.now, conversation::READ)?;
                self.conversation(&self.state(), visit.id()?)?.reply(visit.pass.now)
            }
            Endpoint::MessageSend => self.send(request, visit),
            Endpoint::WebhookRegister => {
                let mut state = self.state();
                state.tokens.authorize(request.headers(), visit.pass.now, subscriptions::WRITE)?;
                state.subscriptions.register(request.body(), self.config.seed)
            }
            Endpoint::Media => {
                if let Some((message, index)) = media::sent(&visit.ids) {
                    return self.sent_media(request, message, index);
                }
                let changes = Arc::clone(&self.state().changes);
                media::answer(&self.tenant, &changes, self.config.seed, &visit.ids, request, visit.pass.now)
            }
        }
    }

    /// A guest call: whoever brings a token brings a good one (contract §2).
    fn history(&self, request: &Request<Bytes>, visit: &Visit, shape: &Shape) -> Result<Reply, Problem> {
        let (changes, untidy, opened) = {
            let state = self.state();
            if bearer(request.headers()).is_some() {
                state.tokens.authorize_any(request.headers(), visit.pass.now, &history::SCOPES)?;
            }
            let opened = visit.ids.get(2).and_then(|id| state.sessions.find(id)).cloned();
            (Arc::clone(&state.changes), state.untidy, opened)
        };
        let query = request.uri().query().unwrap_or_default();
        let (tenant, config) = (&self.tenant, &self.config);
        let opened = opened.as_ref();
        let query =
            history::Query::read(tenant, config, &changes, opened, &visit.ids, query, visit.pass.now)?;
        Ok(history::answer(tenant, untidy, config.seed, &query, shape, &base(request)))
    }

    fn end_guest(&self, request: &Request<Bytes>, visit: &Visit) -> Result<Reply, Problem> {
        let mut state = self.state();
        state.tokens.authorize(request.headers(), visit.pass.now, guests::MANAGE)?;
        let closure = Closure::read(request.uri().query().unwrap_or_default())?;
        let plan = state.guest_plan;
        if let Some(answer) = state.sessions.end(visit.id()?, &closure, visit.pass.now) {
            let ended = state.sessions.of_guest(visit.id()?).map(|session| session.id.clone());
            if let (Ok(_), Some(conversation)) = (&answer, ended) {
                let (now, host) = (visit.pass.now, visit.pass.host);
                state.tell_end(&conversation, self.config.seed, now);
                self.happened(&mut state, &conversation, &[Event::Ended], now, host);
            }
            return answer;
        }
        let (reply, ended, number) =
            state.fates.end(&self.guests, plan, visit.id()?, closure, visit.pass.now)?;
        if ended == Ended::Forgotten && number < self.tenant.count() {
            Arc::make_mut(&mut state.changes).forget(number);
        }
        if number < self.tenant.count() {
            let (now, host) = (visit.pass.now, visit.pass.host);
            self.happened(&mut state, &self.tenant.id(number), &[Event::Ended], now, host);
        }
        Ok(reply)
    }

    /// Opens a session. A guest of the tenant's whose session is not over has that.
    fn open_session(&self, request: &Request<Bytes>, visit: &Visit) -> Result<Reply, Problem> {
        let mut state = self.state();
        state.tokens.authorize(request.headers(), visit.pass.now, sessions::OPEN)?;
        let State { sessions, fates, session_plan, guest_plan, .. } = &mut *state;
        let taken = |guest: &str| {
            let number = fates.open(&self.guests, *guest_plan, guest)?;
            self.conversation_id(number)
        };
        let (headers, body) = (request.headers(), request.body());
        let opened = sessions.open(headers, body, *session_plan, self.config.seed, visit.pass.now, taken)?;
        match opened.session {
            Some(session) => self.opened(&mut state, &session, visit.pass.host),
            None => state.stats.duplicates += 1,
        }
        Ok(opened.reply)
    }

    fn send(&self, request: &Request<Bytes>, visit: &Visit) -> Result<Reply, Problem> {
        let mut state = self.state();
        state.tokens.authorize(request.headers(), visit.pass.now, messages::SEND)?;
        let conversation = self.conversation(&state, visit.id()?)?;
        let (plan, seed) = (state.receipt_plan, self.config.seed);
        let (headers, body) = (request.headers(), request.body());
        let taken = state.messages.take(headers, body, &conversation, plan, seed, visit.pass.now)?;
        match &taken.message {
            Some(message) => self.add(&mut state, message),
            None => state.stats.duplicates += 1,
        }
        Ok(taken.reply)
    }

    /// Adds a message to its conversation.
    pub(crate) fn add(&self, state: &mut State, message: &Arc<Message>) {
        state.stats.messages += u64::from(!message.by_guest);
        state.tell_guest(message);
        self.tell_open(state, message);
        if !state.sessions.say(message)
            && let Some(number) = self.tenant.number_of(&message.conversation)
        {
            Arc::make_mut(&mut state.changes).say(number, message);
        }
        state.expect_receipts(message);
        // Nothing is called because of it, so the host's time is of no interest.
        let now = message.created;
        self.happened(state, &message.conversation, &[Event::Told], now, now);
    }

    /// The conversation with this id, opened or there from the start.
    pub(crate) fn conversation(&self, state: &State, id: &str) -> Result<Conversation, Problem> {
        if let Some(session) = state.sessions.find(id) {
            return Ok(Conversation::of_session(session));
        }
        let number = self.tenant.number_of(id).ok_or_else(|| {
            Problem::new(StatusCode::NOT_FOUND, "conversation.not.found", "there is no such conversation")
        })?;
        Ok(Conversation::of_tenant(&self.tenant, &self.guests, &state.changes, number))
    }

    /// What was sent along with a message, unless it was given up since.
    pub(crate) fn sent_media(
        &self,
        request: &Request<Bytes>,
        id: &str,
        index: usize,
    ) -> Result<Reply, Problem> {
        let state = self.state();
        let message = state.messages.find(id).ok_or_else(Problem::not_found)?;
        let kept = match state.sessions.find(&message.conversation) {
            Some(session) => !session.is_forgotten(),
            None => {
                let number = self.tenant.number_of(&message.conversation);
                number.is_some_and(|number| !state.changes.of(number).forgotten)
            }
        };
        let attachment = message.attachments.get(index).filter(|_| kept).ok_or_else(Problem::not_found)?;
        let content = attachment.content.as_ref().ok_or_else(Problem::not_found)?;
        Ok(media::answer_sent(request, content, &attachment.filename))
    }
}

/// Where the client found the sandbox: what links to itself begin with.
fn base(request: &Request<Bytes>) -> String {
    let host = request.headers().get(HOST).and_then(|value| value.to_str().ok());
    let authority = request.uri().authority().map(Authority::as_str).or(host);
    format!("http://{}", authority.unwrap_or("sandbox.invalid"))
}
