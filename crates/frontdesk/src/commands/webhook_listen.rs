//! `frontdesk webhook listen`

use std::sync::Arc;

use frontdesk_api::Cancel;
use frontdesk_server::{Faces, Limits, Server, Warnings};
use frontdesk_shell::printer::printable;
use frontdesk_shell::{Exit, Failure, Format};
use serde::Serialize;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::serve_deliveries::Deliveries;
use super::serve_intake::Listening;
use super::{serve, webhook_register};
use crate::args::ListenArgs;
use crate::callbacks::{self, Listener};
use crate::clock::WallClock;
use crate::context::{self, Context};
use crate::interruption::heeding;

/// What scripts wait for.
#[derive(Serialize)]
struct Ready {
    addr: String,
    signed: bool,
}

pub(crate) async fn run(context: &Context<'_>, arguments: &ListenArgs) -> Result<Exit, Failure> {
    let shutdown = context::signals()?;
    let clock = WallClock::of(context).await?;
    let listener = Listener::required(context, "webhook listen", &clock)?;
    let subscription = arguments.register.then(|| webhook_register::subscription(context)).transpose()?;
    let signed = listener.is_signed();
    let stored = Arc::new(Notify::new());
    let deliveries = Deliveries::of(context, &clock)?.woken_by(Arc::clone(&stored));
    let listening = Listening::of(context, &clock)?;
    let (callbacks, reception) = tokio::task::block_in_place(|| listener.open(Arc::clone(&stored)))?;
    let faces = Faces::default().callbacks(callbacks);
    let server = Server::serving(faces, arguments.addr, Limits::default(), Warnings::default())
        .map_err(|error| serve::refused(&error))?;
    let ready = Ready { addr: server.address().to_string(), signed };
    match context.printer.format() {
        Format::Json => context.printer.data(&ready, |ready| ready.addr.clone())?,
        Format::Text => context
            .printer
            .talk(format_args!("listening at http://{}/webhook/callback until Ctrl-C", ready.addr)),
    }
    context.printer.flush()?;
    if !signed {
        context.printer.talk(callbacks::UNVERIFIED);
    }
    let mut working = JoinSet::new();
    working.spawn(server.run(shutdown.requested()));
    working.spawn(deliveries.run(shutdown.requested()));
    if let Some(listening) = listening {
        working.spawn(listening.run(reception, stored, &clock, shutdown.requested()));
    }
    if let Some(subscription) = subscription {
        let (handle, cancel) = Cancel::pair();
        let registering = webhook_register::registered(context, &clock, cancel, &subscription);
        let outcome = heeding(shutdown.requested(), &handle, registering).await;
        // A listener that could not register may have been registered by hand (contract §3).
        match outcome {
            Ok(registered) => {
                context.printer.talk(format_args!("registered as {}", printable(&registered.id)));
            }
            Err(failure) => {
                let why = failure.one_line();
                context.printer.talk(format_args!("warning: the listener is not registered: {why}"));
            }
        }
    }
    while let Some(ended) = working.join_next().await {
        if let Err(failed) = ended {
            std::panic::resume_unwind(failed.into_panic());
        }
    }
    Ok(Exit::Done)
}
