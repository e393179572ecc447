//! Row S16, and what the recognisers find on labelled text (rows R91 to R93).
//!
//! `cargo bench -p frontdesk-domain --bench pii` measures megabytes a second over the fixtures' dialogues and over texts
//! that are made to be slow, beside one plain pass over the same bytes. With `-- FILE` it reads labelled lines,
//! `{"text", "region"?, "found": [{"kind", "value"}]}`, and counts for each kind what was found, missed and made up;
//! `-- FILE --show` names the misses. Prints JSON, a line for each.
#![expect(
    clippy::disallowed_methods,
    reason = "a bench measures elapsed time, and reads the file it is told to"
)]
#![expect(clippy::print_stdout, reason = "its figures are for whoever runs it")]

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use frontdesk_domain::pii::{PiiKind, Region, find};
use frontdesk_fixtures::dialogues;
use serde::Deserialize;
use serde_json::json;

/// Bytes that one measurement goes over.
const BYTES: usize = 32 << 20;
const RUNS: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().find(|argument| !argument.starts_with("--")) {
        Some(file) => {
            let show = arguments.iter().any(|argument| argument == "--show");
            labelled(&std::fs::read_to_string(file)?, show)
        }
        None => {
            speed();
            Ok(())
        }
    }
}

/// Row S16: all recognisers, one core.
fn speed() {
    let us: Option<Region> = "US".parse().ok();
    let talk = dialogues().join("\n");
    let pieces =
        ["4111 1111 1111 1112 ", "+49 30 1234 ", "a@b.", "1.2.3.", "DE89 3704 0044 0532 0130 01 ", "::1:"];
    let mut texts = vec![("dialogues".to_owned(), talk)];
    texts.extend(pieces.iter().map(|piece| (format!("{piece:?} again and again"), piece.repeat(1 << 12))));
    for (name, text) in texts {
        for region in [None, us] {
            let found = fastest(&text, |text| find(text, region).count());
            let pass = fastest(&text, |text| {
                text.bytes()
                    .filter(|byte| byte.is_ascii_digit() || matches!(byte, b'@' | b':' | b'+'))
                    .count()
            });
            let region = region.map(|region| region.as_str().to_owned());
            println!(
                "{}",
                json!({"text": name, "region": region, "mb_per_second": found, "plain_pass": pass})
            );
        }
    }
}

/// Megabytes a second, of the fastest run.
fn fastest(text: &str, work: impl Fn(&str) -> usize) -> f64 {
    let times = (BYTES / text.len()).max(1);
    let runs = (0..RUNS).map(|_| {
        let started = Instant::now();
        for _ in 0..times {
            black_box(work(black_box(text)));
        }
        (times * text.len()) as f64 / 1e6 / started.elapsed().as_secs_f64()
    });
    runs.fold(0.0, f64::max)
}

#[derive(Deserialize)]
struct Line {
    text: String,
    #[serde(default)]
    region: Option<Region>,
    found: Vec<Label>,
}

#[derive(Deserialize)]
struct Label {
    kind: PiiKind,
    value: String,
}

#[derive(Default, Clone, Copy)]
struct Counts {
    labelled: u64,
    found: u64,
    exact: u64,
    made_up: u64,
}

/// A label is found where a match of its kind covers all of its value. A match that touches no label of its kind is made up.
fn labelled(lines: &str, show: bool) -> Result<(), Box<dyn Error>> {
    let mut all: BTreeMap<PiiKind, Counts> = BTreeMap::new();
    let mut texts = 0_u64;
    for line in lines.lines() {
        let Line { text, region, found: labels } = serde_json::from_str(line)?;
        texts += 1;
        let mut matches: Vec<_> = find(&text, region).map(|found| (found, false)).collect();
        let mut from = 0;
        for label in &labels {
            let place = text[from..].find(&label.value).ok_or("a label's value is not in its text")? + from;
            let range = place..place + label.value.len();
            from = range.end;
            let counts = all.entry(label.kind).or_default();
            counts.labelled += 1;
            let (mut covered, mut exact) = (false, false);
            for (found, touches) in matches.iter_mut().filter(|(found, _)| found.kind == label.kind) {
                let meets = found.range.start < range.end && range.start < found.range.end;
                *touches |= meets;
                covered |= found.range.start <= range.start && range.end <= found.range.end;
                exact |= found.range == range;
            }
            counts.found += u64::from(covered);
            counts.exact += u64::from(exact);
            if show && !covered {
                println!("{}", json!({"missed": label.kind, "value": label.value, "text": text}));
            }
        }
        for (found, _) in matches.iter().filter(|(_, touches)| !touches) {
            all.entry(found.kind).or_default().made_up += 1;
            if show {
                println!(
                    "{}",
                    json!({"made_up": found.kind, "value": &text[found.range.clone()], "text": text})
                );
            }
        }
    }
    for (kind, Counts { labelled, found, exact, made_up }) in all {
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        let (recall, precision) = (share(found, labelled), share(found, found + made_up));
        println!(
            "{}",
            json!({"kind": kind, "labelled": labelled, "found": found, "exact": exact, "made_up": made_up, "recall": recall,
                   "precision": precision})
        );
    }
    println!("{}", json!({"texts": texts}));
    Ok(())
}
