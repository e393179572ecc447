//! `frontdesk sandbox serve`, the command.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::archive::pulled;
use super::desk::Desk;
use super::scene::Scene;
use super::tenant::small;
use super::{Scenario, files};
use crate::Outcome;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("sandbox: serves what it says when it is ready, until it is stopped", serves),
        Scenario::new("sandbox: a fault plan from a file", fault_plan),
        Scenario::new("sandbox: what it cannot work with is refused", refused),
    ]
}

/// A `frontdesk sandbox serve` that runs.
struct Served {
    child: Child,
    ready: Value,
}

impl Served {
    fn start(scene: &Scene<'_>, arguments: &[&str]) -> Result<Self, String> {
        let mut child = Command::new(&scene.house.binary)
            .args(["sandbox", "serve"])
            .args(arguments)
            .env_clear()
            .env("HOME", scene.path("home"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot start the sandbox: {error}"))?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).map_err(|error| format!("no ready line: {error}"))?;
        }
        let mut served = Self { child, ready: Value::Null };
        served.ready = serde_json::from_str(&line)
            .map_err(|error| format!("the ready line is no JSON: {error}: {line}"))?;
        Ok(served)
    }

    fn text(&self, name: &str) -> Result<&str, String> {
        let text = self.ready[name].as_str();
        text.ok_or_else(|| format!("the ready line has no {name}: {}", self.ready))
    }

    /// A desk that speaks to it, as the ready line says.
    fn reached_by<'s>(&self, desk: Desk<'s>) -> Result<Desk<'s>, String> {
        Ok(desk
            .with("FRONTDESK_CONTRACT", "gateway")
            .with("FRONTDESK_BASE_URL", self.text("base_url")?)
            .with("FRONTDESK_LOGIN_URL", self.text("login_url")?)
            .with("FRONTDESK_CLIENT_ID", self.text("client_id")?)
            .with("FRONTDESK_CLIENT_SECRET", self.text("client_secret")?))
    }

    /// Stops it with a signal; returns its exit code.
    fn stop(mut self, signal: &str) -> Result<Option<i32>, String> {
        let kill = Command::new("sh").arg("-c").arg(format!("kill -s {signal} {}", self.child.id())).status();
        kill.map_err(|error| format!("cannot send {signal}: {error}"))?;
        let status = self.child.wait().map_err(|error| format!("the sandbox: {error}"))?;
        Ok(status.code())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serves(scene: &Scene<'_>) -> Outcome {
    let config = frontdesk_sandbox::Config { seed: 11, conversations: Some(400), ..small(scene) };
    // The same tenant within this process knows the truth: equal seeds give equal bytes.
    let truth = scene.tenant(config)?.truth()?;
    for signal in ["INT", "TERM"] {
        let served = Served::start(scene, &["--seed", "11", "--conversations", "400", "--rate-limit", "0"])?;
        ensure!(served.ready["conversations"] == 400, "the ready line says {}", served.ready);
        let (from, to) = (served.text("from")?.to_owned(), served.text("to")?.to_owned());
        served.text("organization_id")?;
        let desk = served.reached_by(scene.desk(signal))?;
        let run = desk.json(&["archive", "pull", "--from", &from, "--to", &to])?.exits(0)?;
        ensure!(pulled(&run.last()?)?.stored == 400, "{}", run.wrong("`from` and `to` do not hold all"));
        desk.holds_exactly(&truth)?;
        let exit = served.stop(signal)?;
        ensure!(matches!(exit, Some(0 | 130)), "stopped by {signal} it ended with {exit:?}");
        // Nobody listens any more.
        desk.json(&["archive", "pull", "--from", "2019-01-01", "--to", "2019-01-02"])?.exits(5)?;
    }
    Ok(())
}

fn fault_plan(scene: &Scene<'_>) -> Outcome {
    let plan = scene.hidden("faults.json");
    let text = br#"{"rules": [{"when": {"page": 2}, "then": "repeat_token"}], "rate": {"status_429": 0.01}}"#;
    files::write_private(&plan, text)?;
    let plan = plan.display().to_string();
    let served =
        Served::start(scene, &["--conversations", "300", "--rate-limit", "600000", "--faults", &plan])?;
    let desk = served.reached_by(scene.desk("data"))?;
    let run = desk.pull(&["--page-size", "2"])?.exits(3)?;
    let result = pulled(&run.last()?)?;
    ensure!(result.state == "incomplete" && result.stored > 0, "{}", run.wrong("the fault plan did nothing"));
    Ok(())
}

fn refused(scene: &Scene<'_>) -> Outcome {
    let not_json = scene.hidden("not.ndjson");
    files::write_private(&not_json, b"once upon a time\n")?;
    let not_json = not_json.display().to_string();
    let typo = scene.hidden("typo.json");
    files::write_private(&typo, br#"{"ruels": []}"#)?;
    let typo = typo.display().to_string();
    let cases: [(&[&str], &[&str]); 6] = [
        (&["--corpus", "/not/there.ndjson"], &["/not/there.ndjson"]),
        (&["--corpus", &not_json], &["line 1"]),
        (&["--faults", &typo], &["ruels"]),
        (&["--faults", "/not/there.json"], &["/not/there.json"]),
        (&["--rate-mode", "leaky"], &["window", "bucket"]),
        (&["--addr", "nowhere"], &["--addr"]),
    ];
    for (arguments, words) in cases {
        scene.desk("data").run(&[&["sandbox", "serve"], arguments].concat())?.exits(2)?.says(words)?;
    }
    Ok(())
}
