//! The secret that must not show up: not in any output of any run, not in any file a run leaves behind, not in the
//! arguments of a process.
//!
//! Every in-process sandbox knows its client by this secret, so every scenario carries it past every error path; the
//! harness looks for it in all that a scenario leaves behind. Bearer tokens are looked for too.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use frontdesk_sandbox::{Config, GuestPlan};

use super::callback::{body, signed};
use super::caller::{Key, Listening, request, seconds};
use super::files;
use super::scene::Scene;
use super::telling::RECEIVER;
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
        Scenario::new("secrets: keys of webhooks and of the journal are in nothing that is said", keys),
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

/// Every command that uses a key, with everything logged. Where keys belong, in files of their owner's, the harness finds
/// them; what is said, and what the audit log tells, must have neither these nor the client's secret.
fn keys(scene: &Scene<'_>) -> Outcome {
    let guest_plan = GuestPlan { active: 1.0, ..GuestPlan::default() };
    let tenant = scene.tenant(Config { guests: 2, guest_plan, ..tenant::small(scene) })?;
    let callback = Key::new(scene);
    let desk = signed(scene, &tenant, &callback)?.connected(&tenant).tells(&tenant, "session.terminated")?;
    let path = |name: &str| scene.hidden(name).display().to_string();
    let listed = desk.json(&["webhook", "endpoints", "list"])?.exits(0)?.last()?;
    let id = listed["id"].as_str().ok_or_else(|| format!("an endpoint without an id: {listed}"))?;
    let guests = tenant.guests()?;
    let (first, second, new) = (&guests[0].id, &guests[1].id, path("new.key"));
    let mut said = Vec::new();
    // One callback that is signed, and one that is not.
    let listening = Listening::start(&desk, &["-vv"])?;
    let body = body("c-1");
    let good = callback.fields("msg_1", seconds(), &body)?;
    for (fields, status) in [(&good[..], 200), (&[][..], 401)] {
        let answer = listening.call(&request(fields, &body))?;
        ensure!(answer.status == status, "{}", answer.head);
        said.extend([answer.head.into_bytes(), answer.body]);
    }
    let run = listening.stop()?;
    said.extend([run.stdout, run.stderr.into_bytes()]);
    for arguments in [
        &["session", "close", "--guest-id", first, "--reason", "timeout"] as &[&str],
        &["webhook", "endpoints", "rotate", id, "--key-file", &new],
        &["session", "close", "--guest-id", second, "--reason", "timeout"],
        &["webhook", "endpoints", "enable", id],
        &["webhook", "endpoints", "list"],
        &["webhook", "register", "--url", "http://127.0.0.1:1/webhook/callback"],
        &["webhook", "drain"],
        &["webhook", "deliveries", "--attempts"],
        &["webhook", "replay", "--state", "delivered"],
        &["session", "list"],
        &["audit", "rotate"],
        &["audit", "verify"],
        &["audit", "tail", "-n", "1000"],
        &["audit", "export", "--chain"],
        &["config", "show"],
    ] {
        for form in [&["-vvv"][..], &["-vvv", "--json"]] {
            let run = desk.run(&[form, arguments].concat())?;
            // The second time a key is known already, and a delivery may wait.
            ensure!(matches!(run.exit, Some(0 | 2 | 3 | 5)), "{}", run.wrong("it failed"));
            said.extend([run.stdout, run.stderr.into_bytes()]);
        }
    }
    let mut secrets = vec![callback.text()];
    let hidden = ["crm.key", "new.key", &format!("{RECEIVER}.key")].map(|name| scene.hidden(name));
    for file in hidden.into_iter().chain([desk.data.join("journal/keys")]) {
        secrets.extend(String::from_utf8_lossy(&files::read(&file)?).lines().map(str::to_owned));
    }
    for secret in &secrets {
        // The last word of a line of the journal's, and what follows whsec_ in the others.
        let core = secret.rsplit([' ', '_']).next().unwrap_or(secret);
        ensure!(core.len() > 20, "a key is too short to be looked for");
        let leak = said.iter().find(|text| holds(text, core.as_bytes()));
        ensure!(
            leak.is_none(),
            "a key is said: {}",
            String::from_utf8_lossy(leak.map_or(&[], Vec::as_slice))
        );
    }
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
