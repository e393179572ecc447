//! `frontdesk archive search QUERY`, `frontdesk archive search --contains TEXT`

use std::num::NonZero;

use frontdesk_archive::{ErrorKind, Expression, Facet, Integrity, Order, Search, SearchHit, SearchPage};
use frontdesk_domain::{Query, RecordKind};
use frontdesk_shell::clock::Stopwatch;
use frontdesk_shell::printer::printable;
use frontdesk_shell::quantity::show_count;
use frontdesk_shell::{Exit, Failure};
use serde::Serialize;

use crate::args::{OrderArg, SearchArgs};
use crate::context::Context;
use crate::{failures, store};

const MOST_HITS: u32 = 10_000;

/// The answer, as scripts read it (design, "Names that scripts rely on").
#[derive(Serialize)]
struct Answer<'a> {
    /// Absent with `--no-count`.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    hits: Vec<HitLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<&'a str>,
    /// Records that could not be read, so that the count may be short of them; absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    incomplete: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    facets: Option<Vec<FacetLine<'a>>>,
    elapsed_us: u64,
}

#[derive(Serialize)]
struct HitLine<'a> {
    id: &'a str,
    /// What was searched of it, where that is not its details.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<RecordKind>,
    version: u32,
    started_at: Option<String>,
    /// `damaged` or `lost`; absent where nothing is known to be wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    integrity: Option<&'static str>,
    snippet: &'a str,
    /// Where in the snippet what was looked for is: first character and number of characters.
    marks: Vec<[usize; 2]>,
}

#[derive(Serialize)]
struct FacetLine<'a> {
    field: &'static str,
    values: Vec<ValueLine<'a>>,
    others: u64,
}

#[derive(Serialize)]
struct ValueLine<'a> {
    value: &'a str,
    count: u64,
}

impl<'a> Answer<'a> {
    fn new(page: &'a SearchPage, facets: bool, elapsed_us: u64) -> Self {
        Self {
            count: page.count,
            hits: page.hits.iter().map(HitLine::new).collect(),
            next_cursor: page.next_cursor.as_deref(),
            incomplete: (page.incomplete > 0).then_some(page.incomplete),
            facets: facets.then(|| page.facets.iter().map(FacetLine::new).collect()),
            elapsed_us,
        }
    }

    fn text(&self, page: &SearchPage, bold: bool) -> String {
        let mut text: String = page.hits.iter().map(|hit| line(hit, bold) + "\n").collect();
        for facet in page.facets.iter().filter(|facet| !facet.values.is_empty()) {
            let mut values: Vec<String> = facet
                .values
                .iter()
                .map(|(value, count)| format!("{} {}", printable(value), show_count(*count)))
                .collect();
            if facet.others > 0 {
                values.push(format!("and {} others", show_count(facet.others)));
            }
            text.push_str(&format!("{:<24}  {}\n", facet.field, values.join(", ")));
        }
        let millis = self.elapsed_us as f64 / 1000.0;
        let shown = page.hits.len();
        if let Some(count) = self.count {
            text.push_str(&format!("{} found, ", show_count(count)));
        }
        text.push_str(&format!("{shown} shown, {millis:.1} ms"));
        if let Some(cursor) = self.next_cursor {
            text.push_str(&format!("; go on with --cursor {cursor}"));
        }
        text
    }
}

impl<'a> HitLine<'a> {
    fn new(hit: &'a SearchHit) -> Self {
        Self {
            id: hit.id.as_str(),
            kind: (hit.kind != RecordKind::Details).then_some(hit.kind),
            version: hit.version,
            started_at: hit.started_at.map(|at| at.to_string()),
            integrity: (hit.integrity != Integrity::Sound).then(|| hit.integrity.as_str()),
            snippet: &hit.snippet,
            marks: hit.marks.iter().map(|mark| [mark.start, mark.len()]).collect(),
        }
    }
}

impl<'a> FacetLine<'a> {
    fn new(facet: &'a Facet) -> Self {
        let values = facet.values.iter().map(|(value, count)| ValueLine { value, count: *count });
        Self { field: facet.field, values: values.collect(), others: facet.others }
    }
}

/// One hit for people: when and which, and below it what was said, with what was looked for in bold.
pub(crate) fn line(hit: &SearchHit, bold: bool) -> String {
    let started_at = hit.started_at.map_or_else(|| String::from("undated"), |at| at.to_string());
    let mut said = String::new();
    let mut marks = hit.marks.iter().peekable();
    for (at, character) in hit.snippet.chars().enumerate() {
        if bold && marks.peek().is_some_and(|mark| mark.start == at) {
            said.push_str("\u{1b}[1m");
        }
        match character {
            '\n' => said.push_str(" / "),
            other => said.push_str(&printable(other.encode_utf8(&mut [0; 4]))),
        }
        if bold && marks.next_if(|mark| mark.end == at + 1).is_some() {
            said.push_str("\u{1b}[0m");
        }
    }
    let state = match hit.integrity {
        Integrity::Sound => String::new(),
        other => format!("  ({})", other.as_str()),
    };
    format!("{started_at:<24}  {}{state}\n    {said}", printable(hit.id.as_str()))
}

pub(crate) fn run(context: &Context<'_>, arguments: &SearchArgs) -> Result<Exit, Failure> {
    let limit = limit(&arguments.limit)?;
    let expression = expression(arguments)?;
    let reader = store::reader(context)?;
    let watch = Stopwatch::start();
    let search = Search {
        order: match arguments.order {
            OrderArg::Newest => Order::Newest,
            OrderArg::Best => Order::Best,
        },
        cursor: arguments.cursor.clone(),
        facets: arguments.facets,
        count: !arguments.no_count,
        ..Search::new(expression, limit)
    };
    let page = reader.search(&search).map_err(|error| match error.kind() {
        ErrorKind::Malformed { .. } => failures::archive(&error).hint(
            "give --cursor as an earlier answer's next_cursor has it, with the same --order, or leave it out",
        ),
        _ => failures::archive(&error),
    })?;
    let answer = Answer::new(&page, arguments.facets, watch.elapsed_us());
    let environment = &context.environment;
    let plain = environment.get("NO_COLOR").is_some()
        || environment.get("TERM").is_none_or(|terminal| terminal == "dumb");
    let bold = context.printer.stdout_is_terminal() && !plain;
    context.printer.data(&answer, |answer| answer.text(&page, bold))?;
    if page.incomplete == 0 {
        return Ok(Exit::Done);
    }
    let message =
        format!("{} records could not be read, so the count may be short", show_count(page.incomplete));
    Err(Failure::new(Exit::Integrity, "incomplete", message)
        .hint("frontdesk archive verify names what is damaged"))
}

fn limit(text: &str) -> Result<usize, Failure> {
    let limit = text.parse().ok().filter(|limit: &NonZero<u32>| limit.get() <= MOST_HITS);
    let limit = limit.ok_or_else(|| {
        Failure::new(Exit::Usage, "bad_argument", format!("--limit: {text:?} is not a number of hits"))
            .hint(format!("write 1 to {MOST_HITS}; --cursor goes on from there"))
    })?;
    Ok(limit.get() as usize)
}

/// What is looked for: a query or a text, of which the command line takes exactly one.
fn expression(arguments: &SearchArgs) -> Result<Expression, Failure> {
    if let Some(query) = &arguments.query {
        return self::query(query).map(Expression::Query);
    }
    let text = arguments.contains.as_deref().unwrap_or_default();
    let refused = |what: String, hint: &str| Failure::new(Exit::Usage, "bad_argument", what).hint(hint);
    match text.len() {
        0 => {
            Err(refused("--contains: there is no text to look for".to_owned(), "give at least one character"))
        }
        1..=MOST_TEXT => Ok(Expression::Contains(text.to_owned())),
        length => {
            let what = format!("--contains: {length} bytes are more than the {MOST_TEXT} taken");
            Err(refused(what, "give a part of the text"))
        }
    }
}

/// The longest text that is looked for, in bytes.
const MOST_TEXT: usize = 64 << 10;

/// Reads a query; a mistake is pointed at.
pub(crate) fn query(text: &str) -> Result<Query, Failure> {
    text.parse().map_err(|error: frontdesk_domain::QueryError| {
        Failure::new(Exit::Usage, "bad_query", error.to_string())
            .pointing_at(text, error.column)
            .hint(error.hint)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(query: Option<&str>, contains: Option<&str>) -> SearchArgs {
        SearchArgs {
            query: query.map(str::to_owned),
            contains: contains.map(str::to_owned),
            order: OrderArg::Newest,
            limit: "20".to_owned(),
            cursor: None,
            facets: false,
            no_count: false,
        }
    }

    #[test]
    fn a_query_or_a_text_is_looked_for() {
        assert!(expression(&arguments(Some("a"), None)).is_ok());
        assert!(expression(&arguments(None, Some("a"))).is_ok());
        let long = "x".repeat(1 << 20);
        for (query, contains) in
            [(Some(""), None), (None, Some("")), (Some(long.as_str()), None), (None, Some(long.as_str()))]
        {
            let failure = expression(&arguments(query, contains)).unwrap_err();
            assert_eq!(failure.exit(), Exit::Usage);
            assert!(failure.to_string().len() < 500 && failure.to_string().contains("hint: "), "{failure}");
        }
    }

    #[test]
    fn a_mistake_is_pointed_at() {
        let failure = query("refund (queue:web").unwrap_err();
        insta::assert_snapshot!(failure.to_string(), @r"
        error: the query is wrong at column 8: the parenthesis that opens here is never closed
          refund (queue:web
                 ^
          hint: add a `)`
        ");
    }

    #[test]
    fn what_was_looked_for_is_bold_and_nothing_else_gets_through() {
        let hit = SearchHit {
            id: "c-1".parse().unwrap(),
            kind: RecordKind::Details,
            version: 1,
            started_at: None,
            integrity: Integrity::Sound,
            facts: Default::default(),
            snippet: "a\u{1b}[2J hello\nhé".to_owned(),
            marks: vec![6..11, 12..14],
        };
        let shown = line(&hit, true);
        assert!(
            shown.ends_with("    a\\u{1b}[2J \u{1b}[1mhello\u{1b}[0m / \u{1b}[1mhé\u{1b}[0m"),
            "{shown:?}"
        );
        assert!(line(&hit, false).ends_with("    a\\u{1b}[2J hello / hé"));
    }
}
