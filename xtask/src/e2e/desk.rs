//! The binary as a user has it: a data folder, an environment, and commands.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::{Run, Running, Stdout};
use super::scene::Scene;
use super::tenant::Tenant;

/// All of 2025: where the sandbox's conversations are.
pub(super) const YEAR: [&str; 4] = ["--from", "2025-01-01", "--to", "2026-01-01"];

/// How the binary is called.
#[derive(Clone)]
pub(super) struct Desk<'s> {
    pub(super) scene: &'s Scene<'s>,
    /// `--data-dir`.
    pub(super) data: PathBuf,
    environment: Vec<(String, OsString)>,
    /// A command that runs the binary, such as `strace`.
    under: Vec<OsString>,
    folder: PathBuf,
}

impl<'s> Desk<'s> {
    pub(super) fn new(scene: &'s Scene<'s>, data: PathBuf) -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let home = scene.path("home");
        let environment = vec![
            ("PATH".into(), path),
            ("HOME".into(), home.clone().into()),
            ("FRONTDESK_DATA_DIR".into(), data.clone().into()),
        ];
        Self { scene, data, environment, under: Vec::new(), folder: home }
    }

    /// Speaks to a tenant.
    #[must_use]
    pub(super) fn connected(self, tenant: &Tenant<'_>) -> Self {
        let client_id = tenant.client_id().to_owned();
        let secret = self.scene.house.canary.secret.clone();
        self.at(&tenant.base_url)
            .with("FRONTDESK_CLIENT_ID", &client_id)
            .with("FRONTDESK_CLIENT_SECRET", &secret)
    }

    /// Speaks to a tenant over the vendor's published contract.
    #[must_use]
    pub(super) fn on_platform(self, tenant: &Tenant<'_>) -> Self {
        let url = tenant.platform_url.clone().unwrap_or_default();
        self.connected(tenant)
            .with("FRONTDESK_CONTRACT", "platform")
            .with("FRONTDESK_BASE_URL", &url)
            .with("FRONTDESK_LOGIN_URL", &format!("{url}/login"))
    }

    /// Speaks to whatever is there, with some credentials.
    #[must_use]
    pub(super) fn at(self, base_url: &str) -> Self {
        let secret = self.scene.house.canary.secret.clone();
        self.with("FRONTDESK_CONTRACT", "gateway")
            .with("FRONTDESK_BASE_URL", base_url)
            .with("FRONTDESK_CLIENT_ID", "a-client")
            .with("FRONTDESK_CLIENT_SECRET", &secret)
    }

    /// Sets an environment variable.
    #[must_use]
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Unsets one.
    #[must_use]
    pub(super) fn without(mut self, name: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self
    }

    /// Runs the binary under another command. In front of those that are there.
    #[must_use]
    pub(super) fn under<S: Into<OsString>>(mut self, command: impl IntoIterator<Item = S>) -> Self {
        let mut under: Vec<OsString> = command.into_iter().map(Into::into).collect();
        under.append(&mut self.under);
        self.under = under;
        self
    }

    /// Runs in another working directory.
    #[must_use]
    pub(super) fn inside(mut self, folder: PathBuf) -> Self {
        self.folder = folder;
        self
    }

    /// The archive's folder.
    pub(super) fn archive(&self) -> PathBuf {
        self.data.join("archive")
    }

    pub(super) fn segments(&self) -> PathBuf {
        self.archive().join("segments")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let binary = self.scene.house.binary.as_os_str();
        let mut words = self.under.iter().map(OsString::as_os_str).chain([binary]);
        let mut command = Command::new(words.next().unwrap_or(binary));
        command.args(words).args(arguments);
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(&self.folder);
        command
    }

    /// Starts it.
    pub(super) fn start(&self, arguments: &[&str]) -> Result<Running<'s>, String> {
        let raw = ["--raw", "completions", "--help", "--version"];
        let json = arguments.contains(&"--json") && !arguments.iter().any(|argument| raw.contains(argument));
        let stdout_is = if json { Stdout::JsonLines } else { Stdout::Free };
        Running::start(self.scene.house, self.command(arguments), stdout_is)
    }

    /// Runs it to its end.
    pub(super) fn run(&self, arguments: &[&str]) -> Result<Run, String> {
        self.start(arguments)?.wait()
    }

    /// Runs it with `--json`.
    pub(super) fn json(&self, arguments: &[&str]) -> Result<Run, String> {
        self.run(&[&["--json"], arguments].concat())
    }

    /// `archive pull` of all of 2025, with more arguments.
    pub(super) fn pull(&self, more: &[&str]) -> Result<Run, String> {
        self.json(&[&["archive", "pull"], &YEAR as &[&str], more].concat())
    }

    /// `archive import` of a file.
    pub(super) fn import(&self, file: &Path) -> Result<Run, String> {
        self.json(&["archive", "import", "--ndjson", &file.display().to_string()])
    }

    /// A shell script with the binary as `$FRONTDESK` and the archive as `$ARCHIVE`. Fails when the script does.
    pub(super) fn shell(&self, script: &str) -> Result<String, String> {
        let output = Command::new("sh")
            .args(["-euc", script])
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("FRONTDESK", &self.scene.house.binary)
            .env("ARCHIVE", self.archive())
            .env("LC_ALL", "C")
            .current_dir(&self.folder)
            .output()
            .map_err(|error| format!("cannot run sh: {error}"))?;
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(
            output.status.success(),
            "the script failed ({})\n{}\nstdout: {stdout}\nstderr: {}",
            output.status,
            script.trim(),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(stdout)
    }
}
