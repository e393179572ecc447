//! What limits there are (platform contract C.15, B.5).

use http::Method;
use serde::Serialize;

use super::refusal::Refusal;
use super::route::{Access, Operation};
use super::visit::{Call, LARGEST_BODY, json};
use crate::reply::Reply;

const NAMESPACES: &str = "/api/v2/organizations/limits/namespaces";

pub(super) const ROUTES: &[Operation] = &[
    Operation { method: Method::GET, template: NAMESPACES, access: Access::Client(&[]), answer: namespaces },
    Operation {
        method: Method::GET,
        template: "/api/v2/organizations/limits/namespaces/{namespaceName}",
        access: Access::Client(&[]),
        answer: effective,
    },
    Operation {
        method: Method::GET,
        template: "/api/v2/organizations/limits/namespaces/{namespaceName}/defaults",
        access: Access::Client(&[]),
        answer: defaults,
    },
];

const PLATFORM: &str = "platform.api";
/// The key of the limit that the sandbox keeps.
const PER_MINUTE: &str = "client.credentials.token.rate.per.minute";

/// The limits that clients of messaging meet, with the vendor's defaults.
const LIMITS: [(&str, &str, u64); 8] = [
    (PLATFORM, PER_MINUTE, 300),
    (PLATFORM, "token.rate.per.minute", 300),
    (PLATFORM, "org.app.user.rate.per.minute", 3_000),
    (PLATFORM, "request.bytes.max", LARGEST_BODY as u64),
    ("web.messaging", "messages.per.session.rate.per.second", 5),
    ("web.messaging", "get.history.rate.per.minute", 10),
    ("notifications", "user.channels.max", 20),
    ("analytics", "details.query.page.size.max", 100),
];

#[derive(Serialize)]
struct Limits {
    entities: Vec<Limit>,
}

#[derive(Serialize)]
struct Limit {
    key: &'static str,
    namespace: &'static str,
    value: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Namespaces {
    entities: Vec<&'static str>,
    page_size: u64,
    page_number: u64,
    total: u64,
    page_count: u64,
    self_uri: String,
}

/// `GET …/namespaces?pageSize&pageNumber`
fn namespaces(call: &Call<'_>) -> Result<Reply, Refusal> {
    let size = call.number("pageSize", 100, 1, 100)?;
    let number = call.number("pageNumber", 1, 1, 1_000_000)?;
    let mut names: Vec<_> = LIMITS.iter().map(|(namespace, _, _)| *namespace).collect();
    names.dedup();
    let total = names.len() as u64;
    let index = |place: u64| usize::try_from(place).unwrap_or(usize::MAX);
    json(&Namespaces {
        entities: names.into_iter().skip(index((number - 1) * size)).take(index(size)).collect(),
        page_size: size,
        page_number: number,
        total,
        page_count: total.div_ceil(size),
        self_uri: format!("{NAMESPACES}?pageSize={size}&pageNumber={number}"),
    })
}

fn effective(call: &Call<'_>) -> Result<Reply, Refusal> {
    let kept = call.pass.budget.map(|budget| u64::from(budget.allowed));
    of(call, |key, default| if key == PER_MINUTE { kept.unwrap_or(default) } else { default })
}

fn defaults(call: &Call<'_>) -> Result<Reply, Refusal> {
    of(call, |_, default| default)
}

fn of(call: &Call<'_>, value: impl Fn(&str, u64) -> u64) -> Result<Reply, Refusal> {
    let limits = LIMITS.iter().filter(|(namespace, _, _)| *namespace == call.id(0));
    let entities: Vec<_> = limits
        .map(|(namespace, key, default)| Limit { key, namespace, value: value(key, *default) })
        .collect();
    if entities.is_empty() {
        return Err(Refusal::not_found("namespace", call.id(0)));
    }
    json(&Limits { entities })
}
