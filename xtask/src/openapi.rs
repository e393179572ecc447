//! `cargo xtask openapi`: the HTTP API against its own OpenAPI file, driven by Schemathesis.
//!
//! `frontdesk serve` answers over an archive of three conversations; requests are made up from `docs/openapi.json`, good and
//! bad ones. No answer may be a server's error, and each has the status, the content type and the form that the file
//! promises. Where PyPI cannot be reached nothing was checked, and the last line says so.
#![expect(
    clippy::disallowed_methods,
    reason = "this starts a package manager and the binary, so it has to pass by the doors of the binary it tests"
)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::conformance::{Missing, python};
use crate::{Outcome, cargo, e2e};

const PACKAGES: [&str; 1] = ["schemathesis==4.32.5"];
/// What every answer is held to.
const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
/// Made-up requests for each operation.
const EXAMPLES: &str = "60";

const CONVERSATIONS: &str = "\
{\"id\":\"c-1\",\"startTime\":\"2025-03-01T10:00:00Z\",\"interactions\":[{\"transcript\":\"a refund to anna@example.com\"}]}
{\"id\":\"a/b\",\"startTime\":\"2025-03-02T10:00:00Z\",\"interactions\":[{\"transcript\":\"<script>alert(1)</script>\"}]}
{\"id\":\"c-3\",\"interactions\":[{\"transcript\":\"\"}]}
";

/// Installs Schemathesis, serves an archive, and runs it.
pub(crate) fn run() -> Outcome {
    let folder = cargo::target_dir()?.join("openapi");
    let place = folder.join("python");
    match python(&place, &PACKAGES) {
        Ok(()) => {}
        Err(Missing::Unreachable(why)) => {
            // On both streams: whoever reads only one of them must not take this for a pass.
            let said = format!("openapi: SKIPPED, {why}; nothing was checked");
            eprintln!("{said}");
            println!("{said}");
            return Ok(());
        }
        Err(Missing::Broken(why)) => return Err(why),
    }
    let binary = e2e::build()?;
    let served = Served::start(&binary, &folder)?;
    let status = Command::new(place.join("bin/schemathesis"))
        .arg("run")
        .arg(cargo::root().join("docs/openapi.json"))
        .args(["--url", &format!("http://{}", served.address)])
        .args(["--checks", CHECKS, "--max-examples", EXAMPLES, "--phases", "examples,coverage,fuzzing"])
        .args(["--seed", "7", "--generation-database", "none", "--no-color"])
        .current_dir(&folder)
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("cannot run schemathesis: {error}"))?;
    if status.success() { Ok(()) } else { Err("an answer is not what docs/openapi.json promises".into()) }
}

/// A server that listens until this is dropped.
struct Served {
    child: Child,
    address: String,
}

impl Served {
    fn start(binary: &Path, folder: &Path) -> Result<Self, String> {
        let failed = |what: &str, error: &dyn std::fmt::Display| format!("{what}: {error}");
        let data = folder.join("data");
        let _ = fs::remove_dir_all(&data);
        let lines = folder.join("conversations.ndjson");
        fs::write(&lines, CONVERSATIONS).map_err(|error| failed("cannot write conversations", &error))?;
        let imported = Command::new(binary)
            .arg("--data-dir")
            .arg(&data)
            .args(["archive", "import", "--ndjson"])
            .arg(&lines)
            .status()
            .map_err(|error| failed("cannot import", &error))?;
        if !imported.success() {
            return Err("the conversations cannot be imported".into());
        }
        let child = Command::new(binary)
            .arg("--data-dir")
            .arg(&data)
            .args(["--json", "serve", "--addr", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| failed("cannot serve", &error))?;
        let mut served = Self { child, address: String::new() };
        let stdout = served.child.stdout.take().ok_or("the server has no output")?;
        let mut ready = String::new();
        BufReader::new(stdout).read_line(&mut ready).map_err(|error| failed("no ready line", &error))?;
        let ready: Value = serde_json::from_str(&ready).map_err(|error| failed("no ready line", &error))?;
        served.address = ready["addr"].as_str().ok_or("the ready line has no address")?.to_owned();
        Ok(served)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // What it served is made anew each time: there is nothing to end in order.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
