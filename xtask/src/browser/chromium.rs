//! A Chromium to drive, and what drives it.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// What npm gives: a driver for a browser that is there already, and the rules of accessibility.
const PACKAGES: [&str; 2] = ["puppeteer-core@24.43.1", "axe-core@4.14.1"];
/// What a Chromium is called.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
/// What Debian has, with letters to show.
const DEBIAN: [&str; 4] = ["chromium", "fonts-dejavu-core", "nodejs", "npm"];

/// The name of a Chromium, with the packages in `folder`; or why there are none.
pub(super) fn ready(folder: &Path) -> Result<&'static str, String> {
    if missing().is_some() {
        install();
    }
    if let Some(program) = missing() {
        return Err(format!("there is no {program}"));
    }
    let chromium = BROWSERS.into_iter().find(|program| answers(program)).ok_or("there is no Chromium")?;
    packages(folder)?;
    Ok(chromium)
}

/// What is not there.
fn missing() -> Option<&'static str> {
    let has_browser = BROWSERS.into_iter().any(answers);
    let tool = ["node", "npm"].into_iter().find(|program| !answers(program));
    tool.or((!has_browser).then_some("Chromium"))
}

fn answers(program: &str) -> bool {
    let mut asked = Command::new(program);
    asked.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    asked.status().is_ok_and(|status| status.success())
}

/// From Debian's archive, for who may: elsewhere nothing happens, and what is missing stays so.
fn install() {
    let root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout.trim_ascii() == b"0");
    if !root || !answers("apt-get") {
        return;
    }
    println!("installing {}", DEBIAN.join(", "));
    for arguments in [&["update", "-qq"][..], &["install", "-y", "-qq", "--no-install-recommends"]] {
        let mut apt = Command::new("apt-get");
        apt.args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        if arguments[0] == "install" {
            apt.args(DEBIAN);
        }
        // Whether it came to something is looked at afterwards.
        let _ = apt.status();
    }
}

fn packages(folder: &Path) -> Result<(), String> {
    let wanted = PACKAGES.join(" ");
    let mark = folder.join("installed");
    if fs::read_to_string(&mark).is_ok_and(|installed| installed == wanted) {
        return Ok(());
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
    write(&mark, &wanted)
}
