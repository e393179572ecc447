//! Requests of persons about their data (platform contract C.11). A deletion that was confirmed gives up
//! the messages of the subject's conversations, as `retainData=false` does on the gateway.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::ids;
use super::refusal::Refusal;
use super::route::{Access, Operation};
use super::time::Time;
use super::visit::{Call, json, json_with};
use crate::conversation::customer;
use crate::form;
use crate::guests::{Closure, GuestState};
use crate::moment::Moment;
use crate::random::mix;
use crate::reply::Reply;
use crate::sandbox::State;

const REQUESTS: &str = "/api/v2/gdpr/requests";
/// A request goes on to its next state after so long.
const STEP: Duration = Duration::from_secs(1);
/// So many conversations are looked through for a contact.
const MOST: u64 = 100_000;

pub(super) const ROUTES: &[Operation] = &[
    Operation {
        method: Method::POST,
        template: REQUESTS,
        access: Access::Client(&["gdpr:request:add"]),
        answer: make,
    },
    Operation {
        method: Method::GET,
        template: REQUESTS,
        access: Access::Client(&["gdpr:request:view"]),
        answer: list,
    },
    Operation {
        method: Method::GET,
        template: "/api/v2/gdpr/requests/{requestId}",
        access: Access::Client(&["gdpr:request:view"]),
        answer: one,
    },
    Operation {
        method: Method::GET,
        template: "/api/v2/gdpr/subjects",
        access: Access::Client(&["gdpr:subject:view"]),
        answer: subjects,
    },
];

/// One request.
#[derive(Debug)]
pub(crate) struct Request {
    id: String,
    kind: String,
    subject: Value,
    created: Moment,
    /// It does nothing but say what it would do.
    unconfirmed: bool,
}

impl Request {
    fn status(&self, now: Moment) -> &'static str {
        let states: &[&str] = match self.kind.as_str() {
            _ if self.unconfirmed => &["INITIATED"],
            "GDPR_DELETE" => &["INITIATED", "SEARCHING", "DELETING", "FINALIZING", "COMPLETED"],
            "GDPR_UPDATE" => &["INITIATED", "SEARCHING", "UPDATING", "FINALIZING", "COMPLETED"],
            _ => &["INITIATED", "SEARCHING", "FINALIZING", "COMPLETED"],
        };
        let steps = u128::try_from(now.since(self.created).as_millis()).unwrap_or(0) / STEP.as_millis();
        let step = usize::try_from(steps).unwrap_or(usize::MAX).min(states.len() - 1);
        states[step]
    }

    fn wire(&self, now: Moment) -> Value {
        json!({"id": self.id, "requestType": self.kind, "subject": self.subject,
            "createdDate": Time(self.created), "createdBy": {"id": ids::uuid_of("client")},
            "status": self.status(now), "selfUri": format!("{REQUESTS}/{}", self.id)})
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    request_type: String,
    subject: Value,
}

/// `POST /api/v2/gdpr/requests`
fn make(call: &Call<'_>) -> Result<Reply, Refusal> {
    let wanted: Wanted = call.body()?;
    if !matches!(wanted.request_type.as_str(), "GDPR_EXPORT" | "GDPR_UPDATE" | "GDPR_DELETE") {
        return Err(Refusal::invalid_value("requestType", "The type of the request is not known."));
    }
    if wanted.subject.as_object().is_none_or(serde_json::Map::is_empty) {
        return Err(Refusal::invalid_value("subject", "The request is about nobody."));
    }
    let confirmed = form::value(&call.query()?, "deleteConfirmed") == Some("true");
    let mut state = call.sandbox.state();
    let deletes = wanted.request_type == "GDPR_DELETE";
    if deletes
        && confirmed
        && let Some(contact) = wanted.subject["externalContactId"].as_str()
    {
        forget(call, &mut state, contact);
    }
    let number = state.platform.gdpr.len() as u64;
    let request = Request {
        id: super::guest::id(mix(call.sandbox.config().seed, 0x6764_7072), number),
        kind: wanted.request_type,
        subject: wanted.subject,
        created: call.now(),
        unconfirmed: deletes && !confirmed,
    };
    let wire = request.wire(call.now());
    state.platform.gdpr.push(request);
    json_with(StatusCode::ACCEPTED, &wire)
}

/// Ends what is going on with a contact, and gives up what was said.
fn forget(call: &Call<'_>, state: &mut State, contact: &str) {
    let sandbox = call.sandbox;
    let opened = state.sessions.all().iter().filter(|session| ids::contact(&session.guest_id) == contact);
    let opened: Vec<_> = opened.map(|session| session.id.clone()).collect();
    let closure =
        || Closure { reason: "system_escalation".to_owned(), retain_data: false, external_ref: None };
    for id in opened {
        if state.sessions.end_conversation(&id, closure(), call.now()) {
            state.tell_end(&id, sandbox.config().seed, call.now());
        }
        state.sessions.reword(&id, |closure| closure.retain_data = false);
    }
    let count = sandbox.tenant.count().min(MOST);
    if let Some(number) =
        (0..count).find(|number| ids::contact(&customer(&sandbox.guests, *number)) == contact)
    {
        let gone = state.fates.of(number).and_then(|fate| fate.state) == Some(GuestState::Closed);
        if !gone {
            state.fates.close(number, closure(), call.now());
        }
        state.fates.reword(number, |closure| closure.retain_data = false);
        Arc::make_mut(&mut state.changes).forget(number);
    }
}

/// `GET /api/v2/gdpr/requests`
fn list(call: &Call<'_>) -> Result<Reply, Refusal> {
    let (size, number) = (call.number("pageSize", 25, 1, 100)?, call.number("pageNumber", 1, 1, u64::MAX)?);
    let state = call.sandbox.state();
    let index = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let page = state.platform.gdpr.iter().skip(index(size.saturating_mul(number - 1))).take(index(size));
    let entities: Vec<_> = page.map(|request| request.wire(call.now())).collect();
    let total = state.platform.gdpr.len() as u64;
    json(&json!({"entities": entities, "pageSize": size, "pageNumber": number, "total": total,
        "pageCount": total.div_ceil(size)}))
}

/// `GET /api/v2/gdpr/requests/{requestId}`
fn one(call: &Call<'_>) -> Result<Reply, Refusal> {
    let state = call.sandbox.state();
    let request = state.platform.gdpr.iter().find(|request| request.id == call.id(0));
    json(&request.ok_or_else(|| Refusal::not_found("request", call.id(0)))?.wire(call.now()))
}

/// `GET /api/v2/gdpr/subjects`: whoever is called by this name or external id.
fn subjects(call: &Call<'_>) -> Result<Reply, Refusal> {
    const TYPES: [&str; 9] = [
        "NAME",
        "ADDRESS",
        "PHONE",
        "EMAIL",
        "TWITTER",
        "INSTAGRAM",
        "FACEBOOK",
        "APPLE_MESSAGES",
        "EXTERNAL_ID",
    ];
    let pairs = call.query()?;
    let kind = form::value(&pairs, "searchType").filter(|kind| TYPES.contains(kind));
    let kind =
        kind.ok_or_else(|| Refusal::invalid_value("searchType", "The type of the search is not known."))?;
    let value = form::value(&pairs, "searchValue").filter(|value| !value.is_empty());
    let value =
        value.ok_or_else(|| Refusal::invalid_value("searchValue", "There is nothing to search for."))?;
    let known = call.sandbox.guests.number_of(value).is_some()
        || call.sandbox.state().sessions.of_guest(value).is_some();
    let found = known && matches!(kind, "NAME" | "EXTERNAL_ID");
    let subject = json!({"name": value, "externalContactId": ids::contact(value), "externalId": value});
    json(&json!({"entities": if found { vec![subject] } else { Vec::new() }}))
}
