//! S9: a rate limit that nobody told the client, and that changes while it works.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::super::{Bench, Row, measure};
use super::door::post;
use super::memory::{pull_command, serve};
use super::{fresh, last_number, ratio};

/// Requests a second, one after the other.
const RATES: [u64; 3] = [25, 10, 50];
/// Seconds that each of them holds; the last one to the end.
const HOLDS: u64 = 20;
const LATENCY_MS: u64 = 50;

pub(super) fn measure(bench: &Bench) -> Result<Row, String> {
    let archive = bench.scratch.join("archive-changes");
    fresh(&archive)?;
    // Pages of ten: one request for each, and one for the token.
    let conversations = RATES.iter().sum::<u64>() * HOLDS * 10;
    let (mut sandbox, ready) = serve(
        bench,
        &[
            "--rate-limit",
            &(RATES[0] * 60).to_string(),
            "--rate-mode",
            "bucket",
            "--latency",
            &LATENCY_MS.to_string(),
            "--conversations",
            &conversations.to_string(),
        ],
    )?;
    let base = ready["base_url"].as_str().unwrap_or_default().to_owned();
    let address = base.trim_start_matches("http://").parse::<SocketAddr>();
    let (ended, end) = mpsc::channel::<()>();
    let started = Instant::now();
    let measured = std::thread::scope(|scope| {
        let changes = scope.spawn(move || {
            let address = address.map_err(|error| format!("{base}: {error}"))?;
            for rate in &RATES[1..] {
                if end.recv_timeout(Duration::from_secs(HOLDS)) != Err(mpsc::RecvTimeoutError::Timeout) {
                    return Err(format!("the pull ended before the rate was {rate} a second"));
                }
                post(address, "/_sandbox/rate", &format!("{{\"per_min\": {}}}", rate * 60))?;
            }
            Ok(())
        });
        let taken = measure::run(pull_command(bench, &archive, &ready).args(["--page-size", "10"]));
        let elapsed = started.elapsed().as_secs_f64();
        drop(ended);
        changes.join().map_err(|_| "the thread that changes the rate panicked")??;
        Ok::<_, String>((taken?, elapsed))
    });
    let _ = sandbox.kill();
    let _ = sandbox.wait();
    let (taken, elapsed) = measured?;
    let requests = last_number(&taken.stdout, "requests")?;
    let throttled = last_number(&taken.stdout, "throttled")?;
    // The bucket begins full with one second's worth of the first rate.
    let (first, second, last) = (RATES[0] as f64, RATES[1] as f64, RATES[2] as f64);
    let holds = HOLDS as f64;
    let allowed = first + (first + second) * holds + last * (elapsed - 2.0 * holds);
    fresh(&archive)?;
    Ok(Row {
        id: "S9",
        what: format!(
            "{} then {} then {} requests a second, each for {HOLDS} s, {LATENCY_MS} ms latency; {throttled} answers 429 \
             over both changes",
            RATES[0], RATES[1], RATES[2]
        ),
        ours: format!("{requests} requests in {elapsed:.1} s"),
        baseline: format!("{allowed:.0} allowed"),
        ratio: ratio(requests as f64, allowed),
    })
}
