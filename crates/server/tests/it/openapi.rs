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

/// Every link leads to an operation that there is, with a parameter it has, from a member that its answer has.
#[test]
fn every_link_leads_somewhere() {
    let file: Value = serde_json::from_str(&frontdesk_server::openapi()).unwrap();
    let operations: Vec<&Value> = file["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|path| path.as_object().unwrap().values())
        .collect();
    let mut links = 0;
    for operation in &operations {
        let answer = &operation["responses"]["200"];
        for link in answer["links"].as_object().into_iter().flat_map(|links| links.values()) {
            links += 1;
            let to = operations.iter().find(|to| to["operationId"] == link["operationId"]).unwrap();
            for (name, from) in link["parameters"].as_object().unwrap() {
                assert!(
                    to["parameters"].as_array().unwrap().iter().any(|known| known["name"] == **name),
                    "{link}"
                );
                let Some(path) = from.as_str().unwrap().strip_prefix("$response.body#/") else { continue };
                let mut schema = &answer["content"]["application/json"]["schema"];
                for part in path.split('/') {
                    if let Some(named) = schema["$ref"].as_str() {
                        schema = file.pointer(named.trim_start_matches('#')).unwrap();
                    }
                    schema = if part == "0" { &schema["items"] } else { &schema["properties"][part] };
                    assert!(!schema.is_null(), "{link}: {part} is nowhere");
                }
            }
        }
    }
    assert!(links > 20, "{links}");
}
