//! A conversation that is damaged or lost is found, opened and told as such, and never as one that is not there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use frontdesk_archive::{Settings, repair};
use frontdesk_domain::Timestamp;
use frontdesk_domain::audit::AuditKind;
use frontdesk_journal::{Change, Journal};
use frontdesk_server::Role;
use http_body_util::BodyExt;
use serde_json::Value;

use crate::data::{Data, ask, bearer, form, get, json, status};

fn line(id: &str, month: u32, said: &str) -> Vec<u8> {
    let line = serde_json::json!({"id": id, "startTime": format!("2025-{month:02}-01T10:00:00Z"),
        "interactions": [{"transcript": said}]});
    line.to_string().into_bytes()
}

/// The segment of a month: of each conversation here one.
fn segment(data: &Data, month: u32) -> PathBuf {
    let folder = data.path().join(format!("archive/segments/2025-{month:02}"));
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    names.into_iter().find(|path| path.extension().is_some_and(|end| end == "gz")).unwrap()
}

/// Changes a byte before the end; twice is as it was.
#[expect(clippy::disallowed_methods, reason = "a test damages an archive")]
fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let at = bytes.len() - 9;
    bytes[at] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

async fn page(router: &Router, path: &str) -> (u16, String) {
    let response = ask(router, get(path).header("accept", "text/html"), "").await;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn found(router: &Router, query: &str) -> Value {
    json(ask(router, get(&format!("/api/v1/conversations?facets=true&q={query}")), "").await).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_is_found_once_somebody_looked_and_until_it_is_mended() {
    let data = Data::of([line("c-1", 1, "hello"), line("c-2", 2, "a word")]);
    let router = data.served(false);
    let none = found(&router, "is:damaged").await;
    assert_eq!((&none["count"], none["hits"].as_array().map(Vec::len)), (&0.into(), Some(0)));
    flip(&segment(&data, 2));

    // Opening it says so at once, whoever looked before; the API names the kind.
    let (code, shown) = page(&router, "/conversations/c-2").await;
    assert!(
        code == 200 && shown.contains("Damaged conversation") && shown.contains("details version 1"),
        "{shown}"
    );
    let refused = ask(&router, get("/api/v1/conversations/c-2"), "").await;
    assert_eq!(refused.status(), 503);
    assert_eq!(json(refused).await["kind"], "damage");
    // Verifying writes it down.
    let proof = json(ask(&router, get("/api/v1/conversations/c-2/verify"), "").await).await;
    assert_eq!((&proof["sound"], proof["records"].as_array().unwrap().len()), (&false.into(), 1));
    let damaged = found(&router, "is:damaged").await;
    assert_eq!((&damaged["count"], &damaged["hits"][0]["id"]), (&1.into(), &"c-2".into()));
    assert_eq!(damaged["hits"][0]["integrity"], "damaged");
    let facet = damaged["facets"].as_array().unwrap().iter().find(|facet| facet["field"] == "is").unwrap();
    assert_eq!((&facet["values"][0]["value"], &facet["values"][0]["count"]), (&"damaged".into(), &1.into()));
    let (_, shown) = page(&router, "/?q=is:damaged").await;
    assert!(shown.contains("data-integrity=\"damaged\"") && shown.contains("damaged or lost"), "{shown}");
    assert!(found(&router, "hello").await["hits"][0].get("integrity").is_none());

    // As it was again, and looked at again.
    flip(&segment(&data, 2));
    let proof = json(ask(&router, get("/api/v1/conversations/c-2/verify"), "").await).await;
    assert_eq!(proof["sound"], true);
    assert_eq!(found(&router, "is:damaged").await["count"], 0);
    let (_, shown) = page(&router, "/conversations/c-2").await;
    assert!(!shown.contains("data-state=\"integrity\"") && shown.contains("a word"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_repair_gave_up_is_gone_and_not_unknown() {
    // The second version of the first lies in a month of its own.
    let data = Data::of([line("c-1", 1, "at first"), line("c-1", 3, "in the end"), line("c-2", 2, "a word")]);
    for month in [2, 3] {
        flip(&segment(&data, month));
    }
    let clock = Arc::new(|| Timestamp::UNIX_EPOCH);
    assert_eq!(
        repair(&data.path().join("archive"), &Settings::default(), clock, true).unwrap().lost.len(),
        2
    );
    let router = data.served(false);
    let hits = found(&router, "is:damaged").await["hits"].clone();
    let told: Vec<_> =
        hits.as_array().unwrap().iter().map(|hit| (hit["id"].clone(), hit["integrity"].clone())).collect();
    assert_eq!(told, [("c-2".into(), "lost".into()), ("c-1".into(), "damaged".into())]);

    let (code, shown) = page(&router, "/conversations/c-2").await;
    assert!(code == 200 && shown.contains("Lost conversation") && shown.contains("2025-02-01"), "{shown}");
    let refused = ask(&router, get("/api/v1/conversations/c-2"), "").await;
    assert_eq!(refused.status(), 410);
    assert_eq!(json(refused).await["kind"], "lost");
    let (code, shown) = page(&router, "/conversations/c-1").await;
    assert!(
        code == 200 && shown.contains("at first") && shown.contains("data-state=\"integrity\""),
        "{shown}"
    );
    let view = json(ask(&router, get("/api/v1/conversations/c-1"), "").await).await;
    let damage = &view["damage"][0];
    assert_eq!(
        (&damage["kind"], &damage["version"], &damage["state"]),
        (&"details".into(), &2.into(), &"lost".into())
    );
    let proof = json(ask(&router, get("/api/v1/conversations/c-1/verify"), "").await).await;
    assert_eq!(proof["sound"], false, "a version of it is not there any more");
    // Looks at what is lost are looks, too.
    let looked: Vec<_> =
        data.audited(AuditKind::Access).into_iter().map(|record| record["subject"].clone()).collect();
    assert!(looked.contains(&"c-2".into()), "{looked:?}");
    // What was never there is not there, for who asks for one and for who may not see it.
    assert_eq!(status(&router, get("/conversations/c-9")).await, 404);
    let asking = data.served(true);
    let viewer = data.token(Role::Viewer);
    let gone = ask(&asking, bearer(get("/api/v1/conversations/c-2"), &viewer), "").await;
    assert_eq!(gone.status(), 410);
    assert_eq!(status(&asking, bearer(form("/api/v1/conversations/c-2/reveal"), &viewer)).await, 404);
    assert_eq!(status(&asking, get("/api/v1/conversations/c-2")).await, 401);
}

/// Messages that were sent from here, as the journal has them: beside their turns, and where there is no turn.
#[tokio::test(flavor = "multi_thread")]
async fn what_became_of_our_own_messages_is_beside_them() {
    let line = serde_json::json!({"id": "c-1", "startTime": "2025-03-01T10:00:00Z", "interactions": [{"messages": [
        {"id": "m-1", "direction": "outbound", "text": "here you are", "status": "sent", "timestamp": "2025-03-01T10:00:00Z"}]}]});
    let data = Data::of([line.to_string().into_bytes(), self::line("c-2", 2, "hello")]);
    let clock = Arc::new(|| Timestamp::UNIX_EPOCH);
    let journal = Journal::open(&data.journal(), &frontdesk_journal::Settings::default(), clock).unwrap();
    for (key, conversation, message, outcome, delivery) in [
        ("a", "c-1", Some("m-1"), "sent", Some("read")),
        ("b", "c-1", Some("m-2"), "sent", Some("pending")),
        ("c", "c-1", None, "refused", None),
        ("d", "c-2", Some("m-9"), "sent", Some("failed")),
    ] {
        let mut item = serde_json::json!({"host": "api.example", "conversation": conversation,
            "client_id": format!("0190a000-0000-7000-8000-00000000000{key}"), "outcome": outcome,
            "begun": "2025-03-01T10:00:00Z", "tries": 1, "receipts": {}, "latency_ms": 7});
        if outcome != "sent" {
            item["kind"] = "refused".into();
            item["why"] = "a rule".into();
        }
        for (name, value) in [("message_id", message), ("delivery", delivery)] {
            if let Some(value) = value {
                item[name] = value.into();
            }
        }
        let state = delivery.unwrap_or(outcome);
        journal.record(Change::new().item("message", key, state, &item).unwrap()).unwrap();
    }
    journal.close().unwrap();
    let router = data.served(false);
    let view = json(ask(&router, get("/api/v1/conversations/c-1"), "").await).await;
    let states: Vec<_> = view["posts"].as_array().unwrap().iter().map(|post| post["state"].clone()).collect();
    assert_eq!(states, ["read", "pending", "refused"], "{view}");
    let (_, shown) = page(&router, "/conversations/c-1").await;
    let (turn, beside) = shown.split_once("data-posts=\"2\"").unwrap();
    assert!(turn.contains("data-post=\"read\"") && turn.contains("✓✓"), "{turn}");
    assert!(beside.contains("data-post=\"pending\"") && beside.contains("data-post=\"refused\""), "{beside}");
    assert!(!shown.contains("m-9"), "another conversation's is not here");
}
