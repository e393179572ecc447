//! What the platform says of the client: its token, what it may do, the clocks, the quota.

use frontdesk_api::Platform;
use frontdesk_api::platform::{Job, Quota, TokenInfo};
use frontdesk_domain::delivery::ClockSkew;
use frontdesk_shell::printer::printable;
use frontdesk_shell::{Exit, Failure};

use super::State;
use crate::failures;

/// Clocks that are further apart than this make windows and look-backs mean something else.
const FAR_MS: i64 = 5_000;

/// One check after the other, each told as it ends; nothing more is asked where there is no token.
pub(super) async fn checks(
    platform: &Platform,
    mut tell: impl FnMut(&'static str, Result<(State, String), Failure>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut skew = ClockSkew::default();
    let mut quota = match platform.token_info().await {
        Ok((info, sign)) => {
            tell("token", Ok((State::Ok, told(&info))))?;
            sign.clock.into_iter().for_each(|sample| skew.add(sample));
            sign.quota
        }
        Err(error) => return tell("token", Err(failures::remote(&error))),
    };
    for job in Job::ALL {
        let found = match platform.may(job).await {
            Ok(sign) => {
                sign.clock.into_iter().for_each(|sample| skew.add(sample));
                quota = sign.quota.or(quota);
                Ok((State::Ok, format!("may ({})", job.permissions().join(" or "))))
            }
            Err(error) => Err(failures::remote(&error)),
        };
        tell(job.name(), found)?;
    }
    tell("clock", clock(&skew))?;
    tell("quota", Ok(stated(quota)))
}

fn told(info: &TokenInfo) -> String {
    let text = |text: &Option<String>| text.as_deref().map_or_else(|| "unnamed".to_owned(), printable);
    format!(
        "of client {} in organisation {} ({})",
        text(&info.client),
        text(&info.organization),
        text(&info.organization_id)
    )
}

fn clock(skew: &ClockSkew) -> Result<(State, String), Failure> {
    let Some(measured) = skew.measured() else {
        return Ok((State::Absent, "the platform's answers do not say what time it is".to_owned()));
    };
    let ahead = measured.ahead_ms;
    let apart = ahead.abs().saturating_sub(measured.within_ms);
    let what = format!("the platform is {ahead} ms ahead of this machine, within {} ms", measured.within_ms);
    if apart <= FAR_MS {
        return Ok((State::Ok, what));
    }
    Err(Failure::new(Exit::Unexpected, "clock", what).hint("set this machine's clock, by NTP for example"))
}

fn stated(quota: Option<Quota>) -> (State, String) {
    match quota {
        None => (State::Absent, "the platform states no limit".to_owned()),
        Some(Quota { allowed, used }) => {
            let used = used.map_or_else(String::new, |used| format!(", {used} of them used"));
            (State::Ok, format!("{allowed} requests a minute{used}"))
        }
    }
}
