//! `frontdesk webhook register`: an address to be called back at, or on the platform contract a workflow to be run.

use frontdesk_api::{CRM_SESSION_SYNC, Cancel, EventSubscription, Platform, Registered, TriggerWish};
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
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow: Option<&'a str>,
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

pub(crate) async fn run(context: &Context<'_>, workflow: Option<&str>) -> Result<Exit, Failure> {
    let clock = WallClock::of(context).await?;
    let (handle, cancel) = Cancel::pair();
    match (connect::triggers(context, &clock, cancel.clone())?, workflow) {
        (Some(platform), Some(workflow)) => {
            let wish = TriggerWish { name: CRM_SESSION_SYNC.to_owned(), workflow: workflow.to_owned() };
            let shutdown = context::signals()?;
            let registered = heeding(shutdown.requested(), &handle, trigger(&platform, &wish)).await?;
            tell(context, &registered, CRM_SESSION_SYNC, None, Some(workflow))
        }
        (Some(_), None) => Err(Failure::new(
            Exit::Usage,
            "contract",
            "the contract is platform, which calls no address back: a trigger runs a workflow",
        )
        .hint("give --workflow ID, a flow whose data action calls the listener")),
        (None, Some(_)) => Err(Failure::new(
            Exit::Usage,
            "bad_argument",
            "--workflow is the platform contract's, and the contract is gateway",
        )
        .hint("give --url, where the platform reaches the listener")),
        (None, None) => {
            let subscription = subscription(context)?;
            let shutdown = context::signals()?;
            let registering = registered(context, &clock, cancel, &subscription);
            let registered = heeding(shutdown.requested(), &handle, registering).await?;
            tell(context, &registered, subscription.name(), Some(subscription.uri()), None)
        }
    }
}

/// Sees to it that the trigger is there.
async fn trigger(platform: &Platform, wish: &TriggerWish) -> Result<Registered, Failure> {
    platform.trigger(wish).await.map_err(|error| failures::remote(&error))
}

fn tell(
    context: &Context<'_>,
    registered: &Registered,
    name: &str,
    uri: Option<&str>,
    workflow: Option<&str>,
) -> Result<Exit, Failure> {
    let outcome = if registered.is_new { "registered" } else { "known" };
    let line = Line { id: &registered.id, name, uri, workflow, outcome };
    context.printer.data(&line, |line| {
        let how = if registered.is_new { "is registered" } else { "was registered before" };
        let what = match (line.uri, line.workflow) {
            (Some(uri), _) => format!("calls {}", printable(uri)),
            (None, workflow) => format!("runs the workflow {}", printable(workflow.unwrap_or_default())),
        };
        format!("{} {how}: {} {what}", printable(line.id), line.name)
    })?;
    Ok(Exit::Done)
}
