//! Guests told over a notification channel, and found by looking (platform contract C.12), in paused time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use frontdesk_api::transport::TransportError;
use frontdesk_api::transport::memory::{MemoryTransport, Reply};
use frontdesk_api::transport::socket::{Socket, Sockets};
use frontdesk_api::{
    Arrivals as _, BaseUrl, CallOptions, Cancel, Client, Credentials, ErrorKind, Platform, PlatformArrivals,
    Signal, TransportKind,
};
use frontdesk_domain::{ConversationId, Secret, TimeRange};
use futures_util::future::{BoxFuture, FutureExt as _};
use http::{HeaderValue, Uri};
use serde_json::{Value, json};

/// Sockets over which is told what a script says, and which remember what was said to them.
#[derive(Debug, Default)]
struct Script {
    frames: Mutex<VecDeque<Option<String>>>,
    said: Mutex<Vec<String>>,
    opened: Mutex<Vec<String>>,
}

#[derive(Debug, Clone, Default)]
struct Scripted(Arc<Script>);

impl Sockets for Scripted {
    fn open<'a>(
        &'a self,
        url: &'a Uri,
        _: Option<&'a HeaderValue>,
    ) -> BoxFuture<'a, Result<Box<dyn Socket>, TransportError>> {
        self.0.opened.lock().unwrap().push(url.to_string());
        let socket: Box<dyn Socket> = Box::new(self.clone());
        async move { Ok(socket) }.boxed()
    }
}

impl Socket for Scripted {
    fn send(&mut self, text: String) -> BoxFuture<'_, Result<(), TransportError>> {
        self.0.said.lock().unwrap().push(text);
        async { Ok(()) }.boxed()
    }

    fn receive(&mut self) -> BoxFuture<'_, Result<Option<String>, TransportError>> {
        let frame = self.0.frames.lock().unwrap().pop_front();
        async move {
            match frame {
                Some(frame) => Ok(frame),
                None => std::future::pending().await,
            }
        }
        .boxed()
    }
}

/// An organisation with these answers to what is put and posted, and what it was asked.
struct Organisation {
    arrivals: PlatformArrivals,
    sockets: Scripted,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Organisation {
    fn new(connect_uri: &str, topics: &Value, cancel: Cancel) -> Self {
        let asked: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
        let (log, connect_uri, topics) = (Arc::clone(&asked), connect_uri.to_owned(), topics.clone());
        let transport = MemoryTransport::new(move |request| {
            let what = format!("{} {}", request.method(), request.uri().path());
            log.lock()
                .unwrap()
                .push((what.clone(), serde_json::from_slice(request.body()).unwrap_or_default()));
            match &*what {
                "POST /oauth/token" => Reply::json(&json!({"access_token": "t", "expires_in": 864_000})),
                "POST /api/v2/notifications/channels" => {
                    Reply::json(&json!({"id": "ch-1", "connectUri": connect_uri, "strange": [1]}))
                }
                "PUT /api/v2/notifications/channels/ch-1/subscriptions" => {
                    assert_eq!(request.uri().query(), Some("ignoreErrors=true"));
                    Reply::json(&topics)
                }
                "POST /api/v2/analytics/conversations/details/query" => Reply::json(&json!({
                    "conversations": [{"conversationId": "c-9", "conversationStart": "2025-03-01T12:00:00.000Z", "participants": [
                        {"sessions": [{"mediaType": "message", "segments": [{"queueId": "q-1"}]}]}]}],
                    "totalHits": 1})),
                "GET /api/v2/conversations/c-9" => Reply::json(&json!({
                    "id": "c-9", "startTime": "2025-03-01T12:00:00.000Z", "participants": [
                        {"id": "p", "purpose": "acd", "queueId": "q-1"},
                        {"id": "g", "purpose": "customer", "attributes": {"source": "web_portal"}}]})),
                "GET /api/v2/conversations/c-8" => Reply::json(&json!({"id": "c-8", "participants": []})),
                _ => Reply::status(404),
            }
        });
        let base: BaseUrl = "https://api.example".parse().unwrap();
        let login: BaseUrl = "https://login.example".parse().unwrap();
        let credentials = Credentials::new("id", Secret::new("secret")).unwrap();
        let client = Client::builder(base, credentials).login(login).build(Arc::new(transport));
        let platform = Platform::new(client).options(CallOptions::default().cancel(cancel));
        let sockets = Scripted::default();
        let queues = vec!["q-1".to_owned(), "q-2".to_owned()];
        let arrivals = PlatformArrivals::new(platform, Arc::new(sockets.clone()), queues);
        Self { arrivals, sockets, asked }
    }

    fn usual() -> Self {
        Self::new("wss://streaming.example/channels/ch-1", &json!({"entities": []}), Cancel::never())
    }

    fn tells(&self, frame: &Value) {
        self.sockets.0.frames.lock().unwrap().push_back(Some(frame.to_string()));
    }

    fn asked(&self, what: &str) -> Vec<Value> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|(asked, _)| asked.starts_with(what)).map(|(_, body)| body.clone()).collect()
    }
}

fn event(topic: &str, body: &Value) -> Value {
    json!({"topicName": topic, "version": "2", "eventBody": body, "metadata": {"CorrelationId": "x"}})
}

#[tokio::test(start_paused = true)]
async fn what_a_channel_tells_is_understood_and_nothing_else_matters() {
    let organisation = Organisation::usual();
    let mut line = organisation.arrivals.listen().await.unwrap();
    let topics = json!([
        {"id": "v2.routing.queues.q-1.conversations.messages"},
        {"id": "v2.routing.queues.q-2.conversations.messages"}
    ]);
    assert_eq!(organisation.asked("PUT"), [topics]);
    assert_eq!(*organisation.sockets.0.opened.lock().unwrap(), ["wss://streaming.example/channels/ch-1"]);
    let topic = "v2.routing.queues.q-1.conversations.messages";
    let of = |participants: Value| event(topic, &json!({"id": "c-1", "participants": participants}));
    organisation.tells(&of(json!([
        {"purpose": "acd", "connectedTime": "2025-03-01T10:00:01.000Z"},
        {"purpose": "customer", "startTime": "2025-03-01T10:00:00.000Z",
         "attributes": {"source": "web_portal", "odd": 7}},
    ])));
    let Signal::Arrival(arrival) = line.next().await.unwrap() else { panic!("no arrival") };
    assert_eq!(arrival.conversation.as_str(), "c-1");
    assert_eq!(arrival.started_at, Some("2025-03-01T10:00:00Z".parse().unwrap()));
    assert_eq!(arrival.attributes, [("source".to_owned(), "web_portal".to_owned())].into());
    assert!(!format!("{arrival:?}").contains("web_portal"));
    // No guest, no id, another topic, and whatever else may come.
    for frame in [
        of(json!([{"purpose": "agent"}])),
        of(json!("nobody")),
        event(topic, &json!({"participants": [{"purpose": "customer"}]})),
        event(topic, &json!({"id": 7, "participants": [{"purpose": "customer"}]})),
        event("channel.metadata", &json!({"message": "WebSocket Heartbeat"})),
        event("v2.users.u-1.presence", &json!({"id": "c-1", "participants": [{"purpose": "customer"}]})),
        json!(null),
        json!([]),
        json!({"topicName": 7}),
    ] {
        organisation.tells(&frame);
        assert_eq!(line.next().await.unwrap(), Signal::Quiet, "{frame}");
    }
    organisation.sockets.0.frames.lock().unwrap().push_back(Some("\u{0}[".repeat(9)));
    assert_eq!(line.next().await.unwrap(), Signal::Quiet);
    organisation.tells(&event("v2.system.socket_closing", &json!({})));
    assert_eq!(line.next().await.unwrap(), Signal::Closing);
    // The other side ends it.
    organisation.sockets.0.frames.lock().unwrap().push_back(None);
    assert_eq!(*line.next().await.unwrap_err().kind(), ErrorKind::Transport(TransportKind::Reset));
}

#[tokio::test(start_paused = true)]
async fn a_silent_line_is_asked_and_then_given_up() {
    let organisation = Organisation::usual();
    let mut line = organisation.arrivals.listen().await.unwrap();
    let said = || organisation.sockets.0.said.lock().unwrap().len();
    let mut seconds = 0;
    while said() == 0 {
        assert_eq!(line.next().await.unwrap(), Signal::Quiet);
        seconds += 1;
    }
    assert!((60..=62).contains(&seconds), "{seconds}");
    // It answers, and is silent again: asked once more, and without an answer lost.
    organisation.tells(&event("channel.metadata", &json!({"message": "pong"})));
    let lost = loop {
        match line.next().await {
            Ok(signal) => assert_eq!(signal, Signal::Quiet),
            Err(error) => break error,
        }
    };
    assert_eq!(*lost.kind(), ErrorKind::Transport(TransportKind::Timeout));
    assert_eq!(said(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_channel_is_subscribed_to_anew_before_it_ends() {
    let organisation = Organisation::usual();
    let mut line = organisation.arrivals.listen().await.unwrap();
    for _ in 0..3 {
        assert_eq!(line.next().await.unwrap(), Signal::Quiet);
    }
    assert_eq!(organisation.asked("PUT").len(), 1);
    tokio::time::advance(Duration::from_secs(12 * 3_600)).await;
    organisation.tells(&event("channel.metadata", &json!({})));
    // It was silent all the while, so it is either asked or lost; it was subscribed to before that.
    let _ = line.next().await;
    assert_eq!(organisation.asked("PUT").len(), 2);
    assert_eq!(organisation.asked("POST /api/v2/notifications").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_told_and_a_plain_socket_is_not_taken() {
    let topics = json!({"entities": [
        {"id": "v2.routing.queues.q-1.conversations.messages", "state": "Permitted"},
        {"id": "v2.routing.queues.q-2.conversations.messages", "state": "Rejected",
         "rejectionReason": "Missing\npermission", "missingPermissions": ["conversation:message:view"]},
    ]});
    let secure = Organisation::new("wss://streaming.example/c", &topics, Cancel::never());
    let line = secure.arrivals.listen().await.unwrap();
    let [refusal] = line.refused() else { panic!("{:?}", line.refused()) };
    assert!(refusal.contains("q-2") && refusal.contains("conversation:message:view"), "{refusal}");
    assert!(!refusal.contains('\n'), "{refusal}");
    for address in ["ws://streaming.example/c", "https://streaming.example/c", "/channels/c"] {
        let plain = Organisation::new(address, &topics, Cancel::never());
        let refused = plain.arrivals.listen().await.err().unwrap();
        assert!(matches!(refused.kind(), ErrorKind::Unsendable { .. }), "{address}: {refused}");
        assert!(plain.sockets.0.opened.lock().unwrap().is_empty());
    }
    let (handle, cancel) = Cancel::pair();
    let stopped = Organisation::new("wss://streaming.example/c", &topics, cancel);
    let mut line = stopped.arrivals.listen().await.unwrap();
    handle.cancel();
    assert_eq!(*line.next().await.unwrap_err().kind(), ErrorKind::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn guests_are_found_by_looking() {
    let organisation = Organisation::usual();
    let range =
        TimeRange::new("2025-03-01T11:00:00Z".parse().unwrap(), "2025-03-01T13:00:00Z".parse().unwrap());
    let found = organisation.arrivals.since(range.unwrap()).await.unwrap();
    assert_eq!(found, [ConversationId::new("c-9").unwrap()]);
    let asked = organisation.asked("POST /api/v2/analytics").swap_remove(0).to_string();
    assert!(asked.contains("q-1") && asked.contains("q-2") && asked.contains("mediaType"), "{asked}");
    let arrival = organisation.arrivals.look(&found[0]).await.unwrap().unwrap();
    assert_eq!(arrival.attributes["source"], "web_portal");
    assert_eq!(arrival.started_at, Some("2025-03-01T12:00:00Z".parse().unwrap()));
    // No guest, and no conversation.
    for nobody in ["c-8", "c-7"] {
        let look = organisation.arrivals.look(&ConversationId::new(nobody).unwrap()).await.unwrap();
        assert_eq!(look, None);
    }
}
