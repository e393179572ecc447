//! Who may use the console and the API, and that it is written down; without a socket.

use axum::Router;
use axum::body::Body;
use frontdesk_domain::Timestamp;
use frontdesk_domain::audit::AuditKind;
use frontdesk_server::Role;
use http::header::{ACCEPT, CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;

use crate::data::{Data, LINE, ask, bearer, form, get, json, status};

#[tokio::test]
async fn on_this_machine_nobody_is_asked() {
    let data = Data::new();
    let router = data.served(false);
    for path in ["/api/v1/runs", "/api/v1/coverage", "/api/v1/reports/sla"] {
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
    // So is one whose form was open for too long, and a program is not.
    let reveal = || form("/conversations/c-1/reveal");
    let response = ask(&router, reveal().header(ACCEPT, "text/html,*/*"), "reason=ab").await;
    assert_eq!(
        (response.status(), &response.headers()[LOCATION]),
        (StatusCode::SEE_OTHER, &"/login".parse().unwrap())
    );
    assert_eq!(ask(&router, reveal(), "reason=ab").await.status(), StatusCode::UNAUTHORIZED);
    // And who is refused at the door sees a page.
    let foreign = reveal().header(ACCEPT, "text/html").header("origin", "https://evil.example");
    let response = ask(&router, foreign, "reason=ab").await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(response.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
}

#[tokio::test]
async fn looking_inside_a_conversation_tells_nothing_of_what_is_masked() {
    let data = Data::new();
    let (viewer, auditor) = (data.token(Role::Viewer), data.token(Role::Auditor));
    let router = data.served(true);
    for (sought, turns) in [("refund", 1), ("anna", 0), ("anna@example.com", 0), ("bella", 0)] {
        let path = format!("/api/v1/conversations/c-1?find={sought}");
        let found = json(ask(&router, bearer(get(&path), &viewer), "").await).await;
        assert_eq!(found["found"]["turns"], turns, "{sought}");
        let looked = data.audited(AuditKind::Access).pop().unwrap();
        assert_eq!((&looked["step"], &looked["details"]["find"]), (&"opened".into(), &sought.into()));
    }
    let reveal = bearer(form("/api/v1/conversations/c-1/reveal"), &auditor);
    let revealed = json(ask(&router, reveal, "reason=x&find=anna").await).await;
    assert_eq!(revealed["found"]["turns"], 1, "{revealed}");
}

#[tokio::test]
async fn a_method_that_is_not_there_is_told_which_are() {
    let data = Data::new();
    let token = data.token(Role::Admin);
    let router = data.served(true);
    for (path, allow) in
        [("/api/v1/webhooks/deliveries/replay", "POST"), ("/api/v1/conversations/c-1/reveal", "POST")]
    {
        let response = ask(&router, bearer(get(path), &token), "").await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(response.headers()["allow"], allow, "{path}");
    }
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
    let steps: Vec<&Value> = entries.iter().map(|entry| &entry["step"]).collect();
    assert_eq!(steps, ["logged_in", "listed"]);
    assert_eq!(entries[0]["who"], "anna");
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
    let looks = data.audited(AuditKind::Access);
    assert!(looks.iter().all(|look| look["step"] == "listed"), "{looks:?}");
    assert_eq!(json(replay(r#"{"state":"dead"}"#).await).await["replayed"], 3);
    let left = json(ask(&router, get(&format!("{path}?state=pending")), "").await).await;
    assert_eq!(left["deliveries"].as_array().unwrap().len(), 3);
    let audited = data.audited(AuditKind::Access);
    let replayed: Vec<&Value> = audited.iter().filter(|look| look["step"] == "replayed").collect();
    assert_eq!((replayed.len(), &replayed[0]["who"]), (1, &"local".into()));
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
    let expected = [
        ("viewer", "searched"),
        ("viewer", "opened"),
        ("auditor", "revealed"),
        ("auditor", "exported"),
        ("viewer", "verified"),
    ];
    assert_eq!(steps, expected.map(|(who, step)| (who.to_owned(), step.to_owned())));
    let audit = json(ask(&router, bearer(get("/api/v1/audit?kind=access&limit=1"), auditor), "").await).await;
    assert_eq!(audit["entries"][0]["record"]["step"], "verified");
    assert_eq!(status(&router, bearer(get("/api/v1/audit"), viewer)).await, 404);
    let verified = json(ask(&router, bearer(get("/api/v1/audit/verify"), auditor), "").await).await;
    assert_eq!((&verified["sound"], &verified["signatures"]), (&true.into(), &"checked".into()));
}

/// Every read that shows what customers said, or who somebody is, leaves one entry, and nothing else does.
#[tokio::test]
async fn who_reads_what_names_people_is_written_down_once() {
    let data = Data::new();
    data.with_dead_letters();
    let token = data.token(Role::Auditor);
    let router = data.served(true);
    for (path, step, subject) in [
        ("/api/v1/conversations", Some("searched"), None),
        ("/api/v1/conversations?q=refund", Some("searched"), None),
        ("/api/v1/archive/search?q=refund", Some("searched"), None),
        ("/api/v1/archive/search?q=zebra", Some("searched"), None),
        ("/api/v1/conversations/c-1", Some("opened"), Some("c-1")),
        ("/api/v1/conversations/c-1/raw", Some("exported"), Some("c-1")),
        ("/api/v1/conversations/c-1/verify", Some("verified"), Some("c-1")),
        ("/api/v1/sessions", Some("listed"), Some("sessions")),
        ("/api/v1/terminations", Some("listed"), Some("terminations")),
        ("/api/v1/holds", Some("listed"), Some("holds")),
        ("/api/v1/webhooks/deliveries", Some("listed"), Some("deliveries")),
        ("/api/v1/audit", Some("audited"), None),
        ("/api/v1/audit?subject=c-1", Some("audited"), None),
        ("/api/v1/audit/verify", Some("audited"), None),
        ("/api/v1/late", Some("listed"), Some("late")),
        ("/api/v1/retention/preview", Some("listed"), Some("retention")),
        ("/api/v1/reports/availability", Some("listed"), Some("availability")),
        ("/?q=refund", Some("searched"), None),
        ("/", Some("searched"), None),
        ("/runs/late", Some("listed"), Some("late")),
        ("/conversations/c-1", Some("opened"), Some("c-1")),
        ("/sessions", Some("listed"), Some("sessions")),
        ("/holds", Some("listed"), Some("holds")),
        ("/webhooks", Some("listed"), Some("deliveries")),
        ("/audit?verify=true", Some("audited"), None),
        ("/api/v1/runs", None, None),
        ("/api/v1/coverage", None, None),
        ("/api/v1/reports/sla", None, None),
        ("/api/v1/archive/search", None, None),
        ("/api/v1/conversations/c-2", None, None),
        ("/runs", None, None),
        ("/coverage", None, None),
        ("/sla", None, None),
        ("/metrics", None, None),
    ] {
        let before = data.audited(AuditKind::Access).len();
        let found = status(&router, bearer(get(path), &token)).await;
        assert!(found < 500, "{path}: {found}");
        let looks = data.audited(AuditKind::Access);
        assert_eq!(looks.len() - before, usize::from(step.is_some()), "{path}");
        if let Some(step) = step {
            let look = &looks[before];
            assert_eq!((look["step"].as_str(), look["subject"].as_str()), (Some(step), subject), "{path}");
            assert_eq!((&look["who"], &look["role"]), (&"auditor".into(), &"auditor".into()), "{path}");
        }
    }
    let looks = data.audited(AuditKind::Access);
    let terms: Vec<&Value> = looks.iter().filter_map(|look| look["details"].get("term")).collect();
    assert_eq!(terms, ["refund", "zebra"], "what was looked for is personal, and kept");

    let about = |query: &str| {
        let request = bearer(get(&format!("/api/v1/audit?{query}")), &token);
        ask_owned(router.clone(), request, String::new())
    };
    let page = json(about("subject=c-1&limit=3").await).await;
    let steps: Vec<&Value> =
        page["entries"].as_array().unwrap().iter().map(|one| &one["record"]["step"]).collect();
    assert_eq!(steps, ["opened", "verified", "exported"]);
    let rest =
        json(about(&format!("subject=c-1&cursor={}", page["next_cursor"].as_str().unwrap())).await).await;
    assert_eq!(rest["entries"].as_array().unwrap().len(), 1);
    assert_eq!(about("subject=c-1&kind=access").await.status(), StatusCode::OK);
    assert_eq!(about("subject=c-1&kind=change").await.status(), StatusCode::BAD_REQUEST);
}

/// A look that cannot be written down is none.
#[tokio::test]
async fn what_cannot_be_written_down_is_not_shown() {
    let data = Data::new();
    let router = data.served(false);
    assert_eq!(status(&router, get("/api/v1/conversations/c-1")).await, 200);
    data.without_keys();
    let router = data.served(false);
    for path in [
        "/api/v1/archive/search?q=refund",
        "/api/v1/conversations?q=refund",
        "/api/v1/conversations/c-1",
        "/api/v1/sessions",
        "/api/v1/holds",
        "/api/v1/webhooks/deliveries",
        "/api/v1/audit/verify",
    ] {
        let refused = ask(&router, get(path), "").await;
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
        let refused = json(refused).await;
        assert!(!refused.to_string().contains("anna"), "{path}: {refused}");
    }
    // Of what nobody need write down there is no more to fear.
    assert_eq!(status(&router, get("/api/v1/runs")).await, 200);
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
