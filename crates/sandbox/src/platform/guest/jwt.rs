//! The tokens with which guests read their history: HS256, known to the sandbox alone.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::protocol::epoch_seconds;
use crate::moment::Moment;

/// Whose history a token is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Subject {
    /// That of a session that was configured, by its number.
    #[serde(rename = "session")]
    Session(u64),
    /// That of the guest of a conversation.
    #[serde(rename = "conversation")]
    Conversation(String),
}

#[derive(Serialize, Deserialize)]
struct Claims {
    #[serde(flatten)]
    subject: Subject,
    exp: i64,
}

/// `{"alg":"HS256","typ":"JWT"}`
const HEAD: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

/// A token that is good for so many seconds, and when it ends in seconds since the epoch.
pub(crate) fn issue(subject: Subject, life_seconds: u64, seed: u64, now: Moment) -> (String, i64) {
    let exp = epoch_seconds(now.plus(Duration::from_secs(life_seconds)));
    let claims = serde_json::to_vec(&Claims { subject, exp }).unwrap_or_default();
    let said = format!("{HEAD}.{}", URL_SAFE_NO_PAD.encode(claims));
    let seal = seal(&said, seed);
    (format!("{said}.{seal}"), exp)
}

/// Whose history this token is for, when it was issued here and has not ended.
pub(crate) fn subject(token: &str, seed: u64, now: Moment) -> Option<Subject> {
    let (said, sealed) = token.rsplit_once('.')?;
    if seal(said, seed) != sealed {
        return None;
    }
    let claims = URL_SAFE_NO_PAD.decode(said.strip_prefix(HEAD)?.strip_prefix('.')?).ok()?;
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    (epoch_seconds(now) < claims.exp).then_some(claims.subject)
}

fn seal(said: &str, seed: u64) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(&seed.to_be_bytes()).expect("every key has a length");
    mac.update(said.as_bytes());
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_until_it_ends_and_nobody_makes_one() {
        let now: Moment = "2025-06-01T00:00:00Z".parse().unwrap();
        let after = |seconds| now.plus(Duration::from_secs(seconds));
        let (token, exp) = issue(Subject::Session(3), 60, 7, now);
        assert_eq!(exp, epoch_seconds(after(60)));
        assert_eq!(subject(&token, 7, after(59)), Some(Subject::Session(3)));
        assert_eq!(subject(&token, 7, after(60)), None);
        assert_eq!(subject(&token, 8, now), None);
        assert_eq!(subject(&token[1..], 7, now), None);
        assert_eq!(subject("a.b.c", 7, now), None);
        let (token, _) = issue(Subject::Conversation("c".to_owned()), 60, 7, now);
        assert_eq!(subject(&token, 7, now), Some(Subject::Conversation("c".to_owned())));
    }
}
