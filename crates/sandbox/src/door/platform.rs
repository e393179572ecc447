//! `/_sandbox/platform`, `/_sandbox/rethread`: what the vendor's published contract does of its own, and
//! what there is to be read of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use serde::{Deserialize, Serialize};

use super::{Done, body, json, numbers, parameters};
use crate::conversation::Conversation;
use crate::moment::Moment;
use crate::platform::{MOST_IDS, PlatformPlan, Seen, Talk, Text};
use crate::problem::Problem;
use crate::random::fraction;
use crate::reply::Reply;
use crate::sandbox::Sandbox;
use crate::tenant::Draft;

/// Sets conversations that are taken up again apart from all else that is by chance.
const RETHREADS: u64 = 0x7265_7468;

/// The plan as it is.
pub(super) fn plan(sandbox: &Sandbox) -> Result<Reply, Problem> {
    json(&sandbox.state().platform.plan)
}

/// A new plan, from the next request on.
pub(super) fn set_plan(sandbox: &Sandbox, request: &Request<Bytes>) -> Result<Reply, Problem> {
    let plan: PlatformPlan = body(request)?;
    plan.check().map_err(|error| Problem::bad_request(error.to_string()))?;
    let mut state = sandbox.state();
    (state.platform.plan, state.platform.since) = (plan, None);
    drop(state);
    json(&Done { done: true })
}

/// What there is to be read of the conversations of the start.
#[derive(Default, Serialize)]
struct Totals {
    conversations: u64,
    /// Those that can still go on, as they say themselves.
    live: u64,
    /// Those that were held in messages.
    with_messages: u64,
    messages: u64,
    /// Of those, the ones whose text cannot be read yet…
    late: u64,
    /// … and the ones whose text never can.
    absent: u64,
    attachments: u64,
    /// Reads in bulk that all of them take, a conversation's by itself.
    bulk_reads: u64,
}

/// `GET /_sandbox/platform/totals?from&to`
pub(super) fn totals(sandbox: &Sandbox, request: &Request<Bytes>, host: Moment) -> Result<Reply, Problem> {
    let numbers = numbers(sandbox, &parameters(request)?)?;
    let seen = {
        let state = sandbox.state();
        Seen::of(&state, numbers.clone(), state.clock.now(host))
    };
    let (mut totals, mut draft) = (Totals::default(), Draft::default());
    let seed = sandbox.config().seed;
    for number in numbers {
        let talk = Talk::of_start(&sandbox.tenant, &sandbox.guests, seed, &seen, number, &mut draft);
        totals.conversations += 1;
        totals.live += u64::from(talk.ended.is_none());
        totals.with_messages += u64::from(!talk.lines.is_empty());
        totals.bulk_reads += talk.lines.len().div_ceil(MOST_IDS) as u64;
        for line in &talk.lines {
            totals.messages += 1;
            totals.attachments += line.attached.len() as u64;
            match seen.text_of(&line.id) {
                Text::There => {}
                Text::Later => totals.late += 1,
                Text::Never => totals.absent += 1,
            }
        }
    }
    json(&totals)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rethread {
    k: Option<u64>,
    id: Option<String>,
    /// This share of the conversations of the start.
    share: Option<f64>,
    /// So long after the end of each; now, where it is not said.
    after_seconds: Option<u64>,
}

#[derive(Serialize)]
struct Rethreaded {
    conversations: u64,
}

/// `POST /_sandbox/rethread`: guests write into conversations, whether or not those are over.
pub(super) fn rethread(sandbox: &Sandbox, request: &Request<Bytes>, host: Moment) -> Result<Reply, Problem> {
    let wanted: Rethread = body(request)?;
    let tenant = &sandbox.tenant;
    let chosen: Vec<u64> = match (wanted.k, &wanted.id, wanted.share) {
        (Some(number), None, None) if number < tenant.count() => vec![number],
        (None, Some(id), None) => tenant.number_of(id).into_iter().collect(),
        (None, None, Some(share)) if (0.0..=1.0).contains(&share) => {
            let seed = sandbox.config().seed ^ RETHREADS;
            (0..tenant.count()).filter(|number| fraction(seed, *number) < share).collect()
        }
        _ => return Err(Problem::bad_request("one of k, id and share, which is within 0 and 1")),
    };
    if chosen.is_empty() && wanted.share.is_none() {
        return Err(Problem::not_found());
    }
    let mut state = sandbox.state();
    let now = state.clock.now(host);
    for number in &chosen {
        let conversation = Conversation::of_tenant(tenant, &sandbox.guests, &state.changes, *number);
        let end = Moment::from_nanos(tenant.head_now(*number, &state.changes).end);
        let at = wanted.after_seconds.map_or(now, |seconds| end.plus(Duration::from_secs(seconds)));
        let text = "One more thing, please.";
        let message = state.messages.hear(&conversation, text, Vec::new(), sandbox.config().seed, at);
        sandbox.add(&mut state, &Arc::clone(&message));
    }
    drop(state);
    json(&Rethreaded { conversations: chosen.len() as u64 })
}
