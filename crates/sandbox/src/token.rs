//! `POST /oauth/token` (gateway contract §1), in the three client styles, and the tokens it gave out.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use http::{HeaderMap, Request, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::Config;
use crate::fault::Effect;
use crate::form;
use crate::moment::Moment;
use crate::problem::Problem;
use crate::random::mix;
use crate::reply::Reply;

/// From so many tokens on the expired ones are forgotten.
const MANY: usize = 1_024;

/// The tokens that are out.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    issued: u64,
    grants: HashMap<String, Grant>,
}

#[derive(Debug)]
struct Grant {
    expires: Moment,
    /// `None`: none were asked for, all are granted.
    scopes: Option<Vec<String>>,
}

impl Tokens {
    fn issue(&mut self, config: &Config, now: Moment, scopes: Option<Vec<String>>) -> String {
        if self.grants.len() >= MANY {
            self.grants.retain(|_, grant| grant.expires > now);
        }
        self.issued += 1;
        let token =
            format!("sandbox-{:016x}{:016x}", mix(config.seed, self.issued), mix(self.issued, config.seed));
        let expires = now.plus(config.token_lifetime);
        self.grants.insert(token.clone(), Grant { expires, scopes });
        token
    }

    pub(crate) fn knows(&self, token: &str) -> bool {
        self.grants.contains_key(token)
    }

    /// Whether the request carries a token that is valid now and has the scope.
    pub(crate) fn authorize(&self, headers: &HeaderMap, now: Moment, scope: &str) -> Result<(), Problem> {
        self.authorize_any(headers, now, &[scope])
    }

    /// Whether the request carries a token that is valid now and has one of the scopes.
    pub(crate) fn authorize_any(
        &self,
        headers: &HeaderMap,
        now: Moment,
        wanted: &[&str],
    ) -> Result<(), Problem> {
        let token = bearer(headers).ok_or_else(|| Problem::unauthorized("this call needs a bearer token"))?;
        let grant = self.grants.get(token).filter(|grant| grant.expires > now);
        let grant = grant.ok_or_else(|| Problem::unauthorized("the token is unknown or has expired"))?;
        match &grant.scopes {
            Some(scopes) if !scopes.iter().any(|granted| wanted.contains(&granted.as_str())) => {
                Err(Problem::missing_scope(wanted.first().copied().unwrap_or_default()))
            }
            _ => Ok(()),
        }
    }
}

/// The token in an `Authorization: Bearer` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    credentials(headers, "bearer")
}

fn credentials<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let (name, rest) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    name.eq_ignore_ascii_case(scheme).then(|| rest.trim())
}

/// What a client asks for.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    scope: Option<String>,
}

#[derive(Serialize)]
struct Granted<'a> {
    access_token: &'a str,
    token_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<Value>,
}

/// Answers a token request. `effect` may change what it says about the lifetime.
pub(crate) fn answer(
    tokens: &mut Tokens,
    config: &Config,
    request: &Request<Bytes>,
    now: Moment,
    effect: Option<&Effect>,
) -> Result<Reply, Problem> {
    let asked = read(request)?;
    check_client(config, &asked)?;
    check_grant(&asked)?;
    let scopes = asked.scope.map(|scope| scope.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    let token = tokens.issue(config, now, scopes.filter(|scopes| !scopes.is_empty()));
    let expires_in = match effect {
        Some(Effect::ExpiresIn(value)) => value.clone(),
        _ => Some(Value::from(config.token_lifetime.as_secs())),
    };
    let granted = Granted { access_token: &token, token_type: "bearer", expires_in };
    let mut reply = Reply::json(StatusCode::OK, serde_json::to_vec(&granted).unwrap_or_default());
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(reply)
}

/// Takes the request apart, whichever of the three styles it has.
fn read(request: &Request<Bytes>) -> Result<Asked, Problem> {
    let media_type =
        request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let mut asked = match media_type.as_str() {
        "application/json" => serde_json::from_slice(request.body())
            .map_err(|_| invalid_request("the body is no JSON object of strings"))?,
        "application/x-www-form-urlencoded" => read_form(request.body())?,
        _ => return Err(invalid_request("the content type is neither a form nor JSON")),
    };
    if let Some(basic) = credentials(request.headers(), "basic") {
        let (id, secret) =
            read_basic(basic).ok_or_else(|| invalid_client("the Basic credentials cannot be read"))?;
        asked.client_id = Some(id);
        asked.client_secret = Some(secret);
    }
    Ok(asked)
}

fn read_form(body: &Bytes) -> Result<Asked, Problem> {
    let pairs = std::str::from_utf8(body).ok().and_then(form::pairs);
    let pairs = pairs.ok_or_else(|| invalid_request("the body is no form"))?;
    let field = |name| form::value(&pairs, name).map(str::to_owned);
    Ok(Asked {
        grant_type: field("grant_type"),
        client_id: field("client_id"),
        client_secret: field("client_secret"),
        scope: field("scope"),
    })
}

fn read_basic(encoded: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

fn check_client(config: &Config, asked: &Asked) -> Result<(), Problem> {
    let known = asked.client_id.as_deref() == Some(&config.client_id)
        && asked.client_secret.as_deref() == Some(&config.client_secret);
    if known { Ok(()) } else { Err(invalid_client("unknown client, or wrong secret")) }
}

fn check_grant(asked: &Asked) -> Result<(), Problem> {
    match asked.grant_type.as_deref() {
        Some("client_credentials") => Ok(()),
        Some(_) => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "unsupported_grant_type",
            "the one grant type is client_credentials",
        )),
        None => Err(invalid_request("there is no grant_type")),
    }
}

fn invalid_request(message: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "invalid_request", message)
}

fn invalid_client(message: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "invalid_client", message)
        .with(WWW_AUTHENTICATE, HeaderValue::from_static("Basic"))
}
