//! S8: how much of an allowed rate is used, and whether it is ever passed.

use std::time::Instant;

use super::super::{Bench, Row};
use super::memory::{pull_command, serve};
use super::{fresh, last_number, ratio};

/// Seconds that each measurement aims at: long enough that the bucket's first burst does not carry it.
const SPAN: u64 = 30;

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>, String> {
    let archive = bench.scratch.join("archive-rate");
    let mut rows = Vec::new();
    for (per_second, latency) in [(5, 10), (10, 50), (25, 500), (100, 10)] {
        fresh(&archive)?;
        // Pages of ten, so that pages are what takes the time: one request a page, and one for the token.
        let conversations = per_second * SPAN * 10;
        let (mut sandbox, ready) = serve(
            bench,
            &[
                "--rate-limit",
                &(per_second * 60).to_string(),
                "--rate-mode",
                "bucket",
                "--latency",
                &latency.to_string(),
                "--conversations",
                &conversations.to_string(),
            ],
        )?;
        let started = Instant::now();
        let taken =
            super::super::measure::run(pull_command(bench, &archive, &ready).args(["--page-size", "10"]));
        let elapsed = started.elapsed().as_secs_f64();
        let _ = sandbox.kill();
        let _ = sandbox.wait();
        let taken = taken?;
        let requests = last_number(&taken.stdout, "requests")?;
        let throttled = last_number(&taken.stdout, "throttled")?;
        // The bucket begins full with one second's worth.
        let allowed = per_second as f64 * (1.0 + elapsed);
        rows.push(Row {
            id: "S8",
            what: format!(
                "{per_second} requests a second allowed, {latency} ms latency; {throttled} answers 429"
            ),
            ours: format!("{requests} requests in {elapsed:.1} s"),
            baseline: format!("{allowed:.0} allowed"),
            ratio: ratio(requests as f64, allowed),
        });
    }
    fresh(&archive)?;
    Ok(rows)
}
