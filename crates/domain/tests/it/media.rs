//! Media links: which may be asked for, and until when they are good.

use frontdesk_domain::media::{MediaState, MediaUrl};
use frontdesk_domain::{TimeError, Timestamp};
use proptest::prelude::*;
use serde::Deserialize;

use crate::snapshot::{of_area, shown};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Urls {
    urls: Vec<String>,
}

#[test]
fn cases() {
    let report = of_area::<Urls>("media", |case| {
        let line = |url: &String| {
            let outcome = match MediaUrl::new(url.clone()) {
                Ok(url) => format!(
                    "host {}, {}",
                    url.host(),
                    url.expires_at().map_or_else(|| "no expiry".to_owned(), |at| format!("until {at}"))
                ),
                Err(error) => format!("! {error}"),
            };
            format!("{} -> {outcome}", shown(url.as_bytes()))
        };
        case.body.urls.iter().map(line).collect()
    });
    insta::assert_snapshot!(report);
}

#[test]
fn only_what_does_not_answer_expires() -> Result<(), TimeError> {
    let at = |text: &str| text.parse::<Timestamp>();
    let (end, before, after) =
        (at("2025-03-01T10:00:00Z")?, at("2025-03-01T09:59:59.9Z")?, at("2025-03-01T10:00:01Z")?);
    for state in MediaState::ALL {
        assert_eq!(state.at(Some(end), before), state);
        assert_eq!(state.at(None, after), state);
        let expected = if state == MediaState::Unreachable { MediaState::Expired } else { state };
        assert_eq!(state.at(Some(end), after), expected);
        assert_eq!(state.at(Some(end), end), expected);
        let written = serde_json::to_string(&state).unwrap();
        assert_eq!(written, format!("{:?}", state.to_string()));
        assert_eq!(serde_json::from_str::<MediaState>(&written).unwrap(), state);
    }
    Ok(())
}

#[test]
fn a_link_is_never_shown() {
    let url = MediaUrl::new("https://files.example/a.png?sig=secret").unwrap();
    assert_eq!(format!("{url:?}"), r#"MediaUrl("files.example", 38 bytes)"#);
    let long = MediaUrl::new(format!("https://x/{}", "a".repeat(8_183))).unwrap_err();
    assert_eq!(long.to_string(), "the link is 8193 bytes long, and 8192 are allowed");
}

proptest! {
    #[test]
    fn any_text_is_a_link_or_an_error(text in prop_oneof!["https?://[a-z0-9.:\\[\\]@/?#%&=é-]{0,40}", any::<String>()]) {
        if let Ok(url) = MediaUrl::new(text.clone()) {
            prop_assert_eq!(url.as_str(), text);
            prop_assert!(!url.host().is_empty());
            let _ = url.expires_at();
        }
    }

    #[test]
    fn an_end_in_seconds_is_that_second(seconds in -62_167_219_200_i64..253_402_300_799) {
        let expected = Timestamp::from_micros(seconds * 1_000_000).unwrap();
        let url = MediaUrl::new(format!("https://x/y?a=b&Expires={seconds}")).unwrap();
        prop_assert_eq!(url.expires_at(), Some(expected));
        let time: String = expected.to_string().chars().filter(|character| !matches!(character, '-' | ':')).collect();
        let url = MediaUrl::new(format!("https://x/y?X-Amz-Expires=0&X-Amz-Date={time}")).unwrap();
        prop_assert_eq!(url.expires_at(), Some(expected));
        let url = MediaUrl::new(format!("https://x/y?se={expected}")).unwrap();
        prop_assert_eq!(url.expires_at(), Some(expected));
    }
}
