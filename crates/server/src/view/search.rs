//! A page of hits with facets: `archive search` as a screen and as JSON show it.

use frontdesk_archive::{Error, Expression, Indexed, Integrity, Order, Reader, Search, SearchHit};
use frontdesk_domain::query::Expr;
use frontdesk_domain::{MatterName, Query, QueryError, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::passage::{Masking, Piece};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct SearchAsk {
    /// In the language of `archive search`; empty for everything that has a start, newest first.
    pub query: String,
    /// Which hits come first.
    pub order: Order,
    /// Hits on a page, 1 to 200.
    pub limit: usize,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// Whether values are counted, too.
    pub facets: bool,
    /// Whether all hits are counted.
    pub count: bool,
    /// Whether hits are read: what they are about and a snippet. Without it a hit is an id and a start, and comes sooner.
    pub texts: bool,
    /// Whether snippets show what gives a person away.
    pub masking: Masking,
}

/// A page of hits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SearchView {
    /// The query, written canonically; empty when everything was asked for.
    pub query: String,
    /// How many conversations were found, on this page or not; absent when nobody asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Those of this page.
    pub hits: Vec<HitView>,
    /// Where the next page begins, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// Conversations that could not be read, and may belong to the answer or not.
    pub incomplete: u64,
    /// Whether the archive's own catalog answered. If not, one was made up for this reader, and what is stored from now on
    /// is not in it yet.
    pub live: bool,
    /// How far the search index goes: `whole`, `behind`, `absent`. What it does not have was read for this answer.
    pub index: &'static str,
    /// Conversations that are behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unindexed: Option<u64>,
    /// The most frequent values of each field among all that was found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub facets: Vec<FacetView>,
}

/// A conversation that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HitView {
    /// Its id.
    pub id: String,
    /// What was searched of it: `details` or `transcript`.
    pub kind: &'static str,
    /// The version of that.
    pub version: u32,
    /// When it started, RFC 3339.
    pub started_at: Option<String>,
    /// The medium.
    pub media_type: Option<String>,
    /// `inbound` or `outbound`.
    pub direction: Option<String>,
    /// Where it was routed.
    pub queue: Option<String>,
    /// Who took it.
    pub agent: Option<String>,
    /// The tag it was routed by.
    pub language: Option<String>,
    /// About 160 characters around what was looked for.
    pub snippet: Vec<Piece>,
    /// The matters that hold it.
    pub matters: Vec<String>,
    /// `damaged` where something stored of it is known to be wrong or lost, `lost` where nothing is left to be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integrity: Option<&'static str>,
}

/// The values of one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FacetView {
    /// Its name, as a query writes it.
    pub field: &'static str,
    /// The most frequent ones, at most 20.
    pub values: Vec<ValueView>,
    /// How many other values there are.
    pub others: u64,
}

/// A value of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ValueView {
    /// The value, folded.
    pub value: String,
    /// How many of what was found have it.
    pub count: u64,
    /// Whether the query asks for it.
    pub chosen: bool,
    /// The query with it, or without it where it is chosen; absent where that is no query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub toggled: Option<String>,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum SearchFault {
    /// The query is wrong, at a column.
    #[error("the query is wrong at column {}: {}", .0.column, .0.message)]
    Query(QueryError),
    /// The archive does not answer.
    #[error("the archive does not answer")]
    Archive(#[source] Error),
}

impl From<Error> for SearchFault {
    fn from(error: Error) -> Self {
        Self::Archive(error)
    }
}

/// Hits on a page, at most.
pub const MOST_HITS: usize = 200;

/// Searches. Blocks.
///
/// # Errors
/// [`SearchFault`].
pub fn search(reader: &Reader, ask: &SearchAsk) -> Result<SearchView, SearchFault> {
    let query: Option<Query> = match ask.query.trim() {
        "" => None,
        // As it was written, so that columns are those of what was typed.
        _ => Some(ask.query.parse().map_err(SearchFault::Query)?),
    };
    let everything = Query::new(&Expr::From(Timestamp::MIN));
    let expression = match &query {
        Some(query) => query.clone(),
        None => everything.map_err(SearchFault::Query)?,
    };
    let search = Search {
        order: ask.order,
        cursor: ask.cursor.clone(),
        facets: ask.facets,
        count: ask.count,
        texts: ask.texts,
        ..Search::new(Expression::Query(expression), ask.limit.clamp(1, MOST_HITS))
    };
    let (page, indexed) = reader.search_and_reach(&search)?;
    let matters = reader.matters_of(page.hits.iter().map(|hit| &hit.id))?;
    let hits = page.hits.iter().zip(matters).map(|(hit, matters)| hit_view(hit, &matters, ask.masking));
    let hits = hits.collect();
    let (index, unindexed) = match indexed {
        Indexed::Behind { conversations } => ("behind", Some(conversations)),
        Indexed::Absent => ("absent", None),
        _ => ("whole", None),
    };
    let facets = page.facets.iter().map(|facet| FacetView {
        field: facet.field,
        values: values(query.as_ref(), facet.field, &facet.values),
        others: facet.others,
    });
    Ok(SearchView {
        query: query.as_ref().map(Query::to_string).unwrap_or_default(),
        count: page.count,
        hits,
        next_cursor: page.next_cursor,
        incomplete: page.incomplete,
        live: reader.is_live(),
        index,
        unindexed,
        facets: facets.collect(),
    })
}

fn hit_view(hit: &SearchHit, matters: &[MatterName], masking: Masking) -> HitView {
    HitView {
        id: hit.id.as_str().to_owned(),
        kind: hit.kind.as_str(),
        version: hit.version,
        started_at: hit.started_at.map(|at| at.to_string()),
        media_type: hit.facts.media_type.clone(),
        direction: hit.facts.direction.clone(),
        queue: hit.facts.queue.clone(),
        agent: hit.facts.agent.clone(),
        language: hit.facts.language.clone(),
        snippet: masking.snippet(&hit.snippet, &hit.marks),
        matters: matters.iter().map(|matter| matter.as_str().to_owned()).collect(),
        integrity: (hit.integrity != Integrity::Sound).then(|| hit.integrity.as_str()),
    }
}

fn values(query: Option<&Query>, field: &'static str, values: &[(String, u64)]) -> Vec<ValueView> {
    let parts = parts(query);
    let value = |(value, count): &(String, u64)| {
        // Read as somebody would write it, so that every field a query knows can be chosen; a date is a range, two parts.
        let wanted = format!("{field}:\"{}\"", value.replace('"', "\"\"")).parse::<Query>();
        let wanted = self::parts(wanted.as_ref().ok());
        let chosen = !wanted.is_empty() && wanted.iter().all(|part| parts.contains(part));
        let toggled = if wanted.is_empty() { None } else { toggled(&parts, &wanted, chosen) };
        ValueView { value: value.clone(), count: *count, chosen, toggled }
    };
    values.iter().map(value).collect()
}

/// What a query asks for, each of which must be there.
fn parts(query: Option<&Query>) -> Vec<Expr> {
    match query.map(Query::expr) {
        Some(Expr::All(parts)) => parts.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    }
}

/// The query with some parts, or without them where it has them; `None` where that is no query.
fn toggled(parts: &[Expr], wanted: &[Expr], chosen: bool) -> Option<String> {
    let mut rest: Vec<Expr> = parts.iter().filter(|part| !wanted.contains(part)).cloned().collect();
    if !chosen {
        // A range narrows what an earlier one left, so it takes its place.
        let is_border = |part: &Expr| matches!(part, Expr::From(_) | Expr::To(_));
        if wanted.iter().any(is_border) {
            rest.retain(|part| !is_border(part));
        }
        rest.extend_from_slice(wanted);
    } else if rest.is_empty() {
        return Some(String::new());
    }
    Query::new(&Expr::All(rest)).ok().map(|query| query.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_added_and_taken_away() {
        let toggle_in = |field, text: &str, value: &str| {
            let query: Option<Query> = (!text.is_empty()).then(|| text.parse().unwrap());
            let found = values(query.as_ref(), field, &[(value.to_owned(), 1)]);
            (found[0].chosen, found[0].toggled.clone())
        };
        let toggle = |text: &str, value: &str| toggle_in("queue", text, value);
        assert_eq!(toggle("", "web"), (false, Some("queue:web".into())));
        assert_eq!(toggle("refund", "web shop"), (false, Some(r#"refund queue:"web shop""#.into())));
        assert_eq!(toggle("refund queue:web", "web"), (true, Some("refund".into())));
        assert_eq!(toggle("queue:web", "web"), (true, Some(String::new())));
        assert_eq!(toggle("a OR b", "web"), (false, Some("(a OR b) queue:web".into())));
        let march = "refund from:2025-03-01T00:00:00Z to:2025-04-01T00:00:00Z";
        assert_eq!(toggle_in("date", "refund", "2025-03"), (false, Some(march.into())));
        assert_eq!(toggle_in("date", march, "2025-03"), (true, Some("refund".into())));
        let day = "refund from:2025-03-07T00:00:00Z to:2025-03-08T00:00:00Z";
        assert_eq!(toggle_in("date", march, "2025-03-07"), (false, Some(day.into())));
        // What is left says only what must not be there.
        assert_eq!(toggle("-refund queue:web", "web"), (true, None));
    }
}
