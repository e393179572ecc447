//! `/_sandbox/messages`: which messages were taken, and what became of them.

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::Bytes;
use http::Request;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Done, body, json, parameters};
use crate::form;
use crate::messages::{Message, ReceiptPlan, Status};
use crate::moment::Moment;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::sandbox::{Sandbox, State};

/// The truth about one message.
#[derive(Serialize)]
struct Truth<'a> {
    n: u64,
    id: &'a str,
    conversation_id: &'a str,
    channel: &'a str,
    client_id: Option<&'a str>,
    /// How many requests with that client id reached the sandbox; none for what a guest said.
    posts: u64,
    from: &'a str,
    to: &'a [String],
    r#type: &'a str,
    content: &'a Value,
    attachments: Vec<Attached<'a>>,
    created: Moment,
    /// How far it got by now…
    status: Status,
    /// … and how far it will.
    last_status: Status,
}

#[derive(Serialize)]
struct Attached<'a> {
    r#type: &'a str,
    filename: &'a str,
    bytes: usize,
    url: Option<&'a str>,
}

impl<'a> Truth<'a> {
    fn of(state: &State, message: &'a Message, now: Moment) -> Self {
        let attached = message.attachments.iter().map(|one| Attached {
            r#type: &one.media_type,
            filename: &one.filename,
            bytes: one.bytes(),
            url: one.url.as_deref(),
        });
        Self {
            n: message.number,
            id: &message.id,
            conversation_id: &message.conversation,
            channel: &message.channel,
            client_id: message.client_id.as_deref(),
            posts: state.messages.posts(message),
            from: &message.from,
            to: &message.to,
            r#type: &message.media_type,
            content: &message.content,
            attachments: attached.collect(),
            created: message.created,
            status: message.receipts.status(now),
            last_status: message.receipts.last(),
        }
    }
}

/// `?after=N&limit=M`: a line of JSON for each message, in the order in which they were taken. The `n` of
/// the last line is the next call's `after`; 100,000 lines at most unless `limit` says otherwise.
pub(super) fn list(sandbox: &Sandbox, request: &Request<Bytes>, host: Moment) -> Result<Reply, Problem> {
    let parameters = parameters(request)?;
    let (skipped, limit) = super::skip_and_limit(&parameters, 100_000)?;
    let state = sandbox.state();
    let now = state.clock.now(host);
    let messages = state.messages.all().iter().skip(skipped).take(limit);
    super::lines(messages.map(|message| Truth::of(&state, message, now)))
}

/// One message, by its id.
pub(super) fn one(sandbox: &Sandbox, id: &str, host: Moment) -> Result<Reply, Problem> {
    let id = form::segment(id).ok_or_else(Problem::not_found)?;
    let state = sandbox.state();
    let message = state.messages.find(&id).ok_or_else(Problem::not_found)?;
    json(&Truth::of(&state, message, state.clock.now(host)))
}

/// Counts over all messages that were sent; what guests said is not among them.
#[derive(Default, Serialize)]
struct Totals {
    messages: u64,
    /// Requests that were answered from memory.
    duplicates: u64,
    without_client_id: u64,
    /// Messages that say the same to the same people in the same conversation as an earlier one, under
    /// another client id.
    equal: u64,
    conversations: u64,
    /// How far they got by now…
    statuses: BTreeMap<Status, u64>,
    /// … and how far they will.
    last_statuses: BTreeMap<Status, u64>,
    channels: BTreeMap<String, u64>,
}

/// `GET /_sandbox/messages/totals`.
pub(super) fn totals(sandbox: &Sandbox, host: Moment) -> Result<Reply, Problem> {
    let state = sandbox.state();
    let now = state.clock.now(host);
    let mut totals = Totals::default();
    let mut said = HashMap::<&str, HashSet<[u8; 32]>>::new();
    for message in state.messages.all().iter().filter(|message| !message.by_guest) {
        totals.messages += 1;
        totals.duplicates += state.messages.posts(message) - 1;
        totals.without_client_id += u64::from(message.client_id.is_none());
        let words = serde_json::to_vec(&(&message.to, &message.media_type, &message.content));
        let hash = Sha256::digest(words.unwrap_or_default()).into();
        totals.equal += u64::from(!said.entry(&message.conversation).or_default().insert(hash));
        *totals.statuses.entry(message.receipts.status(now)).or_default() += 1;
        *totals.last_statuses.entry(message.receipts.last()).or_default() += 1;
        *totals.channels.entry(message.channel.clone()).or_default() += 1;
    }
    totals.conversations = said.len() as u64;
    json(&totals)
}

/// `POST /_sandbox/receipts`: those of messages taken from now on come in another way.
pub(super) fn set_plan(sandbox: &Sandbox, request: &Request<Bytes>) -> Result<Reply, Problem> {
    let plan: ReceiptPlan = body(request)?;
    plan.check().map_err(|error| Problem::bad_request(error.to_string()))?;
    sandbox.state().receipt_plan = plan;
    json(&Done { done: true })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Saying {
    conversation_id: String,
    text: String,
}

#[derive(Serialize)]
struct Said<'a> {
    id: &'a str,
}

/// `POST /_sandbox/say`: the guest of a conversation says something.
pub(super) fn say(sandbox: &Sandbox, request: &Request<Bytes>, host: Moment) -> Result<Reply, Problem> {
    let saying: Saying = body(request)?;
    let mut state = sandbox.state();
    let now = state.clock.now(host);
    let conversation = sandbox.conversation(&state, &saying.conversation_id)?;
    if conversation.ended {
        return Err(Problem::bad_request("this conversation is over"));
    }
    let message = state.messages.hear(&conversation, &saying.text, Vec::new(), sandbox.config().seed, now);
    sandbox.add(&mut state, &message);
    state.tell_said(&message);
    json(&Said { id: &message.id })
}
