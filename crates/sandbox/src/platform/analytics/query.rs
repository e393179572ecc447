//! `POST /api/v2/analytics/conversations/details/query` (C.7, E.11)

use std::sync::Arc;

use http::{Method, StatusCode};
use jiff::SignedDuration;
use serde::Deserialize;

use super::asked::{Asked, Wanted, day_after, day_of};
use super::listing::{Entry, Fingerprint, Listing};
use super::{VIEW, write_page};
use crate::fault::Shape;
use crate::platform::refusal::Refusal;
use crate::platform::route::{Access, Operation};
use crate::platform::visit::Call;
use crate::random::mix;
use crate::reply::Reply;

pub(crate) const QUERY: &str = "/api/v2/analytics/conversations/details/query";

pub(super) const ROUTES: &[Operation] =
    &[Operation { method: Method::POST, template: QUERY, access: Access::Client(VIEW), answer: query }];

const LARGEST_PAGE: u64 = 100;
/// How far pages reach.
const DEEPEST: u64 = 100_000;
const LONGEST: SignedDuration = SignedDuration::from_hours(31 * 24);

#[derive(Deserialize)]
struct Wire {
    #[serde(flatten)]
    asked: Asked,
    paging: Option<Paging>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Paging {
    page_size: Option<i64>,
    page_number: Option<i64>,
}

/// The page that a request asks for, as far as one can tell before it is checked.
pub(crate) fn page_of(body: &[u8]) -> u64 {
    #[derive(Deserialize)]
    struct Peek {
        paging: Option<Paging>,
    }
    let paging = serde_json::from_slice::<Peek>(body).ok().and_then(|peek| peek.paging);
    let number = paging.and_then(|paging| paging.page_number);
    number.and_then(|number| u64::try_from(number).ok()).unwrap_or(1)
}

fn query(call: &Call<'_>) -> Result<Reply, Refusal> {
    let Wire { asked, paging } = call.body()?;
    let paging = paging.unwrap_or(Paging { page_size: None, page_number: None });
    let bounded = |name: &str, given: Option<i64>, usual: u64, most: u64| {
        let number = given.map_or(Some(usual), |given| u64::try_from(given).ok());
        number.filter(|number| (1..=most).contains(number)).ok_or_else(|| {
            Refusal::invalid_value(name, format!("{name} is not a whole number from 1 to {most}."))
        })
    };
    let size = bounded("paging.pageSize", paging.page_size, 25, LARGEST_PAGE)?;
    let number = bounded("paging.pageNumber", paging.page_number, 1, u64::MAX)?;
    if number.saturating_mul(size) > DEEPEST {
        let message = format!("Pages reach no deeper than {DEEPEST} results.");
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "response.entity.too.large", message));
    }
    let wanted = asked.check(LONGEST)?;
    // Whole days (C.7.1).
    let (from, to) = (day_of(wanted.from), day_after(wanted.to));
    let listing = Listing::of(call.sandbox, from, to, call.now());
    let entries = entries(call, &listing, Wanted { from, to, ..wanted });

    let shape = Shape::of(call.pass.effect());
    let total = entries.len() as u64;
    let first = (number - 1).saturating_mul(size);
    // A page that drifted begins with records of the one before.
    let start = first.saturating_sub(shape.back.min(size - 1)).min(total);
    let end = (start + shape.at_most.unwrap_or(size).min(size)).min(total);
    let index = |place: u64| usize::try_from(place).unwrap_or(usize::MAX);
    let page = if shape.empty { &[] } else { &entries[index(start)..index(end)] };

    let mut out = Vec::with_capacity(64 * 1024);
    out.push(b'{');
    if !page.is_empty() || !shape.extra.is_empty() {
        out.extend_from_slice(b"\"conversations\":");
        write_page(&listing, page, false, &shape.extra, &mut out);
        out.push(b',');
    }
    let hits = about(total, listing.seen.plan.hits_off, mix(call.sandbox.config().seed, number));
    out.extend_from_slice(format!("\"totalHits\":{hits}}}").as_bytes());
    Ok(Reply::json(StatusCode::OK, out))
}

/// The conversations that are wanted, from memory where the query was asked just now.
fn entries(call: &Call<'_>, listing: &Listing<'_>, wanted: Wanted) -> Arc<Vec<Entry>> {
    let seen = Fingerprint::of(listing);
    if let Some(entries) = call.sandbox.state().platform.memo.find(&wanted, &seen) {
        return entries;
    }
    let entries = listing.matching(listing.started(wanted.from, wanted.to), &wanted.filters);
    let entries = Arc::new(listing.ordered(entries, wanted.order, wanted.order_by));
    call.sandbox.state().platform.memo.keep(wanted, seen, &entries);
    entries
}

/// A count that is off by at most so much; that there is nothing is certain.
fn about(total: u64, off: u64, chance: u64) -> u64 {
    let shift = chance % (2 * off + 1);
    if total == 0 { 0 } else { (total + shift).saturating_sub(off).max(1) }
}
