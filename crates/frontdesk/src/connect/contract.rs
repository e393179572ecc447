//! Which contract the settings mean, and what they lack for it.

use frontdesk_shell::settings::KEYS;
use frontdesk_shell::{Exit, Failure};

use crate::context::Context;

/// A contract that is spoken here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contract {
    /// The five documents' API.
    Gateway,
    /// What the vendor publishes.
    Platform,
}

impl Contract {
    /// The contract of the settings. A region without one implies the platform (design, "Command line").
    pub(super) fn of(context: &Context<'_>) -> Result<Self, Failure> {
        let region = context.settings.text("region").is_some();
        match context.settings.text("contract") {
            Some("platform") => Ok(Self::Platform),
            None if region => Ok(Self::Platform),
            None | Some("gateway") => Ok(Self::Gateway),
            Some(_) => Err(Failure::new(Exit::Usage, "bad_setting", "contract names no contract")
                .hint("write gateway or platform")),
        }
    }
}

/// Checks where the gateway is, and names all of it that is missing.
pub(super) fn require_address(context: &Context<'_>) -> Result<(), Failure> {
    let absent = absent(context, &["contract", "base_url"]);
    if absent.is_empty() { Ok(()) } else { Err(missing(&absent)) }
}

/// Checks what has no default, and names all of it that is missing. Gives client id and secret.
pub(super) fn require<'c>(context: &'c Context<'_>) -> Result<(&'c str, &'c str), Failure> {
    let settings = &context.settings;
    let absent = absent(context, &["contract", "base_url", "client_id", "client_secret"]);
    match (settings.text("client_id"), settings.text("client_secret")) {
        (Some(id), Some(secret)) if absent.is_empty() => Ok((id, secret)),
        _ => Err(missing(&absent)),
    }
}

/// Those of the settings that nobody gave a value. A region says where the API is, and which contract is spoken.
fn absent<'k>(context: &Context<'_>, needed: &[&'k str]) -> Vec<&'k str> {
    let region = context.settings.text("region").is_some();
    let given = |key: &str| {
        context.settings.text(key).is_some() || region && (key == "base_url" || key == "contract")
    };
    needed.iter().copied().filter(|key| !given(key)).collect()
}

/// Names the variables that would set what is missing.
pub(crate) fn missing(keys: &[&str]) -> Failure {
    let variables: Vec<String> = keys
        .iter()
        .filter_map(|name| KEYS.iter().find(|key| key.name == *name))
        .map(|key| format!("{} ({})", key.environment[0], key.about))
        .collect();
    let credentials = keys.contains(&"client_id") || keys.contains(&"client_secret");
    let kind = if credentials { "no_credentials" } else { "missing_setting" };
    Failure::new(Exit::Usage, kind, format!("not set: {}", keys.join(", ")))
        .hint(format!("set {}, or write them into a profile", variables.join(", ")))
}
