//! `cargo xtask browser`: the console in a real Chromium.
//!
//! Every screen of `frontdesk serve --demo` at three widths and in both themes, a person's way through it, the log-in, and a
//! data folder with hostile text in every field; axe-core looks for what people with other eyes and hands would meet. A
//! Chromium that is not there is installed where it may be. Where there is none, or no Node.js or npm, nothing was checked,
//! and the last line says so. `--pictures FOLDER` keeps what was seen.
#![expect(
    clippy::disallowed_methods,
    reason = "this starts a package manager, a browser and the binary, so it has to pass by the doors of the binary it tests"
)]

mod chromium;
mod hostile;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::listening::Listening;
use crate::{Outcome, cargo, e2e};

/// Runs it.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let pictures = match arguments {
        [] => None,
        [flag, folder] if flag == "--pictures" => Some(PathBuf::from(folder)),
        _ => return Err("usage: cargo xtask browser [--pictures FOLDER]".into()),
    };
    let folder = cargo::target_dir()?.join("browser");
    let chromium = match chromium::ready(&folder) {
        Ok(chromium) => chromium,
        Err(why) => {
            // On both streams: whoever reads only one of them must not take this for a pass.
            let said = format!("browser: SKIPPED, {why}; nothing was checked");
            eprintln!("{said}");
            println!("{said}");
            return Ok(());
        }
    };
    let desk = Desk { binary: e2e::build()?, place: folder.join("run") };
    if desk.place.exists() {
        fs::remove_dir_all(&desk.place).map_err(|error| format!("{}: {error}", desk.place.display()))?;
    }
    fs::create_dir_all(&desk.place).map_err(|error| format!("{}: {error}", desk.place.display()))?;

    let names = hostile::fill(&desk)?;
    let demo = desk.console(&["serve", "--demo"])?;
    let demos = desk.place.join("frontdesk-demo").display().to_string();
    let roles = json!({"viewer": desk.token(&demos, "vera", "viewer")?, "auditor": desk.token(&demos, "otto", "auditor")?});
    let guarded = desk.console(&["--data-dir", &demos, "serve", "--tokens"])?;
    let hostile = desk.console(&["--data-dir", hostile::DATA, "serve", "--tokens"])?;
    let url = |console: &Listening| format!("http://{}", console.said("addr"));
    let mut drive = Command::new("node");
    drive
        .arg(script("drive.mjs"))
        .current_dir(&folder)
        .env("FRONTDESK_CONSOLE", url(&demo))
        .env("FRONTDESK_GUARDED", url(&guarded))
        .env("FRONTDESK_ROLES", roles.to_string())
        .env("FRONTDESK_HOSTILE", url(&hostile))
        .env("FRONTDESK_NAMES", json!(names).to_string())
        .env("CHROMIUM", chromium)
        .stdin(Stdio::null());
    if let Some(pictures) = pictures {
        let failed = |error: std::io::Error| format!("{}: {error}", pictures.display());
        fs::create_dir_all(&pictures).map_err(failed)?;
        drive.env("FRONTDESK_PICTURES", fs::canonicalize(&pictures).map_err(failed)?);
    }
    let status = drive.status().map_err(|error| format!("cannot run node: {error}"))?;
    if status.success() { Ok(()) } else { Err("the console is not as it should be".into()) }
}

/// One of the scripts.
fn script(name: &str) -> PathBuf {
    cargo::root().join("xtask/browser").join(name)
}

/// The binary, and a folder to work in.
struct Desk {
    binary: PathBuf,
    place: PathBuf,
}

impl Desk {
    /// A command, with lines of JSON on stdout and nothing on stderr.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg("--json").args(arguments).current_dir(&self.place);
        command.stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// A console that listens.
    fn console(&self, arguments: &[&str]) -> Result<Listening, String> {
        Listening::start(self.command(arguments).args(["--addr", "127.0.0.1:0"]), "addr")
    }

    /// Runs a command to its end. Gives its last line.
    fn run(&self, command: &mut Command) -> Result<Value, String> {
        let output = command.output().map_err(|error| format!("cannot run the binary: {error}"))?;
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let last = stdout.lines().last().unwrap_or_default();
        if output.status.success() {
            serde_json::from_str(last).map_err(|error| format!("no JSON ({error}): {last}"))
        } else {
            let words: Vec<_> = command.get_args().map(std::ffi::OsStr::to_string_lossy).collect();
            Err(format!("{} ended with {}: {last}", words.join(" "), output.status))
        }
    }

    /// Makes a token.
    fn token(&self, data: &str, name: &str, role: &str) -> Result<String, String> {
        let made = self.run(&mut self.command(&[
            "--data-dir",
            data,
            "token",
            "create",
            "--role",
            role,
            "--name",
            name,
        ]))?;
        Ok(made["token"].as_str().unwrap_or_default().to_owned())
    }

    /// A file in its folder.
    fn file(&self, name: &str) -> String {
        Path::new(&self.place).join(name).display().to_string()
    }
}
