//! The retention policies of the settings.

use frontdesk_archive::ClockTrust;
use frontdesk_domain::PolicyName;
use frontdesk_domain::retention::{Policies, Policy};
use frontdesk_shell::{Exit, Failure};

use crate::context::Context;

/// The policies of the profile; none where it has none, so that nothing is ever removed.
pub(crate) fn of_profile(context: &Context<'_>) -> Result<Policies, Failure> {
    let Some(text) = context.settings.text("retention") else { return Ok(Policies::default()) };
    let wrong = |error: &dyn std::error::Error| {
        Failure::new(Exit::Usage, "bad_setting", "the retention policies cannot be understood")
            .caused_by(error)
            .hint("each has name, days (1 or more), and optionally type, queue and metadata = { key = \"value\" }")
    };
    let policies: Vec<Policy> = serde_json::from_str(text).map_err(|error| wrong(&error))?;
    Policies::new(policies).map_err(|error| wrong(&error))
}

/// One policy for all conversations.
pub(crate) fn of_days(days: u32) -> Result<Policies, Failure> {
    let refused = |error: &dyn std::error::Error| {
        Failure::from_error(Exit::Usage, "bad_argument", error).hint("--days takes 1 or more")
    };
    let name = PolicyName::new(format!("{days}-days")).map_err(|error| refused(&error))?;
    let policy = Policy::all(name, days).map_err(|error| refused(&error))?;
    Policies::new(vec![policy]).map_err(|error| refused(&error))
}

/// How far the clock is believed: the setting `clock_jump`.
pub(crate) fn trust(context: &Context<'_>, confirmed: bool) -> Result<ClockTrust, Failure> {
    let limit = context.settings.duration("clock_jump")?.unwrap_or(ClockTrust::default().limit);
    Ok(ClockTrust { limit, confirmed })
}
