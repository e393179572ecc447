//! Sessions opened over the guest's WebSocket, against the sandbox on real sockets (platform contract C.2).

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use frontdesk_api::transport::reqwest::{ReqwestOptions, ReqwestTransport};
use frontdesk_api::transport::websocket::WebSockets;
use frontdesk_api::{
    CallOptions, Client, ConversationLook, Conversations as _, Credentials, ErrorKind, GuestDoor, OpenReply,
    Opening, Platform, PlatformOpenings, SessionOpenings as _,
};
use frontdesk_domain::pii::PiiPolicy;
use frontdesk_domain::session::OpenedSession;
use frontdesk_domain::{Secret, SessionDraft};
use frontdesk_sandbox::{Addresses, Config, Running, Sandbox, serve_contracts};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::noon;

pub(crate) struct Tenant {
    sandbox: Arc<Sandbox>,
    pub(crate) running: Running,
}

impl Tenant {
    pub(crate) async fn new() -> Self {
        let sandbox = Arc::new(Sandbox::new(Config::default()).unwrap());
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let addresses = Addresses { gateway: Some(free), platform: Some(free) };
        let running = serve_contracts(Arc::clone(&sandbox), addresses).await.unwrap();
        Self { sandbox, running }
    }

    pub(crate) fn openings(&self, first_text: Option<&str>) -> PlatformOpenings {
        let ready = self.running.ready();
        let base = ready.platform_url.clone().unwrap();
        let login = ready.platform_login_url.clone().unwrap();
        let credentials = Credentials::new(&ready.client_id, Secret::new(&*ready.client_secret)).unwrap();
        let options = ReqwestOptions::default();
        let client = Client::builder(base.parse().unwrap(), credentials)
            .login(login.parse().unwrap())
            .build(Arc::new(ReqwestTransport::new(&options).unwrap()));
        let door = GuestDoor {
            url: format!("{}/v1", base.replace("http://", "ws://")).parse().unwrap(),
            deployment: ready.deployment_id.clone().unwrap(),
            origin: Some("https://shop.example".parse().unwrap()),
            first_text: first_text.map(str::to_owned),
        };
        let platform = Platform::new(client).options(CallOptions::default());
        PlatformOpenings::new(platform, Arc::new(WebSockets::new(&options).unwrap()), door)
    }

    pub(crate) fn door(&self, method: &str, path: &str, body: &Value) -> String {
        let request = http::Request::builder().method(method).uri(format!("/_sandbox/{path}"));
        let request = request.body(bytes::Bytes::from(body.to_string())).unwrap();
        let reply = self.sandbox.handle(&request, [127, 0, 0, 1].into(), frontdesk_sandbox::machine_time());
        String::from_utf8(reply.into_bytes().to_vec()).unwrap()
    }

    pub(crate) fn sessions(&self) -> Vec<Value> {
        self.door("GET", "sessions", &Value::Null)
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

pub(crate) fn opening(attribute: &str) -> Opening {
    let draft = SessionDraft::new().guest_id("guest-77").attribute("source", attribute).data_processing(true);
    let request = draft.language("de").check(&PiiPolicy::default(), noon()).unwrap().request;
    Opening { key: Uuid::from_u128(7), request }
}

pub(crate) async fn opened(openings: &PlatformOpenings, opening: &Opening) -> OpenedSession {
    let OpenReply::Opened(opened) = openings.open(opening).await.unwrap() else { panic!() };
    opened
}

#[tokio::test]
async fn the_same_key_is_the_same_session_and_attributes_travel_along() {
    let tenant = Tenant::new().await;
    let openings = tenant.openings(Some("Hello"));
    let opening = opening("web_portal");
    let first = opened(&openings, &opening).await;
    assert_eq!((first.status, first.queue_position), (201, None));
    let again = opened(&openings, &opening).await;
    assert_eq!((&again.session_id, again.status), (&first.session_id, 200), "the token goes on");
    let sessions = tenant.sessions();
    assert_eq!((sessions.len(), sessions[0]["id"].as_str()), (1, Some(first.session_id.as_str())));
    let attributes = &sessions[0]["attributes"];
    for (name, value) in [
        ("source", "web_portal"),
        ("consent.data_processing", "true"),
        ("consent.marketing", "false"),
        ("consent.timestamp", "2025-03-01T12:00:00Z"),
        ("guest.id", "guest-77"),
        ("routing.skills", "web_support,general"),
        ("routing.priority", "1"),
        ("routing.language", "de"),
    ] {
        assert_eq!(attributes[name], value, "{name}: {attributes}");
    }
    let ConversationLook::Found(look) = openings.conversation(&first.session_id).await.unwrap() else {
        panic!()
    };
    assert_eq!(look.conversation.attributes["source"], "web_portal");
    tenant.running.stop().await;
}

#[tokio::test]
async fn where_a_join_starts_nothing_the_first_text_does() {
    let tenant = Tenant::new().await;
    tenant.door("POST", "deployment", &json!({"auto_start": false}));
    let refused = tenant.openings(None).open(&opening("a")).await.unwrap_err();
    assert!(
        matches!(refused.kind(), ErrorKind::Unsendable { what } if what.contains("guest_first_text")),
        "{refused}"
    );
    assert!(!refused.may_have_been_processed() && tenant.sessions().is_empty());
    let first = opened(&tenant.openings(Some("Good day")), &opening("a")).await;
    assert_eq!(tenant.sessions()[0]["id"], first.session_id.as_str());
    tenant.running.stop().await;
}

#[tokio::test]
async fn too_many_attributes_are_refused_before_they_are_sent() {
    let tenant = Tenant::new().await;
    let openings = tenant.openings(Some("Hello"));
    let bare = opening("");
    let size = |length: usize| opening(&"x".repeat(length));
    // The largest that fits: as the platform counts.
    let fits = |length: usize| {
        let openings = openings.clone();
        let mut opening = size(length);
        opening.key = Uuid::new_v4();
        async move { openings.open(&opening).await }
    };
    let (mut least, mut most) = (1_000, 2_048);
    while most - least > 1 {
        let middle = usize::midpoint(least, most);
        match fits(middle).await {
            Ok(_) => least = middle,
            Err(error) => {
                assert!(
                    matches!(error.kind(), ErrorKind::Unsendable { .. }),
                    "never the platform's 4013: {error}"
                );
                most = middle;
            }
        }
    }
    assert!(least > 1_700, "{least}: {bare:?}");
    tenant.running.stop().await;
}

/// A connection that breaks before or after any of its requests: the opening goes on, and there is one session.
#[tokio::test]
async fn a_connection_that_breaks_opens_nothing_twice() {
    for action in ["configureSession", "onMessage"] {
        for kind in [json!({"unheard": "cut"}), json!({"committed_then": {"status": 500}})] {
            let tenant = Tenant::new().await;
            let rule = json!({"rules": [{"when": {"path": action, "nth": 1}, "then": kind}]});
            tenant.door("POST", "faults", &rule);
            let first = opened(&tenant.openings(Some("Hello")), &opening("a")).await;
            let sessions = tenant.sessions();
            assert_eq!(sessions.len(), 1, "{action} {kind}");
            assert_eq!(sessions[0]["id"], first.session_id.as_str(), "{action} {kind}");
            tenant.running.stop().await;
        }
    }
}

#[tokio::test]
async fn a_deployment_that_refuses_says_so() {
    let tenant = Tenant::new().await;
    tenant.door("POST", "deployment", &json!({"allowed_domains": ["other.example"]}));
    let error = tenant.openings(None).open(&opening("a")).await.unwrap_err();
    assert!(!error.may_have_been_processed(), "{error}");
    assert!(tenant.sessions().is_empty());
    tenant.running.stop().await;
}
