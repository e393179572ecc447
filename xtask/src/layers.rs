//! Arrows point down: the rooms of `ARCHITECTURE.md`, checked against `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::Outcome;
use crate::cargo;

/// One room: which of ours it may see, which also in tests, and what it must never pull in from outside.
struct Room {
    package: &'static str,
    sees: &'static [&'static str],
    tests_see: &'static [&'static str],
    never: &'static [&'static str],
}

const HTTP: [&str; 6] = ["reqwest", "hyper", "tokio", "rustls", "h2", "axum"];

/// The whole table. A room that is not in it fails the check, so that adding one is a decision.
const ROOMS: &[Room] = &[
    Room {
        package: "frontdesk-domain",
        sees: &[],
        tests_see: &["frontdesk-fixtures"],
        never: &[
            "tokio",
            "reqwest",
            "hyper",
            "rusqlite",
            "tracing",
            "tracing-subscriber",
            "rustls",
            "flate2",
        ],
    },
    Room {
        package: "frontdesk-durable",
        sees: &[],
        tests_see: &["frontdesk-fixtures"],
        never: &["tokio", "reqwest", "hyper", "rusqlite", "rustls", "flate2"],
    },
    Room {
        package: "frontdesk-api",
        sees: &["frontdesk-domain"],
        tests_see: &["frontdesk-fixtures", "frontdesk-sandbox"],
        never: &["rusqlite", "tracing-subscriber", "clap", "indicatif"],
    },
    Room {
        package: "frontdesk-archive",
        sees: &["frontdesk-domain", "frontdesk-durable"],
        tests_see: &["frontdesk-fixtures"],
        never: &HTTP,
    },
    Room {
        package: "frontdesk-sandbox",
        sees: &[],
        tests_see: &["frontdesk-fixtures"],
        never: &["reqwest", "rusqlite"],
    },
    Room {
        package: "frontdesk-archiver",
        sees: &["frontdesk-domain", "frontdesk-api", "frontdesk-archive"],
        tests_see: &["frontdesk-fixtures", "frontdesk-sandbox", "frontdesk-durable"],
        never: &["reqwest", "clap", "indicatif", "tracing-subscriber"],
    },
    Room {
        package: "frontdesk-shell",
        sees: &["frontdesk-domain", "frontdesk-durable"],
        tests_see: &["frontdesk-fixtures"],
        never: &["reqwest", "hyper", "rusqlite", "rustls"],
    },
    Room {
        package: "frontdesk",
        sees: &[
            "frontdesk-domain",
            "frontdesk-durable",
            "frontdesk-api",
            "frontdesk-archive",
            "frontdesk-archiver",
            "frontdesk-sandbox",
            "frontdesk-shell",
        ],
        tests_see: &["frontdesk-fixtures"],
        never: &["openssl-sys", "native-tls", "aws-lc-sys"],
    },
    Room { package: "frontdesk-fixtures", sees: &[], tests_see: &[], never: &HTTP },
    Room {
        package: "xtask",
        sees: &["frontdesk-sandbox", "frontdesk-fixtures"],
        tests_see: &[],
        never: &["rusqlite", "openssl-sys"],
    },
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
    workspace_members: Vec<String>,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<NodeDependency>,
}

#[derive(Deserialize)]
struct NodeDependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    kind: Option<String>,
}

/// Fails with every arrow that points where it must not.
pub(crate) fn check() -> Outcome {
    let text = cargo::output(&["metadata", "--format-version", "1", "--locked"])?;
    let metadata: Metadata =
        serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
    let mut wrong = broken(&metadata, ROOMS);
    wrong.extend(bare_api()?);
    if wrong.is_empty() {
        println!("layers: {} rooms, every arrow points down", ROOMS.len());
        Ok(())
    } else {
        Err(format!("arrows that point the wrong way:\n  {}", wrong.join("\n  ")))
    }
}

fn broken(metadata: &Metadata, rooms: &[Room]) -> Vec<String> {
    let members: BTreeMap<&str, &Package> = metadata
        .packages
        .iter()
        .filter(|package| metadata.workspace_members.contains(&package.id))
        .map(|package| (package.name.as_str(), package))
        .collect();
    let mut wrong = Vec::new();
    for name in members.keys() {
        if !rooms.iter().any(|room| room.package == *name) {
            wrong.push(format!("{name} is not in the table of rooms (xtask/src/layers.rs)"));
        }
    }
    for room in rooms {
        let Some(package) = members.get(room.package) else {
            wrong.push(format!("{} is in the table of rooms but not in the workspace", room.package));
            continue;
        };
        for dependency in
            package.dependencies.iter().filter(|dependency| members.contains_key(dependency.name.as_str()))
        {
            let name = dependency.name.as_str();
            let in_tests = dependency.kind.as_deref() == Some("dev");
            if !(room.sees.contains(&name) || in_tests && room.tests_see.contains(&name)) {
                wrong.push(format!("{} -> {name}{}", room.package, if in_tests { " (tests)" } else { "" }));
            }
        }
        let pulled_in = reachable(metadata, &package.id);
        for never in room.never.iter().filter(|never| pulled_in.contains(**never)) {
            wrong.push(format!("{} pulls in {never}", room.package));
        }
    }
    wrong
}

/// Names of everything that a package needs to be built and run, tests aside.
fn reachable<'m>(metadata: &'m Metadata, from: &str) -> BTreeSet<&'m str> {
    let nodes: BTreeMap<&str, &Node> =
        metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let names: BTreeMap<&str, &str> =
        metadata.packages.iter().map(|package| (package.id.as_str(), package.name.as_str())).collect();
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    let mut seen = BTreeSet::from([from]);
    while let Some(id) = open.pop() {
        let Some(node) = nodes.get(id) else { continue };
        for dependency in &node.deps {
            if dependency.dep_kinds.iter().any(|kind| kind.kind.is_none())
                && seen.insert(dependency.pkg.as_str())
            {
                found.extend(names.get(dependency.pkg.as_str()));
                open.push(dependency.pkg.as_str());
            }
        }
    }
    found
}

/// The api crate without features has no HTTP client and no TLS in it (style: negative dependency test).
fn bare_api() -> Result<Vec<String>, String> {
    let tree = cargo::output(&[
        "tree",
        "-p",
        "frontdesk-api",
        "--no-default-features",
        "-e",
        "normal",
        "--prefix",
        "none",
        "--locked",
    ])?;
    let names: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    let never = ["reqwest", "rustls", "ring", "hyper"];
    Ok(never
        .iter()
        .filter(|name| names.contains(**name))
        .map(|name| format!("frontdesk-api without features pulls in {name}"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(upward: bool) -> Metadata {
        let package = |name: &str, dependencies: &[(&str, Option<&str>)]| Package {
            id: format!("id:{name}"),
            name: name.into(),
            dependencies: dependencies
                .iter()
                .map(|(name, kind)| Dependency { name: (*name).into(), kind: kind.map(Into::into) })
                .collect(),
        };
        let node = |name: &str, deps: &[&str]| Node {
            id: format!("id:{name}"),
            deps: deps
                .iter()
                .map(|dep| NodeDependency {
                    pkg: format!("id:{dep}"),
                    dep_kinds: vec![DependencyKind { kind: None }],
                })
                .collect(),
        };
        let low: &[(&str, Option<&str>)] = if upward { &[("high", None)] } else { &[("high", Some("dev"))] };
        Metadata {
            packages: vec![package("low", low), package("high", &[("low", None)]), package("net", &[])],
            resolve: Resolve {
                nodes: vec![node("low", &[]), node("high", &["low", "between"]), node("between", &["net"])],
            },
            workspace_members: vec!["id:low".into(), "id:high".into()],
        }
    }

    const TABLE: &[Room] = &[
        Room { package: "low", sees: &[], tests_see: &["high"], never: &[] },
        Room { package: "high", sees: &["low"], tests_see: &[], never: &[] },
    ];

    #[test]
    fn an_arrow_up_is_found_and_one_in_tests_is_not() {
        assert_eq!(broken(&metadata(false), TABLE), Vec::<String>::new());
        assert_eq!(broken(&metadata(true), TABLE), ["low -> high"]);
    }

    #[test]
    fn what_is_pulled_in_through_others_is_found() {
        let strict = [Room { package: "high", sees: &["low"], tests_see: &[], never: &["net"] }];
        let wrong = broken(&metadata(false), &strict);
        assert!(wrong.contains(&String::from("high pulls in net")), "{wrong:?}");
    }

    #[test]
    fn a_room_that_is_not_in_the_table_is_found() {
        let wrong = broken(&metadata(false), &TABLE[..1]);
        assert_eq!(wrong, ["high is not in the table of rooms (xtask/src/layers.rs)"]);
    }
}
