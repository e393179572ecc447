//! What an answer says about the platform's clock.

use frontdesk_domain::Timestamp;
use http::{HeaderMap, header};

/// The time an answer was made at (`Date`), to the second.
pub(crate) fn answered_at(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(header::DATE)?.to_str().ok()?;
    httpdate::parse_http_date(text).ok().map(Timestamp::from_system)
}
