//! Signatures of Standard Webhooks, read with a parser of our own: `v1,<base64>` over
//! `id.timestamp.body`, several of them separated by spaces.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::Request;
use sha2::Sha256;

/// The key of a secret `whsec_…`; nothing when it is none.
pub(crate) fn key(secret: &str) -> Option<Vec<u8>> {
    let key = STANDARD.decode(secret.strip_prefix("whsec_")?).ok()?;
    (!key.is_empty()).then_some(key)
}

/// Whether one of the keys signed this request. Its timestamp is not compared with the clock: who
/// remembers everything sees for itself.
pub(crate) fn is_good(keys: &[Vec<u8>], request: &Request<Bytes>) -> bool {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let parts = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
    let (Some(id), Some(timestamp), Some(signatures)) = parts else { return false };
    if timestamp.parse::<i64>().is_err() {
        return false;
    }
    let given =
        signatures.split(' ').filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok());
    given.into_iter().any(|given| {
        keys.iter().any(|key| {
            let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return false };
            for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", request.body()] {
                mac.update(part);
            }
            mac.verify_slice(&given).is_ok()
        })
    })
}

/// The signature of one key.
pub(crate) fn sign(key: &[u8], id: &str, timestamp: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length will do");
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference libraries.
    fn published(id: &str, timestamp: &str, signature: &str, body: &'static str) -> Request<Bytes> {
        Request::post("/")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(Bytes::from_static(body.as_bytes()))
            .unwrap()
    }

    #[test]
    fn the_published_vector_is_good_and_nothing_near_it() {
        let keys = vec![key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap()];
        let (id, time) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330");
        let good = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let body = r#"{"test": 2432232314}"#;
        assert!(is_good(&keys, &published(id, time, good, body)));
        assert!(is_good(&keys, &published(id, time, &format!("v1a,x v1,AAAA {good}"), body)));
        for (id, time, signature, body) in [
            ("msg_p5jXN8AQM9LWM0D4loKWxJel", time, good, body),
            (id, "1614265331", good, body),
            (id, "soon", good, body),
            (id, time, &good.replace("v1,g", "v1,h"), body),
            (id, time, &good[3..], body),
            (id, time, "", body),
            (id, time, good, r#"{"test": 2432232315}"#),
        ] {
            assert!(!is_good(&keys, &published(id, time, signature, body)));
        }
        assert!(!is_good(&[key("whsec_AAAA").unwrap()], &published(id, time, good, body)));
        assert!(["MfKQ9r8G", "whsec_", "whsec_*"].iter().all(|secret| key(secret).is_none()));
    }
}
