//! Routes, methods, hosts, and what is on every answer; without a socket.

use axum::Router;
use axum::body::Body;
use frontdesk_archive::Searched;
use frontdesk_server::{Faces, Limits, Warnings, router};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::support::Made;

fn served(warnings: &Warnings) -> Router {
    router(Faces::default().archive(Made::of(2)), &Limits::default(), warnings).unwrap()
}

async fn ask(router: Router, request: http::request::Builder) -> Response<Body> {
    router.oneshot(request.header("host", "localhost").body(Body::empty()).unwrap()).await.unwrap()
}

async fn json(response: Response<Body>) -> Value {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test]
async fn only_what_is_there_answers_and_only_to_reading() {
    for (method, path, expected) in [
        ("GET", "/api/v1/archive/search?q=a", 200),
        ("HEAD", "/api/v1/archive/search?q=a", 200),
        ("HEAD", "/api/v1/archive/search", 400),
        ("GET", "/api/v1/archive/search", 400),
        ("GET", "/api/v1/archive/search?q=", 400),
        ("POST", "/api/v1/archive/search?q=a", 405),
        ("POST", "/api/v1/archive/search", 405),
        ("DELETE", "/healthz", 405),
        ("OPTIONS", "/readyz", 405),
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/", 404),
        ("GET", "/api/v1/archive/search/", 404),
        ("GET", "/api/v1/archive/../../healthz", 404),
        ("TRACE", "/healthz", 405),
    ] {
        let method: Method = method.parse().unwrap();
        let response = ask(served(&Warnings::default()), Request::builder().method(&method).uri(path)).await;
        assert_eq!(response.status().as_u16(), expected, "{method} {path}");
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(header(name), Some(value), "{method} {path}");
        }
        let allow = (expected == 405).then_some("GET,HEAD");
        assert_eq!(header("allow"), allow, "{method} {path}");
        let content_type = if expected == 200 { "application/json" } else { "application/problem+json" };
        assert_eq!(header("content-type"), Some(content_type), "{method} {path}");
    }
}

#[tokio::test]
async fn a_problem_says_its_kind_and_never_what_was_looked_for() {
    let uri = "/api/v1/archive/search?q=canary&q=canary";
    let body = json(ask(served(&Warnings::default()), Request::get(uri)).await).await;
    assert_eq!((&body["status"], &body["kind"]), (&400.into(), &"bad_query".into()));
    assert!(!body.to_string().contains("canary"), "{body}");
}

#[tokio::test]
async fn other_hosts_are_not_answered() {
    for (host, expected) in [("[::1]:8080", 200), ("evil.example", 421), ("a b", 400)] {
        let request = Request::get("/healthz").header("host", host).body(Body::empty()).unwrap();
        let response = served(&Warnings::default()).oneshot(request).await.unwrap();
        assert_eq!(response.status().as_u16(), expected, "{host}");
    }
}

#[tokio::test]
async fn bodies_are_refused() {
    for (method, header, expected) in [
        ("GET", ("content-length", "1"), 413),
        ("GET", ("transfer-encoding", "chunked"), 413),
        ("GET", ("content-length", "0"), 200),
        ("POST", ("content-length", "5"), 405),
    ] {
        let request = Request::builder().method(method).uri("/healthz").header(header.0, header.1);
        let response = ask(served(&Warnings::default()), request).await;
        assert_eq!(response.status().as_u16(), expected, "{method} {header:?}");
        assert_eq!(response.headers().contains_key("connection"), expected != 200, "{method} {header:?}");
    }
}

#[tokio::test]
async fn ready_says_what_is_not_as_it_should_be() {
    let warnings = Warnings::default();
    warnings.set("pull", "the remote does not answer");
    let response = ask(served(&warnings), Request::get("/readyz")).await;
    assert_eq!(response.status(), StatusCode::OK);
    let body = json(response).await;
    assert_eq!(body["warnings"][0], "pull: the remote does not answer");
    assert_eq!(body["records"], 7);
}

#[tokio::test]
async fn a_panic_is_an_answer() {
    let broken = Made::by(|_, _| -> Result<Searched, _> { panic!("a bug in the search") });
    let router = router(Faces::default().archive(broken), &Limits::default(), &Warnings::default()).unwrap();
    let response = ask(router.clone(), Request::get("/api/v1/archive/search?q=a")).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    // Its place is free again: more than may search at once have passed.
    for _ in 0..2 * Limits::default().searches {
        let response = ask(router.clone(), Request::get("/api/v1/archive/search?q=a")).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
