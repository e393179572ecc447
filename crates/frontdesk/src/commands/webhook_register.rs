//! `frontdesk webhook register`

use frontdesk_api::{CRM_SESSION_SYNC, Cancel, EventSubscription, Registered};
use frontdesk_shell::printer::printable;
use frontdesk_shell::{Exit, Failure};
use serde::Serialize;

use crate::clock::WallClock;
use crate::context::{self, Context};
use crate::interruption::heeding;
use crate::{connect, failures};

#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    name: &'a str,
    uri: &'a str,
    /// `registered`, or `known` where the platform knew it before.
    outcome: &'static str,
}

/// What is to be registered: the documents' name, at the address of the settings.
pub(super) fn subscription(context: &Context<'_>) -> Result<EventSubscription, Failure> {
    let uri = context.settings.text("callback_url").ok_or_else(|| connect::missing(&["callback_url"]))?;
    EventSubscription::new(CRM_SESSION_SYNC, uri)
        .map_err(|error| Failure::from_error(Exit::Usage, "bad_setting", &error).at("callback_url"))
}

/// Asks the platform to call back.
pub(super) async fn registered(
    context: &Context<'_>,
    clock: &WallClock,
    cancel: Cancel,
    subscription: &EventSubscription,
) -> Result<Registered, Failure> {
    let subscriptions = connect::subscriptions(context, clock, cancel)?;
    subscriptions.register(subscription).await.map_err(|error| failures::remote(&error))
}

pub(crate) async fn run(context: &Context<'_>) -> Result<Exit, Failure> {
    let subscription = subscription(context)?;
    let clock = WallClock::of(context).await?;
    let shutdown = context::signals()?;
    let (handle, cancel) = Cancel::pair();
    let registering = registered(context, &clock, cancel, &subscription);
    let registered = heeding(shutdown.requested(), &handle, registering).await?;
    let line = Line {
        id: &registered.id,
        name: subscription.name(),
        uri: subscription.uri(),
        outcome: if registered.is_new { "registered" } else { "known" },
    };
    context.printer.data(&line, |line| {
        let how = if registered.is_new { "is registered" } else { "was registered before" };
        format!("{} {how}: {} calls {}", printable(line.id), line.name, printable(line.uri))
    })?;
    Ok(Exit::Done)
}
