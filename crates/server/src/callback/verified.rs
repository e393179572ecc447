//! Whether a callback is the platform's, and which others it is one with.

use frontdesk_domain::Timestamp;
use frontdesk_domain::callback::CallbackKey;
use frontdesk_domain::signature::{
    ID_HEADER, Received, SIGNATURE_HEADER, SigningSecret, TIMESTAMP_HEADER, verify,
};
use http::HeaderMap;

/// Why a callback is not looked at any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unverified {
    /// It is not signed as it should be.
    Forged,
    /// Signatures are not asked for, and its id is none.
    Unusable(&'static str),
}

/// A header that is there once, as text; `None` when it is not there.
struct Twice;

fn only<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, Twice> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| Twice),
        // Whoever reads the other one of the two would verify something else.
        (Some(_), Some(_)) => Err(Twice),
    }
}

/// Verifies a callback where there are secrets, and tells its key.
pub(super) fn key(
    secrets: &[SigningSecret],
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<CallbackKey, Unverified> {
    if secrets.is_empty() {
        return match only(headers, ID_HEADER) {
            Ok(None) => Ok(CallbackKey::of_body(body)),
            Ok(Some(id)) => {
                CallbackKey::of_id(id).ok_or(Unverified::Unusable("the webhook-id is empty or too long"))
            }
            Err(Twice) => Err(Unverified::Unusable("the webhook-id is no text, or there twice")),
        };
    }
    let forged = |_| Unverified::Forged;
    let header = |name| only(headers, name).map_err(forged)?.ok_or(Unverified::Forged);
    let received = Received {
        id: header(ID_HEADER)?,
        timestamp: header(TIMESTAMP_HEADER)?,
        signature: header(SIGNATURE_HEADER)?,
    };
    verify(secrets, &received, body, now).map_err(|_| Unverified::Forged)?;
    CallbackKey::of_id(received.id).ok_or(Unverified::Forged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const BODY: &[u8] = br#"{"conversationId":"c"}"#;

    fn secret(byte: u8) -> SigningSecret {
        SigningSecret::from_bytes(&[byte; 32]).unwrap()
    }

    fn now() -> Timestamp {
        Timestamp::from_micros(1_000_000_000_000).unwrap()
    }

    /// The headers of a callback that was signed with a secret, so many seconds from now.
    fn signed(secret: &SigningSecret, skew: i64) -> Vec<(&'static str, String)> {
        let at = 1_000_000 + skew;
        vec![
            (ID_HEADER, "msg_1".to_owned()),
            (TIMESTAMP_HEADER, at.to_string()),
            (SIGNATURE_HEADER, secret.sign("msg_1", at, BODY)),
        ]
    }

    fn check(headers: &[(&'static str, String)], body: &[u8]) -> Result<CallbackKey, Unverified> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        key(&[secret(1), secret(2)], &map, body, now())
    }

    #[test]
    fn either_secret_and_five_minutes_are_enough() {
        for (byte, skew) in [(1, 0), (2, 0), (1, 300), (1, -300)] {
            assert_eq!(check(&signed(&secret(byte), skew), BODY), Ok(CallbackKey::of_id("msg_1").unwrap()));
        }
        for (byte, skew) in [(3, 0), (1, 301), (1, -301)] {
            assert_eq!(check(&signed(&secret(byte), skew), BODY), Err(Unverified::Forged), "{byte} {skew}");
        }
    }

    #[test]
    fn a_header_that_is_missing_or_there_twice_is_a_forgery() {
        let good = signed(&secret(1), 0);
        for index in 0..good.len() {
            let mut without = good.clone();
            without.remove(index);
            assert_eq!(check(&without, BODY), Err(Unverified::Forged), "without {}", good[index].0);
            // The same again, and another one, before and behind it.
            for more in [good[index].1.clone(), "x".to_owned()] {
                let copy = (good[index].0, more);
                let behind = [&good[..], std::slice::from_ref(&copy)].concat();
                assert_eq!(check(&behind, BODY), Err(Unverified::Forged));
                assert_eq!(check(&[&[copy], &good[..]].concat(), BODY), Err(Unverified::Forged));
            }
        }
    }

    #[test]
    fn the_bytes_count_and_not_what_they_mean() {
        let good = signed(&secret(1), 0);
        for body in [&b"{\"conversationId\": \"c\"}"[..], b"{\"conversationId\":\"\\u0063\"}", b""] {
            assert_eq!(check(&good, body), Err(Unverified::Forged));
        }
    }

    #[test]
    fn other_versions_are_passed_over_and_never_enough() {
        let mut headers = signed(&secret(1), 0);
        let v1 = headers[2].1.clone();
        let elsewhere = v1.replace("v1,", "v1a,");
        headers[2].1 = format!("{elsewhere} v2,x v1,=== {v1}");
        assert!(check(&headers, BODY).is_ok());
        for alone in [elsewhere.as_str(), "v1a,", "", "v1", &v1[3..], &v1.replace("v1,", "V1,")] {
            alone.clone_into(&mut headers[2].1);
            assert_eq!(check(&headers, BODY), Err(Unverified::Forged), "{alone}");
        }
    }

    #[test]
    fn without_secrets_the_id_or_the_body_is_the_key() {
        let of = |ids: &[&[u8]]| {
            let mut map = HeaderMap::new();
            for id in ids {
                map.append(ID_HEADER, HeaderValue::from_bytes(id).unwrap());
            }
            key(&[], &map, BODY, now())
        };
        assert_eq!(of(&[]), Ok(CallbackKey::of_body(BODY)));
        assert_eq!(of(&[b"m"]), Ok(CallbackKey::of_id("m").unwrap()));
        for bad in [&[&b""[..]][..], &[b"m", b"m"], &[b"\xff"], &[&[b'x'; 513]]] {
            assert!(matches!(of(bad), Err(Unverified::Unusable(_))), "{bad:?}");
        }
    }
}
