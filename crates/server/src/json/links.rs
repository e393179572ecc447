//! What an answer leads to, as OpenAPI links: the page behind it, and each thing that it names.

use std::collections::BTreeMap;

use utoipa::openapi::RefOr;
use utoipa::openapi::link::Link;
use utoipa::openapi::path::Operation;

/// A link: the operation whose answer it is in, its name, where it leads, and with what.
struct Leads {
    from: &'static str,
    name: &'static str,
    to: &'static str,
    with: (&'static str, &'static str),
}

const fn leads(
    from: &'static str,
    name: &'static str,
    to: &'static str,
    with: (&'static str, &'static str),
) -> Leads {
    Leads { from, name, to, with }
}

/// The id that a request named.
const SAME: (&str, &str) = ("id", "$request.path.id");
/// The page behind this one.
const NEXT: (&str, &str) = ("cursor", "$response.body#/next_cursor");

const LINKS: [Leads; 22] = [
    leads("get_conversations", "next", "get_conversations", NEXT),
    leads("get_conversations", "hit", "get_conversations_id", ("id", "$response.body#/hits/0/id")),
    leads("get_conversations", "proof", "get_conversations_id_verify", ("id", "$response.body#/hits/0/id")),
    leads(
        "get_conversations",
        "narrowed",
        "get_conversations",
        ("q", "$response.body#/facets/0/values/0/toggled"),
    ),
    leads("get_conversations_id", "raw", "get_conversations_id_raw", SAME),
    leads("get_conversations_id", "proof", "get_conversations_id_verify", SAME),
    leads("get_conversations_id", "revealed", "post_conversations_id_reveal", SAME),
    leads("get_conversations_id", "viewings", "get_audit", ("subject", "$request.path.id")),
    leads("get_conversations_id_verify", "conversation", "get_conversations_id", SAME),
    leads("get_runs", "next", "get_runs", NEXT),
    leads("get_runs", "run", "get_runs_id", ("id", "$response.body#/runs/0/id")),
    leads("get_late", "next", "get_late", NEXT),
    leads("get_late", "conversation", "get_conversations_id", ("id", "$response.body#/conversations/0/id")),
    leads("get_holds", "next", "get_holds", NEXT),
    leads("get_holds", "effect", "get_holds_effect", ("matter", "$response.body#/matters/0/matter")),
    leads("get_holds", "conversation", "get_conversations_id", ("id", "$response.body#/holds/0/id")),
    leads("get_sessions", "next", "get_sessions", NEXT),
    leads("get_terminations", "next", "get_terminations", NEXT),
    leads("get_plans", "plan", "get_plans_id", ("id", "$response.body#/plans/0/id")),
    leads("get_plans_id", "next", "get_plans_id", NEXT),
    leads("get_webhooks_deliveries", "next", "get_webhooks_deliveries", NEXT),
    leads("get_audit", "next", "get_audit", NEXT),
];

/// Adds the links of an operation's answer to it.
pub(super) fn add(operation: &mut Operation) {
    let id = operation.operation_id.clone().unwrap_or_default();
    let Some(RefOr::T(answer)) = operation.responses.responses.get_mut("200") else { return };
    for Leads { name, to, with: (parameter, from), .. } in LINKS.iter().filter(|link| link.from == id) {
        let mut link = Link::default();
        (*to).clone_into(&mut link.operation_id);
        link.parameters = BTreeMap::from([((*parameter).to_owned(), (*from).into())]);
        answer.links.insert((*name).to_owned(), link.into());
    }
}
