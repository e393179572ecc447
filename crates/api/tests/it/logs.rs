//! What is logged names operations, attempts and statuses, and never a secret, a token, a filter or a payload.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use frontdesk_api::transport::memory::Reply;
use frontdesk_api::{CallOptions, ConversationSource as _, DetailsQuery, Gateway};
use futures_util::StreamExt as _;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::gateway::query;
use crate::support::{Read, SECRET, TOKEN, builder, scripted, with_token};

#[derive(Debug, Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test(start_paused = true)]
async fn logs_name_what_happened_and_nothing_else() {
    let captured = Captured::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(captured.clone())
        .with_ansi(false)
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);

    let transport = with_token(|request| {
        let whole = std::str::from_utf8(request.body()).unwrap();
        if whole.contains("PAGE-CANARY") {
            Reply::status(503)
                .header("x-request-id", "r-42")
                .body(json!({"message": "BODY-CANARY"}).to_string())
        } else {
            Reply::json(
                &json!({"conversations": [{"id": "ID-CANARY", "transcript": "TEXT-CANARY"}], "nextPage": "PAGE-CANARY"}),
            )
        }
    });
    let gateway = Gateway::new(builder().0.build(Arc::new(transport)));
    let filtered = DetailsQuery { filter: Some("queue eq 'FILTER-CANARY'".parse().unwrap()), ..query() };
    let pages: Vec<_> = gateway.conversations(filtered).collect().await;
    assert!(pages.last().unwrap().is_err());
    let (client, _) = scripted([Reply::status(401), Reply::status(200)]);
    client.send(&Read {}, &CallOptions::default()).await.unwrap();
    drop(guard);

    let logs = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    for needed in
        ["conversation details query", "token request", "attempt=5", "status=503", "r-42", "generation=1"]
    {
        assert!(logs.contains(needed), "{needed} is not logged:\n{logs}");
    }
    for canary in [
        SECRET,
        TOKEN,
        "Bearer",
        "Basic",
        "FILTER-CANARY",
        "PAGE-CANARY",
        "ID-CANARY",
        "TEXT-CANARY",
        "BODY-CANARY",
    ] {
        assert!(!logs.contains(canary), "{canary} is logged:\n{logs}");
    }
    // Nor does anything the client holds show it.
    let debug = format!("{gateway:?} {:?}", crate::support::credentials());
    assert!(!debug.contains(SECRET) && !debug.contains(TOKEN), "{debug}");
}
