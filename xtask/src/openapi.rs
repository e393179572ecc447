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
use std::path::Path;
use std::process::{Command, Stdio};

use crate::conformance::{Missing, python};
use crate::listening::Listening;
use crate::{Outcome, cargo, e2e};

const PACKAGES: [&str; 1] = ["schemathesis==4.32.5"];
/// What every answer is held to.
const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
/// Made-up requests for each operation.
const EXAMPLES: &str = "100";
/// What is made of the operations: the file's own examples, borders, made-up requests, and what answers lead to by the file's links.
const PHASES: &str = "examples,coverage,fuzzing,stateful";

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
    let served = serve(&binary, &folder)?;
    let status = Command::new(place.join("bin/schemathesis"))
        .arg("run")
        .arg(cargo::root().join("docs/openapi.json"))
        .args(["--url", &format!("http://{}", served.said("addr"))])
        .args(["--checks", CHECKS, "--max-examples", EXAMPLES, "--phases", PHASES])
        .args(["--seed", "7", "--generation-database", "none", "--no-color"])
        .current_dir(&folder)
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("cannot run schemathesis: {error}"))?;
    if status.success() { Ok(()) } else { Err("an answer is not what docs/openapi.json promises".into()) }
}

/// Serves the three conversations.
fn serve(binary: &Path, folder: &Path) -> Result<Listening, String> {
    let data = folder.join("data");
    let _ = fs::remove_dir_all(&data);
    let lines = folder.join("conversations.ndjson");
    fs::write(&lines, CONVERSATIONS).map_err(|error| format!("cannot write conversations: {error}"))?;
    let frontdesk = || {
        let mut command = Command::new(binary);
        command.arg("--data-dir").arg(&data);
        command
    };
    let imported = frontdesk().args(["archive", "import", "--ndjson"]).arg(&lines).status();
    if !imported.is_ok_and(|status| status.success()) {
        return Err("the conversations cannot be imported".into());
    }
    Listening::start(frontdesk().args(["--json", "serve", "--addr", "127.0.0.1:0"]), "addr")
}
