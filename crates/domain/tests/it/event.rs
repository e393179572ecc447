//! The bodies of events, byte for byte as the contract writes them.

use frontdesk_domain::{Event, EventKind, Timestamp};
use serde_json::value::RawValue;

fn time() -> Timestamp {
    "2025-03-01T10:00:00.12Z".parse().unwrap()
}

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

#[test]
fn a_page_of_a_history_carries_its_messages_as_they_came() {
    let messages = [raw(r#"{"id":"m-1", "x":1.50,"text":"né\u00e9"}"#), raw(r#"{"id":"m-2"}"#)];
    let event = Event::history_batch_sync("c-1", "", messages.iter().map(AsRef::as_ref), time());
    assert_eq!((event.kind(), event.key()), (EventKind::HistoryBatchSync, "c-1"));
    assert_eq!(
        event.body().get(),
        concat!(
            r#"{"event":"history_batch_sync","pageToken":"","messageCount":2,"#,
            r#""messages":[{"id":"m-1", "x":1.50,"text":"né\u00e9"},{"id":"m-2"}],"#,
            r#""timestamp":"2025-03-01T10:00:00.12Z"}"#
        )
    );
    let next = Event::history_batch_sync("c-1", "t\"2", [], time());
    assert!(next.body().get().contains(r#""pageToken":"t\"2","messageCount":0,"messages":[]"#));
}

#[test]
fn a_session_that_was_opened_is_told_with_its_attributes_as_they_came() {
    let attributes = raw(r#"{"source" : "web", "n":1.0}"#);
    let event = Event::session_created("c\"1", Some(&attributes), time());
    assert_eq!((event.kind(), event.key()), (EventKind::SessionCreated, "c\"1"));
    assert_eq!(
        event.body().get(),
        concat!(
            r#"{"genesys_session_id":"c\"1","event_type":"session.created","#,
            r#""timestamp":"2025-03-01T10:00:00.12Z","metadata":{"source" : "web", "n":1.0}}"#
        )
    );
    assert!(Event::session_created("c", None, time()).body().get().ends_with(r#","metadata":null}"#));
}

#[test]
fn the_end_of_a_session_names_guest_and_reason() {
    let event = Event::session_terminated("gäst\n7", "customer_initiated", time());
    assert_eq!((event.kind(), event.key()), (EventKind::SessionTerminated, "gäst\n7"));
    assert_eq!(
        event.body().get(),
        concat!(
            r#"{"event":"session.terminated","guest_id":"gäst\n7","reason":"customer_initiated","#,
            r#""timestamp":"2025-03-01T10:00:00.12Z"}"#
        )
    );
}

#[test]
fn audit_records_go_bare_in_one_array_and_one_order() {
    let records = [raw(r#"{"a": 1}"#), raw(r#"{"b":"\u0000"}"#)];
    let event = Event::audit_batch(records.iter().map(AsRef::as_ref));
    assert_eq!((event.kind(), event.key()), (EventKind::AuditBatch, ""));
    assert_eq!(event.body().get(), r#"[{"a": 1},{"b":"\u0000"}]"#);
}

#[test]
fn every_kind_is_read_back_from_its_name_and_no_other() {
    for kind in EventKind::ALL {
        assert_eq!(kind.as_str().parse(), Ok(kind));
        let json = serde_json::to_string(&kind).unwrap();
        assert_eq!(json, format!("\"{kind}\""));
        assert_eq!(serde_json::from_str::<EventKind>(&json).unwrap(), kind);
    }
    let error = "session.terminate".parse::<EventKind>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "'session.terminate' is no kind of event; did you mean 'session.terminated'?"
    );
    let error = "x\n".parse::<EventKind>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "'x\\n' is no kind of event; the kinds are history_batch_sync, session.created, session.terminated, \
         sla.missed, audit.batch"
    );
}

#[test]
fn debug_shows_neither_guest_nor_text() {
    let event = Event::session_terminated("guest-7", "timeout", time());
    let shown = format!("{event:?}");
    assert!(shown.contains("SessionTerminated") && !shown.contains("guest-7"), "{shown}");
}
