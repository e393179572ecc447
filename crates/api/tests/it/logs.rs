//! What is logged names operations, attempts and statuses, and never a secret, a token, a filter or a payload.

use std::cell::RefCell;
use std::fmt::{Debug, Write as _};
use std::sync::Arc;

use frontdesk_api::transport::memory::Reply;
use frontdesk_api::{CallOptions, ConversationSource as _, DetailsQuery, Gateway};
use futures_util::StreamExt as _;
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};

use crate::gateway::query;
use crate::support::{Read, SECRET, TOKEN, builder, scripted, with_token};

thread_local! {
    /// What this thread logs, while somebody wants to know.
    static CAPTURED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Writes everything down that a thread with a capture logs. Global, since a subscriber for one thread misses what
/// other tests logged first.
struct Capture;

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

fn write(name: &str, record: impl FnOnce(&mut Line<'_>)) {
    CAPTURED.with_borrow_mut(|captured| {
        if let Some(captured) = captured {
            captured.push_str(name);
            record(&mut Line(captured));
            captured.push('\n');
        }
    });
}

impl Subscriber for Capture {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        CAPTURED.with_borrow(Option::is_some)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        write(span.metadata().name(), |line| span.record(line));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        write("", |line| values.record(line));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        write(event.metadata().target(), |line| event.record(line));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test(start_paused = true)]
async fn logs_name_what_happened_and_nothing_else() {
    tracing::subscriber::set_global_default(Capture).unwrap();
    CAPTURED.set(Some(String::new()));

    let transport = with_token(|request| {
        let whole = std::str::from_utf8(request.body()).unwrap();
        if whole.contains("PAGE-CANARY") {
            Reply::status(503)
                .header("x-request-id", "r-42")
                .body(json!({"message": "BODY-CANARY"}).to_string())
        } else {
            let conversation = json!({"id": "ID-CANARY", "transcript": "TEXT-CANARY"});
            Reply::json(&json!({"conversations": [conversation], "nextPage": "PAGE-CANARY"}))
        }
    });
    let gateway = Gateway::new(builder().0.build(Arc::new(transport)));
    let filtered = DetailsQuery { filter: Some("queue eq 'FILTER-CANARY'".parse().unwrap()), ..query() };
    let pages: Vec<_> = gateway.conversations(filtered).collect().await;
    assert!(pages.last().unwrap().is_err());
    let (client, _) = scripted([Reply::status(401), Reply::status(200)]);
    client.send(&Read {}, &CallOptions::default()).await.unwrap();

    let logs = CAPTURED.take().unwrap();
    for needed in [
        "operation=\"conversation details query\"",
        "operation=\"token request\"",
        "attempt=5",
        "status=503",
        "correlation_id=\"r-42\"",
        "generation=1",
        "wait_ms=",
    ] {
        assert!(logs.contains(needed), "{needed} is not logged:\n{logs}");
    }
    let canaries = [
        SECRET,
        TOKEN,
        "Bearer",
        "Basic",
        "FILTER-CANARY",
        "PAGE-CANARY",
        "ID-CANARY",
        "TEXT-CANARY",
        "BODY-CANARY",
    ];
    for canary in canaries {
        assert!(!logs.contains(canary), "{canary} is logged:\n{logs}");
    }
    // Nor does anything the client holds show it.
    let debug = format!("{gateway:?} {:?}", crate::support::credentials());
    assert!(!debug.contains(SECRET) && !debug.contains(TOKEN), "{debug}");
}
