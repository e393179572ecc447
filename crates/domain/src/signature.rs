//! Signatures of webhooks, as Standard Webhooks defines them, and of audit batches.
//!
//! A webhook carries `webhook-id`, `webhook-timestamp` (seconds since 1970) and `webhook-signature`: one or more
//! signatures separated by blanks, each `v1,` and the Base64 of HMAC-SHA256 over `<id>.<timestamp>.<body>`. During a
//! rotation there is one for each valid secret, so a receiver that knows either accepts it. An audit batch carries
//! `X-Audit-Signature`, the hex HMAC-SHA256 of its body (contract §4).
//!
//! Comparison is `hmac`'s own: it takes the same time wherever two signatures differ.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::Timestamp;

/// The header that names the message: the same on every attempt.
pub const ID_HEADER: &str = "webhook-id";
/// The header with the time of the attempt, in seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// The header with the signatures.
pub const SIGNATURE_HEADER: &str = "webhook-signature";
/// The header with the signature of an audit batch (contract §4).
pub const AUDIT_SIGNATURE_HEADER: &str = "x-audit-signature";

/// How far a webhook's time may be from now, in both directions.
pub const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// What a secret is written with in front.
const PREFIX: &str = "whsec_";
/// What the keys of `v1a` signatures are written with in front: the public and the secret one.
const ASYMMETRIC: [&str; 2] = ["whpk_", "whsk_"];
/// A secret has at least this many bytes, and at most that many.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A secret that webhooks are signed with: 24 to 64 bytes, written `whsec_` and their Base64.
///
/// ```
/// use frontdesk_domain::signature::SigningSecret;
///
/// let secret: SigningSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse()?;
/// assert_eq!(format!("{secret:?}"), "SigningSecret(***)");
/// let header = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
/// assert_eq!(header, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
/// # Ok::<(), frontdesk_domain::signature::SecretError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(Vec<u8>);

impl SigningSecret {
    /// A secret of these bytes, which should be random.
    ///
    /// # Errors
    /// [`SecretError::Length`] unless there are 24 to 64 of them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SecretError> {
        if BYTES.contains(&bytes.len()) { Ok(Self(bytes.to_vec())) } else { Err(SecretError::Length) }
    }

    /// The secret as it is written. The name is meant to be seen in review.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// The signature of one message, as it stands in [`SIGNATURE_HEADER`].
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        format!("v1,{}", STANDARD.encode(self.over(id, &timestamp.to_string(), body).finalize().into_bytes()))
    }

    /// The value of [`AUDIT_SIGNATURE_HEADER`]: hex HMAC-SHA256 of the body (contract §4).
    #[must_use]
    pub fn sign_body(&self, body: &[u8]) -> String {
        let mut mac = self.mac();
        mac.update(body);
        crate::hex(&mac.finalize().into_bytes())
    }

    fn is_signature(&self, received: &Received<'_>, body: &[u8], signature: &[u8]) -> bool {
        self.over(received.id, received.timestamp, body).verify_slice(signature).is_ok()
    }

    fn over(&self, id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.mac();
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            mac.update(part);
        }
        mac
    }

    fn mac(&self) -> Hmac<Sha256> {
        match Hmac::new_from_slice(&self.0) {
            Ok(mac) => mac,
            Err(_) => unreachable!("HMAC takes keys of every length"),
        }
    }
}

impl std::str::FromStr for SigningSecret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let text = text.trim();
        if ASYMMETRIC.iter().any(|prefix| text.starts_with(prefix)) {
            return Err(SecretError::Asymmetric);
        }
        let encoded = text.strip_prefix(PREFIX).ok_or(SecretError::Prefix)?;
        Self::from_bytes(&STANDARD.decode(encoded).map_err(|_| SecretError::Base64)?)
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(***)")
    }
}

/// Why a text is no secret. It is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// Something else is in front.
    #[error("a webhook secret begins with whsec_")]
    Prefix,
    /// It is a key for `v1a` signatures.
    #[error("whpk_ and whsk_ are keys for v1a signatures, which are not supported; use a whsec_ secret")]
    Asymmetric,
    /// What follows is not Base64.
    #[error("after whsec_ comes Base64, with its padding")]
    Base64,
    /// Too short to be safe, or too long.
    #[error("a webhook secret has 24 to 64 bytes")]
    Length,
}

/// The value of [`SIGNATURE_HEADER`]: one signature for each secret, in their order.
#[must_use]
pub fn signatures(secrets: &[SigningSecret], id: &str, timestamp: i64, body: &[u8]) -> String {
    let all: Vec<_> = secrets.iter().map(|secret| secret.sign(id, timestamp, body)).collect();
    all.join(" ")
}

/// The three headers of a webhook as they were received.
#[derive(Debug, Clone, Copy)]
pub struct Received<'h> {
    /// Of [`ID_HEADER`].
    pub id: &'h str,
    /// Of [`TIMESTAMP_HEADER`].
    pub timestamp: &'h str,
    /// Of [`SIGNATURE_HEADER`].
    pub signature: &'h str,
}

/// Checks a webhook: its time is within [`TOLERANCE`] of `now`, and one of its `v1` signatures was made with one of the
/// secrets over exactly these bytes. Signatures of other versions are passed over; so are `v1a` ones (Ed25519), which
/// Standard Webhooks leaves to whoever wants them.
///
/// # Errors
/// [`VerifyError`]. Time is looked at first, so an old message is old whatever it is signed with.
pub fn verify(
    secrets: &[SigningSecret],
    received: &Received<'_>,
    body: &[u8],
    now: Timestamp,
) -> Result<(), VerifyError> {
    if received.id.is_empty() {
        return Err(VerifyError::Id);
    }
    let plain = received.timestamp.bytes().all(|byte| byte.is_ascii_digit());
    let sent: i128 = match received.timestamp.parse::<u64>() {
        Ok(seconds) if plain => i128::from(seconds) * 1_000_000_000,
        _ => return Err(VerifyError::Timestamp),
    };
    // Whole seconds: what is 300.9 s old is 300 s old to a sender that writes seconds.
    let now = now.as_nanos().div_euclid(1_000_000_000) * 1_000_000_000;
    let tolerance = i128::try_from(TOLERANCE.as_nanos()).unwrap_or(i128::MAX);
    if sent < now - tolerance {
        return Err(VerifyError::TooOld);
    }
    if sent > now + tolerance {
        return Err(VerifyError::TooNew);
    }
    let given = received
        .signature
        .split(' ')
        .filter_map(|part| part.strip_prefix("v1,"))
        .filter_map(|encoded| STANDARD.decode(encoded).ok());
    for signature in given {
        if secrets.iter().any(|secret| secret.is_signature(received, body, &signature)) {
            return Ok(());
        }
    }
    Err(VerifyError::Signature)
}

/// Why a webhook is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The id is empty.
    #[error("the webhook-id is empty")]
    Id,
    /// The time is no number of seconds.
    #[error("the webhook-timestamp is no number of seconds")]
    Timestamp,
    /// Sent more than five minutes ago.
    #[error("the webhook is older than five minutes")]
    TooOld,
    /// Sent more than five minutes from now.
    #[error("the webhook's time is more than five minutes ahead")]
    TooNew,
    /// No signature fits.
    #[error("no signature fits")]
    Signature,
}
