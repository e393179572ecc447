//! Records and their keys.

use std::error::Error as _;

use frontdesk_domain::{RawRecord, RecordErrorKind, RecordKey, RecordKind};
use frontdesk_fixtures::Bytes;
use proptest::prelude::*;
use serde::Deserialize;

use crate::snapshot::{of_area, shown};
use crate::strategies::{json, json_object, spaced};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Records {
    bytes: Vec<Bytes>,
}

fn key() -> RecordKey {
    RecordKey { kind: RecordKind::Details, id: "c-1".parse().unwrap() }
}

#[test]
fn cases() {
    let report = of_area::<Records>("record", |case| {
        let line = |bytes: &Bytes| {
            let bytes = bytes.to_vec();
            let outcome = match RawRecord::from_parts(key(), bytes.clone()) {
                Ok(record) => {
                    assert_eq!(record.bytes(), bytes);
                    "a record".to_owned()
                }
                Err(error) => {
                    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
                    format!("{error}{cause} ({})", error.hint())
                }
            };
            format!("{} -> {outcome}", shown(&bytes))
        };
        case.body.bytes.iter().map(line).collect()
    });
    insta::assert_snapshot!(report);
}

#[test]
fn kinds_keep_their_codes_and_names() {
    let names: Vec<_> = RecordKind::ALL.iter().map(|kind| format!("{}={kind}", kind.code())).collect();
    assert_eq!(names, ["1=details", "2=history", "3=transcript", "4=media"]);
    for kind in RecordKind::ALL {
        assert_eq!(RecordKind::from_code(kind.code()), Some(kind));
        assert_eq!(kind.to_string().parse(), Ok(kind));
        assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
    }
    assert_eq!([0, 5, 255].map(RecordKind::from_code), [None; 3]);
    for text in ["", "Details", "detail", "1"] {
        assert!(text.parse::<RecordKind>().is_err(), "{text}");
    }
    assert_eq!(format!("{:>12}|", RecordKind::Media), "       media|", "columns line up");
}

#[test]
fn debug_shows_no_bytes() {
    let record =
        RawRecord::from_parts(key(), br#"{"transcript":"guest: my card is 4111"}"#.to_vec()).unwrap();
    let shown = format!("{record:?}");
    assert!(shown.contains("c-1") && shown.contains("39"), "{shown}");
    assert!(!shown.contains("4111") && !shown.contains("guest"), "{shown}");
    assert_eq!(record.clone().into_bytes(), record.bytes());
    assert_eq!(record.clone().into_parts(), (key(), record.bytes().to_vec()));
}

#[test]
fn errors_show_no_bytes() {
    let error = RawRecord::from_parts(key(), br#"{"transcript":"my card is 4111"#.to_vec()).unwrap_err();
    assert!(matches!(error.kind(), RecordErrorKind::Json(_)));
    assert!(!format!("{error} {error:?}").contains("4111"));
    assert_eq!(
        error.source().unwrap().to_string(),
        "malformed JSON at byte 30: the text ends before its value does"
    );
    let error = RawRecord::from_parts(key(), b"[]".to_vec()).unwrap_err();
    assert!(error.source().is_none());
}

proptest! {
    #[test]
    fn compact_objects_are_records((bytes, compact) in spaced(json_object())) {
        prop_assert!(RawRecord::from_parts(key(), compact.clone()).is_ok());
        prop_assert_eq!(RawRecord::from_parts(key(), bytes.clone()).is_ok(), bytes == compact);
    }

    #[test]
    fn other_values_are_not((_, compact) in spaced(json())) {
        let object = compact.starts_with(b"{");
        prop_assert_eq!(RawRecord::from_parts(key(), compact).is_ok(), object);
    }
}
