//! Guests who come in by socket: their connections, and the sessions that these share. A session belongs
//! to whoever knows its token (platform contract C.2.1).

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::files::Files;
use super::frame::{Frame, Told, push};
use super::plan::DeploymentPlan;
use super::window::Window;
use crate::moment::Moment;
use crate::random::{hash_text, mix};

/// Everybody who came in by socket since the start.
#[derive(Debug, Default)]
pub(crate) struct WebGuests {
    pub(crate) plan: DeploymentPlan,
    pub(super) files: Files,
    connections: BTreeMap<u64, Connection>,
    next: u64,
    sessions: Vec<WebSession>,
    /// The last session of each token.
    by_token: HashMap<String, usize>,
    /// The session that a conversation began in.
    by_conversation: HashMap<String, usize>,
    /// The conversations that guests joined, by the ids of those events.
    joined: HashMap<String, (String, Moment)>,
    arrivals: Window,
}

/// One socket.
#[derive(Debug)]
pub(super) struct Connection {
    /// The session it is configured for.
    pub(super) session: Option<usize>,
    /// Where the guest found the sandbox: what links begin with.
    pub(super) base: String,
    out: UnboundedSender<Frame>,
    requests: Window,
    echoes: Window,
}

/// How far a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    Live,
    /// An agent has ended the conversation, or the guest the session: it can be read, and begun anew.
    ReadOnly,
    /// The guest has wiped it, or has begun anew.
    Gone,
    Expired,
}

/// What guests see of each other's sockets, so long as they share a token.
#[derive(Debug)]
pub(super) struct WebSession {
    /// Who the platform takes the guest for; the same for the same token.
    pub(super) guest: String,
    token: String,
    /// Where the guest found the sandbox the last time.
    pub(super) base: String,
    pub(super) life: Life,
    pub(super) expires: Moment,
    /// In the order in which they came.
    connections: Vec<u64>,
    /// The conversation that is going on, or was the last one to.
    pub(super) conversation: Option<String>,
    pub(super) history: Vec<Told>,
    messages: Window,
    configures: Window,
    histories: Window,
    /// When the guest was last seen typing.
    pub(super) typed: Option<Moment>,
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

impl WebGuests {
    pub(crate) fn new(plan: DeploymentPlan) -> Self {
        Self { plan, ..Self::default() }
    }

    /// Lets a connection in; it is told by the receiver. Too many in a minute are refused, with the
    /// seconds to wait.
    pub(super) fn arrive(
        &mut self,
        base: String,
        now: Moment,
    ) -> Result<(u64, UnboundedReceiver<Frame>), u64> {
        self.arrivals.take(self.plan.connections_per_minute, MINUTE, now)?;
        let (out, frames) = mpsc::unbounded_channel();
        let number = self.next;
        self.next += 1;
        let (requests, echoes) = (Window::default(), Window::default());
        self.connections.insert(number, Connection { session: None, base, out, requests, echoes });
        Ok((number, frames))
    }

    /// A connection is gone.
    pub(super) fn leave(&mut self, connection: u64) {
        let left = self.connections.remove(&connection).and_then(|connection| connection.session);
        if let Some(session) = left.and_then(|index| self.sessions.get_mut(index)) {
            session.connections.retain(|other| *other != connection);
        }
    }

    pub(super) fn connection(&self, connection: u64) -> Option<&Connection> {
        self.connections.get(&connection)
    }

    pub(super) fn session(&self, index: usize) -> &WebSession {
        &self.sessions[index]
    }

    pub(super) fn session_mut(&mut self, index: usize) -> &mut WebSession {
        &mut self.sessions[index]
    }

    /// The last session of a token.
    pub(super) fn of_token(&self, token: &str) -> Option<usize> {
        self.by_token.get(token).copied()
    }

    /// Where a session is that is known by its number.
    pub(super) fn numbered(&self, number: u64) -> Option<usize> {
        usize::try_from(number).ok().filter(|index| *index < self.sessions.len())
    }

    /// The session that a conversation began in.
    pub(super) fn of_conversation(&self, id: &str) -> Option<usize> {
        self.by_conversation.get(id).copied()
    }

    /// A session of its own for this token.
    pub(super) fn open(&mut self, token: &str, seed: u64, now: Moment) -> usize {
        let index = self.sessions.len();
        self.sessions.push(WebSession {
            guest: format!("webguest_{:016x}", mix(hash_text(token.as_bytes()), seed)),
            token: token.to_owned(),
            base: String::new(),
            life: Life::Live,
            expires: now.plus(Duration::from_secs(self.plan.session_seconds)),
            connections: Vec::new(),
            conversation: None,
            history: Vec::new(),
            messages: Window::default(),
            configures: Window::default(),
            histories: Window::default(),
            typed: None,
        });
        self.by_token.insert(token.to_owned(), index);
        index
    }

    /// A session was used: it lives on from now.
    pub(super) fn prolong(&mut self, index: usize, now: Moment) {
        let life = Duration::from_secs(self.plan.session_seconds);
        self.sessions[index].expires = now.plus(life);
    }

    /// A conversation begins in a session.
    pub(super) fn begin(&mut self, index: usize, conversation: &str) {
        self.sessions[index].conversation = Some(conversation.to_owned());
        self.by_conversation.insert(conversation.to_owned(), index);
    }

    /// The token of a session.
    pub(super) fn token(&self, index: usize) -> String {
        self.sessions[index].token.clone()
    }

    /// A guest joined a conversation: that is a message of it too, without a word.
    pub(super) fn note_join(&mut self, event: &str, conversation: &str, at: Moment) {
        self.joined.insert(event.to_owned(), (conversation.to_owned(), at));
    }

    /// The conversation that a guest joined with this event, and when.
    pub(crate) fn joined(&self, event: &str) -> Option<&(String, Moment)> {
        self.joined.get(event)
    }

    /// Ties a connection to a session. The one that is too many closes the oldest.
    pub(super) fn join(&mut self, connection: u64, index: usize) {
        let before = self.connections.get_mut(&connection).and_then(|one| one.session.replace(index));
        if let Some(before) = before {
            self.sessions[before].connections.retain(|other| *other != connection);
        }
        let base = self.connections.get(&connection).map(|one| one.base.clone()).unwrap_or_default();
        let session = &mut self.sessions[index];
        session.base = base;
        session.connections.push(connection);
        if session.connections.len() > self.plan.connections_per_session {
            let oldest = session.connections.remove(0);
            self.tell(oldest, push("ConnectionClosedEvent", Value::Object(Map::new()), None));
            self.close(oldest);
        }
    }

    /// Says something on one connection.
    pub(super) fn tell(&self, connection: u64, frame: Frame) {
        if let Some(connection) = self.connections.get(&connection) {
            // Nobody listens any more when the socket has just gone.
            let _ = connection.out.send(frame);
        }
    }

    /// Says something on all connections of a session.
    pub(super) fn tell_all(&self, index: usize, frame: &Frame) {
        for connection in &self.sessions[index].connections {
            self.tell(*connection, frame.clone());
        }
    }

    /// Takes a connection out of its session and closes it.
    pub(super) fn close(&mut self, connection: u64) {
        self.tell(connection, Frame::Close);
        let session = self.connections.get_mut(&connection).and_then(|one| one.session.take());
        if let Some(session) = session.and_then(|index| self.sessions.get_mut(index)) {
            session.connections.retain(|other| *other != connection);
        }
    }

    /// The connections of a session.
    pub(super) fn connections(&self, index: usize) -> Vec<u64> {
        self.sessions[index].connections.clone()
    }

    /// Lets go of all connections of a session, without closing them.
    pub(super) fn release(&mut self, index: usize) {
        for connection in std::mem::take(&mut self.sessions[index].connections) {
            if let Some(connection) = self.connections.get_mut(&connection) {
                connection.session = None;
            }
        }
    }

    /// A session is over for its guest: whoever comes with its token finds it so.
    pub(super) fn forget(&mut self, index: usize) {
        let token = &self.sessions[index].token;
        if self.by_token.get(token) == Some(&index) {
            self.by_token.remove(token);
        }
        self.sessions[index].life = Life::Gone;
        self.sessions[index].history.clear();
    }

    /// Ends the session of a connection whose time is over; its sockets are told once.
    pub(super) fn expire(&mut self, connection: u64, now: Moment) {
        let Some(index) = self.connections.get(&connection).and_then(|one| one.session) else { return };
        let session = &mut self.sessions[index];
        if session.life != Life::Expired && session.expires <= now {
            session.life = Life::Expired;
            self.tell_all(index, &push("SessionExpiredEvent", Value::Object(Map::new()), None));
        }
    }

    /// Counts a request of a connection.
    pub(super) fn count_request(&mut self, connection: u64, now: Moment) -> Result<(), u64> {
        let limit = self.plan.requests_per_minute;
        let connection = self.connections.get_mut(&connection);
        connection.map_or(Ok(()), |connection| connection.requests.take(limit, MINUTE, now))
    }

    /// Counts a look whether the connection lives.
    pub(super) fn count_echo(&mut self, connection: u64, now: Moment) -> Result<(), u64> {
        let limit = self.plan.echoes_per_minute;
        let connection = self.connections.get_mut(&connection);
        connection.map_or(Ok(()), |connection| connection.echoes.take(limit, MINUTE, now))
    }

    /// Counts a message of a session.
    pub(super) fn count_message(&mut self, index: usize, now: Moment) -> Result<(), u64> {
        self.sessions[index].messages.take(self.plan.messages_per_second, SECOND, now)
    }

    /// Counts that a session was configured.
    pub(super) fn count_configure(&mut self, index: usize, now: Moment) -> Result<(), u64> {
        self.sessions[index].configures.take(self.plan.configures_per_minute, MINUTE, now)
    }

    /// Counts a read of a session's history.
    pub(super) fn count_history(&mut self, index: usize, now: Moment) -> Result<(), u64> {
        self.sessions[index].histories.take(self.plan.histories_per_minute, MINUTE, now)
    }
}
