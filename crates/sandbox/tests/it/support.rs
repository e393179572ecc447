//! A client that says what it means and nothing more.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use frontdesk_sandbox::{Config, Moment, Reply, Sandbox};
use http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};

pub(crate) const DETAILS: &str = "/api/v2/analytics/conversations/details/query";
pub(crate) const YEAR: (&str, &str) = ("2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z");

/// A sandbox, a host's clock and a token.
pub(crate) struct Client {
    pub(crate) sandbox: Sandbox,
    pub(crate) now: Moment,
    pub(crate) token: Option<String>,
}

/// A small tenant without a rate limit.
pub(crate) fn small() -> Config {
    Config { conversations: Some(300), rate_limit_per_min: 0, ..Config::default() }
}

impl Client {
    /// Opens a sandbox and takes a token.
    pub(crate) fn new(config: Config) -> Self {
        let mut client = Self::without_token(config);
        let (_, body) = client.take_token(b"grant_type=client_credentials");
        client.token = body["access_token"].as_str().map(str::to_owned);
        client
    }

    pub(crate) fn without_token(config: Config) -> Self {
        let now = "2025-06-01T00:00:00Z".parse().unwrap();
        Self { sandbox: Sandbox::new(config).unwrap(), now, token: None }
    }

    /// Asks for a token in the basic style.
    pub(crate) fn take_token(&self, form: &'static [u8]) -> (StatusCode, Value) {
        // sandbox-client:sandbox-secret-not-real
        let basic = "Basic c2FuZGJveC1jbGllbnQ6c2FuZGJveC1zZWNyZXQtbm90LXJlYWw=";
        let request = Request::post("/oauth/token")
            .header("authorization", basic)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from_static(form))
            .unwrap();
        read(self.send(&request))
    }

    /// Goes on with a token that has this scope alone.
    pub(crate) fn take_scope(&mut self, scope: &str) {
        let form = format!("grant_type=client_credentials&scope={scope}");
        let (_, body) = self.take_token(form.leak().as_bytes());
        self.token = body["access_token"].as_str().map(str::to_owned);
    }

    pub(crate) fn send(&self, request: &Request<Bytes>) -> Reply {
        self.sandbox.handle(request, IpAddr::from([127, 0, 0, 1]), self.now)
    }

    pub(crate) fn call(&self, method: Method, path: &str, body: impl Into<Bytes>) -> Reply {
        let mut request =
            Request::builder().method(method).uri(path).header("content-type", "application/json");
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.send(&request.body(body.into()).unwrap())
    }

    /// A call of the door, which must go well.
    pub(crate) fn door(&self, path: &str, body: &Value) -> Value {
        let (method, body) = if body.is_null() {
            (Method::GET, Vec::new())
        } else {
            (Method::POST, serde_json::to_vec(body).unwrap())
        };
        let (status, answer) = read(self.call(method, &format!("/_sandbox/{path}"), body));
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// The id of conversation `k`.
    pub(crate) fn id(&self, k: u64) -> String {
        self.door(&format!("conversations/{k}"), &Value::Null)["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn advance(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
    }

    pub(crate) fn details(&self, query: &Value) -> Reply {
        self.call(Method::POST, DETAILS, serde_json::to_vec(query).unwrap())
    }

    /// One page, which must be served.
    pub(crate) fn page(&self, query: &Value) -> Value {
        let (status, body) = read(self.details(query));
        assert_eq!(status, 200, "{body}");
        body
    }

    /// The pages of a query, at most `limit` of them.
    pub(crate) fn pages(&self, query: &Value, limit: usize) -> Vec<Value> {
        let mut query = query.clone();
        let mut pages = Vec::new();
        while pages.len() < limit {
            let page = self.page(&query);
            let next = page["nextPage"].clone();
            pages.push(page);
            if next.is_null() {
                break;
            }
            query["nextPage"] = next;
        }
        pages
    }
}

pub(crate) fn query(range: (&str, &str), size: u64) -> Value {
    json!({"dateFrom": range.0, "dateTo": range.1, "size": size})
}

pub(crate) fn read(reply: Reply) -> (StatusCode, Value) {
    let status = reply.status();
    (status, serde_json::from_slice(&reply.into_bytes()).unwrap())
}

pub(crate) fn ids(page: &Value) -> Vec<String> {
    let conversations = page["conversations"].as_array().unwrap();
    conversations.iter().map(|conversation| conversation["id"].as_str().unwrap().to_owned()).collect()
}

/// The ids of all pages in order.
pub(crate) fn all_ids(pages: &[Value]) -> Vec<String> {
    pages.iter().flat_map(ids).collect()
}

pub(crate) fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

/// A client of the vendor's published contract.
pub(crate) struct Platform {
    pub(crate) sandbox: Sandbox,
    pub(crate) now: Moment,
    pub(crate) token: Option<String>,
}

impl Platform {
    /// Opens a sandbox and takes a token.
    pub(crate) fn new(config: Config) -> Self {
        let now = "2025-06-01T00:00:00Z".parse().unwrap();
        let mut platform = Self { sandbox: Sandbox::new(config).unwrap(), now, token: None };
        platform.take_token();
        platform
    }

    pub(crate) fn take_token(&mut self) {
        let basic = "Basic c2FuZGJveC1jbGllbnQ6c2FuZGJveC1zZWNyZXQtbm90LXJlYWw=";
        let request = Request::post("/login/oauth/token")
            .header("authorization", basic)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from_static(b"grant_type=client_credentials"))
            .unwrap();
        let (_, body) = read(self.send(&request));
        self.token = body["access_token"].as_str().map(str::to_owned);
    }

    pub(crate) fn send(&self, request: &Request<Bytes>) -> Reply {
        self.sandbox.handle_platform(request, IpAddr::from([127, 0, 0, 1]), self.now)
    }

    pub(crate) fn call(&self, method: Method, path: &str, body: impl Into<Bytes>) -> Reply {
        let mut request =
            Request::builder().method(method).uri(path).header("content-type", "application/json");
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.send(&request.body(body.into()).unwrap())
    }

    /// A call of the door, which must go well.
    pub(crate) fn door(&self, path: &str, body: &Value) -> Value {
        let (method, body) = if body.is_null() {
            (Method::GET, Vec::new())
        } else {
            (Method::POST, serde_json::to_vec(body).unwrap())
        };
        let (status, answer) = read(self.call(method, &format!("/_sandbox/{path}"), body));
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    pub(crate) fn advance(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
    }
}
