//! `frontdesk archive search --contains TEXT`

use std::num::NonZero;

use frontdesk_archive::{ErrorKind, Expression, Search, SearchHit, SearchPage};
use frontdesk_shell::clock::Stopwatch;
use frontdesk_shell::printer::printable;
use frontdesk_shell::quantity::show_count;
use frontdesk_shell::{Exit, Failure};
use serde::Serialize;

use crate::args::SearchArgs;
use crate::context::Context;
use crate::{failures, store};

const MOST_HITS: u32 = 10_000;

/// The answer, as scripts read it (design, "Names that scripts rely on").
#[derive(Serialize)]
struct Answer<'a> {
    count: u64,
    hits: Vec<HitLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<&'a str>,
    /// Records that could not be read, so that the count may be short of them; absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    incomplete: Option<u64>,
    elapsed_us: u64,
}

#[derive(Serialize)]
struct HitLine<'a> {
    id: &'a str,
    version: u32,
    started_at: Option<String>,
    snippet: &'a str,
}

impl<'a> Answer<'a> {
    fn new(page: &'a SearchPage, elapsed_us: u64) -> Self {
        Self {
            count: page.count,
            hits: page.hits.iter().map(HitLine::new).collect(),
            next_cursor: page.next_cursor.as_deref(),
            incomplete: (page.incomplete > 0).then_some(page.incomplete),
            elapsed_us,
        }
    }

    fn text(&self, hits: &[SearchHit]) -> String {
        let mut text: String = hits.iter().map(|hit| line(hit) + "\n").collect();
        let millis = self.elapsed_us as f64 / 1000.0;
        text.push_str(&format!("{} found, {} shown, {millis:.1} ms", show_count(self.count), hits.len()));
        if let Some(cursor) = self.next_cursor {
            text.push_str(&format!("; go on with --cursor {cursor}"));
        }
        text
    }
}

/// One hit for people: when and which, and below it what was said.
pub(crate) fn line(hit: &SearchHit) -> String {
    let started_at = hit.started_at.map_or_else(|| String::from("undated"), |at| at.to_string());
    let said = hit.snippet.lines().map(printable).collect::<Vec<_>>().join(" / ");
    format!("{started_at:<24}  {}\n    {said}", printable(hit.id.as_str()))
}

impl<'a> HitLine<'a> {
    fn new(hit: &'a SearchHit) -> Self {
        Self {
            id: hit.id.as_str(),
            version: hit.version,
            started_at: hit.started_at.map(|at| at.to_string()),
            snippet: &hit.snippet,
        }
    }
}

pub(crate) fn run(context: &Context<'_>, arguments: &SearchArgs) -> Result<Exit, Failure> {
    let limit = arguments.limit.parse().ok().filter(|limit: &NonZero<u32>| limit.get() <= MOST_HITS);
    let limit = limit.ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            "bad_argument",
            format!("--limit: {:?} is not a number of hits", arguments.limit),
        )
        .hint(format!("write 1 to {MOST_HITS}; --cursor goes on from there"))
    })?;
    if arguments.contains.is_empty() {
        return Err(Failure::new(Exit::Usage, "bad_argument", "--contains: there is no text to look for")
            .hint("give at least one character"));
    }
    let reader = store::reader(context)?;
    let watch = Stopwatch::start();
    let query = Search {
        cursor: arguments.cursor.clone(),
        ..Search::new(Expression::Contains(arguments.contains.clone()), limit.get() as usize)
    };
    let page = reader.search(&query).map_err(|error| match error.kind() {
        ErrorKind::Malformed { .. } => failures::archive(&error)
            .hint("give --cursor as an earlier answer's next_cursor has it, or leave it out"),
        _ => failures::archive(&error),
    })?;
    let answer = Answer::new(&page, watch.elapsed_us());
    context.printer.data(&answer, |answer| answer.text(&page.hits))?;
    if page.incomplete == 0 {
        return Ok(Exit::Done);
    }
    let message =
        format!("{} records could not be read, so the count may be short", show_count(page.incomplete));
    Err(Failure::new(Exit::Integrity, "incomplete", message)
        .hint("frontdesk archive verify names what is damaged"))
}
