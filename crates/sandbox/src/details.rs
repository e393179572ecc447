//! `POST /api/v2/analytics/conversations/details/query` (gateway contract §5).

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;

use crate::fault::Shape;
use crate::filter::{self, Filter};
use crate::moment::Moment;
use crate::page_token::{Binding, Place, claimed_page};
use crate::problem::Problem;
use crate::reply::{Body, Reply};
use crate::sessions::Session;
use crate::tenant::{Changes, Draft, Tenant, write_json_string};

/// The scope that the call needs.
pub(crate) const SCOPE: &str = "analytics:query";
const LARGEST_PAGE: u64 = 10_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    date_from: String,
    date_to: String,
    size: i64,
    filter: Option<String>,
    next_page: Option<String>,
}

/// A checked query.
pub(crate) struct Query {
    pub(crate) from: Moment,
    pub(crate) to: Moment,
    size: u64,
    filter: Option<Filter>,
    binding: Binding,
    /// Where the page begins; `None` is the first page.
    place: Option<Place>,
}

impl Query {
    /// Reads and checks a request body.
    pub(crate) fn read(body: &[u8], seed: u64) -> Result<Self, Problem> {
        let wire: Wire = serde_json::from_slice(body)
            .map_err(|error| Problem::bad_request(format!("the body is no details query: {error}")))?;
        let from = date("dateFrom", &wire.date_from)?;
        let to = date("dateTo", &wire.date_to)?;
        if from >= to {
            return Err(Problem::bad_request("dateFrom is not before dateTo"));
        }
        let size = u64::try_from(wire.size).ok().filter(|size| (1..=LARGEST_PAGE).contains(size));
        let size =
            size.ok_or_else(|| Problem::bad_request(format!("size is not within 1 and {LARGEST_PAGE}")))?;
        let filter =
            wire.filter.as_deref().map(filter::parse).transpose().map_err(|error| {
                Problem::new(StatusCode::BAD_REQUEST, "invalid.filter", error.to_string())
            })?;
        let binding = Binding::of(seed, from, to, wire.filter.as_deref());
        let place = match &wire.next_page {
            Some(token) => Some(binding.place(token).ok_or_else(|| {
                Problem::new(
                    StatusCode::BAD_REQUEST,
                    "invalid.page.token",
                    "nextPage was not given out for this query",
                )
            })?),
            None => None,
        };
        Ok(Self { from, to, size, filter, binding, place })
    }
}

fn date(name: &str, text: &str) -> Result<Moment, Problem> {
    text.parse().map_err(|error| Problem::bad_request(format!("{name} is {error}")))
}

/// The page that a request asks for, as far as one can tell before it is checked.
pub(crate) fn page_of(body: &[u8]) -> u64 {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Peek {
        next_page: Option<String>,
    }
    let token = serde_json::from_slice::<Peek>(body).ok().and_then(|peek| peek.next_page);
    token.and_then(|token| claimed_page(&token)).unwrap_or(1)
}

/// Serves one page. `changes` says what happened to conversations, `opened` are those that were opened
/// within the query's time; `shape` is what a fault makes of the page.
pub(crate) fn answer(
    tenant: &Tenant,
    changes: &Changes,
    opened: &[Arc<Session>],
    query: &Query,
    shape: &Shape,
) -> Reply {
    let numbers = tenant.numbers(query.from, query.to);
    let pages = Pages { tenant, changes, opened, query, numbers };
    let place = query.place.unwrap_or(Place { position: pages.numbers.start, page: 1 });
    let mut out = Vec::with_capacity(64 * 1024);
    out.extend_from_slice(b"{\"conversations\":[");
    let after = if shape.empty {
        place.position
    } else {
        let size = shape.at_most.unwrap_or(query.size).clamp(1, query.size);
        pages.write(pages.back(place.position, shape.back), size, &mut out)
    };
    let next = (after < pages.end()).then_some(Place { position: after, page: place.page + 1 });
    let next = shape.next.place(place, next, || pages.before(place));
    let next = shape.next.token(next.map(|next| query.binding.token(next)));
    let mut pieces = Vec::new();
    for extra in &shape.extra {
        if out.last() == Some(&b'}') {
            out.push(b',');
        }
        extra.write(query.from, place.page, &mut out, &mut pieces);
    }
    out.push(b']');
    if let Some(token) = next {
        out.extend_from_slice(b",\"nextPage\":");
        write_json_string(&mut out, &token);
    }
    out.push(b'}');
    pieces.push((Bytes::from(out), 1));
    Reply::new(StatusCode::OK, "application/json", Body::of(pieces))
}

/// The pages of one query. Positions are the numbers of conversations; those of the ones that were
/// opened follow after all others, in the order in which they were.
struct Pages<'a> {
    tenant: &'a Tenant,
    changes: &'a Changes,
    opened: &'a [Arc<Session>],
    query: &'a Query,
    numbers: Range<u64>,
}

impl Pages<'_> {
    /// Appends up to `size` matching conversations from `position` on, separated by commas; returns
    /// the number of the first one that was not looked at.
    fn write(&self, position: u64, size: u64, out: &mut Vec<u8>) -> u64 {
        let mut draft = Draft::default();
        let mut written = 0;
        for number in position..self.numbers.end {
            if !self.matches(number) {
                continue;
            }
            if written > 0 {
                out.push(b',');
            }
            self.tenant.write(number, self.changes, &mut draft, out);
            written += 1;
            if written == size {
                return number + 1;
            }
        }
        for session in self.opened_from(position) {
            if written > 0 {
                out.push(b',');
            }
            session.write(out);
            written += 1;
            if written == size {
                return self.position(session) + 1;
            }
        }
        self.end()
    }

    /// Those that were opened and match, from `position` on.
    fn opened_from(&self, position: u64) -> impl Iterator<Item = &'_ Session> {
        let matching = self.opened.iter().map(AsRef::as_ref).filter(move |session| {
            self.query.filter.as_ref().is_none_or(|filter| filter::matches(filter, *session))
        });
        matching.skip_while(move |session| self.position(session) < position)
    }

    fn position(&self, session: &Session) -> u64 {
        self.tenant.count() + session.number
    }

    /// Past the last of the conversations.
    fn end(&self) -> u64 {
        self.opened.last().map_or(self.numbers.end, |last| self.position(last) + 1)
    }

    fn matches(&self, number: u64) -> bool {
        match &self.query.filter {
            None => true,
            Some(filter) => filter::matches(filter, &self.tenant.head_now(number, self.changes)),
        }
    }

    /// `records` conversations before `position`, at most the first of the window, and always few
    /// enough that a page gets past `position`: what was served comes again, and nothing is skipped.
    fn back(&self, position: u64, records: u64) -> u64 {
        position.saturating_sub(records.min(self.query.size - 1)).max(self.numbers.start)
    }

    /// Where the page before `place` began, when every page so far was a full one.
    fn before(&self, place: Place) -> Place {
        let mut position = place.position;
        let mut left = self.query.size;
        while left > 0 && position > self.numbers.start {
            position -= 1;
            left -= u64::from(if self.numbers.contains(&position) {
                self.matches(position)
            } else {
                self.opened_from(position).next().is_some_and(|next| self.position(next) == position)
            });
        }
        Place { position, page: place.page.saturating_sub(1).max(1) }
    }
}

/// How many conversations of a range, and of those that were opened, match: the truth that tests compare
/// with.
pub(crate) fn count(
    tenant: &Tenant,
    changes: &Changes,
    range: Range<u64>,
    opened: &[Arc<Session>],
    filter: Option<&Filter>,
) -> u64 {
    let Some(filter) = filter else { return range.end - range.start + opened.len() as u64 };
    let made = range.filter(|number| filter::matches(filter, &tenant.head_now(*number, changes)));
    let opened = opened.iter().filter(|session| filter::matches(filter, session.as_ref()));
    (made.count() + opened.count()) as u64
}
