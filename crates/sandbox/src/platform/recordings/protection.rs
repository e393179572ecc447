//! Conversations whose recordings nothing deletes (C.10.3).

use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use crate::form;
use crate::platform::refusal::Refusal;
use crate::platform::route::{Access, Operation};
use crate::platform::talk::Talk;
use crate::platform::visit::{Call, json};
use crate::reply::{Body, Reply};

const PROTECTION: &str = "/api/v2/recordings/deletionprotection";
/// Most conversations of a call.
const MOST: usize = 100;

pub(super) const ROUTES: &[Operation] = &[
    Operation { method: Method::POST, template: PROTECTION, access: Access::Client(&[]), answer: look },
    Operation {
        method: Method::PUT,
        template: PROTECTION,
        access: Access::Client(&[
            "recording:deletionProtection:apply",
            "recording:deletionProtection:revoke",
        ]),
        answer: set,
    },
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Conversations {
    conversation_ids: Vec<String>,
}

impl Conversations {
    fn read(call: &Call<'_>) -> Result<Vec<String>, Refusal> {
        let ids = call.body::<Self>()?.conversation_ids;
        if ids.is_empty() || ids.len() > MOST {
            let message = format!("From 1 to {MOST} conversation ids are taken.");
            return Err(Refusal::invalid_value("conversationIds", message));
        }
        Ok(ids)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Protected {
    id: String,
    self_uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Failures {
    failed_updates: Vec<Failed>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Failed {
    conversation: Protected,
    error_code: &'static str,
    error_message: &'static str,
}

fn reference(id: String) -> Protected {
    Protected { self_uri: format!("/api/v2/conversations/{id}"), id }
}

/// `POST`: which of these are protected.
fn look(call: &Call<'_>) -> Result<Reply, Refusal> {
    let marks = call.sandbox.state().platform.marks.clone();
    let mut ids = Conversations::read(call)?;
    ids.retain(|id| marks.get(id).is_some_and(|mark| mark.protected));
    json(&ids.into_iter().map(reference).collect::<Vec<_>>())
}

/// `PUT …?protect=true|false`
fn set(call: &Call<'_>) -> Result<Reply, Refusal> {
    let pairs = call.query()?;
    let protect = match form::value(&pairs, "protect") {
        None | Some("true") => true,
        Some("false") => false,
        Some(_) => return Err(Refusal::invalid_value("protect", "protect is neither true nor false.")),
    };
    let ids = Conversations::read(call)?;
    let mut state = call.sandbox.state();
    let mut failed_updates = Vec::new();
    for id in ids {
        if Talk::find(call.sandbox, &state, &id, call.now()).is_some() {
            state.platform.mark(&id, |mark| mark.protected = protect);
        } else {
            failed_updates.push(Failed {
                conversation: reference(id),
                error_code: "not.found",
                error_message: "The requested conversation was not found.",
            });
        }
    }
    drop(state);
    if !failed_updates.is_empty() {
        return json(&Failures { failed_updates });
    }
    let mut reply = Reply::new(StatusCode::NO_CONTENT, "application/json", Body::default());
    reply.headers_mut().clear();
    Ok(reply)
}
