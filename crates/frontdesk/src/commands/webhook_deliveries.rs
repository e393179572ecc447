//! `frontdesk webhook deliveries` and `frontdesk webhook replay`

use std::ops::ControlFlow;
use std::sync::Arc;

use frontdesk_domain::Timestamp;
use frontdesk_journal::Reader;
use frontdesk_journal::outbox::{DeliveryFilter, DeliveryState, DeliveryStatus};
use frontdesk_server::view::webhooks::{self, DeliveryView, ReplayedView};
use frontdesk_shell::printer::printable;
use frontdesk_shell::quantity::show_count;
use frontdesk_shell::{Exit, Failure};

use crate::args::{DeliveriesArgs, ReplayArgs, WhichArgs};
use crate::clock::WallClock;
use crate::context::{self, Context};
use crate::{failures, journal, outbox};

pub(crate) fn run(context: &Context<'_>, arguments: &DeliveriesArgs) -> Result<Exit, Failure> {
    let filter = DeliveryFilter { webhook_id: arguments.id.clone(), ..filter(&arguments.which)? };
    let reader = outbox::reader(context)?;
    // A connection of its own, since the first one is busy with the listing.
    let attempts = arguments.attempts.then(|| outbox::reader(context)).transpose()?;
    let mut failed = None;
    let read = tokio::task::block_in_place(|| {
        reader.deliveries(&filter, &mut |delivery| match show(context, delivery, attempts.as_ref()) {
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

fn show(context: &Context<'_>, delivery: DeliveryStatus, attempts: Option<&Reader>) -> Result<(), Failure> {
    let delivery = DeliveryView::read(delivery, attempts).map_err(|error| failures::journal(&error))?;
    context.printer.data(&delivery, |line| {
        let last =
            line.last_error.as_deref().map(|error| format!("  {}", printable(error))).unwrap_or_default();
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
        for change in webhooks::replay(&chosen, clock.now()) {
            tokio::task::block_in_place(|| journal.record(change))
                .map_err(|error| failures::journal(&error))?;
        }
        outbox::drain_before_exit(context, &journal, &clock, &shutdown).await?;
        journal::close(journal)?;
    }
    let answer = ReplayedView { replayed: chosen.len() as u64, dry_run: arguments.dry_run };
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
