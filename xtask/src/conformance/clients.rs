//! The vendor's SDKs, installed below `target/` once and used again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::shown;

/// What PyPI gives: the SDK, and a WebSocket library for the guest.
const PYTHON_PACKAGES: [&str; 2] = ["PureCloudPlatformClientV2==269.0.0", "websocket-client==1.9.2"];
/// What npm gives.
const NODE_PACKAGE: &str = "purecloud-platform-client-v2@262.0.0";
/// Says what is installed, so that another version is installed anew.
const INSTALLED: &str = "installed";

/// Why there is no client.
pub(crate) enum Missing {
    /// No interpreter, or no registry: nothing can be said about the sandbox.
    Unreachable(String),
    /// This machine fails in another way.
    Broken(String),
}

/// The clients, ready to run.
pub(super) struct Clients {
    folder: PathBuf,
}

/// One of them.
pub(super) struct Client {
    /// As the report names it.
    pub(super) name: &'static str,
    program: PathBuf,
    script: &'static str,
    folder: PathBuf,
}

impl Clients {
    /// Installs what is not there yet.
    pub(super) fn install(folder: &Path) -> Result<Self, Missing> {
        let clients = Self { folder: folder.to_path_buf() };
        python(&clients.python(), &PYTHON_PACKAGES)?;
        once(&clients.node(), NODE_PACKAGE, |place| {
            let file = place.join("package.json");
            fs::write(&file, b"{\"private\": true}\n").map_err(|error| broken(&file, &error))?;
            let quiet = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1"];
            run(Command::new("npm").args(quiet).arg(NODE_PACKAGE).current_dir(place))
        })?;
        Ok(clients)
    }

    fn python(&self) -> PathBuf {
        self.folder.join("python")
    }

    fn node(&self) -> PathBuf {
        self.folder.join("node")
    }

    pub(super) fn all(&self) -> [Client; 2] {
        [
            Client {
                name: "python",
                program: self.python().join("bin/python"),
                script: "scenario.py",
                folder: self.python(),
            },
            Client {
                name: "javascript",
                program: "node".into(),
                script: "scenario.mjs",
                folder: self.node(),
            },
        ]
    }
}

impl Client {
    /// Runs its scenario, one of the scripts of a folder.
    pub(super) fn command(&self, scripts: &Path) -> Command {
        self.run(&scripts.join(self.script))
    }

    /// Runs a script with its interpreter.
    pub(super) fn run(&self, script: &Path) -> Command {
        let mut command = Command::new(&self.program);
        // A proxy is for what is on the net; the sandbox is here.
        for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
            command.env_remove(name);
        }
        command.arg(script).current_dir(&self.folder).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }
}

/// Makes an environment of Python with packages of PyPI, unless it is there.
pub(crate) fn python(place: &Path, packages: &[&str]) -> Result<(), Missing> {
    once(place, &packages.join(" "), |place| {
        run(Command::new("python3").args(["-m", "venv", "--clear", &shown(place)]))?;
        let pip = place.join("bin/pip");
        let quiet = ["install", "--quiet", "--disable-pip-version-check", "--retries", "2"];
        run(Command::new(pip).args(quiet).args(packages))
    })
}

/// Fills a folder unless it holds what it should. A folder that was filled half is filled anew.
fn once(place: &Path, what: &str, fill: impl FnOnce(&Path) -> Result<(), Missing>) -> Result<(), Missing> {
    let note = place.join(INSTALLED);
    if fs::read_to_string(&note).is_ok_and(|text| text == what) {
        return Ok(());
    }
    println!("installing {what}");
    if place.exists() {
        fs::remove_dir_all(place).map_err(|error| broken(place, &error))?;
    }
    fs::create_dir_all(place).map_err(|error| broken(place, &error))?;
    fill(place)?;
    fs::write(&note, what).map_err(|error| broken(&note, &error))
}

fn broken(path: &Path, error: &std::io::Error) -> Missing {
    Missing::Broken(format!("{}: {error}", path.display()))
}

/// A step of an installation. One that fails means that a tool or its registry is not there.
fn run(command: &mut Command) -> Result<(), Missing> {
    let tool = shown(Path::new(command.get_program()));
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Missing::Unreachable(format!("{tool} cannot be run: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it does not say why");
    Err(Missing::Unreachable(format!("{tool} cannot install ({last})")))
}
