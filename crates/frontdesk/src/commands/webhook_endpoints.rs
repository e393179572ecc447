//! `frontdesk webhook endpoints add|list|remove|enable|rotate`

use std::sync::Arc;

use frontdesk_api::outward::{OutwardUrl, header_pair};
use frontdesk_domain::{EventKind, UnknownEventKind};
use frontdesk_journal::outbox::{Endpoint, NewEndpoint};
use frontdesk_journal::{Change, Error as JournalError, Journal, Reader};
use frontdesk_shell::printer::printable;
use frontdesk_shell::quantity::show_count;
use frontdesk_shell::{Exit, Failure};
use serde::Serialize;

use super::webhook_key;
use crate::args::{EndpointAddArgs, EndpointsCommand};
use crate::clock::WallClock;
use crate::context::Context;
use crate::{failures, journal, outbox};

pub(crate) async fn run(context: &Context<'_>, command: &EndpointsCommand) -> Result<Exit, Failure> {
    match command {
        EndpointsCommand::Add(arguments) => add(context, arguments).await,
        EndpointsCommand::List => list(context),
        EndpointsCommand::Remove { id, yes } => remove(context, id, *yes).await,
        EndpointsCommand::Enable { id } => {
            let enable = |endpoint: &Endpoint, now| Change::new().enable_endpoint(endpoint, now);
            change(context, id, "webhook endpoints enable", enable).await?;
            done(context, id, "enabled", "is in service")
        }
        EndpointsCommand::Rotate { id, key_file } => {
            let (reader, clock) = (reader(context)?, WallClock::of(context).await?);
            drop(find(&reader, id)?);
            let key = webhook_key::read_or_make(key_file)?;
            let present = reader.secrets(id, clock.now()).map_err(|error| failures::journal(&error))?;
            if present.contains(&key) {
                let message = format!("the endpoint {id} signs with this key already");
                return Err(Failure::new(Exit::Usage, "same_key", message)
                    .at("--key-file")
                    .hint("name a file that is not there yet: a new key is made in it"));
            }
            drop(reader);
            let rotate = |endpoint: &Endpoint, now| Change::new().rotate_secret(endpoint, &key, now);
            change(context, id, "webhook endpoints rotate", rotate).await?;
            done(context, id, "rotated", "has a new key; the old one signs beside it for 24 hours")
        }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    url: String,
    events: &'a [EventKind],
    created: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    pending: u64,
    delivered: u64,
    dead: u64,
}

async fn add(context: &Context<'_>, arguments: &EndpointAddArgs) -> Result<Exit, Failure> {
    let bad = |error: &dyn std::error::Error| Failure::from_error(Exit::Usage, "bad_argument", error);
    let kinds: Vec<EventKind> = arguments
        .events
        .iter()
        .map(|kind| kind.parse())
        .collect::<Result<_, UnknownEventKind>>()
        .map_err(|error| bad(&error).at("--event"))?;
    let policy = outbox::policy(context)?;
    let url = OutwardUrl::webhook(&arguments.url, policy).map_err(|error| {
        bad(&error).at("URL").hint("the setting local_addresses = allow lets webhooks into one's own network")
    })?;
    let headers = match &arguments.headers {
        Some(path) => webhook_key::header_lines(path)?,
        None => Vec::new(),
    };
    for (name, value) in &headers {
        header_pair(name, value).map_err(|error| bad(&error).at("--headers"))?;
    }
    let key = webhook_key::read_or_make(&arguments.key_file)?;
    let clock = WallClock::of(context).await?;
    let journal = journal::open(context, "webhook endpoints add", &clock)?;
    let endpoint = NewEndpoint::new(url.reveal(), key, kinds).headers(headers);
    let id = endpoint.id().to_owned();
    record(&journal, Change::new().add_endpoint(endpoint, clock.now()))?;
    journal::close(Arc::new(journal))?;
    done(context, &id, "added", "gets the events that are stored from now on")
}

fn list(context: &Context<'_>) -> Result<Exit, Failure> {
    let failed = |error: JournalError| failures::journal(&error);
    let reader = reader(context)?;
    for endpoint in reader.endpoints().map_err(failed)? {
        let counts = reader.endpoint_counts(&endpoint.id).map_err(failed)?;
        let line = Line {
            id: &endpoint.id,
            url: endpoint.origin().to_owned(),
            events: &endpoint.kinds,
            created: endpoint.created.to_string(),
            disabled: endpoint.disabled.map(|at| at.to_string()),
            reason: endpoint.reason.as_deref(),
            pending: counts.pending,
            delivered: counts.delivered,
            dead: counts.dead,
        };
        context.printer.data(&line, |line| {
            let kinds: Vec<_> = line.events.iter().map(|kind| kind.as_str()).collect();
            let state = match (&line.disabled, line.reason) {
                (Some(at), reason) => format!("out of service since {at}: {}", reason.unwrap_or_default()),
                (None, _) => "in service".to_owned(),
            };
            format!(
                "{}  {}  {}  {} pending, {} delivered, {} dead  {}",
                line.id,
                printable(&line.url),
                kinds.join(","),
                show_count(line.pending),
                show_count(line.delivered),
                show_count(line.dead),
                printable(&state)
            )
        })?;
    }
    Ok(Exit::Done)
}

async fn remove(context: &Context<'_>, id: &str, yes: bool) -> Result<Exit, Failure> {
    if !yes {
        let reader = reader(context)?;
        let endpoint = find(&reader, id)?;
        let counts = reader.endpoint_counts(&endpoint.id).map_err(|error| failures::journal(&error))?;
        let message = format!(
            "this would remove {id} with {} deliveries that are pending, {} delivered and {} dead",
            show_count(counts.pending),
            show_count(counts.delivered),
            show_count(counts.dead)
        );
        return Err(Failure::new(Exit::Usage, "not_confirmed", message).hint("add --yes to remove it"));
    }
    let removal = |endpoint: &Endpoint, now| Change::new().remove_endpoint(endpoint, now);
    change(context, id, "webhook endpoints remove", removal).await?;
    done(context, id, "removed", "is gone")
}

async fn change(
    context: &Context<'_>,
    id: &str,
    command: &str,
    make: impl Fn(&Endpoint, frontdesk_domain::Timestamp) -> Change,
) -> Result<(), Failure> {
    // A journal whose endpoint is changed is one that is there.
    let endpoint = find(&reader(context)?, id)?;
    let clock = WallClock::of(context).await?;
    let journal = journal::open(context, command, &clock)?;
    record(&journal, make(&endpoint, clock.now()))?;
    journal::close(Arc::new(journal))
}

fn record(journal: &Journal, change: Change) -> Result<(), Failure> {
    tokio::task::block_in_place(|| journal.record(change))
        .map(drop)
        .map_err(|error| failures::journal(&error))
}

fn reader(context: &Context<'_>) -> Result<Reader, Failure> {
    outbox::reader(context)
}

fn find(reader: &Reader, id: &str) -> Result<Endpoint, Failure> {
    let all = reader.endpoints().map_err(|error| failures::journal(&error))?;
    all.into_iter().find(|endpoint| endpoint.id == id).ok_or_else(|| {
        Failure::new(Exit::Usage, "not_found", format!("there is no endpoint {}", printable(id)))
            .hint("frontdesk webhook endpoints list names them")
    })
}

#[derive(Serialize)]
struct Done<'a> {
    id: &'a str,
    done: &'static str,
}

fn done(context: &Context<'_>, id: &str, what: &'static str, text: &str) -> Result<Exit, Failure> {
    context.printer.data(&Done { id, done: what }, |done| format!("{} {text}", printable(done.id)))?;
    Ok(Exit::Done)
}
