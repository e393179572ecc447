//! What changes something in an organisation on the published contract: sending, opening, ending, triggers.

use std::sync::Arc;

use frontdesk_api::platform::MOST_QUEUES;
use frontdesk_api::transport::websocket::WebSockets;
use frontdesk_api::{
    Arrivals, BaseUrl, Cancel, FileDoor, GuestDoor, OpenDoor, OpenMessagingOpenings, Platform,
    PlatformArrivals, PlatformGuests, PlatformMessages, PlatformOpenings, SessionOpenings,
};
use frontdesk_domain::region::Region;
use frontdesk_domain::{ClosureReason, PathSegment, Violation};
use frontdesk_shell::{Exit, Failure};
use http::{HeaderValue, Uri};

use super::contract::{Contract, missing};
use super::{media_door, network, platform};
use crate::clock::WallClock;
use crate::context::Context;
use crate::outbox;

/// What sends messages. Files go where the platform says, through the door for addresses from outside.
pub(super) fn messages(
    context: &Context<'_>,
    clock: &WallClock,
    platform: Platform,
) -> Result<PlatformMessages, Failure> {
    let door = FileDoor::new(Arc::new(outbox::outward(context)?), media_door(context, clock)?);
    Ok(PlatformMessages::new(platform).files(door))
}

/// What opens guests' sessions: over the integration of the settings, where they name one, else at the web deployment.
pub(super) fn openings(
    context: &Context<'_>,
    platform: Platform,
) -> Result<Arc<dyn SessionOpenings>, Failure> {
    match context.settings.parsed("open_integration_id", |id| PathSegment::new(id))? {
        Some(integration) => {
            let first_text = context.settings.text("guest_first_text");
            let first_text = first_text.ok_or_else(|| missing(&["guest_first_text"]))?.to_owned();
            Ok(Arc::new(OpenMessagingOpenings::new(platform, OpenDoor { integration, first_text })))
        }
        None => Ok(Arc::new(at_deployment(context, platform)?)),
    }
}

/// What opens guests' sessions over their WebSocket, at the deployment of the settings; their own ends go the same way.
pub(super) fn at_deployment(context: &Context<'_>, platform: Platform) -> Result<PlatformOpenings, Failure> {
    let settings = &context.settings;
    let deployment = settings.text("deployment_id").ok_or_else(|| missing(&["deployment_id"]))?.to_owned();
    let origin = settings.parsed("guest_origin", str::parse::<HeaderValue>)?;
    let first_text = settings.text("guest_first_text").map(str::to_owned);
    let door = GuestDoor { url: socket_url(context)?, deployment, origin, first_text };
    Ok(PlatformOpenings::new(platform, sockets(context)?, door))
}

/// What tells of guests who come in over the queues of the settings; nothing where they name none.
pub(crate) fn arrivals(
    context: &Context<'_>,
    clock: &WallClock,
    cancel: Cancel,
) -> Result<Option<Arc<dyn Arrivals>>, Failure> {
    let Some(text) = context.settings.text("notification_queues") else { return Ok(None) };
    let bad = |message: String| Failure::new(Exit::Usage, "bad_setting", message).at("notification_queues");
    if Contract::of(context)? != Contract::Platform {
        return Err(bad("notification_queues is set, and the contract is gateway".to_owned())
            .hint("the gateway calls back: webhook register"));
    }
    let queues = text.split(',').map(str::trim).filter(|queue| !queue.is_empty());
    let queues: Vec<String> = queues
        .map(|queue| PathSegment::new(queue).map(|queue| queue.as_str().to_owned()))
        .collect::<Result<_, _>>()
        .map_err(|error| {
            bad("notification_queues holds what is no id of a queue".to_owned()).caused_by(&error)
        })?;
    if queues.is_empty() || queues.len() > MOST_QUEUES {
        let message = format!(
            "notification_queues names {} queues, and 1 to {MOST_QUEUES} fit a channel",
            queues.len()
        );
        return Err(bad(message));
    }
    let platform = platform::platform(context, clock, cancel)?;
    Ok(Some(Arc::new(PlatformArrivals::new(platform, sockets(context)?, queues))))
}

/// What opens WebSockets.
fn sockets(context: &Context<'_>) -> Result<Arc<WebSockets>, Failure> {
    let sockets = WebSockets::new(&network(context)?).map_err(|error| {
        Failure::from_error(Exit::Usage, "transport", &error).hint("check the ca_file setting")
    })?;
    Ok(Arc::new(sockets))
}

/// Where the guests' sockets are: as the setting says, else beside the API host, else as the region does (platform contract A.1,
/// A.2). Beside an API that is none of the vendor's hosts they are on that host.
fn socket_url(context: &Context<'_>) -> Result<Uri, Failure> {
    let settings = &context.settings;
    if let Some(url) = settings.parsed("guest_socket_url", str::parse::<Uri>)? {
        return Ok(url);
    }
    let base = settings.parsed("base_url", str::parse::<BaseUrl>)?;
    let region = settings.parsed("region", str::parse::<Region>)?;
    let url = match (base, region) {
        (Some(base), _) => socket_beside(&base),
        (None, Some(region)) => region.socket_url(),
        (None, None) => return Err(missing(&["guest_socket_url"])),
    };
    url.parse().map_err(|error: http::uri::InvalidUri| {
        Failure::new(Exit::Usage, "bad_setting", "the guests' sockets have no address that can be called")
            .caused_by(&error)
            .hint("set guest_socket_url")
    })
}

/// The address of the sockets that belong to an API.
fn socket_beside(base: &BaseUrl) -> String {
    let authority = base.authority();
    let scheme = if base.to_string().starts_with("https:") { "wss" } else { "ws" };
    match authority.strip_prefix("api.") {
        Some(domain) => format!("{scheme}://webmessaging.{domain}/v1"),
        None => format!("{scheme}://{authority}/v1"),
    }
}

/// What ends guests' sessions, with the wrap-up codes of the setting.
pub(super) fn guests(
    context: &Context<'_>,
    platform: Platform,
    emergency: bool,
) -> Result<PlatformGuests, Failure> {
    let codes = context.settings.parsed("wrapup_codes", wrapup_codes)?.unwrap_or_default();
    let guests = PlatformGuests::new(platform).emergency(emergency);
    Ok(codes.into_iter().fold(guests, |guests, (reason, code)| guests.wrapup_code(reason, code)))
}

/// Said where a way to end a session is asked for that the contract has not.
pub(super) fn not_at_the_gateway(flag: &str) -> Failure {
    Failure::new(Exit::Usage, "bad_argument", format!("{flag} is the platform contract's"))
        .hint("leave it out: the gateway has one way to end a session")
}

/// The organisation whose triggers are seen to; its calls end on the signal. None on the gateway contract, which calls
/// addresses.
pub(crate) fn triggers(
    context: &Context<'_>,
    clock: &WallClock,
    cancel: Cancel,
) -> Result<Option<Platform>, Failure> {
    match Contract::of(context)? {
        Contract::Gateway => Ok(None),
        Contract::Platform => platform::platform(context, clock, cancel).map(Some),
    }
}

/// Closure reasons and the wrap-up codes that stand for them: `timeout=ID,customer_initiated=ID`.
fn wrapup_codes(text: &str) -> Result<Vec<(ClosureReason, String)>, Violation> {
    let pairs = text.split([',', ' ']).filter(|pair| !pair.is_empty());
    let wrong = |message: String| Violation::new("", "wrapup_codes", message);
    pairs
        .map(|pair| {
            let (reason, code) = pair
                .split_once('=')
                .ok_or_else(|| wrong("write REASON=ID, separated by commas".to_owned()))?;
            let reason = reason.parse::<ClosureReason>()?;
            if code.is_empty() {
                return Err(wrong(format!("{reason} has no code")));
            }
            Ok((reason, code.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_beside_the_api() {
        let beside = |base: &str| socket_beside(&base.parse().unwrap());
        assert_eq!(beside("https://api.mypurecloud.de"), "wss://webmessaging.mypurecloud.de/v1");
        assert_eq!(beside("http://127.0.0.1:8080"), "ws://127.0.0.1:8080/v1");
    }

    #[test]
    fn wrapup_codes_are_pairs_of_reason_and_id() {
        let read = wrapup_codes("timeout=w-3, customer_initiated=w-1").unwrap();
        let pairs: Vec<_> = read.iter().map(|(reason, code)| (reason.as_str(), code.as_str())).collect();
        assert_eq!(pairs, [("timeout", "w-3"), ("customer_initiated", "w-1")]);
        assert!(wrapup_codes("timeout").unwrap_err().message.contains("REASON=ID"));
        assert!(wrapup_codes("timeout=").unwrap_err().message.contains("no code"));
        assert!(wrapup_codes("tmeout=w-3").unwrap_err().message.contains("did you mean `timeout`"));
    }
}
