//! `POST /api/v2/conversations/webchat` (gateway contract §3): sessions that are opened, each a
//! conversation from then on.

mod plan;
mod request;
mod session;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderValue, LOCATION};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::guests::{Closure, GuestState};
use crate::messages::Message;
use crate::moment::Moment;
use crate::problem::Problem;
use crate::random::{fraction, hash_text, mix, write_id};
use crate::reply::{Body, Reply};
use crate::tenant::AGENTS;

pub use plan::SessionPlan;
use request::Opening;
pub(crate) use session::Session;

/// The scope that opening a session needs.
pub(crate) const OPEN: &str = "webchat:conversation:write";
/// The header of the key that makes a retry safe.
const KEY: &str = "idempotency-key";
/// Sets sessions apart from all else that is made from the seed.
const SESSIONS: u64 = 0x7365_7373;

/// All sessions that were opened since the start.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    all: Vec<Arc<Session>>,
    by_id: HashMap<String, usize>,
    /// The last one of each guest.
    by_guest: HashMap<String, usize>,
    /// What was answered to each key.
    answers: HashMap<String, Answered>,
    /// When the guest at the end of each queue is taken.
    turns: HashMap<String, Moment>,
    pub(crate) refusals: Refusals,
}

/// The first answer to a key.
#[derive(Debug)]
struct Answered {
    /// SHA-256 of the request.
    request: [u8; 32],
    session: usize,
    body: Bytes,
}

/// How many requests were refused for what had been before.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Refusals {
    /// The guest had an open session.
    pub(crate) conflicts: u64,
    /// The key had been used for another request.
    pub(crate) mismatches: u64,
}

/// A conversation that begins over the platform's contract, where no request opens one.
pub(crate) struct Beginning {
    pub(crate) guest_id: String,
    pub(crate) attributes: Map<String, Value>,
    /// What a guest who comes again is known by.
    pub(crate) key: Option<String>,
    /// What the gateway calls it: `webchat`, `sms` or `open`.
    pub(crate) channel: &'static str,
    /// Whether our side began it.
    pub(crate) outbound: bool,
}

/// What came of a request.
pub(crate) struct Opened {
    pub(crate) reply: Reply,
    /// The session that was opened just now; nothing when the answer comes from memory.
    pub(crate) session: Option<Arc<Session>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    id: &'a str,
    conversation_type: &'static str,
    guest_id: &'a str,
    attributes: &'a Map<String, Value>,
    routing_data: Queued,
    created_timestamp: Moment,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Queued {
    #[serde(skip_serializing_if = "Option::is_none")]
    queue_position: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_wait_time: Option<u64>,
}

impl Sessions {
    /// Opens a session, unless its key was used before. `taken` tells the conversation of a guest that
    /// was there before any session, when that is not over.
    pub(crate) fn open(
        &mut self,
        headers: &HeaderMap,
        body: &Bytes,
        plan: SessionPlan,
        seed: u64,
        now: Moment,
        taken: impl FnOnce(&str) -> Option<String>,
    ) -> Result<Opened, Problem> {
        let key = key(headers)?;
        let request: [u8; 32] = Sha256::digest(body).into();
        if let Some(answered) = key.as_ref().and_then(|key| self.answers.get(key)) {
            if answered.request != request {
                self.refusals.mismatches += 1;
                let message = "this key was used for another request";
                return Err(Problem::new(StatusCode::CONFLICT, "idempotency.mismatch", message));
            }
            let (session, body) = (answered.session, answered.body.clone());
            let session = Arc::make_mut(&mut self.all[session]);
            session.posts += 1;
            return Ok(Opened { reply: created(&session.id, body), session: None });
        }
        let opening = Opening::read(body)?;
        let open = match self.of_guest(&opening.guest_id) {
            Some(last) => (last.state() != GuestState::Closed).then(|| last.id.clone()),
            None => taken(&opening.guest_id),
        };
        if let Some(conversation) = open {
            self.refusals.conflicts += 1;
            let message = "this guest has an open session";
            return Err(Problem::new(StatusCode::CONFLICT, "conflict", message).about(conversation));
        }
        let (session, queued) = self.queue_up(opening, key, plan, seed, now);
        let wire = Wire {
            id: &session.id,
            conversation_type: "webchat",
            guest_id: &session.guest_id,
            attributes: &session.attributes,
            routing_data: queued,
            created_timestamp: session.created,
        };
        let body = serde_json::to_vec(&wire).map_err(|error| Problem::bad_request(error.to_string()))?;
        let reply = created(&session.id, Bytes::from(body.clone()));
        let index = self.all.len();
        if let Some(key) = &session.key {
            self.answers.insert(key.clone(), Answered { request, session: index, body: Bytes::from(body) });
        }
        self.by_id.insert(session.id.clone(), index);
        self.by_guest.insert(session.guest_id.clone(), index);
        let session = Arc::new(session);
        self.all.push(Arc::clone(&session));
        Ok(Opened { reply, session: Some(session) })
    }

    /// A guest begins to talk who came in by socket (platform contract C.2.2): what is said about routing
    /// are attributes, `routing.queue` or else the first of `routing.skills`, and `routing.language`.
    pub(crate) fn begin(
        &mut self,
        beginning: Beginning,
        plan: SessionPlan,
        seed: u64,
        now: Moment,
    ) -> Arc<Session> {
        let opening = Opening::of_guest(&beginning.guest_id, beginning.attributes);
        let (mut session, _) = self.queue_up(opening, beginning.key, plan, seed, now);
        (session.channel, session.outbound) = (beginning.channel, beginning.outbound);
        let (index, session) = (self.all.len(), Arc::new(session));
        self.by_id.insert(session.id.clone(), index);
        self.by_guest.insert(session.guest_id.clone(), index);
        self.all.push(Arc::clone(&session));
        session
    }

    /// A conversation was opened again under its key.
    pub(crate) fn again(&mut self, id: &str) {
        if let Some(session) = self.find_mut(id) {
            session.posts += 1;
        }
    }

    /// Adds attributes to a conversation; those of the same name are replaced. Says whether it is one
    /// that was opened.
    pub(crate) fn mark(&mut self, id: &str, attributes: Map<String, Value>) -> bool {
        self.find_mut(id).map(|session| session.attributes.extend(attributes)).is_some()
    }

    /// Ends a conversation that was opened and is not over; says whether it did.
    pub(crate) fn end_conversation(&mut self, id: &str, closure: Closure, now: Moment) -> bool {
        match self.find_mut(id) {
            Some(session) if session.ended.is_none() => {
                session.ended = Some((now, closure));
                true
            }
            _ => false,
        }
    }

    /// Finds other words for how a conversation was ended.
    pub(crate) fn reword(&mut self, id: &str, reword: impl FnOnce(&mut Closure)) {
        if let Some((_, closure)) = self.find_mut(id).and_then(|session| session.ended.as_mut()) {
            reword(closure);
        }
    }

    /// Counts a request that would end a conversation; says whether it is one that was opened.
    pub(crate) fn count_end(&mut self, id: &str) -> bool {
        self.find_mut(id).map(|session| session.deletes += 1).is_some()
    }

    /// A conversation that was over goes on.
    pub(crate) fn reopen(&mut self, id: &str) {
        if let Some(session) = self.find_mut(id) {
            session.ended = None;
        }
    }

    fn find_mut(&mut self, id: &str) -> Option<&mut Session> {
        let index = self.by_id.get(id)?;
        self.all.get_mut(*index).map(Arc::make_mut)
    }

    /// Gives the guest the last place of the queue.
    fn queue_up(
        &mut self,
        opening: Opening,
        key: Option<String>,
        plan: SessionPlan,
        seed: u64,
        now: Moment,
    ) -> (Session, Queued) {
        let number = self.all.len() as u64;
        let pace = Duration::from_millis(plan.pace_ms);
        let routing = opening.routing;
        let queue = routing.skills.first().cloned().unwrap_or_else(|| "general".to_owned());
        let before = self.turns.get(&queue).copied().unwrap_or(now).max(now);
        let turn = before.plus(pace);
        self.turns.insert(queue.clone(), turn);
        let wait = u64::try_from(turn.since(now).as_millis()).unwrap_or(0);
        let by_chance = mix(mix(seed, SESSIONS), hash_text(opening.guest_id.as_bytes()));
        let told = fraction(by_chance, 0) >= plan.without_queue;
        let queued = Queued {
            // Rounded up: who is being waited for is still in the queue.
            queue_position: told.then(|| wait.div_ceil(plan.pace_ms.max(1)).max(1)),
            estimated_wait_time: told.then(|| wait.div_ceil(1_000)),
        };
        let mut id = Vec::with_capacity(36);
        write_id(&mut id, mix(mix(seed, SESSIONS), number), mix(number, by_chance));
        let session = Session {
            number,
            id: String::from_utf8_lossy(&id).into_owned(),
            guest_id: opening.guest_id,
            attributes: opening.attributes,
            queue,
            language: routing.language,
            agent: 1 + mix(by_chance, 1) % AGENTS,
            created: now,
            joined: if plan.agents_in_turn { turn } else { now },
            key,
            channel: "webchat",
            outbound: false,
            posts: 1,
            reads: 0,
            deletes: 0,
            ended: None,
            said: Vec::new(),
        };
        (session, queued)
    }

    pub(crate) fn all(&self) -> &[Arc<Session>] {
        &self.all
    }

    /// The session that is this conversation.
    pub(crate) fn find(&self, id: &str) -> Option<&Arc<Session>> {
        self.by_id.get(id).and_then(|index| self.all.get(*index))
    }

    /// The last session of a guest.
    pub(crate) fn of_guest(&self, guest_id: &str) -> Option<&Arc<Session>> {
        self.by_guest.get(guest_id).and_then(|index| self.all.get(*index))
    }

    /// Those that started in `[from, to)`, in the order in which they were opened.
    pub(crate) fn started_in(&self, from: Moment, to: Moment) -> Vec<Arc<Session>> {
        self.all.iter().filter(|session| (from..to).contains(&session.created)).cloned().collect()
    }

    /// Adds a message to a session; says whether there is such a session.
    pub(crate) fn say(&mut self, message: &Arc<Message>) -> bool {
        let Some(index) = self.by_id.get(&message.conversation) else { return false };
        Arc::make_mut(&mut self.all[*index]).said.push(Arc::clone(message));
        true
    }

    /// Tells how a guest's last session is doing, where it ever had one.
    pub(crate) fn look(&mut self, guest_id: &str) -> Option<Reply> {
        let session = Arc::make_mut(&mut self.all[*self.by_guest.get(guest_id)?]);
        session.reads += 1;
        Some(crate::guests::told(guest_id, session.state(), changed(session)))
    }

    /// Ends a guest's last session, where it ever had one.
    pub(crate) fn end(
        &mut self,
        guest_id: &str,
        closure: &Closure,
        now: Moment,
    ) -> Option<Result<Reply, Problem>> {
        let session = Arc::make_mut(&mut self.all[*self.by_guest.get(guest_id)?]);
        session.deletes += 1;
        if session.ended.is_some() {
            return Some(Err(crate::guests::no_open_session()));
        }
        session.ended = Some((now, closure.clone()));
        // Both answers are in the contract; which one a session gets is its own.
        Some(Ok(if session.number.is_multiple_of(2) {
            crate::guests::told(guest_id, session.state(), now)
        } else {
            crate::guests::ended_silently()
        }))
    }
}

fn changed(session: &Session) -> Moment {
    session.ended.as_ref().map_or(session.created, |(ended, _)| *ended)
}

fn created(id: &str, body: Bytes) -> Reply {
    let mut reply = Reply::new(StatusCode::CREATED, "application/json", Body::from(body));
    if let Ok(location) = HeaderValue::from_str(&format!("/api/v2/conversations/{id}")) {
        reply.headers_mut().insert(LOCATION, location);
    }
    reply
}

/// The key of a request, where it has one; it is a UUID.
fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(KEY) else { return Ok(None) };
    let key = value.to_str().ok().and_then(|text| uuid::Uuid::try_parse(text).ok());
    let key = key.ok_or_else(|| {
        Problem::new(StatusCode::BAD_REQUEST, "invalid.idempotency.key", "Idempotency-Key is no UUID")
    })?;
    Ok(Some(key.to_string()))
}
