//! `GET` and `DELETE /api/v2/webmessaging/guests/{guestId}` (gateway contract §6): the tenant's guests,
//! and what has become of them.

mod made;
mod plan;

use std::collections::BTreeMap;

use http::StatusCode;
use serde::Serialize;

use crate::form;
use crate::moment::Moment;
use crate::problem::Problem;
use crate::reply::{Body, Reply};

pub(crate) use made::{Facts, GuestState, Guests};
pub use plan::GuestPlan;

/// The scope that looking at a guest needs.
pub(crate) const READ: &str = "webchat:guest:read";
/// The scope that ending a guest's session needs.
pub(crate) const MANAGE: &str = "webchat:guest:manage";
/// The closure-reason matrix.
pub(crate) const REASONS: [&str; 5] =
    ["customer_initiated", "agent_initiated", "timeout", "system_escalation", "bot_handoff"];

/// What has become of guests since the start: those nobody asked about are as they were made.
#[derive(Debug, Default)]
pub(crate) struct Fates(BTreeMap<u64, Fate>);

/// What has become of one guest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fate {
    /// How often its state was asked for and told.
    pub(crate) reads: u64,
    /// How many well-formed DELETEs reached it.
    pub(crate) deletes: u64,
    /// How many of them ended its session: more than one would be a bug.
    pub(crate) ended: u64,
    /// The state it has now, when it is another than it was made with.
    pub(crate) state: Option<GuestState>,
    pub(crate) changed: Option<Moment>,
    /// It changed by itself.
    pub(crate) turned: bool,
    pub(crate) closure: Option<Closure>,
}

/// With which words a session was ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Closure {
    pub(crate) reason: String,
    pub(crate) retain_data: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) external_ref: Option<String>,
}

impl Closure {
    /// Reads the query string of a DELETE.
    pub(crate) fn read(query: &str) -> Result<Self, Problem> {
        let pairs =
            form::pairs(query).ok_or_else(|| Problem::bad_request("the query string cannot be read"))?;
        let reason = form::value(&pairs, "reason").filter(|reason| REASONS.contains(reason));
        let reason = reason.ok_or_else(|| {
            let message = format!("reason is not one of {}", REASONS.join(", "));
            Problem::new(StatusCode::BAD_REQUEST, "invalid.reason", message)
        })?;
        let retain_data = match form::value(&pairs, "retainData") {
            Some("true") => true,
            Some("false") => false,
            _ => {
                let message = "retainData is neither true nor false";
                return Err(Problem::new(StatusCode::BAD_REQUEST, "invalid.retain.data", message));
            }
        };
        let external_ref = form::value(&pairs, "externalRef").map(str::to_owned);
        Ok(Self { reason: reason.to_owned(), retain_data, external_ref })
    }
}

#[derive(Serialize)]
struct Wire<'a> {
    id: &'a str,
    state: GuestState,
    #[serde(rename = "lastUpdated")]
    last_updated: Moment,
}

/// What ending a session came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The messages stay.
    Kept,
    /// The messages of this guest are to be forgotten.
    Forgotten,
}

impl Fates {
    /// What has become of guest `number`, if anything has.
    pub(crate) fn of(&self, number: u64) -> Option<&Fate> {
        self.0.get(&number)
    }

    /// The same for those with these numbers.
    pub(crate) fn within(&self, numbers: std::ops::Range<u64>) -> BTreeMap<u64, Fate> {
        self.0.range(numbers).map(|(number, fate)| (*number, fate.clone())).collect()
    }

    /// The number of the guest with this id, when its session is not over.
    pub(crate) fn open(&self, guests: &Guests, plan: GuestPlan, id: &str) -> Option<u64> {
        let number = guests.number_of(id)?;
        let state = self.of(number).and_then(|fate| fate.state);
        (state.unwrap_or(guests.facts(number, plan).state) != GuestState::Closed).then_some(number)
    }

    /// Tells the state of a guest. Asking can be what changes it: the plan has guests that close, or
    /// fall idle, right after somebody looked.
    pub(crate) fn read(
        &mut self,
        guests: &Guests,
        plan: GuestPlan,
        id: &str,
        now: Moment,
    ) -> Result<Reply, Problem> {
        let number = guests.number_of(id).ok_or_else(unknown)?;
        let facts = guests.facts(number, plan);
        let fate = self.0.entry(number).or_default();
        fate.reads += 1;
        let reply = wire(id, &facts, fate);
        if fate.state.is_none()
            && let Some((reads, state)) = facts.turns
            && fate.reads >= reads
        {
            fate.state = Some(state);
            fate.changed = Some(now);
            fate.turned = true;
        }
        Ok(reply)
    }

    /// Ends the session of guest `number` over the platform's contract, where guests have no ids.
    pub(crate) fn close(&mut self, number: u64, closure: Closure, now: Moment) {
        let fate = self.0.entry(number).or_default();
        fate.ended += 1;
        fate.state = Some(GuestState::Closed);
        fate.changed = Some(now);
        fate.closure = Some(closure);
    }

    /// Counts a request of the platform's contract that would end the session of guest `number`.
    pub(crate) fn count_end(&mut self, number: u64) {
        self.0.entry(number).or_default().deletes += 1;
    }

    /// Finds other words for how the session of guest `number` was ended, where it was.
    pub(crate) fn reword(&mut self, number: u64, words: impl FnOnce(&mut Closure)) {
        if let Some(closure) = self.0.get_mut(&number).and_then(|fate| fate.closure.as_mut()) {
            words(closure);
        }
    }

    /// Ends the session of a guest. Whatever is not closed can be ended; that only `active` ones
    /// should be is the client's rule.
    pub(crate) fn end(
        &mut self,
        guests: &Guests,
        plan: GuestPlan,
        id: &str,
        closure: Closure,
        now: Moment,
    ) -> Result<(Reply, Ended, u64), Problem> {
        let number = guests.number_of(id).ok_or_else(unknown)?;
        let facts = guests.facts(number, plan);
        let fate = self.0.entry(number).or_default();
        fate.deletes += 1;
        if fate.state.unwrap_or(facts.state) == GuestState::Closed {
            return Err(no_open_session());
        }
        let ended = if closure.retain_data { Ended::Kept } else { Ended::Forgotten };
        fate.ended += 1;
        fate.state = Some(GuestState::Closed);
        fate.changed = Some(now);
        fate.closure = Some(closure);
        // Both answers are in the contract; which one a guest gets is its own.
        let reply = if facts.talkative { wire(id, &facts, fate) } else { ended_silently() };
        Ok((reply, ended, number))
    }
}

fn unknown() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "guest.not.found", "there is no such guest")
}

fn wire(id: &str, facts: &Facts, fate: &Fate) -> Reply {
    told(id, fate.state.unwrap_or(facts.state), fate.changed.unwrap_or(facts.updated))
}

/// The state of a guest.
pub(crate) fn told(id: &str, state: GuestState, last_updated: Moment) -> Reply {
    let body = serde_json::to_vec(&Wire { id, state, last_updated });
    Reply::json(StatusCode::OK, body.expect("texts are JSON"))
}

/// A session was ended, and there is nothing to say about it.
pub(crate) fn ended_silently() -> Reply {
    let mut reply = Reply::new(StatusCode::NO_CONTENT, "application/json", Body::default());
    reply.headers_mut().clear();
    reply
}

pub(crate) fn no_open_session() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "guest.not.found", "this guest has no open session")
}
