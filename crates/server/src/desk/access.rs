//! Finds out who asks, before any handler runs.
//!
//! Where tokens are asked for, a client shows one in `Authorization: Bearer`, and a browser shows one once, in the form of
//! `/login`, for a cookie. What changes something must come from a page of ours, if from a page at all.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::IntoResponse;
use frontdesk_domain::audit::AccessStep;
use http::header::{ACCEPT, AUTHORIZATION, COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri};

use super::books::Read;
use super::office::Office;
use super::role::{LOCAL, Role, Viewer};
use super::sent::form;
use super::tokens::{Token, Tokens, shown};
use crate::callback;
use crate::clock;
use crate::params::encoded;
use crate::problem::Problem;

/// A list of tokens counts for so long: a token that is revoked is no use a second later.
const FRESH_FOR: Duration = Duration::from_secs(1);

/// The tokens as they were read a moment ago.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<Option<(Instant, Arc<[Token]>)>>);

impl Known {
    async fn tokens(&self, tokens: &Tokens) -> Result<Arc<[Token]>, Problem> {
        let now = clock::monotonic();
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, known)) = known
            && now.duration_since(at) < FRESH_FOR
        {
            return Ok(known);
        }
        let tokens = tokens.clone();
        // Not among those who search: who may ask at all is found out even while all of them are at work.
        let read = tokio::task::spawn_blocking(move || tokens.list()).await;
        let read: Arc<[Token]> = match read {
            Ok(Ok(tokens)) => tokens.into(),
            Ok(Err(error)) => {
                tracing::warn!(%error, "nobody is let in");
                let detail = "the tokens cannot be read, so nobody is let in";
                return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "tokens", detail).retry_after(10));
            }
            Err(_) => return Err(Problem::unexpected()),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&read)));
        Ok(read)
    }
}

/// What everybody may ask for: whether the server lives, the way in, and what the way in looks like.
fn is_open(uri: &Uri) -> bool {
    matches!(uri.path(), "/healthz" | "/readyz" | "/login" | "/logout")
        || uri.path().starts_with("/assets/")
        || callback::is_callback(uri)
}

/// The layer: puts a [`Viewer`] into the request, or answers it.
pub(crate) async fn identify(
    State(office): State<Arc<Office>>,
    mut request: Request,
    next: Next,
) -> Response<Body> {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE);
    if !is_safe && !callback::is_callback(request.uri()) && !is_from_here(request.headers()) {
        return Problem::new(StatusCode::FORBIDDEN, "from_a_page", "another site's page asked for this")
            .into_response();
    }
    if is_open(request.uri()) {
        // Whoever shows a token all the same is told more.
        if request.uri().path() == "/readyz"
            && let Ok(Some(viewer)) = who(&office, request.headers()).await
        {
            request.extensions_mut().insert(viewer);
        }
        return next.run(request).await;
    }
    match who(&office, request.headers()).await {
        Ok(Some(viewer)) => {
            request.extensions_mut().insert(viewer);
            next.run(request).await
        }
        Ok(None) => unknown(&request),
        Err(problem) => problem.into_response(),
    }
}

async fn who(office: &Office, headers: &HeaderMap) -> Result<Option<Viewer>, Problem> {
    let Some(tokens) = &office.desk.tokens else {
        let csrf = Arc::clone(&office.logins.csrf);
        return Ok(Some(Viewer { name: LOCAL.into(), role: Role::Admin, csrf }));
    };
    let shows = headers.get(AUTHORIZATION).map(|value| bearer(value).unwrap_or_default());
    let login = match shows {
        Some(_) => None,
        None => cookie(headers, office.desk.is_encrypted).and_then(|cookie| office.logins.find(cookie)),
    };
    if shows.is_none() && login.is_none() {
        return Ok(None);
    }
    let known = office.known.tokens(tokens).await?;
    let now = office.now();
    let token = match (&login, shows) {
        (Some(login), _) => known.iter().find(|token| *token.id == *login.token && token.counts(now)),
        (None, Some(text)) => shown(&known, text, now),
        (None, None) => None,
    };
    let csrf = login.map_or_else(|| "".into(), |login| login.csrf);
    Ok(token.map(|token| Viewer { name: token.name.as_str().into(), role: token.role, csrf }))
}

fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start())
}

/// The name of our cookie. With TLS a browser takes the prefixed one from nobody but us.
fn cookie_name(is_encrypted: bool) -> &'static str {
    if is_encrypted { "__Host-frontdesk" } else { "frontdesk" }
}

fn cookie(headers: &HeaderMap, is_encrypted: bool) -> Option<&str> {
    let name = cookie_name(is_encrypted);
    let texts = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(';')).find_map(|pair| {
        let (found, value) = pair.trim().split_once('=')?;
        (found == name).then_some(value)
    })
}

/// Whether a request that changes something comes from our own page, or from no page.
fn is_from_here(headers: &HeaderMap) -> bool {
    let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
    if let Some(site) = headers.get("sec-fetch-site") {
        return matches!(&*text(site), "same-origin" | "none");
    }
    let Some(origin) = headers.get(ORIGIN).map(text) else { return true };
    let host = headers.get(HOST).map(text);
    let named = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    named.is_some() && named.map(str::to_owned) == host
}

/// Somebody who is nobody: a browser that wants a page is shown the way in.
fn unknown(request: &Request) -> Response<Body> {
    let path = request.uri().path();
    let for_people = !path.starts_with("/api/") && path != "/metrics";
    if for_people && *request.method() == Method::GET {
        let next = request.uri().path_and_query().map_or("/", |path| path.as_str());
        return see_other(&format!("/login?next={}", encoded(next)));
    }
    // A form that was left open for too long; nothing was done, and what it says is not kept.
    let accepts = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
    if for_people && accepts.is_some_and(|accepts| accepts.contains("text/html")) {
        return see_other("/login");
    }
    let mut response = Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "a token is needed")
        .hint("send Authorization: Bearer with a token of frontdesk token create")
        .into_response();
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

fn see_other(place: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let place = HeaderValue::from_str(place).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(LOCATION, place);
    response
}

/// A path of ours to go to after the log-in, and no other site's.
fn ours(next: Option<String>) -> String {
    let is_ours = |next: &String| {
        next.starts_with('/')
            && !next.starts_with("//")
            && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    };
    next.filter(is_ours).unwrap_or_else(|| "/".to_owned())
}

/// `POST /login`: a form with `token` and `next`.
pub(crate) async fn login(State(office): State<Arc<Office>>, request: Request) -> Response<Body> {
    match logged_in(&office, request).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn logged_in(office: &Office, request: Request) -> Result<Response<Body>, Problem> {
    let (head, body) = request.into_parts();
    let mut asked = form(office, &head.headers, body).await?;
    let (text, next) = (asked.needed("token")?, ours(asked.text("next")));
    asked.finish()?;
    let Some(tokens) = &office.desk.tokens else { return Ok(see_other(&next)) };
    let known = office.known.tokens(tokens).await?;
    let Some(token) = shown(&known, text.trim(), office.now()) else {
        return Ok(see_other(&format!("/login?failed=true&next={}", encoded(&next))));
    };
    let viewer = Viewer { name: token.name.as_str().into(), role: token.role, csrf: "".into() };
    office.saw(&viewer, Read::new(AccessStep::LoggedIn)).await?;
    let cookie = office.logins.begin(&token.id).map_err(|_| Problem::unexpected())?;
    Ok(with_cookie(see_other(&next), &cookie, office.desk.is_encrypted))
}

/// `POST /logout`: the cookie counts no more.
pub(crate) async fn logout(State(office): State<Arc<Office>>, headers: HeaderMap) -> Response<Body> {
    let is_encrypted = office.desk.is_encrypted;
    if let Some(cookie) = cookie(&headers, is_encrypted) {
        office.logins.end(cookie);
    }
    with_cookie(see_other("/login"), "", is_encrypted)
}

fn with_cookie(mut response: Response<Body>, cookie: &str, is_encrypted: bool) -> Response<Body> {
    let name = cookie_name(is_encrypted);
    let secure = if is_encrypted { "; Secure" } else { "" };
    let age = if cookie.is_empty() { "; Max-Age=0" } else { "" };
    let text = format!("{name}={cookie}; Path=/; HttpOnly; SameSite=Strict{secure}{age}");
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().insert(SET_COOKIE, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn another_sites_page_changes_nothing() {
        for (fields, expected) in [
            (&[("host", "a:1")][..], true),
            (&[("host", "a:1"), ("origin", "http://a:1")], true),
            (&[("host", "a"), ("origin", "https://a")], true),
            (&[("host", "a:1"), ("origin", "http://a:2")], false),
            (&[("host", "a:1"), ("origin", "http://b:1")], false),
            (&[("host", "a:1"), ("origin", "null")], false),
            (&[("host", "a"), ("origin", "ftp://a")], false),
            (&[("sec-fetch-site", "same-origin"), ("origin", "null")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site"), ("host", "a"), ("origin", "http://a")], false),
        ] {
            assert_eq!(is_from_here(&headers(fields)), expected, "{fields:?}");
        }
    }

    #[test]
    fn nobody_is_led_to_another_site() {
        for next in ["//evil.example", "https://evil.example", "/\\evil", "", "x", "/a\nb", "/ä"] {
            assert_eq!(ours(Some(next.to_owned())), "/", "{next:?}");
        }
        assert_eq!(ours(Some("/conversations/a%2Fb?x=1".to_owned())), "/conversations/a%2Fb?x=1");
    }

    #[test]
    fn our_cookie_is_found_among_others() {
        let headers = headers(&[("cookie", "a=1; frontdesk=x; __Host-frontdesk=y")]);
        assert_eq!((cookie(&headers, false), cookie(&headers, true)), (Some("x"), Some("y")));
        let response = with_cookie(see_other("/"), "x", true);
        let text = response.headers()[SET_COOKIE].to_str().unwrap();
        assert_eq!(text, "__Host-frontdesk=x; Path=/; HttpOnly; SameSite=Strict; Secure");
    }
}
