//! What counts as personal data by the settings, and what is done about it.

use frontdesk_domain::pii::{Action, KeyMode, PiiKind, PiiPolicy, Region};
use frontdesk_domain::{Collector, Violation};
use frontdesk_shell::{Exit, Failure};

use crate::context::Context;

/// The policy of the profile; by default the document's: keys by what they contain, every kind blocked, no region.
pub(crate) fn policy(context: &Context<'_>) -> Result<PiiPolicy, Failure> {
    let settings = &context.settings;
    let mode = settings.parsed("pii_key_mode", str::parse::<KeyMode>)?.unwrap_or_default();
    let region = settings.parsed("pii_default_region", str::parse::<Region>)?;
    let mut policy = PiiPolicy::default().with_key_mode(mode).with_default_region(region);
    for key in words(settings.text("pii_allow_keys")) {
        policy = policy.allowing_key(key);
    }
    let mut found = Collector::new();
    for pair in words(settings.text("pii_actions")) {
        match pair.split_once('=') {
            Some((kind, action)) => {
                let kind = found.check(pair, kind.parse::<PiiKind>());
                let action = found.check(pair, action.parse::<Action>());
                if let (Some(kind), Some(action)) = (kind, action) {
                    policy = policy.with_action(kind, action);
                }
            }
            None => {
                let message = "write KIND=ACTION, as in phone=warn";
                found.check::<(), _>(pair, Err(Violation::new("", "pii.action", message)));
            }
        }
    }
    found.finish().map_err(|problems| {
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Failure::new(Exit::Usage, "bad_setting", format!("pii_actions: {}", told.join("; ")))
            .hint("kinds are email, phone, card, iban, ssn, ip; actions are block, warn, allow")
    })?;
    Ok(policy)
}

/// The words of a setting, separated by commas or spaces.
fn words(text: Option<&str>) -> impl Iterator<Item = &str> {
    let separators = |character: char| character == ',' || character.is_whitespace();
    text.unwrap_or_default().split(separators).filter(|word| !word.is_empty())
}
