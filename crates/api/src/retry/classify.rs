//! From what happened to what kind of failure it is.

use http::StatusCode;

use crate::transport::TransportKind;

/// The failures that the decision table tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    /// No response, or not a whole one.
    Transport(TransportKind),
    /// 401: the token is not accepted.
    Unauthorized,
    /// 403: the client may not do this.
    Forbidden,
    /// 408: the server gave up waiting for the request.
    RequestTimeout,
    /// 429: too many requests.
    Throttled,
    /// 500, 502, 503 or 504.
    Unavailable,
    /// 3xx: redirects are not followed, so that neither token nor body leaves the configured origin.
    Redirected,
    /// Any other status that is not 2xx.
    Rejected,
    /// A complete 2xx answer that is not what the contract says.
    Malformed,
}

impl Fault {
    /// Every fault there is, in the order of the table.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 18] = [
        Self::Transport(TransportKind::Connect),
        Self::Transport(TransportKind::Dns),
        Self::Transport(TransportKind::Refused),
        Self::Transport(TransportKind::Tls),
        Self::Transport(TransportKind::Timeout),
        Self::Transport(TransportKind::Reset),
        Self::Transport(TransportKind::CutBody),
        Self::Transport(TransportKind::TooLarge),
        Self::Transport(TransportKind::Protocol),
        Self::Transport(TransportKind::Other),
        Self::Unauthorized,
        Self::Forbidden,
        Self::RequestTimeout,
        Self::Throttled,
        Self::Unavailable,
        Self::Redirected,
        Self::Rejected,
        Self::Malformed,
    ];
}

/// The fault a status stands for; nothing for 2xx.
pub(crate) fn status(status: StatusCode) -> Option<Fault> {
    Some(match status.as_u16() {
        200..=299 => return None,
        300..=399 => Fault::Redirected,
        401 => Fault::Unauthorized,
        403 => Fault::Forbidden,
        408 => Fault::RequestTimeout,
        429 => Fault::Throttled,
        500 | 502 | 503 | 504 => Fault::Unavailable,
        _ => Fault::Rejected,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_fault() {
        let mut ranges: Vec<(u16, u16, Option<Fault>)> = Vec::new();
        for code in 100..=599 {
            let fault = status(StatusCode::from_u16(code).unwrap());
            match ranges.last_mut() {
                Some((_, to, last)) if *last == fault => *to = code,
                _ => ranges.push((code, code, fault)),
            }
        }
        let table: Vec<String> =
            ranges.iter().map(|(from, to, fault)| format!("{from}-{to} {fault:?}")).collect();
        insta::assert_snapshot!(table.join("\n"));
    }
}
