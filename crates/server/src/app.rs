//! The routes, and what is true of every answer.

use std::any::Any;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::IntoResponse;
use axum::routing::get;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Version};
use tower_http::catch_panic::CatchPanicLayer;

use crate::callback::{self, Callbacks};
use crate::health::{self, Health};
use crate::limits::Limits;
use crate::problem::{GUARDS, Problem};
use crate::search::{self, Gate};
use crate::source::Source;
use crate::warnings::Warnings;
use crate::workers::Workers;

/// What every request of the archive has at hand.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) gate: Gate,
    pub(crate) workers: Workers,
    pub(crate) health: Health,
}

/// What is served: an archive, a listener for callbacks, or both.
#[derive(Debug, Clone, Default)]
pub struct Faces {
    source: Option<Arc<dyn Source>>,
    callbacks: Option<Callbacks>,
}

impl Faces {
    /// The search of this archive, and whether it is ready.
    #[must_use]
    pub fn archive(mut self, source: Arc<dyn Source>) -> Self {
        self.source = Some(source);
        self
    }

    /// The listener for callbacks.
    #[must_use]
    pub fn callbacks(mut self, callbacks: Callbacks) -> Self {
        self.callbacks = Some(callbacks);
        self
    }

    /// Whether other machines may reach it: what is asked of everybody is a signature.
    pub(crate) fn ask_for_signatures(&self) -> bool {
        self.source.is_none() && self.callbacks.as_ref().is_some_and(Callbacks::are_signed)
    }
}

/// The methods of every route that is read.
const METHODS: &str = "GET,HEAD";

/// The whole server as a service: what [`Server`](crate::Server) puts behind its connections, for who has own ones.
///
/// # Errors
/// When the system gives no threads.
pub fn router(faces: Faces, limits: &Limits, warnings: &Warnings) -> io::Result<Router> {
    let Faces { source, callbacks } = faces;
    let limits = Arc::new(limits.clone());
    let mut routes = Router::new().route("/healthz", get(health::lives));
    if let Some(source) = source {
        routes = routes.merge(archive(source, &limits, warnings)?);
    }
    if let Some(callbacks) = callbacks {
        routes = routes.merge(callback::routes(callbacks, &limits));
    }
    Ok(routes
        .fallback(|| async {
            Problem::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this path")
        })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", "this can only be read").allow(METHODS)
        })
        .layer(middleware::from_fn(no_bodies))
        .layer(middleware::from_fn(own_hosts))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::map_response(guarded)))
}

fn archive(source: Arc<dyn Source>, limits: &Arc<Limits>, warnings: &Warnings) -> io::Result<Router> {
    let app = Arc::new(App {
        source,
        limits: Arc::clone(limits),
        gate: Gate::new(limits.searches, limits.waiting, limits.wait),
        // One more than may search: `/readyz` always finds a thread.
        workers: Workers::new(limits.searches + 1)?,
        health: Health::new(warnings.clone()),
    });
    Ok(Router::new()
        .route("/api/v1/archive/search", get(search::get).head(search::head))
        .route("/readyz", get(health::ready))
        .with_state(app))
}

/// Nothing but the listener for callbacks takes a body: one is refused before a byte of it is read, and ends the connection, since where the next
/// request begins is not looked for.
async fn no_bodies(request: Request, next: Next) -> Response<Body> {
    let headers = request.headers();
    let announced = headers.get_all(CONTENT_LENGTH).iter().any(|length| length != "0")
        || headers.contains_key(TRANSFER_ENCODING);
    if !announced || callback::takes_body(request.method(), request.uri()) {
        return next.run(request).await;
    }
    let mut response = match *request.method() {
        Method::GET | Method::HEAD => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body", "a request has no body here").into_response()
        }
        _ => next.run(request).await,
    };
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Only this machine's own names are answered: a page from elsewhere that has its own name resolve to this machine (DNS
/// rebinding) would read the archive through its visitor's browser.
async fn own_hosts(request: Request, next: Next) -> Response<Body> {
    // Callbacks come by the name of whatever stands in front, and read nothing; pages cannot send them.
    if callback::is_callback(request.uri()) {
        return next.run(request).await;
    }
    match foreign_host(request.uri().authority(), request.headers(), request.version()) {
        None => next.run(request).await,
        Some(problem) => problem.into_response(),
    }
}

fn foreign_host(target: Option<&Authority>, headers: &HeaderMap, version: Version) -> Option<Problem> {
    let bad = |detail: &str| Some(Problem::new(StatusCode::BAD_REQUEST, "bad_host", detail));
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(_), Some(_)) => return bad("there are several Host headers"),
        (Some(host), None) => match host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()) {
            Some(host) => Some(host),
            None => return bad("the Host header is no host"),
        },
        (None, _) if version >= Version::HTTP_11 => return bad("there is no Host header"),
        (None, _) => None,
    };
    let foreign = [target, host.as_ref()].into_iter().flatten().any(|host| !is_own(host.host()));
    foreign.then(|| {
        Problem::new(StatusCode::MISDIRECTED_REQUEST, "foreign_host", "this host is not served here")
            .hint("use localhost or 127.0.0.1")
    })
}

fn is_own(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || bare.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

async fn guarded(mut response: Response<Body>) -> Response<Body> {
    for (name, value) in GUARDS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// What panicked is in the log already; the client learns that it was not its fault.
fn panicked(_: Box<dyn Any + Send>) -> Response<Body> {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "unexpected", "the server failed on this request")
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_its_own() {
        for host in ["localhost", "LOCALHOST:80", "127.0.0.1:8080", "127.8.0.1", "[::1]", "[::1]:8080"] {
            assert!(is_own(host.parse::<Authority>().unwrap().host()), "{host}");
        }
        for host in [
            "example.com",
            "localhost.example.com",
            "127.0.0.1.example.com",
            "10.0.0.1",
            "[::2]",
            "0.0.0.0",
            "0x7f000001",
            "localhostx",
        ] {
            assert!(!is_own(host.parse::<Authority>().unwrap().host()), "{host}");
        }
    }

    #[test]
    fn a_host_is_needed_and_only_one() {
        let kind = |hosts: &[&str], version| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(HOST, HeaderValue::from_str(host).unwrap());
            }
            foreign_host(None, &headers, version).map(|problem| problem.kind)
        };
        assert_eq!(kind(&["localhost:1"], Version::HTTP_11), None);
        assert_eq!(kind(&[], Version::HTTP_10), None);
        assert_eq!(kind(&[], Version::HTTP_11), Some("bad_host"));
        assert_eq!(kind(&["localhost", "localhost"], Version::HTTP_11), Some("bad_host"));
        assert_eq!(kind(&["a b"], Version::HTTP_11), Some("bad_host"));
        assert_eq!(kind(&["evil.example"], Version::HTTP_11), Some("foreign_host"));
        let target: Authority = "evil.example".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("localhost"));
        assert!(foreign_host(Some(&target), &headers, Version::HTTP_11).is_some());
    }
}
