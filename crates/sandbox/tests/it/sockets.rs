//! Clients of the platform's WebSockets that know nothing but the contract.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use frontdesk_sandbox::{Addresses, ClockMode, Config, Running, Sandbox, machine_time, serve_contracts};
use futures_util::{SinkExt as _, StreamExt as _};
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::support::{read, small};

/// Nothing that comes at all takes longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A sandbox that listens, with tokens of both contracts. Its clock stands until it is moved.
pub(crate) struct Tenant {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) running: Running,
    gateway: String,
    platform: String,
}

impl Tenant {
    pub(crate) async fn new() -> Self {
        Self::of(small()).await
    }

    pub(crate) async fn of(config: Config) -> Self {
        let clock = ClockMode::Fixed("2026-03-02T09:00:00Z".parse().unwrap());
        let sandbox = Arc::new(
            Sandbox::new(Config { clock, token_lifetime: 30 * 24 * Duration::from_secs(3_600), ..config })
                .unwrap(),
        );
        let anywhere = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        let addresses = Addresses { gateway: anywhere, platform: anywhere };
        let running = serve_contracts(Arc::clone(&sandbox), addresses).await.unwrap();
        let mut tenant = Self { sandbox, running, gateway: String::new(), platform: String::new() };
        tenant.gateway = tenant.token("/oauth/token");
        tenant.platform = tenant.token("/login/oauth/token");
        tenant
    }

    fn token(&self, path: &str) -> String {
        let request = Request::post(path)
            .header("authorization", "Basic c2FuZGJveC1jbGllbnQ6c2FuZGJveC1zZWNyZXQtbm90LXJlYWw=")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from_static(b"grant_type=client_credentials"))
            .unwrap();
        let (peer, now) = (IpAddr::from([127, 0, 0, 1]), machine_time());
        let reply = if path.starts_with("/login") {
            self.sandbox.handle_platform(&request, peer, now)
        } else {
            self.sandbox.handle(&request, peer, now)
        };
        read(reply).1["access_token"].as_str().unwrap().to_owned()
    }

    /// A call of the gateway's contract.
    pub(crate) fn gateway(&self, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        let request = request(method, path, &self.gateway, body);
        answered(self.sandbox.handle(&request, [127, 0, 0, 1].into(), machine_time()))
    }

    /// A call of the platform's contract.
    pub(crate) fn platform(&self, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        self.platform_as(&self.platform, method, path, body)
    }

    /// The same with another token.
    pub(crate) fn platform_as(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: &Value,
    ) -> (StatusCode, Value) {
        let request = request(method, path, token, body);
        answered(self.sandbox.handle_platform(&request, [127, 0, 0, 1].into(), machine_time()))
    }

    /// A call of the door, which must go well.
    pub(crate) fn door(&self, path: &str, body: &Value) -> Value {
        let method = if body.is_null() { Method::GET } else { Method::POST };
        let (status, answer) = self.gateway(method, &format!("/_sandbox/{path}"), body);
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.door("clock", &json!({"advance_seconds": seconds}));
    }

    pub(crate) fn deployment(&self) -> String {
        self.running.ready().deployment_id.clone().unwrap()
    }

    /// A guest's connection.
    pub(crate) async fn guest(&self) -> Socket {
        let query = format!("/v1?deploymentId={}", self.deployment());
        self.connect(&query, None).await.unwrap()
    }

    /// A guest's connection that is configured for this token.
    pub(crate) async fn session(&self, token: &str) -> Socket {
        let mut guest = self.guest().await;
        let answer = guest.ask(self.configure(token)).await;
        assert_eq!((&answer["class"], &answer["code"]), (&json!("SessionResponse"), &json!(200)), "{answer}");
        guest
    }

    pub(crate) fn configure(&self, token: &str) -> Value {
        json!({"action": "configureSession", "token": token, "deploymentId": self.deployment()})
    }

    pub(crate) async fn connect(&self, target: &str, origin: Option<&str>) -> Result<Socket, u16> {
        let address = self.running.platform_address().unwrap();
        let mut request = format!("ws://{address}{target}").into_client_request().unwrap();
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        let stream = TcpStream::connect(address).await.unwrap();
        match client_async(request, stream).await {
            Ok((stream, _)) => Ok(Socket { stream, asked: 0 }),
            Err(tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }
}

fn request(method: Method, path: &str, token: &str, body: &Value) -> Request<Bytes> {
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", "sandbox.test")
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {token}"))
        .body(body)
        .unwrap()
}

fn answered(reply: frontdesk_sandbox::Reply) -> (StatusCode, Value) {
    let status = reply.status();
    (status, serde_json::from_slice(&reply.into_bytes()).unwrap_or_default())
}

/// One connection.
pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
    asked: u64,
}

impl Socket {
    pub(crate) async fn say(&mut self, frame: &Value) {
        self.stream.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// The next frame; nothing when the connection is closed.
    pub(crate) async fn hear(&mut self) -> Option<Value> {
        loop {
            match timeout(PATIENCE, self.stream.next()).await.expect("something comes") {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(text.as_str()).unwrap()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The next frame of this class; what comes before it is let go.
    pub(crate) async fn hear_class(&mut self, class: &str) -> Value {
        loop {
            let frame = self.hear().await.expect("the connection is open");
            if frame["class"] == class {
                return frame;
            }
        }
    }

    /// Says a request and waits for what answers it.
    pub(crate) async fn ask(&mut self, mut request: Value) -> Value {
        self.asked += 1;
        let id = format!("t-{}", self.asked);
        request["tracingId"] = id.as_str().into();
        self.say(&request).await;
        loop {
            let frame = self.hear().await.expect("the connection is open");
            if frame["tracingId"] == id.as_str() {
                return frame;
            }
        }
    }
}

/// `onMessage` with this text.
pub(crate) fn text(token: &str, text: &str) -> Value {
    json!({"action": "onMessage", "token": token, "message": {"type": "Text", "text": text}})
}

/// `onMessage` with this presence.
pub(crate) fn presence(token: &str, kind: &str) -> Value {
    json!({"action": "onMessage", "token": token,
           "message": {"type": "Event", "events": [{"eventType": "Presence", "presence": {"type": kind}}]}})
}
