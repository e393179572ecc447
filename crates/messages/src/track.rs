//! Messages that wait for a receipt: when their conversation is looked at next, and when the waiting is over.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use frontdesk_domain::ConversationId;
use frontdesk_domain::delivery::MessageId;
use tokio::time::Instant;

use crate::outcome::Sent;
use crate::record::Entry;

/// While more is to be sent, looks at one conversation are at most this many intervals apart (contract §4, "bounded
/// back-off allowed"): more messages share one look then, and the turns of the rate go to what is still to be sent.
const PATIENCE: u32 = 5;

/// A message that waits for a receipt.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) key: String,
    pub(crate) entry: Entry,
    pub(crate) sent: Sent,
    /// Looks that included it.
    pub(crate) polls: u32,
    /// From when on a look counts for it.
    pub(crate) since: Instant,
}

/// One conversation with messages that wait.
#[derive(Debug)]
struct Room {
    waiting: Vec<Waiting>,
    /// When the next look is due, were nothing more to be sent.
    due: Instant,
    /// The same while more is to be sent.
    patient_due: Instant,
    /// It is being looked at.
    looking: bool,
}

/// All messages that wait. One look at a conversation serves all of its messages.
#[derive(Debug)]
pub(crate) struct Tracker {
    interval: Duration,
    rooms: HashMap<ConversationId, Room>,
    due: BTreeSet<(Instant, ConversationId)>,
    patient: BTreeSet<(Instant, ConversationId)>,
    count: usize,
}

impl Tracker {
    pub(crate) fn new(interval: Duration) -> Self {
        Self { interval, rooms: HashMap::new(), due: BTreeSet::new(), patient: BTreeSet::new(), count: 0 }
    }

    /// Messages that wait.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Adds a message that was sent just now, or by an earlier run (`at_once`).
    pub(crate) fn add(&mut self, id: &ConversationId, waiting: Waiting, now: Instant, at_once: bool) {
        self.count += 1;
        let first = if at_once { Duration::ZERO } else { self.interval };
        let patience = if at_once { Duration::ZERO } else { self.interval * PATIENCE };
        match self.rooms.get_mut(id) {
            Some(room) => room.waiting.push(waiting),
            None => {
                let (due, patient_due) = (now + first, now + patience);
                self.rooms
                    .insert(id.clone(), Room { waiting: vec![waiting], due, patient_due, looking: false });
                self.due.insert((due, id.clone()));
                self.patient.insert((patient_due, id.clone()));
            }
        }
    }

    /// When the next look is due; none while nothing waits that is not being looked at.
    pub(crate) fn next_due(&self, sending: bool) -> Option<Instant> {
        self.queue(sending).first().map(|(due, _)| *due)
    }

    /// A conversation whose look is due. It is not given again before [`Tracker::looked`].
    pub(crate) fn take_due(&mut self, now: Instant, sending: bool) -> Option<ConversationId> {
        let (due, id) = self.queue(sending).first()?.clone();
        if due > now {
            return None;
        }
        let room = self.rooms.get_mut(&id)?;
        room.looking = true;
        self.due.remove(&(room.due, id.clone()));
        self.patient.remove(&(room.patient_due, id.clone()));
        Some(id)
    }

    /// Of which messages a look at this conversation is to tell.
    pub(crate) fn messages(&self, id: &ConversationId) -> Vec<MessageId> {
        let waiting = self.rooms.get(id).into_iter().flat_map(|room| &room.waiting);
        waiting.filter_map(|one| one.entry.message_id.clone()).collect()
    }

    /// The messages of a conversation that was looked at; those that go on waiting are handed back with
    /// [`Tracker::keep`].
    pub(crate) fn looked(&mut self, id: &ConversationId) -> Vec<Waiting> {
        let Some(room) = self.rooms.get_mut(id) else { return Vec::new() };
        let waiting = std::mem::take(&mut room.waiting);
        self.count -= waiting.len();
        waiting
    }

    /// What goes on waiting after a look.
    pub(crate) fn keep(&mut self, id: &ConversationId, waiting: Vec<Waiting>, now: Instant) {
        let Some(room) = self.rooms.get_mut(id) else { return };
        self.count += waiting.len();
        // What was sent meanwhile stays behind what was there.
        let later = std::mem::replace(&mut room.waiting, waiting);
        room.waiting.extend(later);
        room.looking = false;
        if room.waiting.is_empty() {
            self.rooms.remove(id);
            return;
        }
        room.due = now + self.interval;
        room.patient_due = now + self.interval * PATIENCE;
        self.due.insert((room.due, id.clone()));
        self.patient.insert((room.patient_due, id.clone()));
    }

    /// Everything that waits, taken out: nobody looks any more.
    pub(crate) fn abandon(&mut self) -> Vec<Waiting> {
        self.due.clear();
        self.patient.clear();
        self.count = 0;
        let rooms: BTreeMap<_, _> = self.rooms.drain().collect();
        rooms.into_values().flat_map(|room| room.waiting).collect()
    }

    fn queue(&self, sending: bool) -> &BTreeSet<(Instant, ConversationId)> {
        if sending { &self.patient } else { &self.due }
    }
}
