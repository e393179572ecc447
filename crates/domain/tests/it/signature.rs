//! Row R40: ours and the reference implementation's signatures are the same, and every edit is seen.

use frontdesk_domain::Timestamp;
use frontdesk_domain::signature::{Received, SecretError, SigningSecret, VerifyError, signatures, verify};
use proptest::collection::vec;
use proptest::prelude::*;
use standardwebhooks::Webhook;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";

fn secret() -> SigningSecret {
    SECRET.parse().unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000).unwrap()
}

#[test]
fn the_published_vectors() {
    let other: SigningSecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".parse().unwrap();
    let id = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
    let body = br#"{"email":"test@example.com","username":"test_user"}"#;
    let signature = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";
    assert_eq!(other.sign(id, 1_649_367_553, body), signature);
    let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    assert_eq!(secret().sign(ID, 1_614_265_330, br#"{"test": 2432232314}"#), signature);
    // Computed with Python's `hmac`.
    assert_eq!(
        SigningSecret::from_bytes(b"hmac-secret-key-32-bytes-long---").unwrap().sign_body(b"[]"),
        "bef8e71cc93b171305db2b5a41cbda05293d4401e28b86676b8dbcf1ac52a502"
    );
}

#[test]
fn secrets_are_read_and_never_shown() {
    assert_eq!(secret().reveal(), SECRET);
    assert_eq!(format!(" {SECRET}\n").parse::<SigningSecret>().unwrap(), secret());
    for (text, error) in [
        ("", SecretError::Prefix),
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", SecretError::Prefix),
        ("whsec_", SecretError::Length),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", SecretError::Base64),
        ("whsec_AAAA", SecretError::Length),
        ("whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", SecretError::Asymmetric),
        (" whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", SecretError::Asymmetric),
    ] {
        assert_eq!(text.parse::<SigningSecret>(), Err(error), "{text}");
    }
    assert!(SigningSecret::from_bytes(&[7; 65]).is_err());
}

#[test]
fn five_minutes_are_tolerated_and_no_second_more() {
    let header = secret().sign(ID, 1_000_000, b"{}");
    let check = |timestamp: &str, now: i64| {
        let received = Received { id: ID, timestamp, signature: &header };
        verify(&[secret()], &received, b"{}", at(now))
    };
    for now in [1_000_000, 1_000_300, 999_700] {
        assert_eq!(check("1000000", now), Ok(()), "{now}");
    }
    assert_eq!(check("1000000", 1_000_301), Err(VerifyError::TooOld));
    assert_eq!(check("1000000", 999_699), Err(VerifyError::TooNew));
    for timestamp in ["", "-1", "+1000000", "1e6", "1000000.0", " 1000000", "99999999999999999999", "٣"] {
        assert_eq!(check(timestamp, 1_000_000), Err(VerifyError::Timestamp), "{timestamp}");
    }
    let received = Received { id: "", timestamp: "1000000", signature: &header };
    assert_eq!(verify(&[secret()], &received, b"{}", at(1_000_000)), Err(VerifyError::Id));
}

#[test]
fn during_a_rotation_either_secret_is_enough() {
    let new = SigningSecret::from_bytes(&[9; 32]).unwrap();
    let stranger = SigningSecret::from_bytes(&[8; 32]).unwrap();
    let header = signatures(&[new.clone(), secret()], ID, 1_000, b"x");
    assert_eq!(header.split(' ').count(), 2);
    let noisy = format!("v1a,AAAA v2,zzz v1,=== {header}");
    let received = Received { id: ID, timestamp: "1000", signature: &noisy };
    for known in [&new, &secret()] {
        assert_eq!(verify(std::slice::from_ref(known), &received, b"x", at(1_000)), Ok(()));
    }
    assert_eq!(verify(&[stranger], &received, b"x", at(1_000)), Err(VerifyError::Signature));
    assert_eq!(verify(&[], &received, b"x", at(1_000)), Err(VerifyError::Signature));
}

/// Now, as the reference implementation sees it: it reads the clock by itself.
#[expect(
    clippy::disallowed_methods,
    reason = "the reference implementation compares with the machine's clock"
)]
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

fn reference_accepts(id: &str, timestamp: i64, signature: &str, body: &[u8]) -> bool {
    let mut headers = http::HeaderMap::new();
    headers.insert("webhook-id", id.parse().unwrap());
    headers.insert("webhook-timestamp", timestamp.into());
    headers.insert("webhook-signature", signature.parse().unwrap());
    Webhook::new(SECRET).unwrap().verify(body, &headers).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Both ways, any text: empty, not ASCII, long. (The reference takes no body that is not UTF-8.)
    #[test]
    fn the_reference_implementation_agrees(
        id in "[A-Za-z0-9_-]{1,40}",
        body in prop_oneof![Just(String::new()), any::<String>(), "[äß日本\u{1F600}]{1,200}", "[ -~]{0,20000}"],
    ) {
        let timestamp = now();
        let ours = secret().sign(&id, timestamp, body.as_bytes());
        let theirs = Webhook::new(SECRET).unwrap().sign(&id, timestamp, body.as_bytes()).unwrap();
        prop_assert_eq!(&ours, &theirs);
        prop_assert!(reference_accepts(&id, timestamp, &ours, body.as_bytes()));
        let written = timestamp.to_string();
        let received = Received { id: &id, timestamp: &written, signature: &theirs };
        prop_assert_eq!(verify(&[secret()], &received, body.as_bytes(), at(timestamp)), Ok(()));
    }

    /// One byte of id, timestamp, body or signature changed, or one taken out: refused.
    #[test]
    fn every_edit_is_seen(
        body in vec(any::<u8>(), 0..200),
        part in 0..4_usize,
        place: prop::sample::Index,
        flip in 1..=255_u8,
        cut: bool,
    ) {
        let timestamp = "1614265330".to_owned();
        let signature = secret().sign(ID, 1_614_265_330, &body);
        let mut parts = [ID.into(), timestamp.into_bytes(), body, signature.into_bytes()];
        let edited = &mut parts[part];
        prop_assume!(!edited.is_empty());
        let place = place.index(edited.len());
        if cut {
            edited.remove(place);
        } else {
            edited[place] ^= flip;
        }
        let [id, timestamp, body, signature] = &parts;
        let (Ok(id), Ok(timestamp), Ok(signature)) =
            (std::str::from_utf8(id), std::str::from_utf8(timestamp), std::str::from_utf8(signature))
        else {
            return Ok(()); // no header at all
        };
        let received = Received { id, timestamp, signature };
        prop_assert!(verify(&[secret()], &received, body, at(1_614_265_330)).is_err());
    }
}
