//! S11: ending guest sessions at the rate that is allowed, beside the documents' program.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::super::{Bench, Row, baseline};
use super::door::get;
use super::memory::serve;
use super::{fresh, frontdesk, ratio};

/// Milliseconds that the platform takes for a request.
const LATENCY: u64 = 40;

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    // At five a second a thousand take a quarter of an hour; the rate is the same with fewer.
    for (per_second, guests) in [(5, 200), (25, 1_000)] {
        rows.push(ours(bench, per_second, guests)?);
    }
    match &bench.baseline {
        Some(sources) => rows.push(theirs(bench, sources)?),
        None => println!("S11: without --baseline nothing is run beside it"),
    }
    Ok(rows)
}

fn ours(bench: &Bench, per_second: u64, guests: u64) -> Result<Row, String> {
    let folder = bench.scratch.join("closing");
    fresh(&folder)?;
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let (mut sandbox, ready) = serve(
        bench,
        &[
            "--rate-limit",
            &(per_second * 60).to_string(),
            "--rate-mode",
            "bucket",
            "--latency",
            &LATENCY.to_string(),
            "--guests",
            &guests.to_string(),
            "--conversations",
            "10",
        ],
    )?;
    let text = |field: &str| ready[field].as_str().unwrap_or_default().to_owned();
    let base = text("base_url");
    let measured = (|| {
        let address =
            base.trim_start_matches("http://").parse().map_err(|_| format!("{base} is no address"))?;
        let known = get(address, "/_sandbox/guests")?;
        let lines: String = known
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .map(|guest| {
                format!("{{\"guest_id\":{},\"reason\":\"timeout\",\"retain_data\":true}}\n", guest["id"])
            })
            .collect();
        let (from, plan) = (folder.join("guests.ndjson"), folder.join("plan.ndjson"));
        std::fs::write(&from, lines).map_err(|error| error.to_string())?;
        let close = |arguments: &[&std::ffi::OsStr]| {
            let mut command = frontdesk(bench, &folder.join("data"));
            command
                .args(["session", "close"])
                .args(arguments)
                .env("FRONTDESK_CONTRACT", "gateway")
                .env("FRONTDESK_BASE_URL", &base)
                .env("FRONTDESK_CLIENT_ID", text("client_id"))
                .env("FRONTDESK_CLIENT_SECRET", text("client_secret"));
            let started = Instant::now();
            let output = command.output().map_err(|error| error.to_string())?;
            let last = String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or_default().to_owned();
            let last: serde_json::Value = serde_json::from_str(&last)
                .map_err(|_| format!("session close: {}", String::from_utf8_lossy(&output.stderr)))?;
            Ok::<_, String>((last["summary"].clone(), started.elapsed().as_secs_f64()))
        };
        close(&["--from".as_ref(), from.as_os_str(), "--plan".as_ref(), plan.as_os_str()])?;
        close(&["--apply".as_ref(), plan.as_os_str(), "--yes".as_ref()])
    })();
    let _ = sandbox.kill();
    let _ = sandbox.wait();
    let (summary, elapsed) = measured?;
    let count = |field: &str| summary[field].as_u64().unwrap_or_default();
    let recorded: u64 =
        ["ended", "duplicate", "skipped", "failed", "unknown"].iter().map(|kind| count(kind)).sum();
    if recorded != guests {
        return Err(format!("{recorded} of {guests} guests have a state: {summary}"));
    }
    // The plan has emptied the bucket's burst.
    let allowed = per_second as f64 * elapsed;
    let requests = count("requests");
    Ok(Row {
        id: "S11",
        what: format!(
            "{guests} guests at {per_second} requests a second: {} ended, {} skipped or ended before, {} failed, {} answers 429",
            count("ended"),
            count("duplicate") + count("skipped"),
            count("failed") + count("unknown"),
            count("throttled"),
        ),
        ours: format!("{requests} requests in {elapsed:.1} s"),
        baseline: format!("{allowed:.0} allowed"),
        ratio: ratio(requests as f64, allowed),
    })
}

/// The documents' program against its own stand-in for the platform.
fn theirs(bench: &Bench, sources: &Path) -> Result<Row, String> {
    const GUESTS: u64 = 300;
    let (platform, terminate) = (
        baseline::build(sources, "mockapi", &bench.scratch)?,
        baseline::build(sources, "terminate", &bench.scratch)?,
    );
    let address = free_address()?;
    let mut platform = Command::new(platform)
        .args(["-addr", &address.to_string(), "-rps", "25", "-latency", &format!("{LATENCY}ms")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    std::thread::sleep(Duration::from_millis(500));
    let run = Command::new(terminate)
        .args(["-base", &format!("http://{address}"), "-n", &GUESTS.to_string()])
        .stdout(Stdio::null())
        .output()
        .map_err(|error| error.to_string());
    let stats = get(address, "/stats");
    let _ = platform.kill();
    let _ = platform.wait();
    let (run, stats) = (run?, stats?);
    let said = String::from_utf8_lossy(&run.stderr).lines().last().unwrap_or_default().to_owned();
    Ok(Row {
        id: "S11",
        what: format!("the documents' program, {GUESTS} guests at 25 requests a second"),
        ours: "-".to_owned(),
        baseline: format!("{said}; {}", stats.trim().replace('|', "/")),
        ratio: "-".to_owned(),
    })
}

/// A local address that nobody listens at.
pub(super) fn free_address() -> Result<SocketAddr, String> {
    TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).map_err(|error| error.to_string())
}
