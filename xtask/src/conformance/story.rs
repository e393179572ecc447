//! One story, told twice: by the vendor's SDK in one tenant, by Frontdesk in another of the same seed. What both tenants look
//! like afterwards, ids and times aside, must be the same.

use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_json::{Value, json};

use super::clients::Client;
use super::{server, shown};
use crate::Outcome;
use crate::listening::Listening;

/// What is to be done, as `story.py plan` says it.
#[derive(Deserialize)]
struct Plan {
    open: Open,
    send: Send,
    /// Lines as `session close --from` takes them.
    end: Vec<Value>,
    /// Wrap-up codes by closure reason.
    codes: std::collections::BTreeMap<String, String>,
    workflow: String,
}

#[derive(Deserialize)]
struct Open {
    guest_id: String,
    source: String,
}

#[derive(Deserialize)]
struct Send {
    conversation: String,
    sender: String,
    to: String,
    text: String,
}

/// Tells the story twice and compares.
pub(super) fn tell(binary: &Path, sdk: &Client, scripts: &Path) -> Outcome {
    let script = scripts.join("story.py");
    let ask = |server: &Listening, arguments: &[&str]| {
        let mut command = sdk.run(&script);
        output(command.args(arguments).env("FRONTDESK_SANDBOX", &server.line), "the SDK's story")
    };
    let (theirs, ours) = (server::start(binary)?, server::start(binary)?);
    let plan = ask(&theirs, &["plan"])?;
    if ask(&ours, &["plan"])? != plan {
        return Err("two tenants of one seed differ before anything was done in them".into());
    }
    let before = ask(&ours, &["state", &plan])?;
    ask(&theirs, &["act", &plan])?;
    act(binary, &ours, &plan)?;
    let (told_theirs, told_ours) = (ask(&theirs, &["state", &plan])?, ask(&ours, &["state", &plan])?);
    if told_ours == before {
        return Err("the story changed nothing, so nothing was compared".into());
    }
    match told_theirs.lines().zip(told_ours.lines()).find(|(theirs, ours)| theirs != ours) {
        None if told_theirs == told_ours => {
            println!("story: the SDK and frontdesk leave the tenant in the same state");
            Ok(())
        }
        _ => Err(format!(
            "the SDK and frontdesk leave the tenant in different states\nSDK: {told_theirs}\nfrontdesk: {told_ours}"
        )),
    }
}

/// Does with the binary what the plan says.
fn act(binary: &Path, tenant: &Listening, plan: &str) -> Outcome {
    let plan: Plan = serde_json::from_str(plan).map_err(|error| format!("the story's plan: {error}"))?;
    let data = tempfile::tempdir().map_err(|error| format!("no folder: {error}"))?;
    let codes: Vec<String> = plan.codes.iter().map(|(reason, code)| format!("{reason}={code}")).collect();
    let frontdesk = |arguments: &[&str]| {
        let mut command = Command::new(binary);
        command
            .arg("--json")
            .args(arguments)
            .env_clear()
            .env("HOME", data.path())
            .env("FRONTDESK_DATA_DIR", data.path().join("data"))
            .env("FRONTDESK_CONTRACT", "platform")
            .env("FRONTDESK_WRAPUP_CODES", codes.join(","));
        for (variable, name) in [
            ("FRONTDESK_BASE_URL", "platform_url"),
            ("FRONTDESK_LOGIN_URL", "platform_login_url"),
            ("FRONTDESK_DEPLOYMENT_ID", "deployment_id"),
            ("FRONTDESK_CLIENT_ID", "client_id"),
            ("FRONTDESK_CLIENT_SECRET", "client_secret"),
        ] {
            command.env(variable, tenant.said(name));
        }
        output(&mut command, "frontdesk's story")
    };
    let attribute = format!("source={}", plan.open.source);
    let visitor = ["--guest-id", &plan.open.guest_id, "--attribute", &attribute, "--data-processing"];
    frontdesk(&[&["session", "open"], &visitor as &[&str]].concat())?;
    let Send { conversation, sender, to, text } = &plan.send;
    frontdesk(&[
        "message",
        "send",
        "--conversation-id",
        conversation,
        "--sender",
        sender,
        "--to",
        to,
        "--text",
        text,
    ])?;
    let from = data.path().join("ending.ndjson");
    let lines: String = plan.end.iter().map(|line| format!("{}\n", json!(line))).collect();
    std::fs::write(&from, lines).map_err(|error| format!("{}: {error}", from.display()))?;
    let (from, steps) = (shown(&from), shown(&data.path().join("ending.plan")));
    frontdesk(&["session", "close", "--from", &from, "--plan", &steps])?;
    frontdesk(&["session", "close", "--apply", &steps, "--yes"])?;
    frontdesk(&["webhook", "register", "--workflow", &plan.workflow])?;
    Ok(())
}

/// What a command prints.
fn output(command: &mut Command, what: &str) -> Result<String, String> {
    let output =
        command.stdin(Stdio::null()).output().map_err(|error| format!("{what}: cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    Err(format!("{what}: {} ({})\n{said}", output.status, words.join(" ")))
}
