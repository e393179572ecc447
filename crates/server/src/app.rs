//! The routes, and what is true of every answer.

use std::any::Any;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Version};
use tower_http::catch_panic::CatchPanicLayer;

use crate::bodies::{self, Room};
use crate::callback::{self, Callbacks};
use crate::desk::{self, Desk, Office, Role, at_least};
use crate::health::{self, Health};
use crate::limits::Limits;
use crate::metrics::{self, Traffic};
use crate::problem::{GUARDS, Problem};
use crate::source::Source;
use crate::warnings::Warnings;
use crate::work::Work;
use crate::{console, json, search};

/// What every request of the archive has at hand.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) work: Arc<Work>,
    pub(crate) health: Health,
    /// The desk in front, where there is one: it finds out who asks, and writes down what was looked for.
    pub(crate) office: Option<Arc<Office>>,
}

/// What is served: an archive, a listener for callbacks, the console with its API; each alone or all of them.
#[derive(Debug, Clone, Default)]
pub struct Faces {
    source: Option<Arc<dyn Source>>,
    callbacks: Option<Callbacks>,
    desk: Option<Desk>,
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

    /// The console and the HTTP API.
    #[must_use]
    pub fn console(mut self, desk: Desk) -> Self {
        self.desk = Some(desk);
        self
    }

    /// Whether a stranger gets nothing: everybody is asked for a signature or a token.
    pub(crate) fn ask_who_it_is(&self) -> bool {
        let callbacks = self.callbacks.as_ref().is_none_or(Callbacks::are_signed);
        let reads = match &self.desk {
            // It stands in front of the search, too.
            Some(desk) => desk.tokens.is_some(),
            None => self.source.is_none(),
        };
        callbacks && reads && (self.desk.is_some() || self.callbacks.is_some())
    }
}

/// The whole server as a service: what [`Server`](crate::Server) puts behind its connections, for who has own ones.
///
/// # Errors
/// When the system gives no threads.
pub fn router(faces: Faces, limits: &Limits, warnings: &Warnings) -> io::Result<Router> {
    let Faces { source, callbacks, desk } = faces;
    let limits = Arc::new(limits.clone());
    let work = Arc::new(Work::new(&limits)?);
    let room = Room::new(limits.bodies_bytes);
    let traffic = Arc::new(Traffic::default());
    let office = desk
        .map(|desk| {
            let (work, limits, room) = (Arc::clone(&work), Arc::clone(&limits), room.clone());
            Office::new(desk, work, limits, room, warnings.clone(), Arc::clone(&traffic))
        })
        .transpose()?
        .map(Arc::new);
    let mut routes = Router::new().route("/healthz", get(health::lives));
    if let Some(source) = source {
        routes = routes.merge(archive(source, &work, &limits, warnings, office.clone()));
    }
    if let Some(callbacks) = callbacks {
        routes = routes.merge(callback::routes(callbacks, &limits, room));
    }
    if let Some(office) = &office {
        let desk = json::routes()
            .merge(console::routes())
            .route("/metrics", get(metrics::page))
            .route("/login", post(desk::login))
            .route("/logout", post(desk::logout));
        routes = routes.merge(desk.with_state(Arc::clone(office)));
    }
    // Where everybody shows a token, a name that leads here by a trick finds nobody's cookie.
    let any_host = office.as_ref().is_some_and(|office| office.desk.tokens.is_some());
    routes = routes.fallback(|| async { Problem::not_found() }).method_not_allowed_fallback(|| async {
        // The router says which are.
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", "this cannot be done here")
            .hint("Allow names what can")
    });
    // Layers of a router are each boxed, and copied with all that is behind them for every request: those that go together
    // are one layer. The first is the outermost.
    if let Some(office) = office {
        let identified = middleware::from_fn_with_state(office, desk::identify);
        // Who is refused at the door is a person, too; inside it is known who.
        let dressed = || middleware::from_fn(console::dressed);
        routes = routes.layer((dressed(), identified, dressed()));
    }
    Ok(routes.layer((
        middleware::from_fn_with_state(traffic, metrics::counted),
        middleware::map_response(guarded),
        CatchPanicLayer::custom(panicked),
        middleware::from_fn_with_state(any_host, own_hosts),
        middleware::from_fn(no_bodies),
    )))
}

fn archive(
    source: Arc<dyn Source>,
    work: &Arc<Work>,
    limits: &Arc<Limits>,
    warnings: &Warnings,
    office: Option<Arc<Office>>,
) -> Router {
    let is_guarded = office.is_some();
    let app = Arc::new(App {
        source,
        limits: Arc::clone(limits),
        work: Arc::clone(work),
        health: Health::new(warnings.clone()),
        office,
    });
    let mut search = Router::new().route("/api/v1/archive/search", get(search::get).head(search::head));
    if is_guarded {
        // What it gives is whole transcripts, of which nothing is masked.
        search = search.route_layer(middleware::map_request(at_least(Role::Auditor)));
    }
    search.route("/readyz", get(health::ready)).with_state(app)
}

/// Little but the listener for callbacks takes a body: elsewhere one is refused before a byte of it is read, and ends the connection, since where the next
/// request begins is not looked for.
async fn no_bodies(request: Request, next: Next) -> Response<Body> {
    let headers = request.headers();
    let announced = headers.get_all(CONTENT_LENGTH).iter().any(|length| length != "0")
        || headers.contains_key(TRANSFER_ENCODING);
    if !announced || bodies::takes_body(request.method(), request.uri()) {
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
async fn own_hosts(State(any_host): State<bool>, request: Request, next: Next) -> Response<Body> {
    // Callbacks come by the name of whatever stands in front, and read nothing; pages cannot send them.
    if any_host || callback::is_callback(request.uri()) {
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

async fn guarded<B>(mut response: Response<B>) -> Response<B> {
    for (name, value) in GUARDS {
        // A page says itself what it may load, and a file that never changes how long it is kept.
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    // A stream of events says this of itself; it may not be kept either.
    if response.headers().get(CACHE_CONTROL).is_some_and(|said| said == "no-cache") {
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// What panicked is in the log already; the client learns that it was not its fault.
fn panicked(_: Box<dyn Any + Send>) -> Response<Body> {
    Problem::unexpected().into_response()
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
