//! `frontdesk serve`

use std::path::Path;
use std::sync::Arc;

use frontdesk_server::{
    ArchiveSource, BindError, Desk, Faces, Limits, Schedule, Server, Timetable, Tls, Warnings,
};
use frontdesk_shell::{Exit, Failure, Format};
use serde::Serialize;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::args::ServerArgs;
use crate::callbacks::{self, Listener};
use crate::clock::WallClock;
use crate::commands::message_send::post;
use crate::commands::scheduled_pull::ScheduledPull;
use crate::commands::scheduled_retain::ScheduledRetain;
use crate::commands::scheduled_verify::ScheduledVerify;
use crate::commands::serve_deliveries::Deliveries;
use crate::commands::serve_intake::Listening;
use crate::commands::token;
use crate::context::{self, Context};
use crate::{journal, policies, store};

/// What scripts wait for.
#[derive(Serialize)]
struct Ready {
    addr: String,
}

pub(crate) async fn run(context: &Context<'_>, arguments: &ServerArgs) -> Result<Exit, Failure> {
    let tls = tls(arguments)?;
    let shutdown = context::signals()?;
    let clock = WallClock::of(context).await?;
    let pull = ScheduledPull::of(context, &shutdown, &clock)?;
    let listening = Listening::of(context, &clock)?;
    let listener = match &listening {
        Some(_) => Some(Listener::required(context, "serve", &clock)?),
        None => Listener::of(context, "serve", &clock)?,
    };
    let retain = ScheduledRetain::of(context, &clock)?;
    let verify = ScheduledVerify::of(context, &clock)?;
    let (warnings, timetable) = (Warnings::default(), Timetable::new(clock.source()));
    let mut deliveries = Deliveries::of(context, &clock)?.reporting_to(timetable.clone(), warnings.clone());
    let source = Arc::new(ArchiveSource::new(context.archive_root()?, store::read_options()));
    let settings = journal::settings(context, "serve", journal::WAIT);
    let mut desk = Desk::new(Arc::clone(&source), journal::root(context)?, settings, clock.source())
        .policies(policies::of_profile(context)?)
        .sla(post::threshold(context)?)
        .timetable(timetable.clone());
    if let Some(pull) = &pull {
        desk = desk.remote(pull.remote());
    }
    if arguments.asks_for_tokens() {
        desk = desk.asking_for(token::tokens(context)?);
    }
    if arguments.is_encrypted() {
        desk = desk.encrypted();
    }
    let mut delivering = JoinSet::new();
    let mut faces = Faces::default().archive(source).console(desk);
    if let Some(listener) = listener {
        if !listener.is_signed() {
            context.printer.talk(callbacks::UNVERIFIED);
        }
        let stored = Arc::new(Notify::new());
        deliveries = deliveries.woken_by(Arc::clone(&stored));
        let (callbacks, reception) = tokio::task::block_in_place(|| listener.open(Arc::clone(&stored)))?;
        faces = faces.callbacks(callbacks);
        if let Some(listening) = listening {
            delivering.spawn(listening.run(reception, stored, &clock, shutdown.requested()));
        }
    }
    let mut server = Server::serving(faces, arguments.addr, Limits::default(), warnings.clone())
        .map_err(|error| refused(&error))?;
    if let Some(tls) = tls {
        server = server.encrypted(tls);
    }
    let scheme = if arguments.tls_cert.is_some() { "https" } else { "http" };
    let ready = Ready { addr: server.address().to_string() };
    match context.printer.format() {
        Format::Json => context.printer.data(&ready, |ready| ready.addr.clone())?,
        Format::Text => context.printer.talk(format_args!("serving {scheme}://{} until Ctrl-C", ready.addr)),
    }
    context.printer.flush()?;
    let now = || clock.now();
    // A task of its own: what is scheduled may block, and connections are accepted all the while.
    let mut serving = JoinSet::new();
    serving.spawn(server.run(shutdown.requested()));
    delivering.spawn(deliveries.run(shutdown.requested()));
    let mut schedule = Schedule::new(&now, warnings, timetable);
    if let Some(pull) = pull {
        schedule.add(Box::new(pull)).await;
    }
    if let Some(retain) = retain {
        schedule.add(Box::new(retain)).await;
    }
    if let Some(verify) = verify {
        schedule.add(Box::new(verify)).await;
    }
    schedule.run(shutdown.requested()).await;
    while let Some(ended) = delivering.join_next().await {
        if let Err(failed) = ended {
            std::panic::resume_unwind(failed.into_panic());
        }
    }
    match serving.join_next().await {
        Some(Err(failed)) => std::panic::resume_unwind(failed.into_panic()),
        Some(Ok(())) | None => Ok(Exit::Done),
    }
}

/// TLS of its own, where there are files for it; and that nobody else is served without.
fn tls(arguments: &ServerArgs) -> Result<Option<Tls>, Failure> {
    let (Some(certificates), Some(key)) = (&arguments.tls_cert, &arguments.tls_key) else {
        if !arguments.addr.ip().is_loopback() && !arguments.behind_proxy {
            let message = format!("{} is reached from other machines, and without TLS", arguments.addr);
            return Err(Failure::new(Exit::Usage, "not_loopback", message).hint(
                "give --tls-cert and --tls-key, or say --behind-proxy where a proxy in front speaks TLS",
            ));
        }
        return Ok(None);
    };
    let read = |path: &Path| {
        std::fs::read(path).map_err(|error| {
            let message = format!("cannot read {}", path.display());
            Failure::new(Exit::Usage, "bad_argument", message).caused_by(&error)
        })
    };
    let tls = Tls::from_pem(&read(certificates)?, &read(key)?)
        .map_err(|error| Failure::from_error(Exit::Usage, "tls", &error))?;
    Ok(Some(tls))
}

pub(super) fn refused(error: &BindError) -> Failure {
    match error {
        BindError::NotLoopback(_) => Failure::from_error(Exit::Usage, "not_loopback", error)
            .hint("listen on 127.0.0.1 or [::1]; a listener with callback_key_file may listen anywhere"),
        _ => Failure::from_error(Exit::Usage, "listen", error)
            .hint("choose another --addr; port 0 takes a free one"),
    }
}
