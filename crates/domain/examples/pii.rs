//! Runs the recognisers over standard input: for measurements, and for comparisons with other finders.
//!
//! `pii [REGION]` writes one JSON array of matches for each line. `pii --speed [REGION]` reads all of it as one text, goes
//! over it again and again for a second, and writes one JSON object: bytes, passes, nanoseconds, matches, and the
//! nanoseconds of as many plain passes that only look at every byte.

#![expect(clippy::disallowed_methods, reason = "it measures elapsed time")]
#![expect(clippy::print_stdout, reason = "what it finds is its output")]

use std::error::Error;
use std::hint::black_box;
use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use frontdesk_domain::pii::{Region, find};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let speed = arguments.first().is_some_and(|argument| argument == "--speed");
    if speed {
        arguments.remove(0);
    }
    let region = arguments.first().map(|region| region.parse::<Region>()).transpose()?;
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    if speed { measure(&text, region) } else { list(&text, region) }
}

fn list(text: &str, region: Option<Region>) -> Result<(), Box<dyn Error>> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in text.lines() {
        let found: Vec<_> = find(line, region).collect();
        writeln!(out, "{}", serde_json::to_string(&found)?)?;
    }
    Ok(out.flush()?)
}

fn measure(text: &str, region: Option<Region>) -> Result<(), Box<dyn Error>> {
    let found = find(text, region).count();
    let (start, mut passes) = (Instant::now(), 0_u32);
    while start.elapsed() < Duration::from_secs(1) {
        black_box(find(black_box(text), region).count());
        passes += 1;
    }
    let elapsed = start.elapsed();
    let start = Instant::now();
    for _ in 0..passes {
        let seen = black_box(text).bytes().fold(0_u64, |seen, byte| seen.rotate_left(1) ^ u64::from(byte));
        black_box(seen);
    }
    let plain = start.elapsed();
    let report = serde_json::json!({
        "bytes": text.len(),
        "passes": passes,
        "elapsed_ns": u64::try_from(elapsed.as_nanos())?,
        "plain_ns": u64::try_from(plain.as_nanos())?,
        "found": found,
    });
    println!("{report}");
    Ok(())
}
