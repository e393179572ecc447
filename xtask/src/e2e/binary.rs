//! Builds the binary under test, once, and finds it.

use std::path::PathBuf;

use serde_json::Value;

use crate::cargo;

/// Builds `frontdesk` with the dev profile in the workspace's target directory and tells where cargo put it.
pub(crate) fn build() -> Result<PathBuf, String> {
    println!("$ cargo build -p frontdesk");
    let messages = cargo::output(&[
        "build",
        "-p",
        "frontdesk",
        "--bin",
        "frontdesk",
        "--message-format=json-render-diagnostics",
    ])?;
    let executable = messages.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let is_it = message["reason"] == "compiler-artifact" && message["target"]["name"] == "frontdesk";
        is_it.then(|| message["executable"].as_str().map(PathBuf::from)).flatten()
    });
    executable.ok_or_else(|| "cargo built frontdesk but named no executable".into())
}
