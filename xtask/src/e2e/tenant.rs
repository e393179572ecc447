//! A sandbox within this process, and the truth about what it serves.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use frontdesk_sandbox::{
    Addresses, Config, FaultPlan, Moment, PlatformPlan, Ready, Running, Sandbox, Stats, serve_contracts,
};
use http::{Method, Request};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::files;
use super::house::House;
use super::scene::Scene;
use crate::Outcome;

/// A limit that nobody meets, but stated: without one a client feels its way, and scenarios would wait for that.
pub(super) const WIDE: u32 = 600_000;

/// A few conversations over 2025, with a limit that nobody meets: what most scenarios need.
pub(super) fn small(scene: &Scene<'_>) -> Config {
    Config { seed: scene.seed(), conversations: Some(300), rate_limit_per_min: WIDE, ..Config::default() }
}

/// Any port of this machine.
const LOCAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A sandbox that listens.
pub(super) struct Tenant<'h> {
    house: &'h House,
    sandbox: Arc<Sandbox>,
    running: Option<Running>,
    config: Config,
    pub(super) base_url: String,
    /// Where the vendor's published contract is, for a tenant that serves it too.
    pub(super) platform_url: Option<String>,
}

/// SHA-256 of every conversation's bytes, by id.
pub(super) type Truth = BTreeMap<String, String>;

impl<'h> Tenant<'h> {
    pub(super) fn start(house: &'h House, config: Config) -> Result<Self, String> {
        Self::serving(house, config, Addresses::gateway(LOCAL))
    }

    /// One that serves the vendor's published contract beside the gateway's.
    pub(super) fn start_both(house: &'h House, config: Config) -> Result<Self, String> {
        Self::serving(house, config, Addresses { platform: Some(LOCAL), ..Addresses::gateway(LOCAL) })
    }

    fn serving(house: &'h House, config: Config, addresses: Addresses) -> Result<Self, String> {
        let config = Config { client_secret: house.canary.secret.clone(), ..config };
        let sandbox =
            Arc::new(Sandbox::new(config.clone()).map_err(|error| format!("the sandbox: {error}"))?);
        let running = house.runtime.block_on(serve_contracts(Arc::clone(&sandbox), addresses));
        let running = running.map_err(|error| format!("the sandbox cannot listen: {error}"))?;
        let (base_url, platform_url) =
            (running.ready().base_url.clone(), running.ready().platform_url.clone());
        Ok(Self { house, sandbox, running: Some(running), config, base_url, platform_url })
    }

    pub(super) fn client_id(&self) -> &str {
        &self.config.client_id
    }

    /// The web deployment that guests come in by.
    pub(super) fn deployment_id(&self) -> &str {
        &self.config.deployment_id
    }

    pub(super) fn stats(&self) -> Stats {
        self.sandbox.stats()
    }

    /// How many details queries there were.
    pub(super) fn queries(&self) -> u64 {
        let stats = self.stats();
        stats.requests.get("POST /api/v2/analytics/conversations/details/query").copied().unwrap_or(0)
    }

    /// What there is to know of the tenant: ids, counts.
    pub(super) fn ready(&self) -> Ready {
        self.sandbox.ready(&self.base_url)
    }

    /// How often the fault of this name fired.
    pub(super) fn fired(&self, name: &str) -> u64 {
        self.stats().faults.get(name).copied().unwrap_or(0)
    }

    /// Replaces the fault plan; an empty one lets everything through.
    pub(super) fn set_faults(&self, plan: &FaultPlan) -> Outcome {
        self.door(Method::POST, "faults", &json!(plan)).map(|_| ())
    }

    /// Changes what the published contract does of its own: what comes late, what is odd.
    pub(super) fn set_platform(&self, plan: &PlatformPlan) -> Outcome {
        self.door(Method::POST, "platform", &json!(plan)).map(|_| ())
    }

    /// An operation of the published contract, asked within this process: no connection, no fault on the way.
    pub(super) fn platform(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: &Value,
    ) -> Result<Bytes, String> {
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {token}"))
            .body(body)
            .map_err(|error| format!("{path}: {error}"))?;
        let now = SystemTime::now().into();
        let reply = self.sandbox.handle_platform(&request, IpAddr::from([127, 0, 0, 1]), now);
        let status = reply.status();
        let bytes = reply.into_bytes();
        ensure!(status.is_success(), "{path}: {status}: {}", String::from_utf8_lossy(&bytes));
        Ok(bytes)
    }

    /// A token of the published contract.
    pub(super) fn platform_token(&self) -> Result<String, String> {
        let basic = STANDARD.encode(format!("{}:{}", self.config.client_id, self.config.client_secret));
        let request = Request::builder()
            .method(Method::POST)
            .uri("/login/oauth/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", format!("Basic {basic}"))
            .body(Bytes::from_static(b"grant_type=client_credentials"))
            .map_err(|error| format!("a token: {error}"))?;
        let now = SystemTime::now().into();
        let bytes = self.sandbox.handle_platform(&request, IpAddr::from([127, 0, 0, 1]), now).into_bytes();
        let answer: Value = serde_json::from_slice(&bytes).map_err(|error| format!("a token: {error}"))?;
        answer["access_token"].as_str().map(str::to_owned).ok_or_else(|| "the platform gave no token".into())
    }

    /// The guest of conversation `number` writes once more. Returns the conversation's id.
    pub(super) fn revise(&self, number: u64) -> Result<String, String> {
        let revised: Value =
            serde_json::from_slice(&self.door(Method::POST, "revise", &json!({"k": number}))?)
                .map_err(|error| format!("revise: {error}"))?;
        revised["id"].as_str().map(str::to_owned).ok_or_else(|| "revise answered no id".into())
    }

    /// Sets the sandbox's clock ahead, which runs on from there. A process follows it by `FRONTDESK_TEST_CLOCK`.
    pub(super) fn advance_clock(&self, seconds: u64) -> Outcome {
        self.door(Method::POST, "clock", &json!({"advance_seconds": seconds})).map(|_| ())
    }

    /// A conversation's bytes, as a page holds them now.
    pub(super) fn conversation(&self, number: u64) -> Result<Bytes, String> {
        self.door(Method::GET, &format!("conversations/{number}"), &Value::Null)
    }

    /// How many conversations there are.
    pub(super) fn count(&self) -> u64 {
        self.ready().conversations
    }

    /// What every conversation is now.
    pub(super) fn truth(&self) -> Result<Truth, String> {
        (0..self.count())
            .map(|number| {
                let bytes = self.conversation(number)?;
                Ok((id_of(&bytes)?, files::sha256(&bytes)))
            })
            .collect()
    }

    /// The conversations that match, as the sandbox's own reader of filters finds them.
    pub(super) fn matching(&self, filter: &str) -> Result<(Truth, u64), String> {
        let escaped: String = filter.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let count: Value = serde_json::from_slice(&self.door(
            Method::GET,
            &format!("conversations?filter={escaped}"),
            &Value::Null,
        )?)
        .map_err(|error| format!("conversations: {error}"))?;
        let count = count["count"].as_u64().ok_or("conversations answered no count")?;
        // Each of them, by asking for a page that holds all.
        let token = self.sandbox_token()?;
        let query = json!({"dateFrom": "2020-01-01T00:00:00Z", "dateTo": "2030-01-01T00:00:00Z", "size": 10_000, "filter": filter});
        let page = self.call("/api/v2/analytics/conversations/details/query", Some(&token), &query)?;
        let page: Page<'_> = serde_json::from_slice(&page).map_err(|error| format!("a page: {error}"))?;
        let truth: Result<Truth, String> = page
            .conversations
            .iter()
            .map(|conversation| {
                Ok((id_of(conversation.get().as_bytes())?, files::sha256(conversation.get().as_bytes())))
            })
            .collect();
        Ok((truth?, count))
    }

    /// The conversations that start within two days, as the sandbox sees it.
    pub(super) fn within(&self, from: &str, to: &str) -> Result<Truth, String> {
        let path = format!("ids?from={from}T00:00:00Z&to={to}T00:00:00Z");
        let lines = self.door(Method::GET, &path, &Value::Null)?;
        let lines = String::from_utf8_lossy(&lines).into_owned();
        let numbers = lines.lines().filter_map(|line| line.split(' ').next()?.parse::<u64>().ok());
        numbers
            .map(|number| {
                let bytes = self.conversation(number)?;
                Ok((id_of(&bytes)?, files::sha256(&bytes)))
            })
            .collect()
    }

    pub(super) fn sandbox_token(&self) -> Result<String, String> {
        let body = json!({
            "grant_type": "client_credentials",
            "client_id": self.config.client_id,
            "client_secret": self.config.client_secret,
        });
        let answer: Value = serde_json::from_slice(&self.call("/oauth/token", None, &body)?)
            .map_err(|error| format!("a token: {error}"))?;
        answer["access_token"].as_str().map(str::to_owned).ok_or_else(|| "the sandbox gave no token".into())
    }

    fn call(&self, path: &str, token: Option<&str>, body: &Value) -> Result<Bytes, String> {
        let mut request =
            Request::builder().method(Method::POST).uri(path).header("content-type", "application/json");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request =
            request.body(Bytes::from(body.to_string())).map_err(|error| format!("{path}: {error}"))?;
        let reply = self.sandbox.handle(&request, IpAddr::from([127, 0, 0, 1]), SystemTime::now().into());
        let status = reply.status();
        let bytes = reply.into_bytes();
        ensure!(status.is_success(), "{path}: {status}: {}", String::from_utf8_lossy(&bytes));
        Ok(bytes)
    }

    pub(super) fn door(&self, method: Method, path: &str, body: &Value) -> Result<Bytes, String> {
        let request = Request::builder()
            .method(method)
            .uri(format!("/_sandbox/{path}"))
            .body(Bytes::from(body.to_string()))
            .map_err(|error| format!("/_sandbox/{path}: {error}"))?;
        let reply = self.sandbox.handle(&request, IpAddr::from([127, 0, 0, 1]), SystemTime::now().into());
        let status = reply.status();
        let bytes = reply.into_bytes();
        ensure!(status.is_success(), "/_sandbox/{path}: {status}: {}", String::from_utf8_lossy(&bytes));
        Ok(bytes)
    }
}

impl Drop for Tenant<'_> {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.house.runtime.block_on(running.stop());
        }
    }
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    conversations: Vec<&'a RawValue>,
}

/// The UTC day of a moment, as `--from` takes it.
pub(super) fn day(moment: SystemTime) -> String {
    Moment::from(moment).to_string().chars().take(10).collect()
}

/// The id that a conversation carries.
pub(super) fn id_of(conversation: &[u8]) -> Result<String, String> {
    let value: Value =
        serde_json::from_slice(conversation).map_err(|error| format!("a conversation: {error}"))?;
    value["id"].as_str().map(str::to_owned).ok_or_else(|| "a conversation has no id".into())
}
