//! A request of the published contract on its way through.

use std::net::IpAddr;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderName, HeaderValue, Request, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::login::Grant;
use super::refusal::{Refusal, reword};
use super::route::{Access, Operation, Route, page_of};
use super::strange::estrange;
use crate::door;
use crate::fault::{replacement, substitute};
use crate::form;
use crate::moment::Moment;
use crate::random::{mix, write_id};
use crate::reply::Reply;
use crate::sandbox::{Arrival, Contract, Pass, Sandbox};

/// The most bytes that a request may bring (`request.bytes.max`).
pub(crate) const LARGEST_BODY: usize = 512_000;
/// Sets correlation ids apart from all else that is made from the seed.
const CORRELATIONS: u64 = 0x636F_7272;

/// A request that was let in, and what an operation needs to answer it.
pub(crate) struct Call<'a> {
    pub(crate) sandbox: &'a Sandbox,
    pub(crate) request: &'a Request<Bytes>,
    pub(crate) pass: &'a Pass,
    /// What stands in the path where the template has braces.
    pub(crate) ids: Vec<String>,
    /// Whose token it brings, where it has to bring one.
    pub(crate) grant: Option<Grant>,
}

impl Call<'_> {
    pub(crate) fn now(&self) -> Moment {
        self.pass.now
    }

    /// The n-th id in the path.
    pub(crate) fn id(&self, index: usize) -> &str {
        self.ids.get(index).map_or("", String::as_str)
    }

    /// The body, read as JSON.
    pub(crate) fn body<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        let media_type = self.request.headers().get(http::header::CONTENT_TYPE);
        let media_type = media_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !media_type.to_ascii_lowercase().starts_with("application/json") {
            let message = "The media type of the request body is not supported.";
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported.media.type", message));
        }
        serde_json::from_slice(self.request.body())
            .map_err(|error| Refusal::bad_request(format!("The request could not be understood: {error}")))
    }

    /// The pairs of the query string.
    pub(crate) fn query(&self) -> Result<Vec<(String, String)>, Refusal> {
        let query = self.request.uri().query().unwrap_or_default();
        form::pairs(query).ok_or_else(|| Refusal::bad_request("The query string cannot be read."))
    }

    /// A whole number of the query string within `least..=most`, or `usual` where there is none.
    pub(crate) fn number(&self, name: &str, usual: u64, least: u64, most: u64) -> Result<u64, Refusal> {
        let pairs = self.query()?;
        let number = form::value(&pairs, name).map_or(Ok(usual), str::parse);
        number.ok().filter(|number| (least..=most).contains(number)).ok_or_else(|| {
            Refusal::invalid_value(name, format!("{name} is not a whole number from {least} to {most}."))
        })
    }

    /// Where the client found this contract: what links to the sandbox begin with.
    pub(crate) fn base(&self) -> String {
        let host = self.request.headers().get(HOST).and_then(|value| value.to_str().ok());
        let authority = self.request.uri().authority().map(http::uri::Authority::as_str).or(host);
        format!("http://{}", authority.unwrap_or("sandbox.invalid"))
    }
}

/// 200 with this as JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<Reply, Refusal> {
    json_with(StatusCode::OK, value)
}

/// A status with this as JSON.
pub(crate) fn json_with(status: StatusCode, value: &impl Serialize) -> Result<Reply, Refusal> {
    let body = serde_json::to_vec(value).expect("what the sandbox makes is JSON");
    Ok(Reply::json(status, body))
}

impl Sandbox {
    /// Answers a request of the vendor's published contract, as [`handle`](Self::handle) does one of
    /// the gateway's. The login host is the path prefix `/login`.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use frontdesk_sandbox::{Config, Moment, Sandbox};
    ///
    /// let sandbox = Sandbox::new(Config::default())?;
    /// let request = http::Request::post("/login/oauth/token")
    ///     .header("content-type", "application/x-www-form-urlencoded")
    ///     .header("authorization", "Basic c2FuZGJveC1jbGllbnQ6c2FuZGJveC1zZWNyZXQtbm90LXJlYWw=")
    ///     .body(Bytes::from_static(b"grant_type=client_credentials"))?;
    /// let reply = sandbox.handle_platform(&request, [127, 0, 0, 1].into(), Moment::UNIX_EPOCH);
    /// assert_eq!(reply.status(), 200);
    /// assert!(reply.response.headers().contains_key("inin-correlation-id"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn handle_platform(&self, request: &Request<Bytes>, peer: IpAddr, now: Moment) -> Reply {
        if let Some(path) = request.uri().path().strip_prefix("/_sandbox/") {
            return door::answer(self, path, request, now);
        }
        let Route { label, operation, ids, limited, resembles } =
            Route::of(request.method(), request.uri().path());
        let arrival = Arrival {
            contract: Contract::Platform,
            label: &label,
            endpoint: resembles,
            page: page_of(&label, request),
            limited,
        };
        let pass = self.admit(&arrival, request, peer, now);
        self.state().platform.since.get_or_insert(pass.now);
        let correlation = self.correlation(pass.number);
        let wait = pass.budget.and_then(|budget| Some((budget.wait_seconds?, budget.allowed)));
        let substituted = pass
            .effect()
            .and_then(|effect| Some(reword(effect, substitute(effect, pass.now)?, &correlation)));
        let mut reply = match (wait, substituted) {
            (Some((wait, allowed)), _) => {
                Refusal::too_many_requests(wait, u64::from(allowed)).reply(&correlation)
            }
            (None, Some(substitute)) => substitute,
            (None, None) => {
                let answer = operation.and_then(|operation| self.operate(operation, request, &pass, ids));
                let reply = answer.unwrap_or_else(|refusal| refusal.reply(&correlation));
                let reply =
                    if limited && self.state().platform.plan.strange { estrange(reply) } else { reply };
                let replaced = pass
                    .effect()
                    .and_then(|effect| Some(reword(effect, replacement(effect, pass.now)?, &correlation)));
                replaced.unwrap_or(reply)
            }
        };
        if let Ok(correlation) = HeaderValue::from_str(&correlation) {
            reply.headers_mut().insert(HeaderName::from_static("inin-correlation-id"), correlation);
        }
        self.send_off(&pass, &mut reply);
        reply
    }

    /// Looks at the token and what it is good for, and carries the operation out.
    fn operate(
        &self,
        operation: &Operation,
        request: &Request<Bytes>,
        pass: &Pass,
        ids: Vec<String>,
    ) -> Result<Reply, Refusal> {
        let grant = match operation.access {
            Access::Open => None,
            Access::Client(any_of) => {
                let state = self.state();
                let grant = state.platform.grants.authorize(request.headers(), pass.now)?;
                let missing = &state.platform.plan.missing_permissions;
                let lacks = |permission: &&str| missing.iter().any(|missing| missing == permission);
                if !any_of.is_empty() && any_of.iter().all(lacks) {
                    return Err(Refusal::missing_permission(any_of));
                }
                if request.body().len() > LARGEST_BODY {
                    return Err(Refusal::too_large(LARGEST_BODY));
                }
                Some(grant)
            }
        };
        (operation.answer)(&Call { sandbox: self, request, pass, ids, grant })
    }

    fn correlation(&self, number: u64) -> String {
        let seed = mix(self.config().seed, CORRELATIONS);
        let mut id = Vec::with_capacity(36);
        write_id(&mut id, mix(seed, number), mix(number, seed));
        String::from_utf8_lossy(&id).into_owned()
    }
}
