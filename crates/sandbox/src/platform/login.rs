//! The login host (platform contract A.3, A.4): client credentials with Basic and a form, and the tokens
//! it gave out.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use serde::Serialize;
use serde_json::Value;

use super::refusal::Refusal;
use super::route::{Access, Operation};
use super::visit::Call;
use crate::fault::Effect;
use crate::form;
use crate::moment::Moment;
use crate::random::mix;
use crate::reply::Reply;
use crate::token::bearer;

/// The login host is a path prefix of the one listener.
pub(super) const TOKEN: &str = "/login/oauth/token";

pub(super) const ROUTES: &[Operation] =
    &[Operation { method: Method::POST, template: TOKEN, access: Access::Open, answer: token }];

/// Sets tokens apart from all else that is made from the seed.
const TOKENS: u64 = 0x6F61_7574;
/// From so many tokens on, those that expired long ago are forgotten.
const MANY: usize = 1_024;

/// The tokens that are out.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    issued: u64,
    all: HashMap<String, Grant>,
}

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) issued: Moment,
    pub(crate) expires: Moment,
}

impl Grants {
    fn issue(&mut self, seed: u64, grant: Grant) -> String {
        if self.all.len() >= MANY {
            self.all.retain(|_, old| old.expires > grant.issued);
        }
        self.issued += 1;
        let seed = mix(seed, TOKENS);
        let token = format!("platform-{:016x}{:016x}", mix(seed, self.issued), mix(self.issued, seed));
        self.all.insert(token.clone(), grant);
        token
    }

    pub(crate) fn knows(&self, token: &str) -> bool {
        self.all.contains_key(token)
    }

    /// What the token of the request is good for, if it brings one that is valid now.
    pub(super) fn authorize(&self, headers: &HeaderMap, now: Moment) -> Result<Grant, Refusal> {
        let token = bearer(headers).ok_or_else(|| {
            Refusal::unauthorized(
                "authentication.required",
                "No authentication bearer token specified in authorization header.",
            )
        })?;
        let grant = self
            .all
            .get(token)
            .ok_or_else(|| Refusal::unauthorized("bad.credentials", "Invalid login credentials."))?;
        if grant.expires <= now {
            return Err(Refusal::unauthorized("credentials.expired", "The token has expired."));
        }
        Ok(*grant)
    }

    /// Takes a token back.
    pub(super) fn revoke(&mut self, headers: &HeaderMap) {
        if let Some(token) = bearer(headers) {
            self.all.remove(token);
        }
    }
}

#[derive(Serialize)]
struct Granted<'a> {
    access_token: &'a str,
    token_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<Value>,
}

/// What the login host says of a request it refuses: no error body of the platform's, but the text twice.
#[derive(Serialize)]
struct Denied<'a> {
    error: &'a str,
    description: &'a str,
    error_description: &'a str,
}

fn denied(status: StatusCode, error: &str, description: &str) -> Reply {
    let body = serde_json::to_vec(&Denied { error, description, error_description: description });
    Reply::json(status, body.expect("texts are JSON"))
}

/// `POST /login/oauth/token`
fn token(call: &Call<'_>) -> Result<Reply, Refusal> {
    let headers = call.request.headers();
    let config = call.sandbox.config();
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let pairs = std::str::from_utf8(call.request.body()).ok().and_then(form::pairs);
    let Some(pairs) = pairs.filter(|_| is_form(media_type)) else {
        return Ok(denied(StatusCode::BAD_REQUEST, "invalid_request", "the body is no form"));
    };
    let Some((id, secret)) = basic(headers) else {
        return Ok(denied(StatusCode::UNAUTHORIZED, "invalid_client", "no basic credentials"));
    };
    if id != config.client_id {
        return Ok(denied(StatusCode::UNAUTHORIZED, "invalid_client", "client not found"));
    }
    if secret != config.client_secret {
        return Ok(denied(StatusCode::UNAUTHORIZED, "invalid_client", "authentication failed"));
    }
    match form::value(&pairs, "grant_type") {
        Some("client_credentials") => {}
        Some(_) => {
            let message = "the client may use client_credentials alone";
            return Ok(denied(StatusCode::BAD_REQUEST, "unsupported_grant_type", message));
        }
        None => return Ok(denied(StatusCode::BAD_REQUEST, "invalid_request", "grant_type is missing")),
    }
    let issued = call.now();
    let grant = Grant { issued, expires: issued.plus(config.token_lifetime) };
    let token = call.sandbox.state().platform.grants.issue(config.seed, grant);
    let expires_in = match call.pass.effect() {
        Some(Effect::ExpiresIn(value)) => value.clone(),
        _ => Some(Value::from(config.token_lifetime.as_secs())),
    };
    let granted = Granted { access_token: &token, token_type: "bearer", expires_in };
    let mut reply = Reply::json(StatusCode::OK, serde_json::to_vec(&granted).expect("texts are JSON"));
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(reply)
}

fn is_form(media_type: &str) -> bool {
    media_type
        .split(';')
        .next()
        .is_some_and(|name| name.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// Id and secret of `Authorization: Basic`.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, encoded) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let encoded = scheme.eq_ignore_ascii_case("basic").then(|| encoded.trim())?;
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}
