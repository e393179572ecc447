//! How the web deployment is set up through which guests come in.

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The settings of the sandbox's one web deployment, with the limits that hold for its guests. The
/// defaults are those of the platform contract (C.2.7, C.14.1). A limit of 0 is none.
///
/// ```
/// use frontdesk_sandbox::DeploymentPlan;
/// let plan: DeploymentPlan = serde_json::from_str(r#"{"read_only_end": true, "session_seconds": 900}"#)?;
/// assert_eq!(plan.messages_per_second, 5);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeploymentPlan {
    /// Whether guests are let in at all: its `status` is `Active`.
    pub active: bool,
    /// The domains that a guest's `Origin` may name; from everywhere when there are none.
    pub allowed_domains: Vec<String>,
    /// A `Join` starts a conversation.
    pub auto_start: bool,
    /// A `Clear` ends it and wipes its history.
    pub conversation_clear: bool,
    /// Whoever is disconnected by an agent can only read from then on; otherwise the next text starts a
    /// new conversation.
    pub read_only_end: bool,
    /// How long a session lives after it was last used, in seconds.
    pub session_seconds: u64,
    /// How long a guest's JWT is good for, in seconds.
    pub jwt_seconds: u64,
    /// How long the link to a file is good for, in seconds.
    pub attachment_seconds: u64,
    /// How many connections may share a session; one more closes the oldest.
    pub connections_per_session: usize,
    /// Messages a second for each session.
    pub messages_per_second: u64,
    /// Requests a minute for each connection.
    pub requests_per_minute: u64,
    /// `configureSession` a minute for each session.
    pub configures_per_minute: u64,
    /// `echo` a minute for each connection.
    pub echoes_per_minute: u64,
    /// Connections a minute.
    pub connections_per_minute: u64,
    /// Reads of the history a minute for each session.
    pub histories_per_minute: u64,
    /// Custom attributes of one message, in bytes of their JSON.
    pub custom_data_bytes: usize,
    /// The text of one message, in bytes.
    pub text_bytes: usize,
    /// The largest file, in units of 1,024 bytes.
    pub file_kb: u64,
    /// The media types that files may have; every one when there are none.
    pub file_types: Vec<String>,
    /// The extensions that no file may have, with their dot.
    pub blocked_extensions: Vec<String>,
    /// How long a history can be had, in days.
    pub history_days: u64,
}

impl Default for DeploymentPlan {
    fn default() -> Self {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Self {
            active: true,
            allowed_domains: Vec::new(),
            auto_start: true,
            conversation_clear: true,
            read_only_end: false,
            session_seconds: 259_200,
            jwt_seconds: 900,
            attachment_seconds: 3_600,
            connections_per_session: 3,
            messages_per_second: 5,
            requests_per_minute: 60,
            configures_per_minute: 60,
            echoes_per_minute: 2,
            connections_per_minute: 1_000,
            histories_per_minute: 10,
            custom_data_bytes: 2_048,
            text_bytes: 4_096,
            file_kb: 10_240,
            file_types: texts(&["image/png", "image/jpeg", "image/gif", "application/pdf", "text/plain"]),
            blocked_extensions: texts(&[".exe", ".bat", ".js"]),
            history_days: 15,
        }
    }
}

impl DeploymentPlan {
    /// Checks what the type does not.
    pub(crate) fn check(&self) -> Result<(), Error> {
        // 15 minutes to 18 months on the platform; tests want seconds.
        if self.session_seconds == 0 || self.jwt_seconds == 0 || self.connections_per_session == 0 {
            return Err(Error::setting("deployment", "a session, its tokens or its connections cannot be"));
        }
        Ok(())
    }

    /// Whether a guest may come from this origin.
    pub(crate) fn allows(&self, origin: Option<&str>) -> bool {
        let host = |origin: &str| {
            let rest = origin.split_once("://").map_or(origin, |(_, rest)| rest);
            rest.split([':', '/']).next().unwrap_or_default().to_ascii_lowercase()
        };
        self.allowed_domains.is_empty()
            || origin.is_some_and(|origin| {
                self.allowed_domains.iter().any(|domain| domain.eq_ignore_ascii_case(&host(origin)))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_allowed_by_its_host() {
        let plan =
            DeploymentPlan { allowed_domains: vec!["shop.example".to_owned()], ..DeploymentPlan::default() };
        assert!(plan.allows(Some("https://shop.example")) && plan.allows(Some("http://SHOP.example:8080")));
        for other in [None, Some(""), Some("https://shop.example.evil"), Some("https://evil/shop.example")] {
            assert!(!plan.allows(other), "{other:?}");
        }
        assert!(DeploymentPlan::default().allows(None));
    }

    #[test]
    fn a_plan_that_makes_no_sense_is_refused() {
        assert!(DeploymentPlan::default().check().is_ok());
        assert!(DeploymentPlan { session_seconds: 0, ..DeploymentPlan::default() }.check().is_err());
        assert!(DeploymentPlan { connections_per_session: 0, ..DeploymentPlan::default() }.check().is_err());
    }
}
