//! `frontdesk archive hold add|release|list`

use std::ops::ControlFlow;

use frontdesk_archive::{Error as ArchiveError, Expression, Hold, HoldOutcome};
use frontdesk_domain::{IdError, MatterName, Query, RecordId};
use frontdesk_shell::printer::printable;
use frontdesk_shell::quantity::show_count;
use frontdesk_shell::{Exit, Failure};
use serde::Serialize;

use super::archive_search;
use crate::args::{HoldAddArgs, HoldCommand, HoldReleaseArgs};
use crate::audited::{self, Outcome, Planned};
use crate::clock::WallClock;
use crate::context::Context;
use crate::{failures, store};

pub(crate) async fn run(context: &Context<'_>, command: &HoldCommand) -> Result<Exit, Failure> {
    match command {
        HoldCommand::Add(arguments) => add(context, arguments).await,
        HoldCommand::Release(arguments) => release(context, arguments).await,
        HoldCommand::List { matter } => list(context, matter.as_deref()),
    }
}

fn bad(error: &IdError) -> Failure {
    Failure::from_error(Exit::Usage, "bad_argument", error)
}

fn reason(text: &str) -> Result<&str, Failure> {
    let text = text.trim();
    if text.is_empty() || text.len() > 4_096 {
        return Err(Failure::new(
            Exit::Usage,
            "bad_argument",
            "--reason: 1 to 4096 bytes of text are needed",
        )
        .hint("say why: it is kept in the ledger"));
    }
    Ok(text)
}

fn ids(texts: &[String]) -> Result<Vec<RecordId>, Failure> {
    texts.iter().map(|text| RecordId::new(text.as_str()).map_err(|error| bad(&error))).collect()
}

#[derive(Serialize)]
struct Added<'a> {
    matter: &'a MatterName,
    added: u64,
    already: u64,
}

async fn add(context: &Context<'_>, arguments: &HoldAddArgs) -> Result<Exit, Failure> {
    let matter = MatterName::new(arguments.matter.as_str()).map_err(|error| bad(&error))?;
    let reason = reason(&arguments.reason)?;
    let ids = ids(&arguments.id)?;
    let query = arguments.query.as_deref().map(archive_search::query).transpose()?;
    let clock = WallClock::of(context).await?;
    let planned = Planned::new("archive hold add", &arguments.store.wait)
        .with("matter", matter.as_str())
        .with("reason", reason);
    let begun = audited::begin(context, &clock, None, planned).await?;
    let mut outcome = Outcome::default();
    let result = tokio::task::block_in_place(|| {
        let held = hold(context, arguments, &clock, (&matter, reason), ids, query)?;
        outcome.counts = vec![("added", held.added), ("already", held.already)];
        Ok(held)
    });
    let held = tokio::task::block_in_place(|| begun.end(result, outcome))?;
    let answer = Added { matter: &matter, added: held.added, already: held.already };
    context.printer.data(&answer, |answer| {
        format!(
            "{} conversations held for {}, {} more than before",
            show_count(answer.added + answer.already),
            printable(answer.matter.as_str()),
            show_count(answer.added)
        )
    })?;
    Ok(Exit::Done)
}

fn hold(
    context: &Context<'_>,
    arguments: &HoldAddArgs,
    clock: &WallClock,
    (matter, reason): (&MatterName, &str),
    mut ids: Vec<RecordId>,
    query: Option<Query>,
) -> Result<HoldOutcome, Failure> {
    let mut maintenance = store::maintenance(context, &arguments.store, "archive hold add", clock.source())?;
    // Under the lock: what is found now is what is held.
    if let Some(query) = query {
        let reader = store::reader(context)?;
        let found = reader
            .search_each(&Expression::Query(query), &mut |found| {
                ids.push(found.record.key.id);
                ControlFlow::Continue(())
            })
            .map_err(|error| failures::archive(&error))?;
        if found.incomplete > 0 {
            let message = format!("{} conversations cannot be read", show_count(found.incomplete));
            return Err(Failure::new(Exit::Integrity, "incomplete", message)
                .hint("nothing was held: run frontdesk archive verify, or name conversations with --id"));
        }
    }
    let held = maintenance
        .hold(matter, &ids, arguments.query.as_deref(), reason)
        .map_err(|error| failures::archive(&error))?;
    maintenance.close().map_err(|error| failures::archive(&error))?;
    Ok(held)
}

#[derive(Serialize)]
struct Released<'a> {
    matter: &'a MatterName,
    released: u64,
}

async fn release(context: &Context<'_>, arguments: &HoldReleaseArgs) -> Result<Exit, Failure> {
    let matter = MatterName::new(arguments.matter.as_str()).map_err(|error| bad(&error))?;
    let reason = reason(&arguments.reason)?;
    let ids = ids(&arguments.id)?;
    let clock = WallClock::of(context).await?;
    let planned = Planned::new("archive hold release", &arguments.store.wait)
        .with("matter", matter.as_str())
        .with("reason", reason);
    let begun = audited::begin(context, &clock, None, planned).await?;
    let mut outcome = Outcome::default();
    let result = tokio::task::block_in_place(|| {
        let mut maintenance =
            store::maintenance(context, &arguments.store, "archive hold release", clock.source())?;
        let some = (!ids.is_empty()).then_some(&ids[..]);
        let released =
            maintenance.release(&matter, some, reason).map_err(|error| failures::archive(&error))?;
        outcome.counts = vec![("released", released)];
        maintenance.close().map_err(|error| failures::archive(&error))?;
        Ok(released)
    });
    let released = tokio::task::block_in_place(|| begun.end(result, outcome))?;
    context.printer.data(&Released { matter: &matter, released }, |answer| {
        format!(
            "{} conversations released by {}",
            show_count(answer.released),
            printable(answer.matter.as_str())
        )
    })?;
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Line<'a> {
    matter: &'a str,
    id: &'a str,
    at: String,
    actor: &'a str,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<&'a str>,
}

enum Stopped {
    Archive(ArchiveError),
    Output(Failure),
}

impl From<ArchiveError> for Stopped {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(error)
    }
}

fn list(context: &Context<'_>, matter: Option<&str>) -> Result<Exit, Failure> {
    let matter = matter.map(MatterName::new).transpose().map_err(|error| bad(&error))?;
    let reader = store::reader(context)?;
    reader
        .holds(matter.as_ref(), |hold: Hold| {
            let line = Line {
                matter: hold.matter.as_str(),
                id: hold.id.as_str(),
                at: hold.at.to_string(),
                actor: &hold.actor,
                reason: &hold.reason,
                query: hold.query.as_deref(),
            };
            let text = |line: &Line<'_>| {
                format!(
                    "{}  {}  {}  {}",
                    line.at,
                    printable(line.id),
                    printable(line.matter),
                    printable(line.reason)
                )
            };
            context.printer.data(&line, text).map_err(Stopped::Output)
        })
        .map_err(|stopped| match stopped {
            Stopped::Archive(error) => failures::archive(&error),
            Stopped::Output(failure) => failure,
        })?;
    Ok(Exit::Done)
}
