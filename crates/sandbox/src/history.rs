//! `GET /api/v2/public/messaging/{organizationId}/{domainId}/{conversationId}/messages` (gateway
//! contract §2): the history of a conversation, for which no token is needed.

mod rows;
mod truth;
mod untidy;

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;

use crate::config::Config;
use crate::fault::Shape;
use crate::form;
use crate::moment::Moment;
use crate::page_token::{Binding, Place, claimed_page};
use crate::problem::Problem;
use crate::reply::{Body, Reply};
use crate::sessions::Session;
use crate::tenant::{Changes, Tenant, write_json_string};

pub(crate) use rows::{Rows, Talk};
pub(crate) use truth::Totals;
pub use untidy::Untidy;

/// A token is not needed; one that is sent has one of these.
pub(crate) const SCOPES: [&str; 2] = ["webmessaging:view", "conversation:messaging:read"];
const LARGEST_PAGE: u64 = 50;

/// A checked request for a page.
pub(crate) struct Query {
    talk: Talk,
    size: u64,
    binding: Binding,
    /// Where the page begins; `None` is the first page.
    place: Option<Place>,
}

impl Query {
    /// Reads and checks a request: `path` holds the three ids, `query` is what follows the `?`; `opened` is
    /// the session with the third id, where there is one.
    pub(crate) fn read(
        tenant: &Tenant,
        config: &Config,
        changes: &Changes,
        opened: Option<&Arc<Session>>,
        path: &[String],
        query: &str,
        now: Moment,
    ) -> Result<Self, Problem> {
        let pairs =
            form::pairs(query).ok_or_else(|| Problem::bad_request("the query string cannot be read"))?;
        let size = form::value(&pairs, "pageSize").map_or(Ok(LARGEST_PAGE), str::parse);
        let size = size.ok().filter(|size| (1..=LARGEST_PAGE).contains(size));
        let size = size.ok_or_else(|| {
            let message = format!("pageSize is not within 1 and {LARGEST_PAGE}");
            Problem::new(StatusCode::BAD_REQUEST, "invalid.page.size", message)
        })?;
        let [organization, domain, conversation] = path else { return Err(Problem::not_found()) };
        if *organization != config.organization_id {
            return Err(missing(
                "organization.not.found",
                "no such organisation, or not the one of this domain",
            ));
        }
        if *domain != config.domain_id {
            return Err(missing("domain.not.found", "this organisation has no such domain"));
        }
        let talk = find(tenant, changes, opened, conversation)
            .ok_or_else(|| missing("conversation.not.found", "there is no such conversation"))?;
        let end = match &talk {
            Talk::Conversation { number, .. } => {
                Some(Moment::from_nanos(tenant.head_now(*number, changes).end))
            }
            Talk::Opened(session) => session.end(),
            Talk::Long => None,
        };
        if let (Some(kept), Some(end)) = (config.history_retention, end)
            && end.plus(kept) < now
        {
            return Err(missing("conversation.expired", "the history is past its retention window"));
        }
        let binding = Binding::of_history(config.seed, conversation);
        let place = match form::value(&pairs, "nextPageToken") {
            None | Some("") => None,
            Some(token) => Some(binding.place(token).ok_or_else(|| {
                Problem::new(
                    StatusCode::BAD_REQUEST,
                    "invalid.page.token",
                    "nextPageToken was not given out for this conversation",
                )
            })?),
        };
        Ok(Self { talk, size, binding, place })
    }
}

fn missing(code: &'static str, message: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, code, message)
}

/// The history of this id, where there is one and it was not given up.
pub(crate) fn find(
    tenant: &Tenant,
    changes: &Changes,
    opened: Option<&Arc<Session>>,
    id: &str,
) -> Option<Talk> {
    if let Some(session) = opened {
        return (!session.is_forgotten()).then(|| Talk::Opened(Arc::clone(session)));
    }
    if tenant.long.as_ref().is_some_and(|long| long.id() == id) {
        return Some(Talk::Long);
    }
    let number = tenant.number_of(id)?;
    let change = changes.of(number);
    (!change.forgotten).then(|| Talk::conversation(number, changes))
}

/// The page that a request asks for, as far as one can tell before it is checked.
pub(crate) fn page_of(query: &str) -> u64 {
    let pairs = form::pairs(query).unwrap_or_default();
    form::value(&pairs, "nextPageToken").and_then(claimed_page).unwrap_or(1)
}

/// Serves one page; media links lead to the sandbox at `base`, `shape` is what a fault makes of it.
pub(crate) fn answer(
    tenant: &Tenant,
    untidy: Untidy,
    seed: u64,
    query: &Query,
    shape: &Shape,
    base: &str,
) -> Reply {
    let rows = Rows::of(tenant, &query.talk, untidy, seed);
    let total = rows.len();
    let place = query.place.unwrap_or(Place { position: 0, page: 1 });
    let size = shape.at_most.unwrap_or(query.size).clamp(1, query.size);
    // Always few enough that the page gets past its place: rows come again, none is skipped.
    let start = place.position.saturating_sub(shape.back.min(size - 1));
    let end = if shape.empty { start } else { (start + size).min(total) };
    let after = if shape.empty { place.position } else { end };
    let before = || Place {
        position: place.position.saturating_sub(query.size),
        page: place.page.saturating_sub(1).max(1),
    };
    let next = (after < total).then_some(Place { position: after, page: place.page + 1 });
    let next = shape.next.place(place, next, before);
    let next = shape.next.token(next.map(|next| query.binding.token(next)));
    let previous = (place.page > 1).then(|| query.binding.token(before()));

    let mut out = Vec::with_capacity(16 * 1024);
    let mut pieces = Vec::new();
    out.push(b'{');
    if !shape.no_entities {
        out.extend_from_slice(b"\"entities\":[");
        for (index, row) in rows.range(start..end).iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            row.write(base, seed, &mut out);
        }
        for extra in &shape.extra {
            if out.last() == Some(&b'}') {
                out.push(b',');
            }
            extra.write_message(place.page, &mut out, &mut pieces);
        }
        out.push(b']');
    }
    if !shape.no_meta {
        if !shape.no_entities {
            out.push(b',');
        }
        write_meta(&mut out, next.as_deref(), previous.as_deref(), query.size, total);
    }
    out.push(b'}');
    pieces.push((Bytes::from(out), 1));
    Reply::new(StatusCode::OK, "application/json", Body::of(pieces))
}

fn write_meta(out: &mut Vec<u8>, next: Option<&str>, previous: Option<&str>, size: u64, total: u64) {
    out.extend_from_slice(b"\"meta\":{");
    for (name, token) in [("nextPageToken", next), ("previousPageToken", previous)] {
        if let Some(token) = token {
            write_json_string(out, name);
            out.push(b':');
            write_json_string(out, token);
            out.push(b',');
        }
    }
    out.extend_from_slice(format!("\"pageSize\":{size},\"total\":{total}}}").as_bytes());
}
