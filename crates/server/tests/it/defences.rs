//! What holds of every route there is, found in the OpenAPI file and in the tables of routes: who may, from where, which
//! headers, and that what is too much or malicious is refused.

use std::collections::BTreeMap;

use axum::Router;
use frontdesk_archive::{ReadOptions, Reader};
use frontdesk_domain::Timestamp;
use frontdesk_domain::audit::AuditKind;
use frontdesk_server::Role;
use frontdesk_server::view::proof::prove;
use http::header::{CONTENT_TYPE, HOST, ORIGIN};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;

use crate::data::{Data, ask, bearer, get};

/// Who may what the API has. A route that is not here fails the tests: who may is a decision.
const API: [(Role, &[&str]); 3] = [
    (
        Role::Viewer,
        &[
            "/conversations",
            "/conversations/{id}",
            "/conversations/{id}/verify",
            "/coverage",
            "/late",
            "/reports/availability",
            "/reports/sla",
            "/retention/preview",
            "/runs",
            "/runs/{id}",
            "/schedules",
        ],
    ),
    (
        Role::Auditor,
        &[
            "/audit",
            "/audit/verify",
            "/conversations/{id}/files/{sha256}",
            "/conversations/{id}/raw",
            "/conversations/{id}/reveal",
            "/holds",
            "/holds/effect",
            "/plans",
            "/plans/{id}",
            "/sessions",
            "/terminations",
            "/webhooks/deliveries",
        ],
    ),
    (Role::Operator, &["/webhooks/deliveries/replay"]),
];

/// A route of the API: its method, its path with ids filled in, and who may.
struct Route {
    method: String,
    path: String,
    role: Role,
}

/// Those of the OpenAPI file, with `c-1` for an id.
fn api() -> Vec<Route> {
    let file: Value = serde_json::from_str(&frontdesk_server::openapi()).unwrap();
    let mut routes = Vec::new();
    for (path, methods) in file["paths"].as_object().unwrap() {
        let who = API
            .iter()
            .find(|(_, known)| path.strip_prefix("/api/v1").is_some_and(|path| known.contains(&path)));
        let (role, _) = who.unwrap_or_else(|| panic!("nobody decided who may {path}"));
        for method in methods.as_object().unwrap().keys() {
            let (method, path) = (method.to_uppercase(), path.replace("{id}", "c-1"));
            let path = path.replace("{sha256}", &"0".repeat(64));
            routes.push(Route { method, path, role: *role });
        }
    }
    assert!(routes.len() > 15, "too few to tell anything");
    routes
}

/// The routes of the console, as its table has them: method and path, with `c-1` for an id.
fn pages() -> Vec<(&'static str, String)> {
    let table = include_str!("../../src/console.rs");
    let routes = table.split(".route(\"").skip(1).map(|rest| {
        let (path, handler) = rest.split_once('"').unwrap();
        let method = if handler.trim_start_matches([',', ' ']).starts_with("post") { "POST" } else { "GET" };
        (method, path.replace("{id}", "c-1").replace("{name}", "none.css"))
    });
    let routes: Vec<_> = routes.collect();
    assert!(routes.len() > 12, "too few to tell anything");
    routes
}

fn request(method: &str, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(path).header(HOST, "localhost")
}

/// A body that every POST of the API takes.
const BODY: &str = r#"{"reason":"a claim"}"#;

fn json_request(route: &Route) -> (http::request::Builder, &'static str) {
    let request = request(&route.method, &route.path);
    if route.method == "POST" {
        (request.header(CONTENT_TYPE, "application/json"), BODY)
    } else {
        (request, "")
    }
}

/// Status, headers in their order, and body of an answer.
async fn answer(
    router: &Router,
    request: http::request::Builder,
    body: &str,
) -> (u16, BTreeMap<String, String>, String) {
    let (head, body) = ask(router, request, body).await.into_parts();
    let headers =
        head.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    // What goes on for as long as somebody listens is not waited for.
    if head.headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream") {
        return (head.status.as_u16(), headers.collect(), String::new());
    }
    let body = body.collect().await.unwrap().to_bytes();
    (head.status.as_u16(), headers.collect(), String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_sees_its_routes_and_the_others_are_not_there() {
    let (data, elsewhere) = (Data::new(), Data::new());
    data.with_dead_letters();
    let tokens = Role::ALL.map(|role| (role, data.token(role)));
    let foreign = elsewhere.token(Role::Admin);
    let router = data.served(true);
    for route in api() {
        let nothing = format!("{}x-nothing", route.path);
        for (role, token) in &tokens {
            let (asked, body) = json_request(&route);
            let came = answer(&router, bearer(asked, token), body).await;
            let what = format!("{role}: {} {}", route.method, route.path);
            if *role >= route.role {
                assert!(!matches!(came.0, 401 | 403 | 405 | 500..), "{what}: {came:?}");
                // What is named besides the conversation is not there.
                let is_one = route.path.ends_with("/c-1") && !route.path.contains("conversations")
                    || route.path.contains("/files/");
                assert!(came.0 != 404 || is_one, "{what}: {came:?}");
            } else {
                let other = request(&route.method, &nothing);
                assert_eq!(came, answer(&router, bearer(other, token), "").await, "{what}");
                assert_eq!(came.0, 404, "{what}");
                // Also of what is not there at all it is not said.
                let absent = route.path.replace("c-1", "c-2");
                let (absent, body) =
                    json_request(&Route { path: absent, method: route.method.clone(), ..route });
                assert_eq!(came, answer(&router, bearer(absent, token), body).await, "{what}");
            }
        }
        // No token, one that is none, and one of another tenant are the same.
        let (asked, body) = json_request(&route);
        let nobody = answer(&router, asked, body).await;
        assert_eq!(nobody.0, 401, "{} {}", route.method, route.path);
        for token in [foreign.as_str(), "fd_0"] {
            let (asked, body) = json_request(&route);
            assert_eq!(nobody, answer(&router, bearer(asked, token), body).await, "{}", route.path);
        }
    }
    assert!(elsewhere.audited(AuditKind::Access).is_empty());
    for (method, path) in pages() {
        let (status, headers, _) = answer(&router, request(method, &path), "").await;
        let led = headers.get("location").is_some_and(|place| place.starts_with("/login?next="));
        let is_open = path == "/login" || path.starts_with("/assets/");
        assert!(is_open || (status == 303 && led) || status == 401, "{method} {path}: {status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_something_is_refused_unless_it_comes_from_here() {
    let data = Data::new();
    data.with_dead_letters();
    // Nobody is asked for a token: whatever a browser sends by itself is all that protects.
    let router = data.served(false);
    let changes: Vec<String> = api()
        .into_iter()
        .filter(|route| route.method == "POST")
        .map(|route| route.path)
        .chain(pages().into_iter().filter(|(method, _)| *method == "POST").map(|(_, path)| path))
        .chain(["/login".to_owned(), "/logout".to_owned()])
        .collect();
    assert!(changes.len() >= 7, "{changes:?}");
    let form = "application/x-www-form-urlencoded";
    let foreign: [&[(&str, &str)]; 7] = [
        &[("origin", "https://evil.example")],
        &[("origin", "http://localhost:81")],
        &[("origin", "null")],
        &[("origin", "http://localhost.evil.example")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site"), ("origin", "http://localhost")],
        &[("sec-fetch-site", "cross-site"), ("origin", "http://localhost")],
    ];
    for path in &changes {
        for fields in foreign {
            for (kind, body) in
                [("application/json", BODY), (form, "reason=x&state=dead&token=x"), ("text/plain", BODY)]
            {
                let mut asked = request("POST", path).header(CONTENT_TYPE, kind);
                for (name, value) in fields {
                    asked = asked.header(*name, *value);
                }
                let (status, headers, _) = answer(&router, asked, body).await;
                assert_eq!(status, 403, "{path} {fields:?} {kind}");
                assert!(!headers.contains_key("set-cookie"), "{path} {fields:?} {kind}");
            }
        }
        if path == "/login" || path == "/logout" {
            continue;
        }
        // From no page that says so: a form counts with what our page gave it only, and nothing else is a body of ours.
        for (kind, body, expected) in [
            (Some(form), "reason=x&state=dead", 403),
            (Some(form), "reason=x&state=dead&csrf=", 403),
            (Some(form), "reason=x&state=dead&csrf=guessed", 403),
            (Some("text/plain"), BODY, 415),
            (Some("multipart/form-data; boundary=x"), "--x--", 415),
            (None, BODY, 415),
        ] {
            let mut asked = request("POST", path);
            if let Some(kind) = kind {
                asked = asked.header(CONTENT_TYPE, kind);
            }
            assert_eq!(answer(&router, asked, body).await.0, expected, "{path} {kind:?} {body}");
        }
    }
    assert!(data.audited(AuditKind::Access).is_empty(), "something was done");
    let dead = answer(&router, get("/api/v1/webhooks/deliveries?state=dead"), "").await.2;
    assert_eq!(serde_json::from_str::<Value>(&dead).unwrap()["deliveries"].as_array().unwrap().len(), 3);
    // No other site's script is ever let read.
    for path in ["/api/v1/conversations", "/api/v1/conversations/c-1/reveal", "/", "/metrics"] {
        for method in ["OPTIONS", "GET"] {
            let asked = request(method, path)
                .header(ORIGIN, "https://evil.example")
                .header("access-control-request-method", "POST")
                .header("access-control-request-headers", "content-type");
            let (_, headers, _) = answer(&router, asked, "").await;
            assert!(
                !headers.keys().any(|name| name.starts_with("access-control")),
                "{method} {path}: {headers:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_says_how_it_may_be_used() {
    let data = Data::new();
    let token = data.token(Role::Admin);
    let (open, asks) = (data.served(false), data.served(true));
    let mut asked: Vec<(String, String)> = api()
        .into_iter()
        .map(|route| (route.method, route.path))
        .chain(pages().into_iter().map(|(m, p)| (m.to_owned(), p)))
        .collect();
    for path in [
        "/metrics",
        "/healthz",
        "/readyz",
        "/api/v1/openapi.json",
        "/api/v1/archive/search?q=refund",
        "/none",
        "/?x=1",
    ] {
        asked.push(("GET".to_owned(), path.to_owned()));
    }
    for (method, path) in asked.clone() {
        if method == "GET" {
            asked.push(("HEAD".to_owned(), path.clone()));
            asked.push(("DELETE".to_owned(), path));
        }
    }
    for (router, shows) in [(&open, false), (&asks, false), (&asks, true)] {
        for (method, path) in &asked {
            let mut asked = request(method, path).header("accept", "text/html");
            if shows {
                asked = bearer(asked, &token);
            }
            let (status, headers, _) = answer(router, asked, "").await;
            let value = |name: &str| headers.get(name).map(String::as_str).unwrap_or_default();
            let what = format!("{method} {path}: {status} {headers:?}");
            assert_eq!(value("x-content-type-options"), "nosniff", "{what}");
            assert_eq!(value("cache-control"), "no-store", "{what}");
            assert_eq!(value("referrer-policy"), "no-referrer", "{what}");
            assert_eq!(value("cross-origin-opener-policy"), "same-origin", "{what}");
            assert_eq!(value("cross-origin-resource-policy"), "same-origin", "{what}");
            let policy = value("content-security-policy");
            assert!(
                policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
                "{what}"
            );
            assert!(
                !policy.contains("unsafe") && !policy.contains('*') && !policy.contains("http"),
                "{what}"
            );
            assert!(!headers.contains_key("server") && !headers.contains_key("x-powered-by"), "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_is_refused_at_once() {
    let data = Data::new();
    let router = data.served(false);
    let long = "a".repeat(5_000);
    let filters = "queue:a%20".repeat(1_500);
    let nested = format!("{{\"reason\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let many: String = (0..10_000).map(|at| format!("\"f{at}\":1,")).collect();
    for path in [
        format!("/api/v1/conversations?q={long}"),
        format!("/api/v1/conversations?q={filters}"),
        "/api/v1/conversations?limit=1000000000".to_owned(),
        "/api/v1/conversations?limit=0".to_owned(),
        "/api/v1/conversations?limit=-1".to_owned(),
        "/api/v1/runs?limit=1000000000".to_owned(),
        "/api/v1/sessions?limit=1000000000".to_owned(),
        "/api/v1/audit?limit=1000000000".to_owned(),
        "/api/v1/webhooks/deliveries?limit=1000000000".to_owned(),
        format!("/?q={long}"),
        format!("/?q={filters}"),
        format!("/api/v1/conversations?{}", (0..1_000).map(|at| format!("f{at}=1&")).collect::<String>()),
    ] {
        let (status, _, body) = answer(&router, get(&path), "").await;
        assert_eq!(status, 400, "{}: {body}", &path[..60.min(path.len())]);
        assert!(!body.contains(&long[..100]) || path.starts_with("/?"), "{body}");
    }
    for (fields, body, expected) in [
        (&[("content-length", "1073741824")][..], "{}", StatusCode::PAYLOAD_TOO_LARGE),
        (&[], &format!("{{\"reason\":\"{}\"}}", "a".repeat(2 << 20)), StatusCode::PAYLOAD_TOO_LARGE),
        (&[], &format!("{{\"reason\":\"{long}\"}}"), StatusCode::BAD_REQUEST),
        (&[], &nested, StatusCode::BAD_REQUEST),
        (&[], &format!("{{{many}\"reason\":\"x\"}}"), StatusCode::BAD_REQUEST),
        // Nothing is unpacked.
        (&[("content-encoding", "gzip")], "\u{1f}\u{8b}\u{8}\u{0}", StatusCode::BAD_REQUEST),
    ] {
        for path in [
            "/api/v1/conversations/c-1/reveal",
            "/conversations/c-1/reveal",
            "/api/v1/webhooks/deliveries/replay",
        ] {
            let mut asked = request("POST", path).header(CONTENT_TYPE, "application/json");
            for (name, value) in fields {
                asked = asked.header(*name, *value);
            }
            let (status, _, _) = answer(&router, asked, body).await;
            assert_eq!(status, expected.as_u16(), "{path} {fields:?} {}", &body[..20.min(body.len())]);
        }
    }
    assert!(
        data.audited(AuditKind::Access).iter().all(|one| one["step"] != "revealed"),
        "something was shown"
    );
}

/// Ids that would be somewhere else as paths, the same to a file system, or nothing to a terminal.
fn hostile_ids() -> Vec<String> {
    let bases = [
        "../",
        "..",
        ".",
        "/etc/passwd",
        "\\\\?\\C:\\",
        "C:\\x",
        "a\0b",
        "name.",
        "name ",
        "CON",
        "con",
        "NUL.txt",
        "\u{202e}txt.exe",
        "\u{e9}",
        "e\u{301}",
        "\u{212b}",
        "A\u{30a}",
        "%2e%2e%2f",
        "%00",
        "-rf",
        "--help",
        "line\nbreak",
        "line\r\nSet-Cookie: a=b",
        "a?b",
        "a#b",
        "a&b=c",
        "a+b",
        "a b",
        "\"quoted\"",
        "<b>",
        "\u{feff}bom",
        "\u{200b}",
        "\u{1f600}",
        "stra\u{df}e",
        "STRASSE",
        "\u{1b}[2J",
        "=cmd|' /C calc'!A0",
        "@SUM(1)",
        "raw",
        "verify",
        "reveal",
    ];
    let mut ids: Vec<String> = bases.map(str::to_owned).to_vec();
    for number in 0.. {
        for base in bases {
            if ids.len() == 10_000 {
                return ids;
            }
            ids.push(match number % 4 {
                0 => format!("{base}{number}"),
                1 => format!("{number}{base}"),
                2 => format!("{number}/{base}/{number}"),
                _ => format!("{}{number}", base.repeat(300 / base.len() - 5)),
            });
        }
    }
    ids
}

fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_hostile_ids_are_ids() {
    let ids = hostile_ids();
    let line = |id: &String| {
        let said = format!("said in {}", ids.len());
        let line = serde_json::json!({"id": id, "startTime": "2025-03-01T10:00:00Z", "interactions": [{"transcript": said}]});
        line.to_string().into_bytes()
    };
    let data = Data::of(ids.iter().map(line));
    let reader = Reader::open(&data.path().join("archive"), &ReadOptions::default()).unwrap();
    for id in &ids {
        let proof = prove(&reader, &id.parse().unwrap(), Timestamp::UNIX_EPOCH)
            .unwrap()
            .unwrap_or_else(|| panic!("{id:?} is gone"));
        assert_eq!((proof.id.as_str(), proof.sound, proof.records.len()), (id.as_str(), true, 1), "{id:?}");
    }
    let router = data.served(false);
    let encoded = |id: &str| id.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    // Each look is written down, which takes its time.
    for id in ids.iter().take(100).chain(ids.iter().skip(100).step_by(99)) {
        let path = format!("/api/v1/conversations/{}", encoded(id));
        let (status, headers, body) = answer(&router, get(&format!("{path}/raw")), "").await;
        assert_eq!((status, body.into_bytes()), (200, line(id)), "{id:?}");
        assert_eq!(headers.keys().map(String::as_str).collect::<Vec<_>>(), RAW, "{id:?}");
        let asked = get(&format!("/conversations/{}", encoded(id))).header("accept", "text/html");
        let (status, _, page) = answer(&router, asked, "").await;
        assert_eq!(status, 200, "{id:?}");
        let (_, rest) = page.split_once("method=\"post\" action=\"/conversations/").unwrap();
        // Browsers take dots out of a path, however they are written.
        let in_a_path = if matches!(id.as_str(), "." | "..") { format!("={id}") } else { id.clone() };
        assert_eq!(decoded(rest.split(['/', '"']).next().unwrap()), in_a_path, "the page's forms lead to it");
        let asked = get(&format!("/conversations/{}", encoded(&in_a_path))).header("accept", "text/html");
        assert_eq!(answer(&router, asked, "").await.0, 200, "{id:?}");
        let (status, _, body) = answer(&router, get(&path), "").await;
        let view: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &view["id"]), (200, &id.as_str().into()), "{id:?}");
    }
    assert_eq!(data.names(), ["archive", "journal"], "nothing is beside the archive and the journal");
}

/// The headers of exact bytes: none that an id could have begun.
const RAW: [&str; 11] = [
    "cache-control",
    "content-disposition",
    "content-length",
    "content-security-policy",
    "content-type",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "frontdesk-sha256",
    "frontdesk-version",
    "referrer-policy",
    "x-content-type-options",
];
