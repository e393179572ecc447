//! The secret that must not show up: not in any output of any run, not in any file a run leaves behind, not in the
//! arguments of a process.
//!
//! Every in-process sandbox knows its client by this secret, so every scenario carries it past every error path; the
//! harness looks for it in all that a scenario leaves behind. Bearer tokens are looked for too.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::files;
use super::scene::Scene;
use super::{Scenario, tenant};
use crate::Outcome;

/// What the sandbox's bearer tokens begin with; 32 hexadecimal digits follow.
const TOKEN_PREFIX: &[u8] = b"sandbox-";
const TOKEN_DIGITS: usize = 32;

/// The secret, and how much was searched for it.
pub(super) struct Canary {
    pub(super) secret: String,
    outputs: AtomicU64,
    files: AtomicU64,
    command_lines: AtomicU64,
}

impl Canary {
    pub(super) fn new(seed: u64) -> Self {
        // With what shells, URLs and JSON escape at its end: it must arrive as it is, and is found however it is
        // written, since no encoding but Base64 touches its beginning.
        let secret = format!("canary-{seed:06}-+%/\"&=:\\");
        Self {
            secret,
            outputs: AtomicU64::new(0),
            files: AtomicU64::new(0),
            command_lines: AtomicU64::new(0),
        }
    }

    /// Looks through something that a run printed.
    pub(super) fn check_output(&self, what: &str, bytes: &[u8]) -> Outcome {
        self.outputs.fetch_add(1, Ordering::Relaxed);
        self.check(what, bytes)
    }

    /// Looks through the arguments of a process.
    pub(super) fn check_command_line(&self, bytes: &[u8]) -> Outcome {
        self.command_lines.fetch_add(1, Ordering::Relaxed);
        self.check("a process's arguments", bytes)
    }

    /// Looks through a file.
    pub(super) fn check_file(&self, path: &Path) -> Outcome {
        // A file that went away meanwhile, or is none, left nothing behind.
        if let Ok(bytes) = std::fs::read(path) {
            self.files.fetch_add(1, Ordering::Relaxed);
            self.check(&path.display().to_string(), &bytes)?;
        }
        Ok(())
    }

    fn check(&self, what: &str, bytes: &[u8]) -> Outcome {
        for form in self.forms() {
            ensure!(!holds(bytes, form.as_bytes()), "{what} holds the client's secret");
        }
        ensure!(!holds_token(bytes), "{what} holds a bearer token");
        Ok(())
    }

    /// How the secret may be written: as it is or escaped, and in Basic credentials, where three bytes of the secret are
    /// four digits, beginning at any of three places.
    fn forms(&self) -> [String; 4] {
        let core: String = self.secret.chars().take(14).collect();
        let basic = |before: &str, cut: usize| {
            let digits = STANDARD.encode(format!("{before}{core}"));
            digits.chars().skip(cut).take(12).collect::<String>()
        };
        [core.clone(), basic("", 0), basic("1", 2), basic("22", 3)]
    }
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    memchr::memmem::find(bytes, wanted).is_some()
}

fn holds_token(bytes: &[u8]) -> bool {
    memchr::memmem::find_iter(bytes, TOKEN_PREFIX).any(|at| {
        let digits = &bytes[at + TOKEN_PREFIX.len()..];
        digits.len() >= TOKEN_DIGITS && digits[..TOKEN_DIGITS].iter().all(u8::is_ascii_hexdigit)
    })
}

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("secrets: in no output, file or argument, however much is logged", spoken_at_length),
        Scenario::new("secrets: the search for them finds one", control),
    ]
}

/// Commands that touch the secret, each with everything logged; the harness checks what they say and leave behind.
fn spoken_at_length(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(tenant::small(scene))?;
    let desk = scene.desk("data").connected(&tenant);
    for arguments in [
        &["-vvv", "archive", "pull", "--from", "2025-01-01", "--to", "2025-02-01"] as &[&str],
        &["-vvv", "--json", "archive", "pull", "--from", "2025-01-01", "--to", "2025-02-01"],
        &["-vvv", "doctor"],
        &["-vvv", "--json", "doctor"],
        &["-vvv", "archive", "verify"],
        &["-vvv", "archive", "list"],
    ] {
        let run = desk.run(arguments)?.exits(0)?;
        let speaks = arguments.contains(&"pull") || arguments.contains(&"doctor");
        ensure!(!(speaks && run.stderr.is_empty()), "{}", run.wrong("-vvv says nothing"));
    }
    for style in ["basic", "form", "json"] {
        let desk = scene.desk(style).connected(&tenant).with("FRONTDESK_CLIENT_STYLE", style);
        desk.run(&["-vvv", "archive", "pull", "--from", "2025-01-01", "--to", "2025-01-05"])?.exits(0)?;
        // The canary is wrong here: it is what the error is about.
        let wrong = desk.with("FRONTDESK_CLIENT_ID", "somebody-else");
        wrong.run(&["-vvv", "archive", "pull", "--from", "2025-01-01", "--to", "2025-01-05"])?.exits(4)?;
        wrong.run(&["-vvv", "--json", "doctor"])?.exits(4)?;
    }
    // A profile with a secret and a mistake in the same line must not be quoted.
    let profile = scene.hidden("broken.toml");
    let text = format!("[profiles.default]\nclient_secret = {:?} oops\n", scene.house.canary.secret);
    files::write_private(&profile, text.as_bytes())?;
    let profile = profile.display().to_string();
    desk.run(&["--config", &profile, "archive", "list"])?.exits(2)?;
    desk.run(&["--json", "--config", &profile, "archive", "list"])?.exits(2)?;
    let canary = &scene.house.canary;
    ensure!(canary.outputs.load(Ordering::Relaxed) > 0, "no output was searched");
    ensure!(canary.command_lines.load(Ordering::Relaxed) > 0, "no process's arguments were searched");
    scene.close()?;
    ensure!(canary.files.load(Ordering::Relaxed) > 0, "no file was searched");
    Ok(())
}

fn control(scene: &Scene<'_>) -> Outcome {
    let canary = Canary::new(scene.house.options.seed);
    let file = scene.hidden("leaky");
    let leaks = [
        canary.secret.clone(),
        format!("{:?}", canary.secret),
        serde_json::json!(canary.secret).to_string(),
        format!("Authorization: Bearer sandbox-{}", "0123456789abcdef".repeat(2)),
        format!("Authorization: Basic {}", STANDARD.encode(format!("sandbox-client:{}", canary.secret))),
        format!("Authorization: Basic {}", STANDARD.encode(format!("a-client:{}", canary.secret))),
        format!("Authorization: Basic {}", STANDARD.encode(format!("aa-client:{}", canary.secret))),
    ];
    for leak in leaks {
        let text = format!("harmless\n{leak}\nharmless");
        ensure!(canary.check_output("the control", text.as_bytes()).is_err(), "{leak:?} was not found");
        files::write_private(&file, text.as_bytes())?;
        ensure!(canary.check_file(&file).is_err(), "{leak:?} was not found in a file");
    }
    ensure!(
        canary.check_output("the control", b"sandbox-organization sandbox-client").is_ok(),
        "a false alarm"
    );
    Ok(())
}
