//! What every command has at hand.

use std::path::PathBuf;

use frontdesk_shell::progress::Progress;
use frontdesk_shell::settings::{Layers, Settings};
use frontdesk_shell::{Environment, Exit, Failure, Format, Printer, Shutdown};

use crate::args::{ConnectionArgs, GlobalArgs, OutputArg};

/// Printer, settings and environment of one command.
#[derive(Debug)]
pub(crate) struct Context<'p> {
    pub(crate) printer: &'p Printer,
    pub(crate) settings: Settings,
    pub(crate) environment: Environment,
    silent_progress: bool,
}

/// How data is written: `--json` is short for `--output json`.
pub(crate) fn format(global: &GlobalArgs) -> Format {
    match (global.json, global.output) {
        (true, _) | (_, OutputArg::Json) => Format::Json,
        (false, OutputArg::Text) => Format::Text,
    }
}

/// Listens for the signals that ask a command to stop.
pub(crate) fn signals() -> Result<Shutdown, Failure> {
    Shutdown::listen().map_err(|error| {
        Failure::new(Exit::Unexpected, "signals", "cannot listen for signals").caused_by(&error)
    })
}

impl<'p> Context<'p> {
    /// Resolves the settings: flags over environment over profile over defaults.
    pub(crate) fn new(
        global: &GlobalArgs,
        connection: Option<&ConnectionArgs>,
        more_flags: Vec<(&'static str, Option<String>)>,
        environment: Environment,
        printer: &'p Printer,
    ) -> Result<Self, Failure> {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let mut flags = vec![("data_dir", path(&global.data_dir))];
        if let Some(connection) = connection {
            flags.extend([
                ("contract", connection.contract.clone()),
                ("base_url", connection.base_url.clone()),
                ("client_id", connection.client_id.clone()),
                ("client_style", connection.client_style.clone()),
                ("ca_file", path(&connection.ca_file)),
                ("rate", connection.rate.clone()),
            ]);
        }
        flags.extend(more_flags);
        let settings = Settings::resolve(&Layers {
            flags: flags.into_iter().filter_map(|(key, text)| Some((key, text?))).collect(),
            environment: Some(&environment),
            config: global.config.clone(),
            profile: global.profile.clone(),
        })?;
        Ok(Self { printer, settings, environment, silent_progress: global.no_progress })
    }

    /// The archive's folder.
    pub(crate) fn archive_root(&self) -> Result<PathBuf, Failure> {
        Ok(self.settings.data_dir(&self.environment)?.join("archive"))
    }

    /// Progress of long work, as flags and terminal allow.
    pub(crate) fn progress(&self, total: Option<u64>) -> Progress<'p> {
        Progress::new(self.printer, self.silent_progress, total)
    }
}
