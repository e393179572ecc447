//! Who may use the console and the API, and that it is written down; without a socket.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use frontdesk_archive::{Prepared, ReadOptions, Settings, Writer};
use frontdesk_domain::audit::AuditKind;
use frontdesk_domain::signature::SigningSecret;
use frontdesk_domain::{Event, EventKind, Timestamp};
use frontdesk_journal::outbox::{Attempt, NewEndpoint, Outcome, Settlement};
use frontdesk_journal::{Change, Journal, Reader};
use frontdesk_server::{ArchiveSource, Desk, Faces, Limits, Role, Tokens, Warnings, router};
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

/// The only conversation there is.
const LINE: &[u8] = br#"{"id":"c-1","startTime":"2025-03-01T10:00:00Z","interactions":[{"transcript":"a refund to anna@example.com"}]}"#;

/// A folder with an archive, a journal and tokens.
struct Data {
    folder: tempfile::TempDir,
}

impl Data {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now = Arc::new(|| Timestamp::UNIX_EPOCH);
        let writer = Writer::open(&folder.path().join("archive"), &Settings::default(), now).unwrap();
        writer.put(vec![Prepared::from_details(LINE.to_vec()).unwrap()]).unwrap();
        writer.close().unwrap();
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn journal(&self) -> std::path::PathBuf {
        self.path().join("journal")
    }

    fn tokens(&self) -> Tokens {
        Tokens::new(self.path().to_owned())
    }

    fn token(&self, role: Role) -> String {
        self.tokens().create(role.as_str(), role, Timestamp::UNIX_EPOCH, None).unwrap().1
    }

    fn served(&self, asks: bool) -> Router {
        let source = Arc::new(ArchiveSource::new(self.path().join("archive"), ReadOptions::default()));
        let settings = frontdesk_journal::Settings::default();
        let clock = Arc::new(|| Timestamp::UNIX_EPOCH);
        let mut desk = Desk::new(Arc::clone(&source), self.journal(), settings, clock);
        if asks {
            desk = desk.asking_for(self.tokens());
        }
        let faces = Faces::default().archive(source).console(desk);
        router(faces, &Limits::default(), &Warnings::default()).unwrap()
    }

    /// An endpoint with three deliveries that were given up.
    fn with_dead_letters(&self) {
        let now = Timestamp::UNIX_EPOCH;
        let clock = Arc::new(move || now);
        let journal = Journal::open(&self.journal(), &frontdesk_journal::Settings::default(), clock).unwrap();
        let secret = SigningSecret::from_bytes(&[7; 32]).unwrap();
        let endpoint = NewEndpoint::new("https://crm.example/k3y", secret, [EventKind::SessionTerminated]);
        let id = endpoint.id().to_owned();
        journal.record(Change::new().add_endpoint(endpoint, now)).unwrap();
        for guest in ["g-1", "g-2", "g-3"] {
            journal.record(Change::new().event(Event::session_terminated(guest, "timeout", now))).unwrap();
        }
        for delivery in journal.reader().unwrap().due(&id, now, 9).unwrap() {
            let attempt = Attempt { at: now, took_ms: 7, status: Some(500), error: Some("HTTP 500".into()) };
            let settlement = Settlement { delivery, attempt, outcome: Outcome::Dead };
            journal.record(Change::new().settle(settlement)).unwrap();
        }
        journal.close().unwrap();
    }

    /// The audit log's records of a kind.
    fn audited(&self, kind: AuditKind) -> Vec<Value> {
        let mut found = Vec::new();
        let Ok(reader) = Reader::open(&self.journal()) else { return found };
        let mut each = |entry: frontdesk_journal::Entry| {
            found.push(serde_json::from_str(&entry.record().unwrap()).unwrap());
            ControlFlow::Continue(())
        };
        reader.entries(0, Some(kind), &mut each).unwrap();
        found
    }
}

fn get(path: &str) -> http::request::Builder {
    Request::get(path).header(HOST, "localhost")
}

fn bearer(request: http::request::Builder, token: &str) -> http::request::Builder {
    request.header(AUTHORIZATION, format!("Bearer {token}"))
}

fn form(path: &str) -> http::request::Builder {
    Request::post(path)
        .header(HOST, "localhost")
        .header("content-length", "9")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
}

async fn ask(router: &Router, request: http::request::Builder, body: &str) -> Response<Body> {
    router.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap()
}

async fn status(router: &Router, request: http::request::Builder) -> u16 {
    ask(router, request, "").await.status().as_u16()
}

async fn json(response: Response<Body>) -> Value {
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

#[tokio::test]
async fn on_this_machine_nobody_is_asked() {
    let data = Data::new();
    let router = data.served(false);
    for path in
        ["/api/v1/runs", "/api/v1/coverage", "/api/v1/webhooks/deliveries", "/api/v1/archive/search?q=refund"]
    {
        assert_eq!(status(&router, get(path)).await, 200, "{path}");
    }
    // A name of elsewhere that leads here is not answered all the same.
    assert_eq!(status(&router, Request::get("/api/v1/runs").header(HOST, "evil.example")).await, 421);
    assert!(!data.journal().exists(), "nothing that anybody said was looked at");
}

#[tokio::test]
async fn where_tokens_are_asked_for_nothing_is_told_without_one() {
    let data = Data::new();
    let router = data.served(true);
    let token = data.token(Role::Admin);
    for path in ["/api/v1/runs", "/api/v1/archive/search?q=refund", "/api/v1/there/is/no/such", "/metrics"] {
        for request in [get(path), bearer(get(path), "fd_0"), bearer(get(path), &token.replace("fd_", "fd-"))]
        {
            let response = ask(&router, request, "").await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
            assert_eq!(response.headers()["www-authenticate"], "Bearer");
        }
    }
    assert_eq!(status(&router, bearer(get("/api/v1/runs"), &token)).await, 200);
    assert_eq!(status(&router, bearer(get("/api/v1/there/is/no/such"), &token)).await, 404);
    // Whoever watches the process needs none; other names lead here, since a token is asked for.
    assert_eq!(status(&router, Request::get("/healthz").header(HOST, "frontdesk.example")).await, 200);
    assert_eq!(json(ask(&router, get("/readyz"), "").await).await, serde_json::json!({"status": "ready"}));
    assert_eq!(json(ask(&router, bearer(get("/readyz"), &token), "").await).await["conversations"], 1);
    // A page is shown the way in.
    let response = ask(&router, get("/conversations/a%2Fb?x=1"), "").await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(response.headers()[LOCATION], "/login?next=%2Fconversations%2Fa%252Fb%3Fx%3D1");
}

#[tokio::test]
async fn what_a_role_may_not_see_is_not_there() {
    let data = Data::new();
    // Before anybody asks: a list of tokens that was read counts for a second.
    let tokens = Role::ALL.map(|role| (role, data.token(role)));
    let router = data.served(true);
    let deliveries = "/api/v1/webhooks/deliveries";
    for (role, token) in tokens {
        let expected = if role >= Role::Auditor { 200 } else { 404 };
        let response = ask(&router, bearer(get(deliveries), &token), "").await;
        assert_eq!(response.status().as_u16(), expected, "{role}");
        if expected == 404 {
            let nothing = ask(&router, bearer(get("/api/v1/webhooks/nothing"), &token), "").await;
            assert_eq!(json(response).await, json(nothing).await);
        }
        let replay = Request::post("/api/v1/webhooks/deliveries/replay")
            .header(HOST, "localhost")
            .header(CONTENT_TYPE, "application/json");
        let body = r#"{"state":"dead","dry_run":true}"#;
        let expected = if role >= Role::Operator { 200 } else { 404 };
        assert_eq!(ask(&router, bearer(replay, &token), body).await.status().as_u16(), expected, "{role}");
        assert_eq!(
            status(&router, bearer(get("/api/v1/archive/search?q=refund"), &token)).await,
            if role >= Role::Auditor { 200 } else { 404 }
        );
    }
}

#[tokio::test]
async fn a_browser_logs_in_with_a_form_and_out_again() {
    let data = Data::new();
    let router = data.served(true);
    let (kept, token) = data.tokens().create("anna", Role::Operator, Timestamp::UNIX_EPOCH, None).unwrap();
    let wrong = ask(&router, form("/login"), "token=fd_0&next=/runs").await;
    assert_eq!(wrong.headers()[LOCATION], "/login?failed=true&next=%2Fruns");
    assert!(!wrong.headers().contains_key(SET_COOKIE));
    let elsewhere = form("/login").header("sec-fetch-site", "cross-site");
    assert_eq!(ask(&router, elsewhere, &format!("token={token}")).await.status(), StatusCode::FORBIDDEN);
    let login = ask(&router, form("/login"), &format!("token={token}&next=/runs")).await;
    assert_eq!(
        (login.status(), &login.headers()[LOCATION]),
        (StatusCode::SEE_OTHER, &"/runs".parse().unwrap())
    );
    let set = login.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    assert!(set.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{set}");
    let cookie = set.split(';').next().unwrap();
    assert_eq!(status(&router, get("/api/v1/webhooks/deliveries").header(COOKIE, cookie)).await, 200);
    // A form counts with what our page gave it only; so another site's does not.
    let replay = form("/api/v1/webhooks/deliveries/replay").header(COOKIE, cookie);
    let refused = ask(&router, replay, "state=dead&dry_run=true&csrf=guessed").await;
    assert_eq!(
        (refused.status(), json(refused).await["kind"].clone()),
        (StatusCode::FORBIDDEN, "csrf".into())
    );
    let entries = data.audited(AuditKind::Access);
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!((&entries[0]["who"], &entries[0]["step"]), (&"anna".into(), &"logged_in".into()));
    let out = ask(&router, form("/logout").header(COOKIE, cookie), "").await;
    assert!(out.headers()[SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(status(&router, get("/api/v1/runs").header(COOKIE, cookie)).await, 401);
    // With a token that is revoked nobody stays in.
    let login = ask(&data.served(true), form("/login"), &format!("token={token}")).await;
    assert_eq!(login.status(), StatusCode::SEE_OTHER);
    data.tokens().revoke(&kept.id).unwrap();
    let fresh = data.served(true);
    assert_eq!(status(&fresh, bearer(get("/api/v1/runs"), &token)).await, 401);
}

#[tokio::test]
async fn deliveries_are_shown_page_by_page_without_what_their_addresses_hide_and_replayed() {
    let data = Data::new();
    data.with_dead_letters();
    let router = data.served(false);
    let path = "/api/v1/webhooks/deliveries";
    let mut ids = Vec::new();
    let mut query = "state=dead&limit=2&attempts=true".to_owned();
    loop {
        let body = json(ask(&router, get(&format!("{path}?{query}")), "").await).await;
        assert_eq!(
            (&body["endpoints"][0]["origin"], &body["endpoints"][0]["dead"]),
            (&"https://crm.example".into(), &3.into())
        );
        assert!(!body.to_string().contains("k3y"), "{body}");
        for delivery in body["deliveries"].as_array().unwrap() {
            assert_eq!(delivery["log"][0]["error"], "HTTP 500");
            ids.push(delivery["webhook_id"].as_str().unwrap().to_owned());
        }
        let Some(cursor) = body["next_cursor"].as_str() else { break };
        query = format!("state=dead&limit=2&attempts=true&cursor={cursor}");
    }
    assert_eq!(ids.len(), 3);
    for query in
        ["state=lost", "limit=0", "limit=501", "cursor=x", "from=yesterday", "unknown=1", "limit=1&limit=2"]
    {
        let response = ask(&router, get(&format!("{path}?{query}")), "").await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(json(response).await["kind"], "bad_query");
    }
    let replay = |body: &'static str| {
        let request = Request::post(format!("{path}/replay")).header(HOST, "localhost");
        ask_owned(router.clone(), request.header(CONTENT_TYPE, "application/json"), body.to_owned())
    };
    assert_eq!(replay("{}").await.status(), StatusCode::BAD_REQUEST, "nobody means all of them by nothing");
    assert_eq!(replay("[1]").await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(json(replay(r#"{"state":"dead","dry_run":true}"#).await).await["replayed"], 3);
    assert!(data.audited(AuditKind::Access).is_empty());
    assert_eq!(json(replay(r#"{"state":"dead"}"#).await).await["replayed"], 3);
    let left = json(ask(&router, get(&format!("{path}?state=pending")), "").await).await;
    assert_eq!(left["deliveries"].as_array().unwrap().len(), 3);
    let audited = data.audited(AuditKind::Access);
    assert_eq!((&audited[0]["who"], &audited[0]["step"]), (&"local".into(), &"replayed".into()));
}

#[tokio::test]
async fn a_conversation_is_masked_until_somebody_says_why_and_that_is_written_down() {
    let data = Data::new();
    let tokens = Role::ALL.map(|role| (role, data.token(role)));
    let router = data.served(true);
    let (viewer, auditor) = (&tokens[0].1, &tokens[1].1);
    let page =
        json(ask(&router, bearer(get("/api/v1/conversations?q=refund&facets=true"), viewer), "").await).await;
    assert_eq!((&page["count"], &page["hits"][0]["id"]), (&1.into(), &"c-1".into()));
    let wrong = ask(&router, bearer(get("/api/v1/conversations?q=canary%20(x"), viewer), "").await;
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
    let wrong = json(wrong).await;
    assert_eq!((&wrong["kind"], &wrong["column"]), (&"bad_query".into(), &8.into()));
    assert!(!wrong.to_string().contains("canary"), "{wrong}");

    let masked = json(ask(&router, bearer(get("/api/v1/conversations/c-1"), viewer), "").await).await;
    assert!(
        masked.to_string().contains("[email]") && !masked.to_string().contains("anna@example.com"),
        "{masked}"
    );
    let reveal = |token: &str, body: &str| {
        let request = Request::post("/api/v1/conversations/c-1/reveal").header(HOST, "localhost");
        let request = bearer(request.header(CONTENT_TYPE, "application/json"), token);
        ask_owned(router.clone(), request, body.to_owned())
    };
    let why = r#"{"reason":"complaint 7"}"#;
    assert_eq!(reveal(viewer, why).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(reveal(auditor, r#"{"reason":" "}"#).await.status(), StatusCode::BAD_REQUEST);
    assert!(json(reveal(auditor, why).await).await.to_string().contains("anna@example.com"));

    let raw = "/api/v1/conversations/c-1/raw";
    assert_eq!(status(&router, bearer(get(raw), viewer)).await, 404);
    let response = ask(&router, bearer(get(raw), auditor), "").await;
    let hash = response.headers()["frontdesk-sha256"].to_str().unwrap().to_owned();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(&bytes[..], LINE);
    let proof = json(ask(&router, bearer(get("/api/v1/conversations/c-1/verify"), viewer), "").await).await;
    assert_eq!((&proof["sound"], &proof["records"][0]["sha256"]), (&true.into(), &hash.into()));

    for path in ["c-2", "c-2/verify", "%2e%2e%2f", "a%2Fb", "%ff", "c-1?version=9"] {
        let path = format!("/api/v1/conversations/{path}");
        assert_eq!(status(&router, bearer(get(&path), auditor)).await, 404, "{path}");
    }
    let steps: Vec<(String, String)> = data
        .audited(AuditKind::Access)
        .iter()
        .map(|entry| (entry["who"].as_str().unwrap().to_owned(), entry["step"].as_str().unwrap().to_owned()))
        .collect();
    let expected =
        [("viewer", "searched"), ("viewer", "opened"), ("auditor", "revealed"), ("auditor", "exported")];
    assert_eq!(steps, expected.map(|(who, step)| (who.to_owned(), step.to_owned())));
    let audit = json(ask(&router, bearer(get("/api/v1/audit?kind=access&limit=1"), auditor), "").await).await;
    assert_eq!(audit["entries"][0]["record"]["step"], "exported");
    assert_eq!(status(&router, bearer(get("/api/v1/audit"), viewer)).await, 404);
    let verified = json(ask(&router, bearer(get("/api/v1/audit/verify"), auditor), "").await).await;
    assert_eq!((&verified["sound"], &verified["signatures"]), (&true.into(), &"checked".into()));
}

#[tokio::test]
async fn every_topic_answers_also_where_nothing_ever_happened() {
    let data = Data::new();
    let router = data.served(false);
    for (path, member) in [
        ("sessions", "sessions"),
        ("terminations", "terminations"),
        ("holds", "holds"),
        ("reports/sla", "all"),
        ("retention/preview", "conversations"),
        ("runs", "runs"),
        ("coverage", "calendar"),
    ] {
        let response = ask(&router, get(&format!("/api/v1/{path}")), "").await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert!(json(response).await.get(member).is_some(), "{path}");
        assert_eq!(status(&router, get(&format!("/api/v1/{path}?unknown=1"))).await, 400, "{path}");
    }
    let metrics = ask(&router, get("/metrics"), "").await.into_body().collect().await.unwrap().to_bytes();
    let metrics = String::from_utf8(metrics.to_vec()).unwrap();
    for line in [
        "frontdesk_archive_conversations 1",
        "frontdesk_up{store=\"archive\"} 1",
        "frontdesk_http_answers_total{class=\"4xx\"} 7",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is not in {metrics}");
    }
}

async fn ask_owned(router: Router, request: http::request::Builder, body: String) -> Response<Body> {
    ask(&router, request, &body).await
}
