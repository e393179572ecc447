//! `frontdesk webhook deliveries` and `frontdesk webhook replay`

use std::ops::ControlFlow;
use std::sync::Arc;

use frontdesk_domain::Timestamp;
use frontdesk_journal::outbox::{DeliveryFilter, DeliveryState, DeliveryStatus};
use frontdesk_journal::{Change, Reader};
use frontdesk_shell::printer::printable;
use frontdesk_shell::quantity::show_count;
use frontdesk_shell::{Exit, Failure};
use serde::Serialize;

use crate::args::{DeliveriesArgs, ReplayArgs, WhichArgs};
use crate::clock::WallClock;
use crate::context::{self, Context};
use crate::{failures, journal, outbox};

#[derive(Serialize)]
struct Line<'a> {
    webhook_id: &'a str,
    endpoint: &'a str,
    kind: &'a str,
    state: &'static str,
    stored_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    due: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settled_at: Option<String>,
    attempts: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    log: Vec<AttemptLine>,
}

#[derive(Serialize)]
struct AttemptLine {
    at: String,
    took_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(crate) fn run(context: &Context<'_>, arguments: &DeliveriesArgs) -> Result<Exit, Failure> {
    let filter = DeliveryFilter { webhook_id: arguments.id.clone(), ..filter(&arguments.which)? };
    let reader = outbox::reader(context)?;
    // A connection of its own, since the first one is busy with the listing.
    let attempts = arguments.attempts.then(|| outbox::reader(context)).transpose()?;
    let mut failed = None;
    let read = tokio::task::block_in_place(|| {
        reader.deliveries(&filter, &mut |delivery| match show(context, &delivery, attempts.as_ref()) {
            Ok(()) => ControlFlow::Continue(()),
            Err(failure) => {
                failed = Some(failure);
                ControlFlow::Break(())
            }
        })
    });
    read.map_err(|error| failures::journal(&error))?;
    failed.map_or(Ok(Exit::Done), Err)
}

fn show(context: &Context<'_>, delivery: &DeliveryStatus, attempts: Option<&Reader>) -> Result<(), Failure> {
    let log = match attempts {
        Some(reader) => reader
            .attempts(&delivery.endpoint, delivery.event)
            .map_err(|error| failures::journal(&error))?
            .into_iter()
            .map(|attempt| AttemptLine {
                at: attempt.at.to_string(),
                took_ms: attempt.took_ms,
                status: attempt.status,
                error: attempt.error,
            })
            .collect(),
        None => Vec::new(),
    };
    let text = |time: Option<Timestamp>| time.map(|time| time.to_string());
    let line = Line {
        webhook_id: &delivery.webhook_id,
        endpoint: &delivery.endpoint,
        kind: &delivery.kind,
        state: delivery.state.as_str(),
        stored_at: delivery.stored_at.to_string(),
        due: text(delivery.due),
        settled_at: text(delivery.settled_at),
        attempts: delivery.attempts,
        last_status: delivery.last_status,
        last_error: delivery.last_error.as_deref(),
        log,
    };
    context.printer.data(&line, |line| {
        let last = line.last_error.map(|error| format!("  {}", printable(error))).unwrap_or_default();
        let due = line.due.as_ref().map(|due| format!(", due {due}")).unwrap_or_default();
        let mut text = format!(
            "{}  {}  {}  {}  {}{due}  {} attempts{last}",
            line.stored_at, line.webhook_id, line.endpoint, line.kind, line.state, line.attempts
        );
        for attempt in &line.log {
            let how = attempt.error.as_deref().unwrap_or("taken");
            text.push_str(&format!("\n    {}  {} ms  {}", attempt.at, attempt.took_ms, printable(how)));
        }
        text
    })
}

fn filter(which: &WhichArgs) -> Result<DeliveryFilter, Failure> {
    let bad = |flag: &str, error: &dyn std::error::Error| {
        Failure::from_error(Exit::Usage, "bad_argument", error).at(flag)
    };
    let when = |flag: &str, text: &Option<String>| {
        text.as_deref().map(Timestamp::from_date_or_time).transpose().map_err(|error| bad(flag, &error))
    };
    Ok(DeliveryFilter {
        webhook_id: None,
        endpoint: which.endpoint.clone(),
        state: which.state.as_deref().map(str::parse).transpose().map_err(|error| bad("--state", &error))?,
        kind: which
            .kind
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|error: frontdesk_domain::UnknownEventKind| bad("--kind", &error))?,
        from: when("--from", &which.from)?,
        to: when("--to", &which.to)?,
    })
}

#[derive(Serialize)]
struct Replayed {
    replayed: u64,
    dry_run: bool,
}

/// Makes deliveries due again, and delivers for a few seconds.
pub(crate) async fn replay(context: &Context<'_>, arguments: &ReplayArgs) -> Result<Exit, Failure> {
    let reader = outbox::reader(context)?;
    let chosen = choose(&reader, arguments)?;
    if chosen.is_empty() {
        return Err(Failure::new(Exit::Usage, "not_found", "there is no such delivery")
            .hint("frontdesk webhook deliveries lists them; what is pending needs no replay"));
    }
    if !arguments.dry_run {
        let clock = WallClock::of(context).await?;
        let shutdown = context::signals()?;
        let journal = Arc::new(journal::open(context, "webhook replay", &clock)?);
        for some in chosen.chunks(500) {
            let change =
                some.iter().fold(Change::new(), |change, delivery| change.replay(delivery, clock.now()));
            tokio::task::block_in_place(|| journal.record(change))
                .map_err(|error| failures::journal(&error))?;
        }
        outbox::drain_before_exit(context, &journal, &clock, &shutdown).await?;
        journal::close(journal)?;
    }
    let answer = Replayed { replayed: chosen.len() as u64, dry_run: arguments.dry_run };
    context.printer.data(&answer, |answer| {
        let would = if answer.dry_run { "would be" } else { "are" };
        format!("{} deliveries {would} due again", show_count(answer.replayed))
    })?;
    Ok(Exit::Done)
}

/// The deliveries to replay: those of named events in whatever state, else those the filter means that are settled.
fn choose(reader: &Reader, arguments: &ReplayArgs) -> Result<Vec<DeliveryStatus>, Failure> {
    let which = WhichArgs {
        endpoint: arguments.endpoint.clone(),
        state: arguments.state.clone(),
        kind: arguments.kind.clone(),
        from: arguments.from.clone(),
        to: arguments.to.clone(),
    };
    let base = filter(&which)?;
    let filters: Vec<DeliveryFilter> = match arguments.id.as_slice() {
        [] => vec![base],
        ids => ids.iter().map(|id| DeliveryFilter { webhook_id: Some(id.clone()), ..base.clone() }).collect(),
    };
    let mut chosen = Vec::new();
    for filter in &filters {
        let mut found = false;
        reader
            .deliveries(filter, &mut |delivery| {
                found = true;
                if delivery.state != DeliveryState::Pending {
                    chosen.push(delivery);
                }
                ControlFlow::Continue(())
            })
            .map_err(|error| failures::journal(&error))?;
        if let (Some(id), false) = (&filter.webhook_id, found) {
            return Err(Failure::new(
                Exit::Usage,
                "not_found",
                format!("there is no delivery with the id {id}"),
            )
            .hint("nothing was replayed; frontdesk webhook deliveries lists them"));
        }
    }
    Ok(chosen)
}
