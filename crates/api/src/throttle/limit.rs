//! The rate limit a server states in its headers (contract §5).

use std::time::Duration;

use http::HeaderMap;

/// The window all figures are about. Fixed by the contract.
pub(crate) const WINDOW: Duration = Duration::from_secs(60);

/// `inin-ratelimit-*` of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    /// Requests allowed in a window; at least one.
    pub(crate) allowed: u64,
    /// Requests used in it, where stated.
    pub(crate) count: Option<u64>,
    /// What is left of it, where stated; whole seconds, never more than a window.
    pub(crate) reset: Option<Duration>,
}

impl Limit {
    /// The limit these headers state. A header that is no whole number counts as absent, and so does a limit of
    /// zero, which would mean that nobody may ever ask again.
    pub(crate) fn read(headers: &HeaderMap) -> Option<Self> {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        let allowed = number("inin-ratelimit-allowed").filter(|allowed| *allowed > 0)?;
        let reset = number("inin-ratelimit-reset").map(|seconds| Duration::from_secs(seconds).min(WINDOW));
        Some(Self { allowed, count: number("inin-ratelimit-count"), reset })
    }

    /// Requests a second that the limit allows.
    pub(crate) fn rate(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a rate does not need 53 bits")]
        let allowed = self.allowed as f64;
        allowed / WINDOW.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn read(headers: &[(&'static str, &str)]) -> Option<Limit> {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
        Limit::read(&headers.collect())
    }

    #[test]
    fn headers_are_read_or_left_alone() {
        let allowed = "inin-ratelimit-allowed";
        let whole = read(&[(allowed, "600"), ("inin-ratelimit-count", "17"), ("inin-ratelimit-reset", "42")])
            .unwrap();
        assert_eq!(whole, Limit { allowed: 600, count: Some(17), reset: Some(Duration::from_secs(42)) });
        assert!((whole.rate() - 10.0).abs() < 1e-9);
        let bare = Limit { allowed: 600, count: None, reset: None };
        assert_eq!(read(&[(allowed, " 600 ")]), Some(bare));
        assert_eq!(read(&[(allowed, "600"), ("inin-ratelimit-count", "-1")]), Some(bare));
        assert_eq!(read(&[(allowed, "600"), ("inin-ratelimit-reset", "999")]).unwrap().reset, Some(WINDOW));
        for nothing in ["", "0", "-5", "1.5", "many", "99999999999999999999999"] {
            assert_eq!(read(&[(allowed, nothing)]), None, "{nothing}");
        }
        assert_eq!(read(&[("inin-ratelimit-count", "17")]), None);
    }
}
