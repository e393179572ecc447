//! The search: a box, what was found, and what would narrow it.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use frontdesk_archive::Order;
use frontdesk_domain::QueryError;
use frontdesk_domain::audit::AccessStep;
use http::{Response, StatusCode, Uri};
use maud::{Markup, html};

use super::page::{about, page};
use super::write::{Form, count, pieces, several, time};
use crate::desk::{Office, Read, Viewer};
use crate::params::{Params, encoded};
use crate::problem::Problem;
use crate::segment::segment;
use crate::view::Masking;
use crate::view::search::{FacetView, HitView, SearchAsk, SearchFault, SearchView, ValueView, search};

/// Hits on a page.
const HITS: usize = 25;

/// What stands in the address: the state of the page.
#[derive(Clone, Default)]
struct Asked {
    query: String,
    best: bool,
    cursor: Option<String>,
}

impl Asked {
    fn read(query: Option<&str>) -> Result<Self, Problem> {
        let mut asked = Params::read(query)?;
        let read = Self {
            query: asked.text("q").unwrap_or_default(),
            best: asked.text("order").as_deref() == Some("best"),
            cursor: asked.text("cursor"),
        };
        asked.finish()?;
        Ok(read)
    }

    /// The address of the page with another query or cursor.
    fn to(&self, query: &str, cursor: Option<&str>) -> String {
        let mut path = format!("/?q={}", encoded(query));
        if self.best {
            path.push_str("&order=best");
        }
        if let Some(cursor) = cursor {
            // Writing to a string cannot fail.
            let _ = write!(path, "&cursor={}", encoded(cursor));
        }
        path
    }
}

/// What came of it.
enum Came {
    Page(SearchView),
    Wrong(QueryError),
}

pub(super) async fn get(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let asked = Asked::read(uri.query())?;
    // Also where nothing is asked for: that shows everything.
    office.saw(&viewer, Read::new(AccessStep::Searched).with("query", asked.query.as_str())).await?;
    let ask = SearchAsk {
        query: asked.query.clone(),
        order: if asked.best { Order::Best } else { Order::Newest },
        limit: HITS,
        cursor: asked.cursor.clone(),
        facets: true,
        count: true,
        texts: true,
        masking: Masking::default(),
    };
    let came = office.archive(move |reader| match search(reader, &ask) {
        Ok(found) => Ok(Came::Page(found)),
        Err(SearchFault::Query(error)) => Ok(Came::Wrong(error)),
        Err(SearchFault::Archive(error)) => Err(Problem::from(error)),
    });
    let (status, content) = match came.await {
        Ok(Came::Page(found)) => (StatusCode::OK, page_of(&asked, &found)),
        Ok(Came::Wrong(error)) => (StatusCode::BAD_REQUEST, wrong(&asked, &error)),
        // The box stays, so that nothing that was typed is lost.
        Err(problem) => (problem.status, failed(&asked, &problem)),
    };
    let content = html! {
        h1 .skip { "Search" }
        (form(&asked))
        (content)
    };
    let mut response = page(Some(&viewer), "/", "Search", &content);
    *response.status_mut() = status;
    Ok(response)
}

fn form(asked: &Asked) -> Markup {
    html! {
        form .line.ask method="get" action="/" role="search" {
            div .grow {
                input name="q" type="search" value=(asked.query) data-box aria-label="Search conversations"
                    placeholder="refund* queue:billing from:2025-06-01" maxlength="4096" autocomplete="off"
                    spellcheck="false";
            }
            select name="order" aria-label="Order" {
                option value="" { "Newest first" }
                option value="best" selected[asked.best] { "Best first" }
            }
            button .main type="submit" { "Search" }
        }
        details .small.quiet {
            summary { "What can be asked for" }
            dl {
                dt { code { "refund" } } dd { "the word, whatever its case" }
                dt { code { "refund*" } } dd { "words that begin so" }
                dt { code { "\"money back\"" } } dd { "these words, one after the other" }
                dt { code { "a OR b" } } dd { "either; what stands beside each other must all be there" }
                dt { code { "-queue:test" } } dd { "not this" }
                dt { code { "queue: agent: type: direction: language:" } } dd { "a field with this value" }
                dt { code { "metadata.topic:parcel" } } dd { "a value of the metadata" }
                dt { code { "date:2025-03" } } dd { "began in this month; a year and a day work, too" }
                dt { code { "has:attachment is:held is:changed" } } dd { "has a file, is held by a matter, has several versions" }
                dt { code { "is:provisional" } } dd { "may still change: it began when the last pull had not seen the end" }
                dt { code { "is:damaged" } } dd { "something stored of it is known to be wrong, or was lost" }
                dt { code { "from:2025-03-01 to:2025-04-01" } } dd { "began in this range; the end is not in it" }
            }
        }
    }
}

fn page_of(asked: &Asked, found: &SearchView) -> Markup {
    html! {
        @if found.incomplete > 0 {
            div .note.bad role="status" data-state="partial" {
                p { strong { "Not all of the archive could be read. " }
                    (several(found.incomplete, "conversation is", "conversations are")) " unreadable: what was said in them is not in this answer, whether they belong to it or not. "
                    code { "frontdesk archive verify" } " names what is damaged." }
            }
        }
        @if !found.live {
            div .note.warn role="status" data-state="indexing" {
                p { strong { "The catalog is being brought up to date. " } "What was stored in the last moments may be missing." }
            }
        }
        @if found.live && found.index == "absent" {
            div .note role="status" data-state="indexing" {
                p { strong { "There is no search index yet. " } "Everything was read for this answer: it is whole, and took longer. The next pull or import makes the index." }
            }
        } @else if let Some(behind) = found.unindexed.filter(|_| found.live) {
            p .quiet role="status" data-state="indexing" { "Still indexing: " (several(behind, "conversation is", "conversations are")) " not in the search index yet, and " @if behind == 1 { "was" } @else { "were" } " read for this answer." }
        }
        @if found.count == Some(0) {
            div .blank data-state="empty" {
                @if asked.query.is_empty() && found.incomplete == 0 {
                    p { strong { "The archive is empty." } }
                    p { "Fill it with " code { "frontdesk archive pull" } "." }
                } @else if found.incomplete > 0 {
                    p { strong { "Nothing was found in what could be read." } }
                } @else {
                    p { strong { "Nothing was found." } }
                    p { "Words are compared whole: " code { "hotel" } " does not find hotels, " code { "hotel*" } " finds both." }
                }
            }
        } @else {
            div .found {
                (facets(asked, &found.facets))
                section aria-labelledby="count" {
                    div .count-line {
                        h2 #count {
                            @if asked.query.is_empty() { (several(found.count.unwrap_or_default(), "conversation", "conversations")) ", the newest first" }
                            @else { (several(found.count.unwrap_or_default(), "conversation", "conversations")) " found" }
                        }
                        a .narrow href="#narrow" { "Narrow" }
                        @if asked.cursor.is_some() { a href=(asked.to(&asked.query, None)) { "Back to the first page" } }
                    }
                    ol .hits { @for hit in &found.hits { (hit_item(asked, hit)) } }
                    @if let Some(next) = &found.next_cursor {
                        div .more { span {} a .button rel="next" href=(asked.to(&asked.query, Some(next))) { "More" } }
                    }
                }
            }
        }
    }
}

/// Values of a facet that are shown at once; the others open.
const SHOWN: usize = 8;

fn facets(asked: &Asked, facets: &[FacetView]) -> Markup {
    html! {
        aside .facets #narrow aria-label="Narrow" {
            @for facet in facets.iter().filter(|facet| !facet.values.is_empty()) {
                // A period is read in its order, and whole; of the others the most frequent come first.
                @let shown = if facet.field == "date" { facet.values.len() } else { SHOWN.min(facet.values.len()) };
                section {
                    h2 { (heading(facet.field)) }
                    ul { @for value in &facet.values[..shown] { (choice(asked, facet.field, value)) } }
                    @if facet.values.len() > shown {
                        details open[facet.values[shown..].iter().any(|value| value.chosen)] {
                            summary { (several((facet.values.len() - shown) as u64, "more", "more")) }
                            ul { @for value in &facet.values[shown..] { (choice(asked, facet.field, value)) } }
                            @if facet.others > 0 { p .quiet.small { "and " (several(facet.others, "other", "others")) } }
                        }
                    }
                }
            }
        }
    }
}

fn choice(asked: &Asked, field: &str, value: &ValueView) -> Markup {
    let words = match (field, value.value.as_str()) {
        ("has", "attachment") => "with an attachment",
        ("is", "held") => "held by a matter",
        ("is", "changed") => "with several versions",
        ("is", "provisional") => "may still change",
        ("is", "damaged") => "damaged or lost",
        (_, other) => other,
    };
    let shown = html! { span { (words) } span { (count(value.count)) } };
    html! {
        li {
            @match &value.toggled {
                Some(query) => a href=(asked.to(query, None)) aria-current=[value.chosen.then_some("true")] { (shown) },
                None => span .fixed { (shown) },
            }
        }
    }
}

fn heading(field: &str) -> &str {
    match field {
        "type" => "Medium",
        "queue" => "Queue",
        "agent" => "Agent",
        "direction" => "Direction",
        "language" => "Language",
        "date" => "Date",
        "has" => "Attachments",
        "is" => "Keeping",
        other => other,
    }
}

fn hit_item(asked: &Asked, hit: &HitView) -> Markup {
    let mut path = format!("/conversations/{}", segment(&hit.id));
    // One word that was looked for is looked for inside, too.
    let word = asked.query.split_whitespace().find(|word| word.chars().all(char::is_alphanumeric));
    if let Some(word) = word.filter(|word| !matches!(*word, "OR" | "AND" | "NOT")) {
        let _ = write!(path, "?find={}", encoded(word));
    }
    html! {
        li .hit {
            h3 {
                a href=(path) data-hit {
                    @match &hit.started_at { Some(at) => (time(at, Form::Full)), None => "Without a date" }
                }
                span .id.quiet { (hit.id) }
            }
            p dir="auto" {
                @if hit.snippet.iter().all(|piece| piece.text.trim().is_empty()) {
                    span .quiet { @if hit.integrity.is_some() { "What was said cannot be read." } @else { "Nothing was said." } }
                }
                @else { (pieces(&hit.snippet)) }
            }
            div .badges {
                @for value in [&hit.queue, &hit.agent, &hit.media_type, &hit.direction, &hit.language].into_iter().flatten() {
                    span .badge { (value) }
                }
                @if let Some(integrity) = hit.integrity { span .badge.bad data-integrity=(integrity) { (integrity) } }
                @if hit.version > 1 { span .badge.warn { (hit.version) " versions" } }
                @for matter in &hit.matters { span .badge.warn { "held: " (matter) } }
            }
        }
    }
}

/// A query that is wrong: what was typed, and an arrow below the place.
fn wrong(asked: &Asked, error: &QueryError) -> Markup {
    // A row of its own for the arrow works whatever is typed, as long as it is one row.
    let typed: String = asked.query.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let arrow = " ".repeat(error.column.saturating_sub(1)) + "^";
    html! {
        div .note.bad role="alert" data-state="wrong" data-column=(error.column) {
            p { strong { "The query is wrong at column " (error.column) ": " } (error.message) "." }
            pre tabindex="0" { (typed) "\n" (arrow) }
            p .quiet { "Hint: " (error.hint) "." }
        }
    }
}

fn failed(asked: &Asked, problem: &Problem) -> Markup {
    if problem.kind == "not_an_archive" {
        return html! {
            div .blank data-state="no-archive" {
                p { strong { "There is no archive yet." } }
                p { "It comes to be with the first " code { "frontdesk archive pull" } " or " code { "frontdesk archive import" } "." }
            }
        };
    }
    html! {
        div data-state="failed" {
            (about(problem))
            p { a href=(asked.to(&asked.query, None)) { "Try again" } }
        }
    }
}
