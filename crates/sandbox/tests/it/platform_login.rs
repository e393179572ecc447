//! Platform contract A.3 to A.6, B.1 to B.5: tokens, errors, correlation, limits.

use bytes::Bytes;
use frontdesk_sandbox::{Config, Effect, FaultPlan, PlatformPlan, Rule, When};
use http::{Method, Request};
use serde_json::{Value, json};

use crate::support::{Platform, number, read, small};

#[test]
fn the_login_host_takes_basic_and_a_form_and_nothing_else() {
    let platform = Platform::new(small());
    let good = "Basic c2FuZGJveC1jbGllbnQ6c2FuZGJveC1zZWNyZXQtbm90LXJlYWw=";
    let ask = |authorization: &str, media_type: &str, body: &'static [u8]| {
        let request = Request::post("/login/oauth/token")
            .header("authorization", authorization)
            .header("content-type", media_type);
        read(platform.send(&request.body(Bytes::from_static(body)).unwrap()))
    };
    let form = "application/x-www-form-urlencoded";
    let (status, body) = ask(good, form, b"grant_type=client_credentials");
    assert_eq!(
        (status.as_u16(), &body["token_type"], &body["expires_in"]),
        (200, &json!("bearer"), &json!(86_400))
    );
    for (authorization, media_type, form, status, error, text) in [
        (
            "Basic bm9ib2R5Ong=",
            form,
            &b"grant_type=client_credentials"[..],
            401,
            "invalid_client",
            "client not found",
        ),
        (
            "Basic c2FuZGJveC1jbGllbnQ6eA==",
            form,
            b"grant_type=client_credentials",
            401,
            "invalid_client",
            "authentication failed",
        ),
        (good, "application/json", b"{}", 400, "invalid_request", "the body is no form"),
        (good, form, b"", 400, "invalid_request", "grant_type is missing"),
        (
            good,
            form,
            b"grant_type=password",
            400,
            "unsupported_grant_type",
            "the client may use client_credentials alone",
        ),
    ] {
        let (got, body) = ask(authorization, media_type, form);
        assert_eq!(got.as_u16(), status, "{text}");
        assert_eq!(body, json!({"error": error, "description": text, "error_description": text}));
    }
}

#[test]
fn a_token_is_needed_and_each_way_of_lacking_one_has_its_code() {
    let mut platform =
        Platform::new(Config { token_lifetime: std::time::Duration::from_secs(60), ..small() });
    let code = |platform: &Platform| {
        let (status, body) = read(platform.call(Method::GET, "/api/v2/tokens/me", ""));
        (status.as_u16(), body["code"].as_str().unwrap_or_default().to_owned())
    };
    let (status, info) = read(platform.call(Method::GET, "/api/v2/tokens/me", ""));
    assert_eq!((status.as_u16(), info["OAuthClient"]["id"].as_str()), (200, Some("sandbox-client")));
    assert_eq!(platform.call(Method::HEAD, "/api/v2/tokens/me", "").status(), 200);
    platform.advance(61);
    assert_eq!(code(&platform), (401, "credentials.expired".to_owned()));
    platform.token = Some("garbage".to_owned());
    assert_eq!(code(&platform), (401, "bad.credentials".to_owned()));
    platform.token = None;
    assert_eq!(code(&platform), (401, "authentication.required".to_owned()));
    platform.take_token();
    assert_eq!(code(&platform).0, 200);
    assert_eq!(platform.call(Method::DELETE, "/api/v2/tokens/me", "").status(), 200);
    assert_eq!(code(&platform), (401, "bad.credentials".to_owned()));
}

#[test]
fn every_answer_has_a_correlation_id_that_its_error_repeats() {
    let platform = Platform::new(small());
    let reply = platform.call(Method::GET, "/api/v2/nowhere", "");
    let id = reply.response.headers()["inin-correlation-id"].to_str().unwrap().to_owned();
    let (status, body) = read(reply);
    assert_eq!((status.as_u16(), body["status"].as_u64()), (404, Some(404)));
    assert_eq!(body["contextId"].as_str(), Some(id.as_str()));
    assert_eq!(body["code"].as_str(), Some("not.found"));
    let next = platform.call(Method::GET, "/api/v2/organizations/me", "");
    assert_ne!(next.response.headers()["inin-correlation-id"].to_str().unwrap(), id);
    assert_eq!(next.status(), 200);
}

#[test]
fn the_rate_limit_is_stated_and_kept_in_the_vendors_words() {
    let platform = Platform::new(Config { rate_limit_per_min: 3, ..small() });
    for used in 1..=3 {
        let reply = platform.call(Method::GET, "/api/v2/tokens/me", "");
        let headers = reply.response.headers();
        assert_eq!(number(headers, "inin-ratelimit-count"), Some(used));
        assert_eq!(number(headers, "inin-ratelimit-allowed"), Some(3));
        assert_eq!(number(headers, "inin-ratelimit-reset"), Some(60));
    }
    let reply = platform.call(Method::GET, "/api/v2/tokens/me", "");
    assert_eq!(number(reply.response.headers(), "retry-after"), Some(60));
    let (status, body) = read(reply);
    assert_eq!((status.as_u16(), body["code"].as_str()), (429, Some("too.many.requests.retry.after")));
    assert_eq!(
        body["message"].as_str(),
        Some("Rate limit exceeded the maximum. Retry the request in [60] seconds")
    );
    assert_eq!(body["limit"]["key"].as_str(), Some("client.credentials.token.rate.per.minute"));
}

#[test]
fn faults_have_the_platforms_error_body() {
    let status = |status, retry_after: Value| {
        serde_json::from_value::<Effect>(json!({"status": {"status": status, "retry_after": retry_after}}))
            .unwrap()
    };
    let rule =
        |nth, then| Rule { when: When { nth: Some(nth), ..When::default() }, then: Some(then), delay_ms: 0 };
    // The first request is for the token.
    let rules = vec![
        rule(2, status(503, json!([]))),
        rule(2, status(429, json!(["600"]))),
        rule(2, status(429, json!([]))),
        rule(2, status(504, json!([]))),
        rule(2, Effect::CommittedThen { status: 500 }),
    ];
    let platform = Platform::new(Config { faults: FaultPlan { rules, ..FaultPlan::default() }, ..small() });
    for (status, code) in [
        (503, "service.unavailable"),
        (429, "too.many.requests.retry.after"),
        (429, "too.many.requests"),
        (504, "request.timeout"),
        (500, "internal.server.error"),
    ] {
        let (got, body) = read(platform.call(Method::GET, "/api/v2/tokens/me", ""));
        assert_eq!((got.as_u16(), body["code"].as_str()), (status, Some(code)));
        assert!(body["contextId"].is_string() && body["errors"].is_array());
    }
}

#[test]
fn a_plan_is_read_back_and_one_that_makes_no_sense_refused() {
    let platform = Platform::new(small());
    let plan = platform.door("platform", &Value::Null);
    assert_eq!(plan, serde_json::to_value(PlatformPlan::default()).unwrap());
    platform.door("platform", &json!({"late": 0.5, "strange": true}));
    assert_eq!(platform.door("platform", &Value::Null)["late"], json!(0.5));
    let refused = platform.call(Method::POST, "/_sandbox/platform", r#"{"late": 0.6, "absent": 0.6}"#);
    assert_eq!(refused.status(), 400);
}
