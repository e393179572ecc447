//! What may be an id, and what may not.

use frontdesk_domain::{IdError, IdFault, OrganizationId, PathSegment, RecordId, RunId, Violation};
use frontdesk_fixtures::Bytes;
use proptest::prelude::*;
use serde::Deserialize;

use crate::snapshot::{of_area, shown};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Texts {
    of: Kind,
    texts: Vec<Bytes>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Organization,
    Record,
    Run,
    Segment,
}

#[test]
fn cases() {
    let report = of_area::<Texts>("ids", |case| {
        let line = |bytes: &Bytes| {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            let written = match case.body.of {
                Kind::Organization => text.parse().map(|id: OrganizationId| id.to_string()),
                Kind::Record => text.parse().map(|id: RecordId| id.to_string()),
                Kind::Run => text.parse().map(|id: RunId| id.to_string()),
                Kind::Segment => text.parse().map(|id: PathSegment| id.to_string()),
            };
            let outcome = match written {
                Ok(written) if written == text => "as it came".to_owned(),
                Ok(written) => shown(written.as_bytes()),
                Err(error) => format!("{error} [{}]", Violation::from(error).rule),
            };
            format!("{} -> {outcome}", shown(text.as_bytes()))
        };
        case.body.texts.iter().map(line).collect()
    });
    insta::assert_snapshot!(report);
}

#[test]
fn every_door_checks() {
    let long = "x".repeat(1_025);
    let expected = IdFault::TooLong { bytes: 1_025, limit: 1_024 };
    assert_eq!(RecordId::new(long.clone()).unwrap_err().fault(), expected);
    assert_eq!(long.parse::<RecordId>().unwrap_err().fault(), expected);
    assert_eq!(RecordId::try_from(long.clone()).unwrap_err().fault(), expected);
    assert!(serde_json::from_value::<RecordId>(long.into()).is_err());
    assert!(serde_json::from_str::<RunId>(r#""UP""#).is_err());
    assert!(serde_json::from_str::<OrganizationId>(r#""""#).is_err());
    assert!(serde_json::from_str::<PathSegment>(r#"".%2e""#).is_err());
}

#[test]
fn a_record_id_is_one_line_in_debug() {
    let id = RecordId::new("a\n\u{1b}[31m\u{0}").unwrap();
    assert_eq!(format!("{id:?}"), r#""a\n\u{1b}[31m\0""#);
}

#[test]
fn errors_do_not_repeat_the_text() {
    let error: IdError = RunId::new("customer@example.org").unwrap_err();
    assert_eq!(error.to_string(), "the run id holds a character other than a to z, 0 to 9 and -");
}

/// Undoes percent-encoding, once.
fn decoded(segment: &str) -> Vec<u8> {
    let mut bytes = segment.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
            out.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            out.push(byte);
        }
    }
    out
}

proptest! {
    #[test]
    fn ids_come_out_as_they_went_in(text in any::<String>()) {
        if let Ok(id) = RecordId::new(text.clone()) {
            prop_assert_eq!(id.to_string(), text.clone());
            prop_assert_eq!(String::from(id.clone()), text.clone());
            let json = serde_json::to_string(&id).unwrap();
            prop_assert_eq!(serde_json::from_str::<RecordId>(&json).unwrap(), id);
        } else {
            prop_assert!(text.is_empty() || text.len() > RecordId::MAX_BYTES);
        }
        if let Ok(id) = OrganizationId::new(text.clone()) {
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert!(!text.contains(char::is_control));
        }
        if let Ok(id) = RunId::new(text.clone()) {
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }
    }

    /// Encoded it is one segment, and decoded it is the text again: whatever is between us and the server.
    #[test]
    fn a_segment_stays_one_segment(text in prop_oneof![any::<String>(), "[./%2eE5]{1,8}"]) {
        let Ok(segment) = PathSegment::new(text.clone()) else {
            let mut plain = text.to_lowercase();
            while plain.contains("%25") {
                plain = plain.replace("%25", "%");
            }
            plain = plain.replace("%2e", ".");
            prop_assert!(matches!(plain.as_str(), "" | "." | ".."), "{text:?}");
            return Ok(());
        };
        let written = segment.to_string();
        prop_assert!(written.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)));
        prop_assert!(!matches!(written.as_str(), "" | "." | ".."));
        prop_assert_eq!(decoded(&written), text.into_bytes());
    }
}
