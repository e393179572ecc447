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
        package: "frontdesk-journal",
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
        package: "frontdesk-sessions",
        sees: &["frontdesk-domain", "frontdesk-durable", "frontdesk-api", "frontdesk-journal"],
        tests_see: &["frontdesk-fixtures", "frontdesk-sandbox"],
        never: &["reqwest", "clap", "indicatif", "tracing-subscriber"],
    },
    Room {
        package: "frontdesk-messages",
        sees: &["frontdesk-domain", "frontdesk-api", "frontdesk-journal"],
        tests_see: &["frontdesk-fixtures", "frontdesk-sandbox"],
        never: &["reqwest", "clap", "indicatif", "tracing-subscriber"],
    },
    Room {
        package: "frontdesk-deliveries",
        sees: &["frontdesk-domain", "frontdesk-api", "frontdesk-journal"],
        tests_see: &["frontdesk-fixtures"],
        never: &["reqwest", "clap", "indicatif", "tracing-subscriber"],
    },
    Room {
        package: "frontdesk-history",
        sees: &[
            "frontdesk-domain",
            "frontdesk-durable",
            "frontdesk-api",
            "frontdesk-archive",
            "frontdesk-journal",
        ],
        tests_see: &["frontdesk-fixtures"],
        never: &["reqwest", "clap", "indicatif", "tracing-subscriber"],
    },
    Room {
        package: "frontdesk-shell",
        sees: &["frontdesk-domain"],
        tests_see: &["frontdesk-fixtures"],
        never: &["reqwest", "hyper", "rusqlite", "rustls"],
    },
    Room {
        package: "frontdesk-server",
        sees: &[
            "frontdesk-domain",
            "frontdesk-durable",
            "frontdesk-archive",
            "frontdesk-archiver",
            "frontdesk-journal",
            "frontdesk-messages",
            "frontdesk-sessions",
        ],
        tests_see: &["frontdesk-fixtures"],
        never: &["reqwest", "clap", "indicatif", "tracing-subscriber"],
    },
    Room {
        package: "frontdesk",
        sees: &[
            "frontdesk-domain",
            "frontdesk-durable",
            "frontdesk-api",
            "frontdesk-archive",
            "frontdesk-archiver",
            "frontdesk-history",
            "frontdesk-deliveries",
            "frontdesk-journal",
            "frontdesk-messages",
            "frontdesk-sandbox",
            "frontdesk-server",
            "frontdesk-sessions",
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
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

/// Fails with every arrow that points where it must not.
pub(crate) fn check() -> Outcome {
    let text = cargo::output(&["metadata", "--format-version", "1", "--no-deps", "--locked"])?;
    let metadata: Metadata =
        serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
    let mut wrong = broken(&metadata, ROOMS);
    for room in ROOMS {
        wrong.extend(pulled_in(room.package, &[], room.never)?);
    }
    // Without features the client core has no HTTP client and no TLS in it.
    wrong.extend(pulled_in(
        "frontdesk-api",
        &["--no-default-features"],
        &["reqwest", "rustls", "ring", "hyper"],
    )?);
    if wrong.is_empty() {
        println!("layers: {} rooms, every arrow points down", ROOMS.len());
        Ok(())
    } else {
        Err(format!("arrows that point the wrong way:\n  {}", wrong.join("\n  ")))
    }
}

fn broken(metadata: &Metadata, rooms: &[Room]) -> Vec<String> {
    let members: BTreeMap<&str, &Package> =
        metadata.packages.iter().map(|package| (package.name.as_str(), package)).collect();
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
            // A crate sees itself in its tests to switch a feature on for them.
            let allowed = room.sees.contains(&name)
                || in_tests && (name == room.package || room.tests_see.contains(&name));
            if !allowed {
                wrong.push(format!("{} -> {name}{}", room.package, if in_tests { " (tests)" } else { "" }));
            }
        }
    }
    wrong
}

/// What of `never` a package alone is built with, through whatever others.
fn pulled_in(package: &str, features: &[&str], never: &[&str]) -> Result<Vec<String>, String> {
    let mut arguments = vec!["tree", "-p", package, "-e", "normal", "--prefix", "none", "--locked"];
    arguments.extend(features);
    Ok(found(&cargo::output(&arguments)?, never)
        .map(|name| [package, features.join(" ").as_str(), "pulls in", name].join(" "))
        .collect())
}

/// The names of `never` that stand in a tree.
fn found<'n>(tree: &str, never: &'n [&'n str]) -> impl Iterator<Item = &'n str> {
    let names: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    never.iter().copied().filter(move |name| names.contains(name)).collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(kind: Option<&str>) -> Metadata {
        let package = |name: &str, dependencies: &[(&str, Option<&str>)]| Package {
            name: name.into(),
            dependencies: dependencies
                .iter()
                .map(|(name, kind)| Dependency { name: (*name).into(), kind: kind.map(Into::into) })
                .collect(),
        };
        Metadata {
            packages: vec![
                package("low", &[("high", kind), ("low", Some("dev")), ("serde", None)]),
                package("high", &[("low", None)]),
            ],
        }
    }

    const TABLE: &[Room] = &[
        Room { package: "low", sees: &[], tests_see: &["high"], never: &[] },
        Room { package: "high", sees: &["low"], tests_see: &[], never: &[] },
    ];

    #[test]
    fn an_arrow_up_is_found_and_one_in_tests_is_not() {
        assert_eq!(broken(&metadata(Some("dev")), TABLE), Vec::<String>::new());
        assert_eq!(broken(&metadata(None), TABLE), ["low -> high"]);
        assert_eq!(broken(&metadata(Some("build")), TABLE), ["low -> high"]);
    }

    #[test]
    fn what_is_pulled_in_through_others_is_found() {
        let tree = "high v0.1.0 (somewhere)\nlow v0.1.0\ntokio v1.0.0\ntokio-util v0.7.0 (*)\n";
        assert_eq!(found(tree, &["tokio", "reqwest"]).collect::<Vec<_>>(), ["tokio"]);
        assert_eq!(found(tree, &["tok", "util"]).count(), 0, "names are compared whole");
    }

    #[test]
    fn a_room_that_is_not_in_the_table_is_found() {
        let wrong = broken(&metadata(Some("dev")), &TABLE[..1]);
        assert_eq!(wrong, ["high is not in the table of rooms (xtask/src/layers.rs)"]);
    }
}
