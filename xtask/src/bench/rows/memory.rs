//! S3: peak memory of import, verify, search, report, export and pull, at two sizes.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::super::data::{Data, Form};
use super::super::measure;
use super::super::{Bench, Row, data};
use super::{fresh, frontdesk, last_number};

pub(super) fn measure(bench: &Bench, full: &Data) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    let small = data::make(&bench.scratch, Form::Full, full.records / 10)?;
    let archive = bench.scratch.join("archive-memory");
    let exported = bench.scratch.join("export-memory");
    let mut peaks: Vec<(&str, Vec<u64>)> = Vec::new();
    let mut note = |name: &'static str, peak: u64| match peaks.iter_mut().find(|(known, _)| *known == name) {
        Some((_, found)) => found.push(peak),
        None => peaks.push((name, vec![peak])),
    };
    let mut sizes = vec![small.records, full.records];
    for data in [&small, full] {
        fresh(&archive)?;
        let import =
            frontdesk(bench, &archive).args(["archive", "import", "--ndjson"]).arg(&data.path).measured()?;
        note("import", import.peak_kib);
        note("verify", frontdesk(bench, &archive).args(["archive", "verify"]).measured()?.peak_kib);
        let search = ["archive", "search", "--contains", "reservation"];
        note("search", frontdesk(bench, &archive).args(search).measured()?.peak_kib);
        note("report", frontdesk(bench, &archive).args(["archive", "report"]).measured()?.peak_kib);
        for (name, format) in
            [("export of files", "files"), ("export of lines", "ndjson"), ("export of facts", "csv")]
        {
            fresh(&exported)?;
            let mut export = frontdesk(bench, &archive);
            export.args(["archive", "export", "--format", format, "--out"]).arg(&exported);
            let taken = export.measured()?;
            let records = last_number(&taken.stdout, "records")?;
            if records != data.records {
                return Err(format!("{records} of {} records were exported", data.records));
            }
            note(name, taken.peak_kib);
        }
    }
    fresh(&exported)?;
    for (name, found) in &peaks {
        rows.push(row(name, &sizes, found));
    }
    if bench.million {
        sizes = vec![10_000, 1_000_000];
    }
    let mut pulled = Vec::new();
    for size in &sizes {
        pulled.push(pull(bench, &archive, *size)?);
    }
    rows.push(row("pull", &sizes, &pulled));
    fresh(&archive)?;
    Ok(rows)
}

trait Measured {
    fn measured(&mut self) -> Result<measure::Taken, String>;
}

impl Measured for Command {
    fn measured(&mut self) -> Result<measure::Taken, String> {
        measure::run(self)
    }
}

fn row(name: &str, sizes: &[u64], peaks: &[u64]) -> Row {
    let mib = |kib: &u64| *kib as f64 / 1024.0;
    let first = peaks.first().map_or(0.0, mib);
    let last = peaks.last().map_or(0.0, mib);
    Row {
        id: "S3",
        what: format!("peak memory of {name}, {} and {} conversations", sizes[0], sizes[sizes.len() - 1]),
        ours: format!("{last:.1} MiB"),
        baseline: format!("{first:.1} MiB"),
        ratio: super::ratio(last, first),
    }
}

/// Peak memory of pulling `conversations` from a sandbox in a process of its own.
fn pull(bench: &Bench, archive: &Path, conversations: u64) -> Result<u64, String> {
    fresh(archive)?;
    let (mut sandbox, ready) =
        serve(bench, &["--rate-limit", "0", "--conversations", &conversations.to_string()])?;
    let taken = measure::run(&mut pull_command(bench, archive, &ready));
    let _ = sandbox.kill();
    let _ = sandbox.wait();
    let taken = taken?;
    let stored = last_number(&taken.stdout, "stored")?;
    if stored != conversations {
        return Err(format!("{stored} of {conversations} were pulled"));
    }
    Ok(taken.peak_kib)
}

/// Starts `sandbox serve` and waits for its ready line.
pub(super) fn serve(bench: &Bench, arguments: &[&str]) -> Result<(Child, serde_json::Value), String> {
    let mut child = Command::new(&bench.binary)
        .env_clear()
        .args(["--quiet", "sandbox", "serve"])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let mut line = String::new();
    let stdout = child.stdout.take().ok_or("the sandbox has no stdout")?;
    BufReader::new(stdout).read_line(&mut line).map_err(|error| error.to_string())?;
    let ready = serde_json::from_str(&line).map_err(|error| format!("no ready line: {error}: {line}"))?;
    Ok((child, ready))
}

/// `archive pull` of everything a sandbox has.
pub(super) fn pull_command(bench: &Bench, archive: &Path, ready: &serde_json::Value) -> Command {
    let text = |field: &str| ready[field].as_str().unwrap_or_default().to_owned();
    let mut command = frontdesk(bench, archive);
    command
        .env("FRONTDESK_CONTRACT", "gateway")
        .env("FRONTDESK_BASE_URL", text("base_url"))
        .env("FRONTDESK_CLIENT_ID", text("client_id"))
        .env("FRONTDESK_CLIENT_SECRET", text("client_secret"))
        .args(["archive", "pull", "--from", &text("from"), "--to", &text("to")]);
    command
}
