//! `GET /api/v2/webmessaging/messages`: what a guest sees of its own messages, newest first (platform
//! contract C.1, E.7).

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::jwt::{self, Subject};
use crate::messages::Message;
use crate::moment::Moment;
use crate::platform::ids;
use crate::platform::refusal::Refusal;
use crate::platform::route::{Access, Operation};
use crate::platform::visit::{Call, json};
use crate::random::hash_text;
use crate::reply::Reply;
use crate::tenant::Draft;
use crate::token::bearer;

pub(in crate::platform) const ROUTES: &[Operation] = &[Operation {
    method: Method::GET,
    template: "/api/v2/webmessaging/messages",
    access: Access::Open,
    answer: list,
}];

/// As far as page sizes were seen.
const LARGEST_PAGE: u64 = 500;

fn list(call: &Call<'_>) -> Result<Reply, Refusal> {
    let token = bearer(call.request.headers()).ok_or_else(|| {
        Refusal::unauthorized("authentication.required", "No authentication bearer token specified.")
    })?;
    let seed = call.sandbox.config().seed;
    let subject = jwt::subject(token, seed, call.now());
    let subject = subject.ok_or_else(|| {
        Refusal::unauthorized("bad.credentials", "The token is no guest's, or has expired.")
    })?;
    let (size, number) =
        (call.number("pageSize", 25, 1, LARGEST_PAGE)?, call.number("pageNumber", 1, 1, u64::MAX)?);
    let all = match subject {
        Subject::Session(session) => session_history(call, session)?,
        Subject::Conversation(id) => conversation_history(call, &id)?,
    };
    let total = all.len() as u64;
    let skipped = usize::try_from(size.saturating_mul(number - 1)).unwrap_or(usize::MAX);
    let size_here = usize::try_from(size).unwrap_or(usize::MAX);
    let entities: Vec<Value> = all.into_iter().rev().skip(skipped).take(size_here).collect();
    json(&json!({"entities": entities, "pageSize": size, "pageNumber": number, "total": total,
        "pageCount": total.div_ceil(size)}))
}

/// What was said in a session, oldest first, as far back as histories go.
fn session_history(call: &Call<'_>, session: u64) -> Result<Vec<Value>, Refusal> {
    let mut state = call.sandbox.state();
    let web = &mut state.platform.web;
    let index = web
        .numbered(session)
        .ok_or_else(|| Refusal::unauthorized("bad.credentials", "The session of this token is gone."))?;
    let allowed = web.plan.histories_per_minute;
    web.count_history(index, call.now()).map_err(|wait| Refusal::too_many_requests(wait, allowed))?;
    let kept = Duration::from_secs(web.plan.history_days * 86_400);
    let history = web.session(index).history.iter();
    Ok(history.filter(|told| call.now() < told.time.plus(kept)).map(super::frame::Told::json).collect())
}

/// What was said in a conversation of the tenant's or one that was opened, as its guest sees it. Nothing
/// is left of one that was given up; a share of the messages has no time.
fn conversation_history(call: &Call<'_>, id: &str) -> Result<Vec<Value>, Refusal> {
    let state = call.sandbox.state();
    let kept = Duration::from_secs(state.platform.web.plan.history_days * 86_400);
    let sent = |message: &Arc<Message>| {
        let text = Value::from(message.text.as_str());
        line(&message.id, text, message.by_guest, message.created.to_string())
    };
    let lines: Vec<Value> = if let Some(session) = state.sessions.find(id) {
        if session.is_forgotten() { Vec::new() } else { session.said.iter().map(sent).collect() }
    } else {
        let tenant = &call.sandbox.tenant;
        let number = tenant.number_of(id).ok_or_else(|| Refusal::not_found("conversation", id))?;
        let change = state.changes.of(number);
        if change.forgotten {
            return Ok(Vec::new());
        }
        let mut draft = Draft::default();
        tenant.draw(number, change.revisions, &mut draft);
        let said = draft.said().map(|said| {
            let text = |inside: &[u8]| String::from_utf8_lossy(inside).into_owned();
            let words = serde_json::from_str(&format!("\"{}\"", text(said.text))).unwrap_or_default();
            line(&text(said.id), words, said.guest, text(said.timestamp))
        });
        said.chain(state.changes.sent(number).iter().map(sent)).collect()
    };
    let recent = |line: &Value| {
        let time = line["channel"]["time"].as_str().and_then(|time| time.parse::<Moment>().ok());
        time.is_none_or(|time| kept.is_zero() || call.now() < time.plus(kept))
    };
    Ok(lines.into_iter().filter(recent).collect())
}

/// One message of a conversation; one in fifty has no time.
fn line(id: &str, text: Value, inbound: bool, time: String) -> Value {
    let id = ids::message(id);
    let timed = !hash_text(id.as_bytes()).is_multiple_of(50);
    let mut line = json!({"id": id, "type": "Text", "text": text, "content": [], "events": [], "metadata": {},
        "direction": if inbound { "Inbound" } else { "Outbound" },
        "channel": {"messageId": id, "time": timed.then_some(time)}});
    if !inbound {
        line["originatingEntity"] = "Human".into();
    }
    line
}
