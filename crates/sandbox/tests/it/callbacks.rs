//! §3: who registered is called, over real sockets, and the platform's calls reach the sandbox's own
//! receivers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use frontdesk_sandbox::{Moment, Running, Sandbox, serve};
use http::Request;
use serde_json::{Value, json};

use crate::support::small;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

struct Scene {
    sandbox: Arc<Sandbox>,
    running: Running,
    token: String,
}

impl Scene {
    async fn new() -> Self {
        let sandbox = Arc::new(Sandbox::new(small()).unwrap());
        let running = serve(Arc::clone(&sandbox), ([127, 0, 0, 1], 0).into()).await.unwrap();
        let mut scene = Self { sandbox, running, token: String::new() };
        let ready = scene.running.ready();
        let client = json!({"grant_type": "client_credentials", "client_id": ready.client_id,
                            "client_secret": ready.client_secret});
        let (_, granted) = scene.call("POST", "/oauth/token", &client);
        scene.token = granted["access_token"].as_str().unwrap().to_owned();
        scene
    }

    /// Through the front door, though not through the socket: that is for the calls back.
    fn call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        let request = request.header("authorization", format!("Bearer {}", self.token));
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let now: Moment = frontdesk_sandbox::machine_time();
        let reply = self.sandbox.handle(&request.body(body).unwrap(), [127, 0, 0, 1].into(), now);
        (reply.status().as_u16(), serde_json::from_slice(&reply.into_bytes()).unwrap_or_default())
    }

    fn register(&self, name: &str) -> (u16, Value) {
        let uri = format!("http://{}/_sandbox/webhooks/{name}", self.running.address());
        let hook = json!({"name": "CRM_Session_Sync", "uri": uri, "method": "POST",
                          "event": "conversation.created", "enabled": true,
                          "headers": {"Content-Type": "application/json", "X-Source": "genesys-webchat-manager"}});
        self.call("POST", "/api/v2/platform/webhooks", &hook)
    }

    fn open(&self, guest: &str) -> Value {
        let session = json!({"conversationType": "webchat", "guestId": guest,
            "attributes": {"source": "web_portal", "consent.marketing": true, "consent.data_processing": true,
                           "consent.timestamp": "2025-06-01T00:00:00Z"},
            "routingData": {"priority": 1, "skills": []}});
        let (status, opened) = self.call("POST", "/api/v2/conversations/webchat", &session);
        assert_eq!(status, 201);
        opened
    }

    /// The totals of a receiver, once that many requests have reached it.
    async fn received(&self, name: &str, requests: u64) -> Value {
        for _ in 0..1_000 {
            let (_, all) = self.call("GET", "/_sandbox/webhooks", &Value::Null);
            let totals = all["receivers"].as_array().unwrap().iter().find(|one| one["name"] == name).cloned();
            if let Some(totals) = totals.filter(|totals| totals["requests"].as_u64() >= Some(requests)) {
                return totals;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{name} was not called {requests} times");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_registered_is_called_with_the_contracts_body() {
    let scene = Scene::new().await;
    let (status, first) = scene.register("crm");
    assert_eq!(status, 201);
    assert_eq!(scene.register("crm"), (200, first));
    let opened = scene.open("guest_1");
    let totals = scene.received("crm", 1).await;
    assert_eq!((&totals["without_id"], &totals["taken"]), (&json!(1), &json!(1)));
    let (_, got) = scene.call("GET", "/_sandbox/webhooks/crm", &Value::Null);
    let body: Value = serde_json::from_str(got["body"].as_str().unwrap()).unwrap();
    assert_eq!(body, json!({"conversationId": opened["id"], "attributes": opened["attributes"]}));
    assert_eq!(got["headers"]["x-source"], "genesys-webchat-manager");
    assert_eq!(got["headers"]["content-type"], "application/json");
    scene.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_signed_repeated_and_made_again_when_they_fail() {
    let scene = Scene::new().await;
    scene.register("crm");
    scene.call("POST", "/_sandbox/callbacks", &json!({"secret": SECRET, "repeat": 2, "retry_ms": 10}));
    let plan = json!({"secrets": [SECRET], "faults": {"rules": [
        {"when": {"nth": 1}, "then": {"status": {"status": 503}}},
        {"when": {"nth": 1}, "then": {"reset": "before_head"}}]}});
    scene.call("POST", "/_sandbox/webhooks/crm/plan", &plan);
    scene.open("guest_1");
    // Refused, taken with the answer lost, then taken twice.
    let totals = scene.received("crm", 4).await;
    assert_eq!(
        (&totals["badly_signed"], &totals["ids"], &totals["duplicates"]),
        (&json!(0), &json!(1), &json!(2))
    );
    let (_, all) = scene.call("GET", "/_sandbox/callbacks", &Value::Null);
    assert_eq!(all["subscriptions"].as_array().unwrap().len(), 1);
    let answers = all["calls"][0]["answers"].as_array().unwrap();
    assert_eq!((answers[0].clone(), answers[1].get("error").is_some()), (json!({"status": 503}), true));
    scene.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_called_is_refused_or_noted() {
    let scene = Scene::new().await;
    let good = json!({"name": "a", "uri": "http://127.0.0.1:1/x", "method": "POST",
                      "event": "conversation.created", "enabled": true});
    for (field, bad) in [
        ("name", json!("")),
        ("uri", json!("/x")),
        ("method", json!("GET")),
        ("event", json!("conversation.ended")),
        ("headers", json!({"a b": "c"})),
        ("headers", json!({"a": "b\n"})),
        ("extra", json!(1)),
    ] {
        let mut hook = good.clone();
        hook[field] = bad;
        assert_eq!(scene.call("POST", "/api/v2/platform/webhooks", &hook).0, 400, "{field}");
    }
    scene.call("POST", "/_sandbox/callbacks", &json!({"attempts": 2, "retry_ms": 1}));
    assert_eq!(scene.call("POST", "/_sandbox/callbacks", &json!({"attempts": 0})).0, 400);
    assert_eq!(scene.call("POST", "/api/v2/platform/webhooks", &good).0, 201);
    let disabled = json!({"name": "b", "uri": "http://127.0.0.1:1/y", "method": "POST",
                          "event": "conversation.created", "enabled": false});
    assert_eq!(scene.call("POST", "/api/v2/platform/webhooks", &disabled).0, 201);
    scene.open("guest_1");
    for _ in 0..1_000 {
        let (_, all) = scene.call("GET", "/_sandbox/callbacks", &Value::Null);
        if all["calls"][0]["answers"].as_array().unwrap().len() == 2 && all["calls"][0]["under_way"] == false
        {
            assert_eq!(all["calls"].as_array().unwrap().len(), 1);
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the calls were not given up");
}
