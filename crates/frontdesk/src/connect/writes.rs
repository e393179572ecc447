//! What changes something in an organisation on the published contract: sending, ending, triggers.

use std::sync::Arc;

use frontdesk_api::{Cancel, FileDoor, Platform, PlatformGuests, PlatformMessages};
use frontdesk_domain::{ClosureReason, Violation};
use frontdesk_shell::{Exit, Failure};

use super::contract::Contract;
use super::{media_door, platform};
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

/// Said where the emergency tear-down is asked for and the contract has none.
pub(super) fn no_emergency() -> Failure {
    Failure::new(Exit::Usage, "bad_argument", "--emergency is the platform contract's")
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
    fn wrapup_codes_are_pairs_of_reason_and_id() {
        let read = wrapup_codes("timeout=w-3, customer_initiated=w-1").unwrap();
        let pairs: Vec<_> = read.iter().map(|(reason, code)| (reason.as_str(), code.as_str())).collect();
        assert_eq!(pairs, [("timeout", "w-3"), ("customer_initiated", "w-1")]);
        assert!(wrapup_codes("timeout").unwrap_err().message.contains("REASON=ID"));
        assert!(wrapup_codes("timeout=").unwrap_err().message.contains("no code"));
        assert!(wrapup_codes("tmeout=w-3").unwrap_err().message.contains("did you mean `timeout`"));
    }
}
