//! Who takes part in a conversation, and when: the legs that every view of it is made of.

use std::ops::Range;

use super::{Talk, WrapUp};
use crate::moment::Moment;
use crate::platform::ids;
use crate::random::{hash_text, mix};

/// What a participant is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Customer,
    Acd,
    Agent,
}

impl Purpose {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Purpose::Customer => "customer",
            Purpose::Acd => "acd",
            Purpose::Agent => "agent",
        }
    }
}

/// One participant with its one communication.
pub(crate) struct Leg {
    pub(crate) purpose: Purpose,
    pub(crate) participant: String,
    pub(crate) communication: String,
    /// The communication of the other side.
    pub(crate) peer: Option<String>,
    /// The number of an agent.
    pub(crate) agent: Option<u64>,
    pub(crate) start: Moment,
    /// When it was answered.
    pub(crate) connected: Moment,
    pub(crate) end: Option<Moment>,
    /// Why it ended, in the dotted words of C.4.1.
    pub(crate) disconnect: Option<&'static str>,
    /// The lines that it lists.
    pub(crate) lines: Range<usize>,
    /// How an agent put the conversation away, once that is over.
    pub(crate) wrap_up: Option<WrapUp>,
}

/// What agents put conversations away as, unless they say.
const WRAP_UPS: [(&str, &str); 4] = [
    ("resolved", "Resolved"),
    ("follow_up", "Follow-up"),
    ("passed_on", "Passed on"),
    ("no_answer", "No answer"),
];

impl Talk {
    /// The legs, in the order in which they came, of a conversation that was over at `end`.
    pub(crate) fn legs(&self, end: Option<Moment>) -> Vec<Leg> {
        let first_agent = self.agents.first();
        let mut legs = vec![self.leg(Purpose::Customer, 0, end), self.leg(Purpose::Acd, 0, end)];
        if let Some(agent) = first_agent {
            // The queue is left for the agent.
            legs[1].end = Some(agent.joined);
            legs[1].disconnect = Some("transfer");
        }
        for place in 0..self.agents.len() {
            legs.push(self.leg(Purpose::Agent, place, end));
        }
        let agent = legs.last().filter(|leg| leg.purpose == Purpose::Agent);
        legs[0].peer = agent.map(|leg| leg.communication.clone());
        legs
    }

    fn leg(&self, purpose: Purpose, place: usize, end: Option<Moment>) -> Leg {
        let role = match (purpose, place) {
            (Purpose::Agent, 1..) => format!("agent-{}", place + 1),
            _ => purpose.name().to_owned(),
        };
        let agent = self.agents.get(place).filter(|_| purpose == Purpose::Agent);
        let communication = ids::communication(&self.id, &role);
        let participant = ids::participant(&self.id, &role);
        let start = agent.map_or(self.start, |agent| agent.joined);
        let handed_on = agent.and_then(|agent| agent.left).map(|left| (left, "transfer"));
        let left = self.mark.left.get(&communication).copied();
        let over = end.map(|end| (end.max(start), self.side_of(purpose)));
        let (end, disconnect) = handed_on.or(left).or(over).unzip();
        let wrap_up = end.filter(|_| agent.is_some()).map(|end| self.wrap_up(&participant, end));
        Leg {
            purpose,
            peer: (purpose == Purpose::Agent).then(|| ids::communication(&self.id, "customer")),
            agent: agent.map(|agent| agent.number),
            start,
            connected: start,
            end,
            disconnect,
            lines: match (purpose, agent) {
                (Purpose::Customer, _) => 0..self.lines.len(),
                (_, Some(agent)) => agent.lines.clone(),
                _ => 0..0,
            },
            wrap_up,
            participant,
            communication,
        }
    }

    /// How the end looks from one side: whoever ended it is `client`, for others it was their peer.
    fn side_of(&self, purpose: Purpose) -> &'static str {
        match (self.ended_by, purpose) {
            ("client", Purpose::Agent) | ("peer", Purpose::Customer) => "client",
            ("client" | "peer", _) => "peer",
            (other, _) => other,
        }
    }

    fn wrap_up(&self, participant: &str, end: Moment) -> WrapUp {
        if let Some(wrap_up) = self.mark.wrap_ups.get(participant) {
            return wrap_up.clone();
        }
        let hash = mix(hash_text(participant.as_bytes()), 0x7772_6170);
        let (code, name) = WRAP_UPS[usize::try_from(hash % 4).unwrap_or(0)];
        let seconds = 10 + hash / 4 % 50;
        WrapUp {
            code: ids::wrap_up(code),
            name: Some(name.to_owned()),
            notes: None,
            tags: Vec::new(),
            duration_seconds: Some(seconds),
            end: Some(end.plus(std::time::Duration::from_secs(seconds))),
        }
    }
}

/// The wrap-up codes there are: id and name.
pub(crate) fn wrap_up_codes() -> impl Iterator<Item = (String, &'static str)> {
    WRAP_UPS.into_iter().map(|(code, name)| (ids::wrap_up(code), name))
}
