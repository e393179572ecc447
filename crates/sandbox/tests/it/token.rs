//! §1: three client styles, errors, expiry, scopes.

use std::time::Duration;

use bytes::Bytes;
use frontdesk_sandbox::Config;
use http::{Method, Request};
use serde_json::json;

use crate::support::{Client, YEAR, query, read, small};

const FORM: &str = "application/x-www-form-urlencoded";
const BASIC: &str = "Basic c2FuZGJveC1jbGllbnQ6c2FuZGJveC1zZWNyZXQtbm90LXJlYWw=";

#[test]
fn three_styles_are_taken_and_bad_requests_named() {
    let client = Client::without_token(small());
    let json = "application/json";
    let table = [
        (Some(BASIC), FORM, "grant_type=client_credentials&scope=analytics%3Aquery", 200, ""),
        (
            Some(BASIC),
            "application/x-www-form-urlencoded; charset=utf-8",
            "grant_type=client_credentials",
            200,
            "",
        ),
        (
            None,
            FORM,
            "grant_type=client_credentials&client_id=sandbox-client&client_secret=sandbox%2Dsecret%2Dnot%2Dreal",
            200,
            "",
        ),
        (
            None,
            json,
            r#"{"grant_type":"client_credentials","client_id":"sandbox-client","client_secret":"sandbox-secret-not-real","scope":"analytics:query"}"#,
            200,
            "",
        ),
        (
            None,
            FORM,
            "grant_type=client_credentials&client_id=sandbox-client&client_secret=x",
            401,
            "invalid_client",
        ),
        (None, FORM, "grant_type=client_credentials", 401, "invalid_client"),
        (Some("Basic eDp5"), FORM, "grant_type=client_credentials", 401, "invalid_client"),
        (Some("Basic ???"), FORM, "grant_type=client_credentials", 401, "invalid_client"),
        (Some(BASIC), FORM, "grant_type=password", 400, "unsupported_grant_type"),
        (Some(BASIC), FORM, "", 400, "invalid_request"),
        (Some(BASIC), FORM, "grant_type=%zz", 400, "invalid_request"),
        (Some(BASIC), "text/plain", "grant_type=client_credentials", 400, "invalid_request"),
        (None, json, r#"{"grant_type":1}"#, 400, "invalid_request"),
        (None, json, "[]", 400, "invalid_request"),
    ];
    for (authorization, content_type, body, status, code) in table {
        let mut request = Request::post("/oauth/token").header("content-type", content_type);
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        let (got, answer) = read(client.send(&request.body(Bytes::from_static(body.as_bytes())).unwrap()));
        assert_eq!(got, status, "{body}: {answer}");
        if code.is_empty() {
            assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("bearer"), &json!(86_400)));
        } else {
            assert_eq!(answer["code"], code, "{body}");
            assert!(answer["message"].is_string());
        }
    }
}

#[test]
fn tokens_expire_by_the_sandboxs_clock() {
    let mut client = Client::new(Config { token_lifetime: Duration::from_secs(60), ..small() });
    let status = |client: &Client| client.details(&query(YEAR, 1)).status().as_u16();
    assert_eq!(status(&client), 200);
    client.advance(59);
    assert_eq!(status(&client), 200);
    client.advance(1);
    assert_eq!(status(&client), 401);
    client.door("clock", &json!({"set": "2025-06-01T00:00:30Z"}));
    assert_eq!(status(&client), 200);
    client.token = Some("made-up".to_owned());
    assert_eq!(status(&client), 401);
    client.token = None;
    let (_, problem) = read(client.details(&query(YEAR, 1)));
    assert_eq!(problem["code"], "authentication.required");
}

#[test]
fn a_token_without_the_scope_is_refused_by_name() {
    let mut client = Client::without_token(small());
    for (form, status) in [
        (b"grant_type=client_credentials&scope=conversation:read+webchat:guest:read".as_slice(), 403),
        (b"grant_type=client_credentials&scope=conversation:read+analytics:query", 200),
        (b"grant_type=client_credentials&scope=", 200),
    ] {
        let (_, token) = client.take_token(form);
        client.token = token["access_token"].as_str().map(str::to_owned);
        let (got, answer) = read(client.details(&query(YEAR, 1)));
        assert_eq!(got, status);
        if status == 403 {
            assert!(answer["message"].as_str().unwrap().contains("analytics:query"));
        }
    }
}

#[test]
fn paths_and_methods_that_are_not_served_say_so() {
    let client = Client::new(small());
    let reply = client.call(Method::GET, "/oauth/token", "");
    assert_eq!((reply.status().as_u16(), reply.response.headers()["allow"].to_str().unwrap()), (405, "POST"));
    let (status, answer) = read(client.call(Method::GET, "/api/v2/unheard/of", ""));
    assert_eq!((status.as_u16(), &answer["code"]), (404, &json!("not.found")));
    assert_eq!(client.sandbox.stats().requests["GET *"], 1);
}
