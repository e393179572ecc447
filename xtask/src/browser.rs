//! `cargo xtask browser`: the console in a real Chromium.
//!
//! Every screen of `frontdesk serve --demo` at three widths and in both themes, the keyboard's way through it, and an
//! archive of hostile text; axe-core looks for what people with other eyes and hands would meet. Where Node.js, npm or a
//! Chromium cannot be had nothing was checked, and the last line says so. `--pictures FOLDER` keeps what was seen.
#![expect(
    clippy::disallowed_methods,
    reason = "this starts a package manager, a browser and the binary, so it has to pass by the doors of the binary it tests"
)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::{Outcome, cargo, e2e};

/// What npm gives: a driver for a browser that is there already, and the rules of accessibility.
const PACKAGES: [&str; 2] = ["puppeteer-core@24.43.1", "axe-core@4.14.1"];
/// What a Chromium is called.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Runs it.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let pictures = match arguments {
        [] => None,
        [flag, folder] if flag == "--pictures" => Some(PathBuf::from(folder)),
        _ => return Err("usage: cargo xtask browser [--pictures FOLDER]".into()),
    };
    let folder = cargo::target_dir()?.join("browser");
    let chromium = match tools(&folder) {
        Ok(chromium) => chromium,
        Err(why) => {
            // On both streams: whoever reads only one of them must not take this for a pass.
            let said = format!("browser: SKIPPED, {why}; nothing was checked");
            eprintln!("{said}");
            println!("{said}");
            return Ok(());
        }
    };
    let binary = e2e::build()?;
    let script = cargo::root().join("xtask/browser/drive.mjs");
    let place = folder.join("run");
    if place.exists() {
        fs::remove_dir_all(&place).map_err(|error| format!("cannot clear {}: {error}", place.display()))?;
    }
    fs::create_dir_all(&place).map_err(|error| format!("cannot make {}: {error}", place.display()))?;
    let hostile = import(&binary, &script, &place)?;
    let demo = Console::start(&binary, &place, &["serve", "--demo"])?;
    let hostile = Console::start(&binary, &place, &["--data-dir", &hostile, "serve"])?;
    let mut drive = Command::new("node");
    drive
        .arg(&script)
        .current_dir(&folder)
        .env("FRONTDESK_CONSOLE", &demo.url)
        .env("FRONTDESK_HOSTILE", &hostile.url)
        .env("CHROMIUM", chromium)
        .stdin(Stdio::null());
    if let Some(pictures) = pictures {
        fs::create_dir_all(&pictures)
            .map_err(|error| format!("cannot make {}: {error}", pictures.display()))?;
        let whole =
            fs::canonicalize(&pictures).map_err(|error| format!("{}: {error}", pictures.display()))?;
        drive.env("FRONTDESK_PICTURES", whole);
    }
    let status = drive.status().map_err(|error| format!("cannot run node: {error}"))?;
    if status.success() { Ok(()) } else { Err("the console is not as it should be".into()) }
}

/// A Chromium, and the packages beside it; or why there are none.
fn tools(folder: &Path) -> Result<&'static str, String> {
    let answers = |program: &str| {
        let mut asked = Command::new(program);
        asked.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        asked.status().is_ok_and(|status| status.success())
    };
    for program in ["node", "npm"] {
        if !answers(program) {
            return Err(format!("there is no {program}"));
        }
    }
    let chromium = BROWSERS.into_iter().find(|program| answers(program)).ok_or("there is no Chromium")?;
    let wanted = PACKAGES.join(" ");
    let mark = folder.join("installed");
    if fs::read_to_string(&mark).is_ok_and(|installed| installed == wanted) {
        return Ok(chromium);
    }
    fs::create_dir_all(folder).map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    let write = |path: &Path, text: &str| {
        fs::write(path, text).map_err(|error| format!("{} cannot be written: {error}", path.display()))
    };
    write(&folder.join("package.json"), "{\"private\": true}\n")?;
    let quiet = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1"];
    let installed =
        Command::new("npm").args(quiet).args(PACKAGES).current_dir(folder).stdout(Stdio::null()).status();
    if !installed.is_ok_and(|status| status.success()) {
        return Err("npm gives no packages".into());
    }
    write(&mark, &wanted)?;
    Ok(chromium)
}

/// An archive of hostile conversations. Gives its data folder.
fn import(binary: &Path, script: &Path, place: &Path) -> Result<String, String> {
    let lines = place.join("hostile.ndjson");
    let file = fs::File::create(&lines).map_err(|error| format!("{}: {error}", lines.display()))?;
    let made = Command::new("node").arg(script).arg("payloads").stdout(file).status();
    if !made.is_ok_and(|status| status.success()) {
        return Err("cannot make the hostile archive".into());
    }
    let data = place.join("hostile").display().to_string();
    let imported = Command::new(binary)
        .args(["--data-dir", &data, "archive", "import", "--ndjson"])
        .arg(&lines)
        .stdout(Stdio::null())
        .status()
        .map_err(|error| format!("cannot run the import: {error}"))?;
    if imported.success() { Ok(data) } else { Err(format!("the import ended with {imported}")) }
}

/// A console that listens until this is dropped.
struct Console {
    child: Child,
    url: String,
}

impl Console {
    fn start(binary: &Path, place: &Path, arguments: &[&str]) -> Result<Self, String> {
        let mut child = Command::new(binary)
            .args(["--json"])
            .args(arguments)
            .args(["--addr", "127.0.0.1:0"])
            .current_dir(place)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot start the console: {error}"))?;
        let stdout = child.stdout.take();
        let mut console = Self { child, url: String::new() };
        let lines = stdout.into_iter().flat_map(|stdout| BufReader::new(stdout).lines());
        for line in lines.map_while(Result::ok) {
            let said: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(address) = said.get("addr").and_then(serde_json::Value::as_str) {
                console.url = format!("http://{address}");
                return Ok(console);
            }
        }
        Err("the console ended before it was ready".into())
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        // What it serves was made for this and is cleared by the next.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
