//! A data folder with hostile text in every field, made with the commands that a person has and a tenant that takes anything.

use std::fs;
use std::process::Command;

use serde::Deserialize;

use super::{Desk, script};
use crate::listening::Listening;

/// The data folder, below the desk's.
pub(super) const DATA: &str = "hostile";

/// A name that is hostile, and a conversation that is.
#[derive(Deserialize)]
struct Named {
    name: String,
    id: String,
}

/// Fills it. Gives tokens that were made with the names.
pub(super) fn fill(desk: &Desk) -> Result<Vec<String>, String> {
    let written = Command::new("node").arg(script("payloads.mjs")).arg(&desk.place).status();
    if !written.is_ok_and(|status| status.success()) {
        return Err("cannot write what is hostile".into());
    }
    let frontdesk = |arguments: &[&str]| desk.command(&[&["--data-dir", DATA], arguments].concat());
    let run = |arguments: &[&str]| desk.run(&mut frontdesk(arguments));
    run(&["archive", "import", "--ndjson", &desk.file("conversations.ndjson")])?;
    // Nobody is told anything: the events wait for an endpoint that is nowhere.
    let endpoint = ["webhook", "endpoints", "add", "https://outside.invalid/<script>", "--event"];
    let key = desk.file("hook.key");
    run(&[&endpoint[..], &["session.terminated", "--key-file", &key]].concat())?;
    sessions(desk)?;

    let names = fs::read_to_string(desk.file("names.ndjson")).map_err(|error| error.to_string())?;
    let mut tokens = Vec::new();
    for line in names.lines() {
        let Named { name, id } = serde_json::from_str(line).map_err(|error| error.to_string())?;
        // One word each, so that none is taken for an option.
        let (matter, reason) = (format!("--matter={name}"), format!("--reason={name}"));
        run(&["archive", "hold", "add", &format!("--id={id}"), &matter, &reason])?;
        let made = run(&["token", "create", "--role", "admin", &format!("--name={name}")])?;
        tokens.push(made["token"].as_str().unwrap_or_default().to_owned());
    }
    Ok(tokens)
}

/// Opens a session for every guest, and ends it by a plan.
fn sessions(desk: &Desk) -> Result<(), String> {
    let serve = ["sandbox", "serve", "--rate-limit", "600000"];
    let tenant = Listening::start(&mut desk.command(&serve), "base_url")?;
    let run = |arguments: &[&str]| {
        let mut command = desk.command(&[&["--data-dir", DATA, "session"], arguments].concat());
        command
            .args(["--rate", "1000", "--concurrency", "20"])
            .env("FRONTDESK_CONTRACT", "gateway")
            .env("FRONTDESK_BASE_URL", tenant.said("base_url"))
            .env("FRONTDESK_CLIENT_ID", tenant.said("client_id"))
            .env("FRONTDESK_CLIENT_SECRET", tenant.said("client_secret"));
        desk.run(&mut command)
    };
    let plan = desk.file("endings.plan");
    run(&["open", "--from", &desk.file("guests.ndjson")])?;
    run(&["close", "--from", &desk.file("endings.ndjson"), "--plan", &plan])?;
    run(&["close", "--apply", &plan, "--yes"]).map(|_| ())
}
