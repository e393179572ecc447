//! How agents sum conversations up, and what staff note about them: wrap-up codes, attributes, tags
//! (platform contract C.6).

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::ending::leg_of;
use super::events::Event;
use super::ids;
use super::refusal::Refusal;
use super::route::{Access, Operation};
use super::talk::{Mark, Purpose, Talk, WrapUp, wrap_up_codes};
use super::time::Time;
use super::visit::{Call, json, json_with};
use crate::guests::{Closure, REASONS};
use crate::moment::Moment;
use crate::reply::{Body, Reply};
use crate::sandbox::State;

const WRAP_UP: Access = Access::Client(&["conversation:participant:wrapup"]);
const ANYBODY: Access = Access::Client(&[]);

pub(super) const ROUTES: &[Operation] = &[
    Operation {
        method: Method::POST,
        template: "/api/v2/conversations/messages/{conversationId}/participants/{participantId}/communications/{communicationId}/wrapup",
        access: WRAP_UP,
        answer: post,
    },
    Operation {
        method: Method::GET,
        template: "/api/v2/conversations/messages/{conversationId}/participants/{participantId}/communications/{communicationId}/wrapup",
        access: ANYBODY,
        answer: get,
    },
    Operation {
        method: Method::GET,
        template: "/api/v2/conversations/messages/{conversationId}/participants/{participantId}/wrapup",
        access: ANYBODY,
        answer: get,
    },
    Operation {
        method: Method::GET,
        template: "/api/v2/conversations/messages/{conversationId}/participants/{participantId}/wrapupcodes",
        access: ANYBODY,
        answer: codes,
    },
    Operation {
        method: Method::GET,
        template: "/api/v2/conversations/{conversationId}/participants/{participantId}/wrapup",
        access: ANYBODY,
        answer: get,
    },
    Operation {
        method: Method::GET,
        template: "/api/v2/conversations/{conversationId}/participants/{participantId}/wrapupcodes",
        access: ANYBODY,
        answer: codes,
    },
    Operation {
        method: Method::PATCH,
        template: "/api/v2/conversations/{conversationId}/participants/{participantId}/attributes",
        access: ANYBODY,
        answer: attributes_silently,
    },
    Operation {
        method: Method::PATCH,
        template: "/api/v2/conversations/messages/{conversationId}/participants/{participantId}/attributes",
        access: ANYBODY,
        answer: attributes,
    },
    Operation {
        method: Method::PUT,
        template: "/api/v2/conversations/{conversationId}/tags",
        access: Access::Client(&["conversation:externalTag:edit"]),
        answer: tags,
    },
];

/// `WrapupInput`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    /// The id of a code.
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    notes: Option<String>,
    #[serde(default)]
    tags: Option<Vec<String>>,
    #[serde(default)]
    duration_seconds: Option<u64>,
    #[serde(default)]
    end_time: Option<Moment>,
}

/// The codes there are: those of conversations of the start, and one for each of the gateway's reasons.
fn all_codes() -> impl Iterator<Item = (String, &'static str)> {
    wrap_up_codes().chain(REASONS.into_iter().map(|reason| (ids::wrap_up(reason), reason)))
}

/// The gateway's word for a code, where it has one.
pub(super) fn reason_of(code: &str) -> Option<&'static str> {
    REASONS.into_iter().find(|reason| ids::wrap_up(reason) == code)
}

fn mark<'a>(state: &'a mut State, conversation: &str) -> &'a mut Mark {
    Arc::make_mut(&mut state.platform.marks).entry(conversation.to_owned()).or_default()
}

/// Finds other words for how a conversation was ended, where it was.
fn reword(call: &Call<'_>, state: &mut State, talk: &Talk, words: impl Fn(&mut Closure)) {
    if state.sessions.find(&talk.id).is_some() {
        state.sessions.reword(&talk.id, words);
    } else if let Some(number) = call.sandbox.tenant.number_of(&talk.id) {
        state.fates.reword(number, words);
    }
}

/// Takes note of how a participant sums it up.
pub(super) fn note(
    call: &Call<'_>,
    state: &mut State,
    talk: &Talk,
    participant: &str,
    input: Input,
) -> Result<(), Refusal> {
    let code = input.code.unwrap_or_default();
    let known = all_codes().find(|(id, _)| *id == code);
    let (_, name) =
        known.ok_or_else(|| Refusal::invalid_value("wrapup.code", "The wrap-up code is not known."))?;
    let wrap_up = WrapUp {
        code,
        name: Some(name.to_owned()),
        notes: input.notes,
        tags: input.tags.unwrap_or_default(),
        duration_seconds: input.duration_seconds,
        end: Some(input.end_time.unwrap_or(call.now())),
    };
    let reason = reason_of(&wrap_up.code);
    mark(state, &talk.id).wrap_ups.insert(participant.to_owned(), wrap_up);
    if let Some(reason) = reason {
        reword(call, state, talk, |closure| reason.clone_into(&mut closure.reason));
    }
    let events = [Event::WrappedUp(participant)];
    call.sandbox.happened(state, &talk.id, &events, call.now(), call.pass.host);
    Ok(())
}

/// `POST …/communications/{communicationId}/wrapup`
fn post(call: &Call<'_>) -> Result<Reply, Refusal> {
    let input: Input = call.body()?;
    let mut state = call.sandbox.state();
    let talk = call.messaging(&state)?;
    let leg = leg_of(&talk, call.id(1))?;
    if leg.communication != call.id(2) {
        return Err(Refusal::not_found("communication", call.id(2)));
    }
    if leg.purpose != Purpose::Agent {
        return Err(Refusal::invalid_value("participantId", "The participant does not wrap up."));
    }
    note(call, &mut state, &talk, &leg.participant, input)?;
    Ok(Reply::new(StatusCode::ACCEPTED, "application/json", Body::default()))
}

/// `GET …/wrapup`
fn get(call: &Call<'_>) -> Result<Reply, Refusal> {
    let talk = call.talk(call.id(0))?;
    let leg = leg_of(&talk, call.id(1))?;
    let noted = talk.mark.wrap_ups.get(&leg.participant).cloned().or(leg.wrap_up);
    let wrap_up = noted.ok_or_else(|| Refusal::not_found("wrapup", call.id(1)))?;
    // Neither its name nor whether it is provisional: the vendor's AssignedWrapupCode has no such fields.
    let mut body = json!({"code": wrap_up.code, "tags": wrap_up.tags});
    let optional = [
        ("notes", wrap_up.notes.map(Value::from)),
        ("durationSeconds", wrap_up.duration_seconds.map(Value::from)),
        ("endTime", wrap_up.end.and_then(|end| serde_json::to_value(Time(end)).ok())),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            body[name] = value;
        }
    }
    json(&body)
}

/// `GET …/wrapupcodes`
fn codes(call: &Call<'_>) -> Result<Reply, Refusal> {
    leg_of(&call.talk(call.id(0))?, call.id(1))?;
    json(&all_codes().map(|(id, name)| json!({"id": id, "name": name})).collect::<Vec<_>>())
}

#[derive(Deserialize)]
struct Attributes {
    attributes: BTreeMap<String, String>,
}

/// Adds attributes to a participant, key by key; tells all that it has from this contract.
fn add_attributes(call: &Call<'_>) -> Result<BTreeMap<String, String>, Refusal> {
    let Attributes { attributes } = call.body()?;
    let mut state = call.sandbox.state();
    let talk = Talk::find(call.sandbox, &state, call.id(0), call.now());
    let talk = talk.ok_or_else(|| Refusal::not_found("conversation", call.id(0)))?;
    let leg = leg_of(&talk, call.id(1))?;
    if leg.purpose == Purpose::Customer {
        // Those of a session are the gateway's too.
        let same = attributes.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str())));
        state.sessions.mark(&talk.id, same.collect());
    }
    let all = mark(&mut state, &talk.id).attributes.entry(leg.participant.clone()).or_default();
    all.extend(attributes);
    let all = all.clone();
    let events = [Event::Attributes(&leg.participant)];
    call.sandbox.happened(&mut state, &talk.id, &events, call.now(), call.pass.host);
    Ok(all)
}

/// `PATCH /api/v2/conversations/{conversationId}/participants/{participantId}/attributes`
fn attributes_silently(call: &Call<'_>) -> Result<Reply, Refusal> {
    add_attributes(call)?;
    Ok(Reply::new(StatusCode::ACCEPTED, "application/json", Body::default()))
}

/// `PATCH /api/v2/conversations/messages/{conversationId}/participants/{participantId}/attributes`
fn attributes(call: &Call<'_>) -> Result<Reply, Refusal> {
    json_with(StatusCode::ACCEPTED, &json!({"attributes": add_attributes(call)?}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tags {
    external_tag: String,
}

/// `PUT /api/v2/conversations/{conversationId}/tags`
fn tags(call: &Call<'_>) -> Result<Reply, Refusal> {
    let Tags { external_tag } = call.body()?;
    let mut state = call.sandbox.state();
    let talk = Talk::find(call.sandbox, &state, call.id(0), call.now());
    let talk = talk.ok_or_else(|| Refusal::not_found("conversation", call.id(0)))?;
    mark(&mut state, &talk.id).external_tag = Some(external_tag.clone());
    reword(call, &mut state, &talk, |closure| closure.external_ref = Some(external_tag.clone()));
    json_with(StatusCode::ACCEPTED, &"The tag was set.")
}
