//! The platform asked to call back (contract §3).

use frontdesk_api::endpoint::Endpoint;
use frontdesk_api::gateway::RegisterWebhook;
use frontdesk_api::transport::memory::Reply;
use frontdesk_api::{
    CRM_SESSION_SYNC, ErrorKind, EventSubscription, EventSubscriptions, Gateway, Registered,
    SubscriptionError,
};
use serde_json::{Value, json};

use crate::support::{base, scripted};

const URI: &str = "https://desk.example.com/t0ken/webhook/callback";

fn subscription() -> EventSubscription {
    EventSubscription::new(CRM_SESSION_SYNC, URI).unwrap()
}

#[test]
fn the_request_is_the_contracts() {
    let request = RegisterWebhook { subscription: subscription() }.request(&base()).unwrap();
    assert_eq!(request.method(), "POST");
    assert_eq!(request.uri(), "https://api.example.com/api/v2/platform/webhooks");
    assert_eq!(request.headers()["content-type"], "application/json");
    let body: Value = serde_json::from_slice(request.body()).unwrap();
    assert_eq!(
        body,
        json!({
            "name": "CRM_Session_Sync", "uri": URI, "method": "POST", "event": "conversation.created",
            "enabled": true,
            "headers": {"Content-Type": "application/json", "X-Source": "genesys-webchat-manager"}
        })
    );
}

#[test]
fn what_the_platform_could_not_call_is_refused_before_the_call() {
    for (name, uri, why) in [
        ("", URI, SubscriptionError::Name),
        (" ", URI, SubscriptionError::Name),
        ("n", "", SubscriptionError::Uri),
        ("n", "/webhook/callback", SubscriptionError::Uri),
        ("n", "desk.example.com", SubscriptionError::Uri),
        ("n", "ftp://desk.example.com/x", SubscriptionError::Uri),
        ("n", "https:///x", SubscriptionError::Uri),
        ("n", "https://a b/x", SubscriptionError::Uri),
        ("n", "https://user:pass@desk.example.com/", SubscriptionError::Credentials),
    ] {
        assert_eq!(EventSubscription::new(name, uri), Err(why), "{name:?} {uri}");
    }
    let shown = format!("{:?}", subscription());
    assert!(shown.contains("desk.example.com") && !shown.contains("t0ken"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn new_or_known_it_is_registered() {
    for (status, is_new) in [(201, true), (200, false)] {
        let reply = Reply::status(status).body(r#"{"id":"wh-7","more":[1]}"#);
        let (client, _) = scripted([reply]);
        let registered = Gateway::new(client).register(&subscription()).await.unwrap();
        assert_eq!(registered, Registered { id: "wh-7".to_owned(), is_new });
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_asked_for_again_and_a_refusal_is_final() {
    let good = Reply::json(&json!({"id": "wh-7"}));
    let (client, log) = scripted([Reply::status(502), Reply::status(503), good]);
    assert!(Gateway::new(client).register(&subscription()).await.is_ok());
    assert_eq!(log.count(), 3);
    let (client, log) = scripted([Reply::status(403)]);
    let refused = Gateway::new(client).register(&subscription()).await.unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::Forbidden);
    assert!(refused.hint().unwrap_or_default().contains("platformadmin:webhook:write"));
    assert_eq!(log.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_an_id_is_none() {
    for body in ["", "[]", "[\"wh-7\"]", "{}", r#"{"id":7}"#, r#"{"id":""}"#, "x"] {
        let (client, _) = scripted([Reply::status(200).body(body)]);
        let error = Gateway::new(client).register(&subscription()).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Malformed { .. }), "{body}: {error}");
    }
}
