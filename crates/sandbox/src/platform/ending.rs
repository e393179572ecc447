//! How conversations are ended (platform contract C.6). What has ended already is 409 where a leg or a
//! state is named, and 404 where the conversation alone is: the contract promises neither.

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use super::conversation::Conversation;
use super::events::Event;
use super::refusal::Refusal;
use super::route::{Access, Operation};
use super::talk::{Leg, Purpose, Talk};
use super::visit::{Call, json, json_with};
use super::wrap_up::{self, Input};
use crate::guests::Closure;
use crate::reply::{Body, Reply};
use crate::sandbox::State;

const DISCONNECT: &str = "conversation:communication:disconnect";

pub(super) const ROUTES: &[Operation] = &[
    Operation {
        method: Method::PATCH,
        template: "/api/v2/conversations/messages/{conversationId}/participants/{participantId}/communications/{communicationId}",
        access: Access::Client(&[]),
        answer: communication,
    },
    Operation {
        method: Method::PATCH,
        template: "/api/v2/conversations/messages/{conversationId}/participants/{participantId}",
        access: Access::Client(&["conversation:participant:wrapup", "conversation:call:record", DISCONNECT]),
        answer: participant,
    },
    Operation {
        method: Method::PATCH,
        template: "/api/v2/conversations/messages/{conversationId}",
        access: Access::Client(&[DISCONNECT, "conversation:message:park"]),
        answer: conversation,
    },
    Operation {
        method: Method::DELETE,
        template: "/api/v2/conversations/{conversationId}",
        access: Access::Client(&[DISCONNECT]),
        answer: delete,
    },
    Operation {
        method: Method::POST,
        template: "/api/v2/conversations/{conversationId}/disconnect",
        access: Access::Client(&[DISCONNECT]),
        answer: tear_down,
    },
];

/// `MediaParticipantRequest`, as far as messages go.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    wrapup: Option<Input>,
    #[serde(default)]
    wrapup_skipped: Option<bool>,
}

impl Change {
    /// Whether it is to be ended; there is no other state to go to.
    fn ends(&self) -> Result<bool, Refusal> {
        match self.state.as_deref() {
            None => Ok(false),
            Some("disconnected") => Ok(true),
            Some("connected") => {
                Err(Refusal::invalid_value("state", "The communication is connected or cannot be."))
            }
            Some(_) => Err(Refusal::invalid_value("state", "The state is not one to be set.")),
        }
    }
}

fn over(talk: &Talk) -> Refusal {
    let message = "The communication is disconnected already.";
    Refusal::conflict("conversation.error.wrong.state", message).about("conversation", &talk.id)
}

/// The leg of a participant.
pub(super) fn leg_of(talk: &Talk, participant: &str) -> Result<Leg, Refusal> {
    let leg = talk.legs(talk.ended).into_iter().find(|leg| leg.participant == participant);
    leg.ok_or_else(|| Refusal::not_found("participant", participant))
}

/// Ends a conversation that is going on: its guest's session is over, and whoever listens is told.
/// `reason` is the gateway's word for why, unless a wrap-up code says it.
pub(super) fn end(call: &Call<'_>, state: &mut State, talk: &Talk, reason: &str) {
    let mark = state.platform.marks.get(&talk.id).cloned().unwrap_or_default();
    let said = mark.wrap_ups.values().find_map(|wrap_up| wrap_up::reason_of(&wrap_up.code));
    let closure = Closure {
        reason: said.unwrap_or(reason).to_owned(),
        retain_data: true,
        external_ref: mark.external_tag,
    };
    let now = call.now();
    if state.sessions.end_conversation(&talk.id, closure.clone(), now) {
        state.tell_end(&talk.id, call.sandbox.config().seed, now);
    } else if let Some(number) = call.sandbox.tenant.number_of(&talk.id) {
        state.fates.close(number, closure, now);
    }
    call.sandbox.happened(state, &talk.id, &[Event::Ended], now, call.pass.host);
}

/// Counts a request that would end a conversation, whether or not it does.
fn count(call: &Call<'_>, state: &mut State, talk: &Talk) {
    if !state.sessions.count_end(&talk.id)
        && let Some(number) = call.sandbox.tenant.number_of(&talk.id)
    {
        state.fates.count_end(number);
    }
}

/// `PATCH …/participants/{participantId}/communications/{communicationId}`: it only disconnects.
fn communication(call: &Call<'_>) -> Result<Reply, Refusal> {
    let change: Change = call.body()?;
    let ends = change.ends()?;
    if change.wrapup.is_some() || !ends {
        return Err(Refusal::bad_request("A communication can be disconnected and nothing else."));
    }
    let mut state = call.sandbox.state();
    let talk = call.messaging(&state)?;
    let leg = leg_of(&talk, call.id(1))?;
    if leg.communication != call.id(2) {
        return Err(Refusal::not_found("communication", call.id(2)));
    }
    count(call, &mut state, &talk);
    if leg.end.is_some() {
        return Err(over(&talk));
    }
    end(call, &mut state, &talk, "agent_initiated");
    json(&Value::Object(serde_json::Map::new()))
}

/// `PATCH …/participants/{participantId}`: wraps up, disconnects, or both.
fn participant(call: &Call<'_>) -> Result<Reply, Refusal> {
    let change: Change = call.body()?;
    let ends = change.ends()?;
    if !ends && change.wrapup.is_none() && change.wrapup_skipped.is_none() {
        return Err(Refusal::bad_request("There is nothing to change."));
    }
    let mut state = call.sandbox.state();
    let talk = call.messaging(&state)?;
    let leg = leg_of(&talk, call.id(1))?;
    if change.wrapup.is_some() && leg.purpose != Purpose::Agent {
        return Err(Refusal::invalid_value("wrapup", "The participant does not wrap up."));
    }
    if ends {
        count(call, &mut state, &talk);
        if leg.end.is_some() {
            return Err(over(&talk));
        }
    }
    if let Some(input) = change.wrapup {
        wrap_up::note(call, &mut state, &talk, &leg.participant, input)?;
    }
    if ends {
        end(call, &mut state, &talk, "agent_initiated");
    }
    Ok(Reply::new(StatusCode::ACCEPTED, "application/json", Body::default()))
}

/// `PATCH /api/v2/conversations/messages/{conversationId}`
fn conversation(call: &Call<'_>) -> Result<Reply, Refusal> {
    let change: Change = call.body()?;
    if !change.ends()? {
        return Err(Refusal::invalid_value("state", "The state is missing."));
    }
    let mut state = call.sandbox.state();
    let talk = call.messaging(&state)?;
    count(call, &mut state, &talk);
    if talk.ended.is_some() {
        return Err(over(&talk));
    }
    end(call, &mut state, &talk, "agent_initiated");
    drop(state);
    let talk = call.talk(call.id(0))?;
    json(&Conversation::of(&talk, call.now(), call.deployment()))
}

/// Ends a conversation of any medium, where it is going on.
fn end_any(call: &Call<'_>, reason: &str) -> Result<(), Refusal> {
    let mut state = call.sandbox.state();
    let unknown = || Refusal::not_found("conversation", call.id(0));
    let talk = Talk::find(call.sandbox, &state, call.id(0), call.now()).ok_or_else(unknown)?;
    count(call, &mut state, &talk);
    if talk.ended.is_some() {
        return Err(unknown());
    }
    end(call, &mut state, &talk, reason);
    Ok(())
}

/// `DELETE /api/v2/conversations/{conversationId}`
fn delete(call: &Call<'_>) -> Result<Reply, Refusal> {
    end_any(call, "agent_initiated")?;
    Ok(Reply::new(StatusCode::NO_CONTENT, "application/json", Body::default()))
}

/// `POST /api/v2/conversations/{conversationId}/disconnect`: the emergency tear-down.
fn tear_down(call: &Call<'_>) -> Result<Reply, Refusal> {
    end_any(call, "system_escalation")?;
    json_with(StatusCode::ACCEPTED, &"The conversation is being disconnected.")
}
