//! The token call (contract §1).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use frontdesk_domain::Secret;
use http::{HeaderValue, Method, header, response};
use serde_json::{Map, Value, json};

use super::{ClientStyle, Credentials};
use crate::base_url::BaseUrl;
use crate::endpoint::{Auth, BodyReader, DecodeError, EncodeError, Endpoint, Repeat};

/// Lifetime of a token whose answer does not say it.
const UNSTATED: Duration = Duration::from_secs(300);
/// No token is believed to live longer: a figure beyond it is a mistake, and a token that is never refreshed would hide
/// it.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);
/// A token answer is a few hundred bytes.
const MOST_BYTES: usize = 1 << 20;

/// Asks for a token with client credentials.
#[derive(Debug)]
pub(crate) struct TokenRequest<'a>(pub(crate) &'a Credentials);

/// A token that was just given.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) access_token: Secret,
    pub(crate) header: HeaderValue,
    pub(crate) lifetime: Duration,
}

impl Grant {
    /// A token as a bearer header; nothing when no header can carry it. A lifetime beyond the longest is capped.
    pub(crate) fn new(access_token: Secret, lifetime: Duration) -> Option<Self> {
        let token = access_token.reveal();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let mut header = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
        header.set_sensitive(true);
        Some(Self { access_token, header, lifetime: lifetime.min(LONGEST) })
    }
}

impl Endpoint for TokenRequest<'_> {
    type Output = Grant;
    type Reader = GrantReader;

    const OPERATION: &'static str = "token request";
    const REPEAT: Repeat = Repeat::Safe;
    const AUTH: Auth = Auth::None;
    const SCOPE: Option<&'static str> = None;

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let Credentials { id, secret, style, scopes } = self.0;
        let scope = scopes.join(" ");
        let grant = ("grant_type", "client_credentials");
        let scope = (!scope.is_empty()).then_some(("scope", scope.as_str()));
        let client = [("client_id", id.as_str()), ("client_secret", secret.reveal())];
        let uri = base.join("/oauth/token").map_err(|_| EncodeError::new("the login URL"))?;
        let request =
            http::Request::builder().method(Method::POST).uri(uri).header(header::ACCEPT, "application/json");
        const FORM: &str = "application/x-www-form-urlencoded";
        let (request, content_type, body) = match style {
            ClientStyle::Basic => {
                let basic = STANDARD.encode(format!("{id}:{}", secret.reveal()));
                let mut value = HeaderValue::try_from(format!("Basic {basic}"))
                    .map_err(|_| EncodeError::new("the client's credentials"))?;
                value.set_sensitive(true);
                let fields = [Some(grant), scope];
                (request.header(header::AUTHORIZATION, value), FORM, form(fields.into_iter().flatten()))
            }
            ClientStyle::Form => (request, FORM, form([grant].into_iter().chain(client).chain(scope))),
            ClientStyle::Json => {
                let fields = [grant].into_iter().chain(client).chain(scope);
                let object: Map<String, Value> =
                    fields.map(|(name, value)| (name.to_owned(), json!(value))).collect();
                (request, "application/json", Value::Object(object).to_string())
            }
        };
        request
            .header(header::CONTENT_TYPE, content_type)
            .body(Bytes::from(body))
            .map_err(|_| EncodeError::new("the token request"))
    }

    fn reader(&self, head: &response::Parts) -> Result<GrantReader, DecodeError> {
        match head.status.as_u16() {
            200 => Ok(GrantReader(Vec::new())),
            other => Err(DecodeError::status(other, "200")),
        }
    }
}

/// `application/x-www-form-urlencoded`: everything but letters, digits and `-._~*` is percent-encoded, a blank is `+`.
fn form<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = String::new();
    for (name, value) in fields {
        if !out.is_empty() {
            out.push('&');
        }
        out.push_str(name);
        out.push('=');
        for byte in value.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'*' => {
                    out.push(char::from(byte));
                }
                b' ' => out.push('+'),
                _ => out.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    out
}

/// Collects the answer; it is small.
#[derive(Debug)]
pub(crate) struct GrantReader(Vec<u8>);

impl BodyReader for GrantReader {
    type Output = Grant;

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        if self.0.len() + chunk.len() > MOST_BYTES {
            return Err(DecodeError::new("it is larger than a token can be"));
        }
        self.0.extend_from_slice(chunk);
        Ok(())
    }

    fn finish(self) -> Result<Grant, DecodeError> {
        if self.0.is_empty() {
            return Err(DecodeError::new("it is empty"));
        }
        let answer: Value = serde_json::from_slice(&self.0).map_err(|error| {
            let what = "it is not JSON";
            if error.is_eof() { DecodeError::truncated(what) } else { DecodeError::new(what) }
        })?;
        let Some(answer) = answer.as_object() else { return Err(DecodeError::new("it is no JSON object")) };
        let token = match answer.get("access_token") {
            Some(Value::String(token)) if !token.is_empty() => token,
            _ => return Err(DecodeError::new("it has no access_token")),
        };
        match answer.get("token_type") {
            None | Some(Value::Null) => {}
            Some(Value::String(kind)) if kind.eq_ignore_ascii_case("bearer") => {}
            Some(_) => return Err(DecodeError::new("its token_type is not bearer")),
        }
        let lifetime = lifetime(answer.get("expires_in"))?;
        Grant::new(Secret::new(token.as_str()), lifetime)
            .ok_or_else(|| DecodeError::new("its access_token holds characters that no header can carry"))
    }
}

/// Missing or unreadable counts as 300 s; zero or less is an error; what is absurdly long is capped.
fn lifetime(expires_in: Option<&Value>) -> Result<Duration, DecodeError> {
    let Some(seconds) = expires_in.and_then(Value::as_f64).filter(|seconds| seconds.is_finite()) else {
        return Ok(UNSTATED);
    };
    if seconds <= 0.0 {
        return Err(DecodeError::new("its expires_in is zero or less: the token has expired already"));
    }
    Ok(Duration::try_from_secs_f64(seconds).map_or(LONGEST, |lifetime| lifetime.min(LONGEST)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Grant, DecodeError> {
        let mut reader = GrantReader(Vec::new());
        for byte in body.as_bytes() {
            reader.push(&[*byte])?;
        }
        reader.finish()
    }

    #[test]
    fn requests_in_all_three_styles() {
        let base: BaseUrl = "https://api.example.com/gw".parse().unwrap();
        let mut shown = Vec::new();
        for style in [ClientStyle::Basic, ClientStyle::Form, ClientStyle::Json] {
            let credentials = Credentials::new("client 1&2", Secret::new("s=ü+/\"%"))
                .unwrap()
                .style(style)
                .scopes(["analytics:query", "conversation:view"])
                .unwrap();
            let request = TokenRequest(&credentials).request(&base).unwrap();
            shown.push(format!("# {style}\n{} {}", request.method(), request.uri()));
            for (name, value) in request.headers() {
                shown.push(format!("{name}: {}", value.to_str().unwrap()));
            }
            shown.push(format!("\n{}\n", std::str::from_utf8(request.body()).unwrap()));
        }
        insta::assert_snapshot!(shown.join("\n"));
    }

    #[test]
    fn lifetimes_are_read_as_the_contract_says() {
        let lifetime = |expires_in: &str| {
            let comma = if expires_in.is_empty() { "" } else { ", \"expires_in\": " };
            read(&format!(r#"{{"access_token": "t", "token_type": "Bearer"{comma}{expires_in}}}"#))
                .map(|grant| grant.lifetime.as_secs_f64())
                .map_err(DecodeError::into_text)
        };
        let refused = Err("its expires_in is zero or less: the token has expired already".to_owned());
        for (expires_in, expected) in [
            ("", Ok(300.0)),
            ("null", Ok(300.0)),
            ("\"3600\"", Ok(300.0)),
            ("\"soon\"", Ok(300.0)),
            ("{}", Ok(300.0)),
            ("true", Ok(300.0)),
            ("0", refused.clone()),
            ("0.0", refused.clone()),
            ("-1", refused.clone()),
            ("-1e300", refused),
            ("0.5", Ok(0.5)),
            ("1", Ok(1.0)),
            ("29", Ok(29.0)),
            ("300", Ok(300.0)),
            ("86400", Ok(86_400.0)),
            ("604800", Ok(604_800.0)),
            ("604801", Ok(604_800.0)),
            ("1e18", Ok(604_800.0)),
            ("1e300", Ok(604_800.0)),
            ("99999999999999999999999999", Ok(604_800.0)),
        ] {
            assert_eq!(lifetime(expires_in), expected, "{expires_in}");
        }
    }

    #[test]
    fn answers_that_are_no_token_are_refused_without_being_repeated_back() {
        for (body, what) in [
            ("", "it is empty"),
            ("<html>secret</html>", "it is not JSON"),
            ("[]", "it is no JSON object"),
            ("{}", "it has no access_token"),
            (r#"{"access_token": ""}"#, "it has no access_token"),
            (r#"{"access_token": 7}"#, "it has no access_token"),
            (r#"{"access_token": "t", "token_type": "mac"}"#, "its token_type is not bearer"),
            (r#"{"access_token": "a b"}"#, "its access_token holds characters that no header can carry"),
            (
                r#"{"access_token": "a\r\nX-Evil: 1"}"#,
                "its access_token holds characters that no header can carry",
            ),
        ] {
            let error = read(body).unwrap_err();
            assert!(!error.is_truncated());
            assert_eq!(error.into_text(), what, "{body}");
        }
        assert!(read(r#"{"access_token": "t", "tok"#).unwrap_err().is_truncated());
        let grant = read(r#"{"access_token": "t", "scope": "x", "more": [1]}"#).unwrap();
        assert!(grant.header.is_sensitive());
        assert!(!format!("{grant:?}").contains("Bearer"));
    }
}
