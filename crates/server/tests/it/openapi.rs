//! The OpenAPI file is what the handlers are, and what is checked in.

use std::collections::BTreeSet;
use std::path::Path;

use frontdesk_durable::{OsDir, publish};
use serde_json::Value;

#[test]
fn the_file_that_is_checked_in_is_the_one_that_is_served() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let made = frontdesk_server::openapi();
    let kept = std::fs::read_to_string(docs.join("openapi.json")).unwrap_or_default();
    if made != kept {
        publish(&OsDir::open(&docs).unwrap(), "openapi.json.new", made.as_bytes()).unwrap();
        panic!(
            "docs/openapi.json is not what the handlers say: look at docs/openapi.json.new, and put it in its place"
        );
    }
}

#[test]
fn every_route_is_in_it_and_nothing_else() {
    let routes: BTreeSet<&str> = include_str!("../../src/json.rs")
        .split(".route(\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .filter(|path| *path != "/api/v1/openapi.json")
        .collect();
    let file: Value = serde_json::from_str(&frontdesk_server::openapi()).unwrap();
    let documented: BTreeSet<&str> = file["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(routes, documented);
}
