//! What every kind of error says, as a person reads it: message, causes, hint, and what may be done next.

use std::error::Error as _;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use frontdesk_api::transport::memory::{MemoryTransport, Reply};
use frontdesk_api::{CallOptions, Cancel, ConversationSource as _, Error, Gateway, TransportKind};
use futures_util::StreamExt as _;
use serde_json::json;

use crate::gateway::query;
use crate::support::{Read, SECRET, TOKEN, base, builder, with_token};

fn render(error: &Error) -> String {
    let mut out = format!("{error}\n");
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = writeln!(out, "caused by: {cause}");
        source = cause.source();
    }
    if let Some(hint) = error.hint() {
        let _ = writeln!(out, "hint: {hint}");
    }
    let mut is = Vec::new();
    for (name, holds) in [
        ("auth", error.is_auth()),
        ("unavailable", error.is_unavailable()),
        ("throttled", error.is_throttled()),
        ("cancelled", error.is_cancelled()),
        ("may have been processed", error.may_have_been_processed()),
    ] {
        if holds {
            is.push(name);
        }
    }
    let _ = writeln!(out, "is: {}", is.join(", "));
    let _ = writeln!(out, "then: {:?}", error.disposition());
    out
}

/// Answers to calls, the last one for ever.
async fn call(replies: Vec<Reply>, options: CallOptions) -> Error {
    let (client, _) = crate::support::scripted(replies);
    client.send(&Read {}, &options).await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn every_kind_is_rendered() {
    let options = CallOptions::default;
    let body = |code: &str, message: &str| json!({"code": code, "message": message}).to_string();
    let mut shown = Vec::new();
    let mut show = |name: &str, error: Error| shown.push(format!("# {name}\n{}", render(&error)));

    show(
        "rejected",
        call(
            vec![Reply::status(400).header("x-request-id", "r-17").body(body("bad.filter", "no such field"))],
            options(),
        )
        .await,
    );
    show(
        "rejected, not found",
        call(vec![Reply::status(404).body("<html>nothing here</html>")], options()).await,
    );
    show(
        "rejected, hostile text",
        call(
            vec![
                Reply::status(422)
                    .header("inin-correlation-id", "c\tid")
                    .body(body("a\nb", &format!("\u{1b}[31m{SECRET} {TOKEN}{}", "x".repeat(500)))),
            ],
            options(),
        )
        .await,
    );
    show(
        "unauthorized",
        call(vec![Reply::status(401).header("inin-correlation-id", "c-1")], options()).await,
    );
    show(
        "forbidden",
        call(vec![Reply::status(403).body(body("missing.permissions", "not allowed"))], options()).await,
    );
    show(
        "redirected",
        call(vec![Reply::status(302).header("location", "https://evil.example")], options()).await,
    );
    show("throttled", call(vec![Reply::status(429)], options()).await);
    show("throttled, named", call(vec![Reply::status(429).header("retry-after", "3600")], options()).await);
    show("unavailable", call(vec![Reply::status(503).header("x-request-id", "r-9")], options()).await);
    show("unavailable, named", call(vec![Reply::status(503).header("retry-after", "900")], options()).await);
    for kind in TransportKind::ALL {
        if kind != TransportKind::TooLarge {
            show(&format!("transport {kind:?}"), call(vec![Reply::fault(kind)], options()).await);
        }
    }
    show(
        "deadline",
        call(vec![Reply::status(503), Reply::silence()], options().deadline(Duration::from_secs(9))).await,
    );
    {
        let (client, _) = crate::support::scripted([Reply::status(502)]);
        let mut last = None;
        for _ in 0..20 {
            last = client.send(&Read {}, &options()).await.err();
        }
        show("budget spent", last.unwrap());
    }
    {
        let (handle, cancel) = Cancel::pair();
        handle.cancel();
        show("cancelled", call(vec![Reply::status(200)], options().cancel(cancel)).await);
    }
    {
        let transport = with_token(|_| Reply::status(200).body(vec![b' '; 5 << 20]));
        let client = builder().0.body_cap(4 << 20).build(Arc::new(transport));
        show("too large", client.send(&Read {}, &options()).await.unwrap_err());
    }
    for (name, reply) in [
        ("malformed", Reply::status(200).body(r#"{"conversations": [}"#)),
        ("malformed, html", Reply::status(200).header("content-type", "text/html").body("<html></html>")),
        ("malformed, empty", Reply::status(200)),
        ("malformed, encoding", Reply::status(200).header("content-encoding", "br").body("xx")),
        ("cut inside the JSON", Reply::status(200).body(r#"{"conversations": ["#)),
        (
            "looping pagination",
            Reply::status(200).body(json!({"conversations": [], "nextPage": "a\nb"}).to_string()),
        ),
    ] {
        let client = builder().0.build(Arc::new(with_token(move |_| reply.clone())));
        let mut pages = Gateway::new(client).conversations(query());
        let mut last = None;
        while let Some(page) = pages.next().await {
            last = page.err();
        }
        show(name, last.unwrap());
    }
    for (name, reply) in [
        (
            "token refused",
            Reply::status(401)
                .body(json!({"error": "invalid_client", "error_description": "unknown"}).to_string()),
        ),
        ("token rejected", Reply::status(400).body(json!({"error": "invalid_scope"}).to_string())),
        ("token malformed", Reply::status(200).body("{}")),
        ("token endpoint down", Reply::status(503)),
        ("token host unknown", Reply::fault(TransportKind::Dns)),
    ] {
        let client = builder().0.build(Arc::new(MemoryTransport::new(move |_| reply.clone())));
        show(name, client.send(&Read {}, &options()).await.unwrap_err());
    }
    {
        let client = builder().0.build(Arc::new(with_token(|_| Reply::status(200))));
        show("unsendable", client.send(&crate::support::Astray, &options()).await.unwrap_err());
    }
    let shown = shown.join("\n");
    for canary in [SECRET, TOKEN, "evil.example", base().authority(), "nothing here", "\u{1b}"] {
        assert!(!shown.contains(canary), "{canary:?} is in an error");
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn errors_are_small_and_shared() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    shared::<Error>();
    assert_eq!(size_of::<Error>(), size_of::<usize>());
}
