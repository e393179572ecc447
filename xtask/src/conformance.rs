//! `cargo xtask conformance`: the sandbox's platform contract, driven by clients nobody here wrote.
//!
//! The vendor's own SDKs in Python and JavaScript call every operation that Frontdesk uses, at `frontdesk sandbox serve
//! --contract both`, and each answer has to fit the model they read it into without loss. A guest, written from the
//! contract with a WebSocket library, does the guest's part. Where PyPI or npm cannot be reached nothing was checked, and
//! the last line says so.
#![expect(
    clippy::disallowed_methods,
    reason = "this starts package managers, scripts and the binary, so it has to pass by the doors of the binary it tests"
)]

mod clients;
mod report;
mod server;
mod story;

use std::path::Path;
use std::process::{Command, Stdio};

use clients::Clients;
pub(crate) use clients::{Missing, python};
use report::Report;

use crate::{Outcome, cargo, e2e};

/// Where the scenarios are, below the workspace's root.
const SCRIPTS: &str = "xtask/conformance";

/// Installs the SDKs, runs the scenarios, prints the table.
pub(crate) fn run() -> Outcome {
    let folder = cargo::target_dir()?.join("conformance");
    let clients = match Clients::install(&folder) {
        Ok(clients) => clients,
        Err(Missing::Unreachable(why)) => {
            // On both streams: whoever reads only one of them must not take this for a pass.
            let said = format!("conformance: SKIPPED, {why}; nothing was checked");
            eprintln!("{said}");
            println!("{said}");
            return Ok(());
        }
        Err(Missing::Broken(why)) => return Err(why),
    };
    let binary = e2e::build()?;
    let mut report = Report::default();
    let scripts = cargo::root().join(SCRIPTS);
    let [python, javascript] = clients.all();
    for client in [&python, &javascript] {
        // A tenant of its own for each: what one ends, the other still has.
        let server = server::start(&binary)?;
        drive(client.command(&scripts), &server.line, client.name, &mut report)?;
    }
    let story = story::tell(&binary, &python, &scripts);
    print!("{}", report.table());
    match (report.outcome(), story) {
        (Err(lost), Err(differs)) => Err(format!("{lost}\nand: {differs}")),
        (lost, story) => lost.and(story),
    }
}

/// Runs one scenario to its end; each line it prints goes into the report.
fn drive(mut command: Command, ready: &str, name: &str, report: &mut Report) -> Outcome {
    let output = command
        .env("FRONTDESK_SANDBOX", ready)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run the {name} scenario: {error}"))?;
    let done = report.read(&String::from_utf8_lossy(&output.stdout))?;
    if output.status.success() && done {
        Ok(())
    } else {
        Err(format!("{}the {name} scenario broke off: {}", report.table(), output.status))
    }
}

/// A path as a command takes it.
fn shown(path: &Path) -> String {
    path.display().to_string()
}
