//! Searching: what is found is what stock tools find, page by page; and every wrong question is told what is wrong.

use std::collections::BTreeSet;

use serde_json::Value;

use super::bad_input::Kept;
use super::desk::Desk;
use super::scene::Scene;
use super::tenant::small;
use super::{Scenario, files};
use crate::Outcome;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("search: counts, ids and facets equal to jq over the segments", counted),
        Scenario::new("search: pages in both orders give every hit once", paged),
        Scenario::new("search: wrong questions are told what is wrong, and where", wrong),
    ]
}

/// What is asked, and what jq says of a conversation `.` with `said` in it that is to be found.
const ASKED: &[(&[&str], &str)] = &[
    (&["--contains", "E"], r#"(said | contains("e"))"#),
    (&["--contains", ", t"], r#"(said | contains(", t"))"#),
    (&["--contains", "guest: i"], r#"(said | contains("guest: i"))"#),
    (&["--contains", "?\nguest: "], r#"(said | contains("?\nguest: "))"#),
    (&["the"], r#"(said | word("the"))"#),
    (&["THE"], r#"(said | word("the"))"#),
    (&["re*"], r#"(said | test("(?<![\\p{L}\\p{N}])re"))"#),
    (&["the OR a"], r#"(said | word("the") or word("a"))"#),
    (&["the AND a"], r#"(said | word("the") and word("a"))"#),
    (&["i -you"], r#"((said | word("i")) and (said | word("you") | not))"#),
    (
        &["i (you OR we) NOT the"],
        r#"(said | word("i") and (word("you") or word("we")) and (word("the") | not))"#,
    ),
    (&["\"guest i\""], r#"(said | test("(?<![\\p{L}\\p{N}])guest[^\\p{L}\\p{N}]+i(?![\\p{L}\\p{N}])"))"#),
    (&["\"agent i\"*"], r#"(said | test("(?<![\\p{L}\\p{N}])agent[^\\p{L}\\p{N}]+i"))"#),
    (&["direction:INBOUND"], r#"(.direction == "inbound")"#),
    (&["direction:inbound -language:en"], r#"(.direction == "inbound" and .language != "en")"#),
    (&["from:2025-03-01 to:2025-06-01"], r#"(.startTime >= "2025-03-01" and .startTime < "2025-06-01")"#),
    (&["the from:2025-09-01"], r#"((said | word("the")) and .startTime >= "2025-09-01")"#),
    (&["metadata.source:web_portal"], r#"(.metadata.source == "web_portal")"#),
    (&["nowherefound"], "false"),
];

const SAID: &str = r#"
def said: [.interactions[].transcript | strings] | join("\n") | gsub("İ"; "i") | ascii_downcase;
def word($w): test("(?<![\\p{L}\\p{N}])" + $w + "(?![\\p{L}\\p{N}])");
"#;

/// A desk with conversations of all sorts in small segments, newest versions only.
fn pulled<'s>(scene: &'s Scene<'_>, conversations: u64) -> Result<Desk<'s>, String> {
    let tenant =
        scene.tenant(frontdesk_sandbox::Config { conversations: Some(conversations), ..small(scene) })?;
    let desk = scene.desk("data").connected(&tenant).with("FRONTDESK_SEGMENT_SIZE", "256KiB");
    desk.pull(&[])?.exits(0)?;
    Ok(desk)
}

fn search(desk: &Desk<'_>, arguments: &[&str]) -> Result<Value, String> {
    desk.json(&[&["archive", "search"], arguments].concat())?.exits(0)?.last()
}

fn counted(scene: &Scene<'_>) -> Outcome {
    let desk = pulled(scene, 800)?;
    // One pass of jq for all: for each question the ids of what it finds, newest first.
    let filters: Vec<&str> = ASKED.iter().map(|(_, filter)| *filter).collect();
    let program = format!("{SAID} [.startTime, .id, [{}]]", filters.join(", "));
    files::write_private(&scene.path("home").join("said.jq"), program.as_bytes())?;
    let lines =
        desk.shell("find \"$ARCHIVE/segments\" -name '*.ndjson.gz' | xargs zcat | jq -c -f said.jq")?;
    let rows: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).map_err(|error| format!("jq said {line:?}: {error}")))
        .collect::<Result<_, String>>()?;
    ensure!(rows.len() == 800, "jq sees {} conversations", rows.len());
    let mut found_some = 0;
    for (number, (question, filter)) in ASKED.iter().enumerate() {
        let expected: BTreeSet<&str> =
            rows.iter().filter(|row| row[2][number] == true).filter_map(|row| row[1].as_str()).collect();
        found_some += usize::from(!expected.is_empty() && expected.len() < rows.len());
        for order in ["newest", "best"] {
            let answer =
                search(&desk, &[question, &["--limit", "10000", "--order", order] as &[&str]].concat())?;
            ensure!(
                answer["count"].as_u64() == Some(expected.len() as u64),
                "{question:?} finds {}, and jq with {filter} {}",
                answer["count"],
                expected.len()
            );
            let hits = answer["hits"].as_array().ok_or("no hits")?;
            let ids: BTreeSet<&str> = hits.iter().filter_map(|hit| hit["id"].as_str()).collect();
            ensure!(ids == expected, "{question:?} finds other conversations than jq");
            let starts: Vec<&str> = hits.iter().filter_map(|hit| hit["started_at"].as_str()).collect();
            ensure!(
                order == "best" || starts.is_sorted_by(|one, other| one >= other),
                "{question:?}: not newest first"
            );
            hits.iter().try_for_each(is_marked_right)?;
        }
    }
    ensure!(found_some > 10, "only {found_some} questions tell conversations apart");
    facets(&desk)
}

/// Snippets are short, and what is marked in them lies in them.
fn is_marked_right(hit: &Value) -> Outcome {
    let length = hit["snippet"].as_str().ok_or("a hit without a snippet")?.chars().count() as u64;
    let marks = hit["marks"].as_array().ok_or("a hit without marks")?;
    let mut end = 0;
    for mark in marks {
        let (Some(start), Some(count)) = (mark[0].as_u64(), mark[1].as_u64()) else {
            return Err(format!("{mark} is no mark"));
        };
        ensure!(start >= end && count > 0 && start + count <= length, "{mark} of {length} characters");
        end = start + count;
    }
    ensure!(length <= 160, "a snippet of {length} characters");
    Ok(())
}

fn facets(desk: &Desk<'_>) -> Outcome {
    let answer = search(desk, &["the", "--facets"])?;
    let program = format!("{SAID} select(said | word(\"the\")) | .queue");
    files::write_private(&desk.scene.path("home").join("queues.jq"), program.as_bytes())?;
    let counted = desk.shell(
        "find \"$ARCHIVE/segments\" -name '*.ndjson.gz' | xargs zcat | jq -r -f queues.jq | sort | uniq -c",
    )?;
    let queue =
        answer["facets"].as_array().and_then(|facets| facets.iter().find(|facet| facet["field"] == "queue"));
    let values = queue.and_then(|queue| queue["values"].as_array()).ok_or("the queues are not counted")?;
    let lines: Vec<Vec<&str>> = counted.lines().map(|line| line.split_whitespace().collect()).collect();
    ensure!(!lines.is_empty() && lines.len() == values.len(), "{counted} against {values:?}");
    for line in lines {
        let told = values.iter().any(|value| {
            value["value"].as_str() == Some(line[1]) && value["count"].as_u64() == line[0].parse().ok()
        });
        ensure!(told, "{line:?} is not among {values:?}");
    }
    Ok(())
}

fn paged(scene: &Scene<'_>) -> Outcome {
    let desk = pulled(scene, 400)?;
    for order in ["newest", "best"] {
        let base = ["the OR you OR refund", "--order", order];
        let count = search(&desk, &base)?["count"].as_u64().ok_or("no count")?;
        ensure!(count > 100, "only {count} hits: no pages to speak of");
        let (mut seen, mut cursor, mut pages) = (BTreeSet::new(), None::<String>, 0);
        loop {
            let mut arguments = [&base as &[&str], &["--limit", "30"]].concat();
            arguments.extend(cursor.as_deref().map(|cursor| ["--cursor", cursor]).iter().flatten());
            let answer = search(&desk, &arguments)?;
            let members: BTreeSet<&str> =
                answer.as_object().ok_or("no object")?.keys().map(String::as_str).collect();
            let known = ["count", "elapsed_us", "hits", "next_cursor"];
            ensure!(members.iter().all(|member| known.contains(member)), "{members:?}");
            ensure!(answer["count"].as_u64() == Some(count), "the count changes from page to page");
            for hit in answer["hits"].as_array().ok_or("no hits")? {
                let members: Vec<&str> =
                    hit.as_object().ok_or("no object")?.keys().map(String::as_str).collect();
                ensure!(members.len() == 5, "{members:?}");
                ensure!(seen.insert(hit["id"].to_string()), "{} is there twice, {order} first", hit["id"]);
            }
            pages += 1;
            cursor = answer["next_cursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                break;
            }
        }
        ensure!(seen.len() as u64 == count, "{} of {count} on {pages} pages, {order} first", seen.len());
    }
    // Text for people: what is found, and how to go on; no escapes where nobody looks.
    let run = desk.run(&["archive", "search", "the", "--limit", "2"])?.exits(0)?;
    let text = String::from_utf8_lossy(&run.stdout);
    ensure!(text.contains("go on with --cursor") && !text.contains('\u{1b}'), "{}", run.wrong("text"));
    Ok(())
}

fn wrong(scene: &Scene<'_>) -> Outcome {
    let kept = Kept::new(scene.desk("data"))?;
    let desk = &kept.desk;
    // One argument can have 128 KiB; a query of 1 MiB is the server's and the parser's test.
    let long = "a ".repeat(60_000);
    let deep = format!("{}a{}", "(".repeat(100), ")".repeat(100));
    let many = "a ".repeat(100);
    let queries: &[(&str, &[&str])] = &[
        ("", &["column 1", "empty"]),
        (" ", &["empty"]),
        (&long, &["4096", "column 4097"]),
        (&deep, &["column 65", "parentheses"]),
        (&many, &["column 129", "64"]),
        ("\"make a reservation", &["column 1", "never closed"]),
        ("(refund hotel", &["column 1", "never closed"]),
        ("refund) hotel", &["column 7", "closes nothing"]),
        ("refund queu:web", &["column 8", "did you mean `queue`"]),
        ("colour:red", &["column 1", "unknown field"]),
        ("from:2025-06-01 to:2025-01-01", &["column 17", "before"]),
        ("from:2025-13-01", &["column 6", "month"]),
        ("*", &["column 1", "star"]),
        ("-refund", &["column 1", "must not be there"]),
        ("NOT refund", &["must not be there"]),
        ("refund AND", &["column 11"]),
        ("?!", &["--contains"]),
        ("größe queue:", &["column 13"]),
    ];
    for (query, words) in queries {
        desk.json(&["archive", "search", query])?.exits(2)?.says(words)?;
        let run = desk.run(&["archive", "search", query])?.exits(2)?.says(words)?;
        ensure!(
            run.stderr.lines().any(|line| line.trim() == "^"),
            "{}",
            run.wrong("nothing points at the place")
        );
        ensure!(run.stderr.len() < 1_000, "{}", run.wrong("a long complaint"));
    }
    let others: &[(&[&str], &[&str])] = &[
        (&[], &["--contains"]),
        (&["a", "--contains", "b"], &["--contains"]),
        (&["a", "b"], &["b"]),
        (&["--contains", &long], &["--contains"]),
        (&["a", "--order", "oldest"], &["order", "newest", "best"]),
        (&["a", "--limit", "-1"], &["-1"]),
        (&["a", "--cursor", ""], &["cursor"]),
        (&["a", "--order", "best", "--cursor", "2.x"], &["cursor"]),
    ];
    for (arguments, words) in others {
        desk.json(&[&["archive", "search"], *arguments].concat())?.exits(2)?.says(words)?;
    }
    cursors(scene, desk)?;
    kept.is_kept()
}

/// A cursor of the other order, of another search, of another archive, and of this one before it grew.
fn cursors(scene: &Scene<'_>, kept: &Desk<'_>) -> Outcome {
    let lines = scene.hidden("two.ndjson");
    let line =
        |id: &str| format!("{{\"id\":\"{id}\",\"interactions\":[{{\"transcript\":\"hotel {id}\"}}]}}\n");
    files::write_private(&lines, ["a", "b", "c"].map(line).concat().as_bytes())?;
    let desk = scene.desk("other");
    desk.import(&lines)?.exits(0)?;
    let cursor = |order: &str| -> Result<String, String> {
        let answer = search(&desk, &["hotel", "--limit", "1", "--order", order])?;
        answer["next_cursor"].as_str().map(str::to_owned).ok_or_else(|| format!("no cursor: {answer}"))
    };
    let (newest, best) = (cursor("newest")?, cursor("best")?);
    let refused = |desk: &Desk<'_>, query: &str, order: &str, cursor: &str, words: &[&str]| -> Outcome {
        let arguments = ["archive", "search", query, "--order", order, "--cursor", cursor];
        desk.json(&arguments)?.exits(2)?.says(words).map(|_| ())
    };
    refused(&desk, "hotel", "best", &newest, &["another order"])?;
    refused(&desk, "hotel", "newest", &best, &["another order"])?;
    refused(&desk, "hotel*", "best", &best, &["another search"])?;
    for (order, cursor) in [("newest", &newest), ("best", &best)] {
        refused(kept, "hotel", order, cursor, &["another archive"])?;
        let answer = search(&desk, &["hotel", "--limit", "1", "--order", order, "--cursor", cursor])?;
        ensure!(answer["hits"][0]["id"] == "b", "{answer}");
    }
    files::write_private(&lines, line("d").as_bytes())?;
    desk.import(&lines)?.exits(0)?;
    refused(&desk, "hotel", "best", &best, &["has changed", "--order newest"])?;
    let answer = search(&desk, &["hotel", "--limit", "1", "--cursor", &newest])?;
    ensure!(answer["hits"][0]["id"] == "b" && answer["count"] == 4, "{answer}");
    Ok(())
}
