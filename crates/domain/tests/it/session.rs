//! Opening guest sessions: drafts, language tags, what is sent, and the outcome that follows from evidence.

use std::fmt::Write as _;

use frontdesk_domain::conversation::Conversation;
use frontdesk_domain::pii::{Action, KeyMode, PiiKind, PiiPolicy};
use frontdesk_domain::session::{
    Attributes, Evidence, LanguageTag, OpenedSession, OpeningKind, OpeningOutcome, SameSession,
    SessionRefusal, SessionRequest, Verdict, judge,
};
use frontdesk_domain::{ConversationId, SessionDraft, Timestamp, Why, WhyKind};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;

use crate::snapshot::{of_area, shown};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lines {
    lines: Vec<String>,
}

fn at() -> Timestamp {
    "2025-06-15T10:23:45Z".parse().unwrap()
}

fn check(draft: &SessionDraft) -> Result<SessionRequest, SessionRefusal> {
    draft.check(&PiiPolicy::default(), at()).map(|checked| checked.request)
}

fn rules(refused: &SessionRefusal) -> Vec<&str> {
    refused.violations.iter().map(|found| found.rule).collect()
}

fn good() -> SessionDraft {
    SessionDraft::new().guest_id("g-1").data_processing(true)
}

#[test]
fn cases() {
    let report = of_area::<Lines>("session", |case| {
        let mut out = Vec::new();
        for line in &case.body.lines {
            out.push(shown(line.as_bytes()));
            match serde_json::from_str::<SessionDraft>(line).map(|draft| check(&draft)) {
                Err(_) => out.push("  no JSON object".to_owned()),
                Ok(Ok(request)) => out.push(format!("  {}", serde_json::to_string(&request).unwrap())),
                Ok(Err(refused)) => {
                    out.push(format!(
                        "  refused; pii {}, consent missing {}",
                        refused.pii_blocked, refused.consent_missing
                    ));
                    out.extend(refused.violations.iter().map(|found| format!("  {found} [{}]", found.rule)));
                }
            }
        }
        out
    });
    insta::assert_snapshot!(report);
}

/// 100 attributes as sent, the three of the consent among them.
#[test]
fn ninety_seven_attributes_of_ones_own_are_the_most() {
    for (count, passes) in [(0, true), (96, true), (97, true), (98, false), (100, false), (101, false)] {
        let draft = (0..count).fold(good(), |draft, n| draft.attribute(format!("k{n}"), "v"));
        match check(&draft) {
            Ok(request) => assert!(passes && request.attributes.len() == count, "{count}"),
            Err(refused) => assert!(!passes && rules(&refused) == ["attributes.count"], "{count}: {refused}"),
        }
    }
    assert_eq!(Attributes::MOST, 97);
}

#[test]
fn keys_by_mode_and_values_by_action() {
    let words = PiiPolicy::default().with_key_mode(KeyMode::Words);
    let contains = PiiPolicy::default();
    for (key, contained, worded) in [
        ("customerEmail", true, true),
        ("ship_address", true, false),
        ("business_name", false, false),
        ("IP-Address", true, true),
    ] {
        let draft = good().attribute(key, "-");
        assert_eq!(draft.check(&contains, at()).is_err(), contained, "{key}");
        assert_eq!(draft.check(&words, at()).is_err(), worded, "{key}");
        assert!(draft.check(&contains.clone().allowing_key(key), at()).is_ok(), "{key}");
    }
    let draft = good().attribute("note", "card 4111 1111 1111 1111, mail ana@example.org");
    let refused = draft.check(&contains, at()).unwrap_err();
    assert!(refused.pii_blocked && refused.is_policy());
    assert!(!refused.to_string().contains("4111") && !refused.to_string().contains("ana"), "{refused}");
    let warn = contains.with_action(PiiKind::Card, Action::Warn).with_action(PiiKind::Email, Action::Allow);
    let checked = draft.check(&warn, at()).unwrap();
    assert_eq!(checked.warnings.len(), 1);
    assert_eq!(
        (checked.warnings[0].path.as_str(), checked.warnings[0].rule),
        ("attributes.note", "pii.value")
    );
}

#[test]
fn defaults_fill_what_is_absent_and_never_what_is_wrong() {
    let defaults = good().attribute("source", "web").language("de").priority(5).marketing(true);
    let read = |line: &str| check(&serde_json::from_str::<SessionDraft>(line).unwrap().or(&defaults));
    let filled = read(r#"{"guest_id":"other"}"#).unwrap();
    assert_eq!((filled.guest_id.as_str(), filled.attributes.get("source")), ("other", Some("web")));
    assert_eq!((filled.routing.priority, filled.consent.marketing), (5, true));
    let own = read(
        r#"{"attributes":{"source":"app"},"priority":9,"consent":{"data_processing":true,"marketing":false}}"#,
    );
    let own = own.unwrap();
    assert_eq!(
        (own.attributes.get("source"), own.routing.priority, own.consent.marketing),
        (Some("app"), 9, false)
    );
    let wrong = read(r#"{"priority":"9","consent":{"data_processing":"yes"}}"#).unwrap_err();
    assert_eq!(rules(&wrong), ["field.type", "field.type"]);
}

#[test]
fn language_tags_are_the_grammar_of_bcp_47() {
    for good in [
        "en",
        "EN",
        "de-AT",
        "zh-Hant-TW",
        "sr-Latn-RS",
        "es-419",
        "sl-rozaj-biske-1994",
        "de-CH-1901",
        "zh-cmn-Hans-CN",
        "en-US-u-islamcal",
        "de-DE-u-co-phonebk",
        "en-a-myext-b-another",
        "x-whatever",
        "de-CH-x-phonebk",
        "i-klingon",
        "sgn-BE-FR",
        "art-lojban",
        "zh-min-nan",
        "en-GB-oed",
        "ast",
        "az-Arab-x-AZE-derbend",
    ] {
        assert!(LanguageTag::new(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "e",
        "english",
        "germ",
        "en_GB",
        "en-",
        "-en",
        "en--US",
        "a-DE",
        "de-419-DE",
        "ar-a-aaa-b-bbb-a-ccc",
        "x",
        "en-x",
        "en-u",
        "sl-rozaj-rozaj",
        "i-notregistered",
        "en US",
        "é",
        "en-US-GB",
        "de-DEUTSCHLAND",
        "en-\u{0}",
    ] {
        assert!(LanguageTag::new(bad).is_err(), "{bad}");
    }
    assert!(LanguageTag::new(format!("en-x-{}", "a-".repeat(80))).is_err());
}

fn request() -> SessionRequest {
    check(&good().attribute("source", "web").attribute("tier", "2").marketing(true)).unwrap()
}

fn conversation(guest: Option<&str>, attributes: serde_json::Value) -> Conversation {
    let id = ConversationId::new("c-1").unwrap();
    let body = json!({"id": "c-1", "guestId": guest, "attributes": attributes});
    Conversation::read(&id, body.to_string().as_bytes()).unwrap()
}

#[test]
fn an_open_session_is_compared_by_guest_and_attributes() {
    let mut sent = json!({"source": "web", "tier": "2", "consent.marketing": true, "consent.data_processing": true,
                          "consent.timestamp": "2025-06-15T10:23:45.000Z"});
    let same = |guest, attributes: &serde_json::Value| {
        SameSession::of(&request(), &conversation(guest, attributes.clone()))
    };
    assert_eq!(same(Some("g-1"), &sent), SameSession::Itself);
    assert_eq!(same(Some("g-2"), &sent), SameSession::Other);
    assert_eq!(same(None, &sent), SameSession::Other);
    for (key, value, expected) in [
        ("consent.timestamp", json!("2025-06-15T10:23:46Z"), SameSession::Equal),
        ("consent.timestamp", json!(null), SameSession::Equal),
        ("consent.marketing", json!(false), SameSession::Other),
        ("consent.data_processing", json!("true"), SameSession::Other),
        ("tier", json!(2), SameSession::Other),
        ("more", json!("x"), SameSession::Other),
    ] {
        let before = sent[key].take();
        sent[key] = value;
        assert_eq!(same(Some("g-1"), &sent), expected, "{key}");
        sent[key] = before;
        sent.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    }
    sent.as_object_mut().unwrap().remove("source");
    assert_eq!(same(Some("g-1"), &sent), SameSession::Other);
}

/// Every cell of the table in the module's documentation.
#[test]
fn the_whole_outcome_table() {
    let why = |kind| Why::new(kind, "so");
    let id = || ConversationId::new("c-1").unwrap();
    let opened = OpenedSession {
        session_id: id(),
        status: 201,
        queue_position: Some(2),
        estimated_wait: Some(45),
        created: None,
    };
    let evidence = [
        Evidence::Created(opened),
        Evidence::Conflict(id(), SameSession::Itself),
        Evidence::Conflict(id(), SameSession::Equal),
        Evidence::Conflict(id(), SameSession::Other),
        Evidence::ConflictUnseen(why(WhyKind::Unavailable)),
        Evidence::Refused(why(WhyKind::Refused)),
        Evidence::Refused(why(WhyKind::Conflict)),
        Evidence::Refused(why(WhyKind::Unauthorized)),
        Evidence::Refused(why(WhyKind::Forbidden)),
        Evidence::Refused(why(WhyKind::Throttled)),
        Evidence::Lost(why(WhyKind::Unavailable)),
    ];
    let cell = |verdict| match verdict {
        Verdict::Again(_) => "send again".to_owned(),
        Verdict::Is(outcome) => outcome.kind().to_string(),
    };
    let mut table = String::new();
    for evidence in evidence {
        let name = match &evidence {
            Evidence::Created(_) => "created".to_owned(),
            Evidence::Conflict(_, same) => format!("conflict {same:?}"),
            Evidence::ConflictUnseen(_) => "conflict, unseen".to_owned(),
            Evidence::Refused(why) => format!("refused {:?}", why.kind),
            Evidence::Lost(_) => "lost".to_owned(),
        };
        let (plain, doubt) = (judge(evidence.clone(), false), judge(evidence, true));
        writeln!(table, "{name:<22}{:<14}{}", cell(plain), cell(doubt)).unwrap();
    }
    insta::assert_snapshot!(table, @"
    created               opened        opened
    conflict Itself       already_open  opened
    conflict Equal        already_open  already_open
    conflict Other        failed        failed
    conflict, unseen      failed        unknown
    refused Refused       failed        failed
    refused Conflict      failed        failed
    refused Unauthorized  failed        unknown
    refused Forbidden     failed        unknown
    refused Throttled     failed        unknown
    lost                  send again    send again
    ");
    assert!(OpeningKind::ALL.iter().filter(|kind| kind.is_success()).count() == 2);
}

#[test]
fn what_is_kept_with_an_intent_comes_back_through_its_checks() {
    let request =
        check(&good().attribute("a", "b").language("de").text_version("v1").locale("de-AT")).unwrap();
    let text = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<SessionRequest>(&text).unwrap(), request);
    for broken in [
        text.replace(r#""a":"b""#, r#""consent.x":"b""#),
        text.replace(r#""a":"b""#, r#""":"b""#),
        text.replace("\"de\"", "\"german\""),
        text.replace("g-1", ".."),
        text.replace("web_support", ""),
    ] {
        assert!(serde_json::from_str::<SessionRequest>(&broken).is_err(), "{broken}");
    }
    let shown = format!("{request:?}");
    assert!(!shown.contains("\"b\""), "{shown}");
    let outcome = OpeningOutcome::AlreadyOpen { session_id: ConversationId::new("c-1").unwrap() };
    assert_eq!(serde_json::to_string(&outcome).unwrap(), r#"{"outcome":"already_open","session_id":"c-1"}"#);
}

/// JSON values of every shape, small.
fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|flag| json!(flag)),
        any::<i64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        "\\PC{0,12}".prop_map(|text| json!(text)),
        Just(json!("de-AT")),
    ];
    leaf.prop_recursive(2, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| json!(items)),
            prop::collection::btree_map("[a-z._]{0,8}|data_processing|marketing|consent\\.x", inner, 0..4)
                .prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    /// Whatever a line holds, the check says yes or names fields; a yes keeps every rule and reads back equal.
    #[test]
    fn any_object_is_sent_by_the_rules_or_refused_with_reasons(
        fields in prop::collection::btree_map(
            prop::sample::select(vec!["guest_id", "attributes", "consent", "language", "priority", "skills", "other"]),
            value(), 0..7),
        consent in any::<bool>(),
    ) {
        let mut fields = json!(fields);
        if consent {
            fields["consent"] = json!({"data_processing": true});
        }
        let draft: SessionDraft = serde_json::from_value(fields.clone()).unwrap();
        match check(&draft) {
            Ok(request) => {
                prop_assert!(request.attributes.len() <= Attributes::MOST);
                prop_assert!(request.attributes.iter().all(|(key, _)| !key.is_empty() && !key.starts_with("consent.")));
                prop_assert_eq!(&fields["consent"]["data_processing"], &json!(true));
                let again: SessionRequest = serde_json::from_str(&serde_json::to_string(&request).unwrap()).unwrap();
                prop_assert_eq!(again, request);
            }
            Err(refused) => prop_assert!(refused.violations.iter().all(|found| !found.message.is_empty())),
        }
    }

    /// Blocked or not, no word of a value is repeated.
    #[test]
    fn no_value_is_repeated(secret in "[a-z]{12}") {
        let draft = good().attribute("note", format!("{secret}@example.org")).attribute("consent.x", secret.clone());
        let refused = check(&draft).unwrap_err();
        let shown = format!("{refused} {refused:?} {draft:?}");
        prop_assert!(!shown.contains(&secret), "{}", shown);
    }
}
