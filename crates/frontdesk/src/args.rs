//! The command line as it is typed: literal arguments, no meaning yet.

mod archive;
mod audit;
mod history;
mod keeping;
mod message;
mod retention;
mod sandbox;
mod serve;
mod session;
mod token;
mod webhook;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use archive::{
    ArchiveCommand, ConnectionArgs, ImportArgs, OrderArg, PullArgs, SearchArgs, ShowArgs, StoreArgs,
};
pub(crate) use audit::{AuditCommand, AuditExportArgs, AuditVerifyArgs, TailArgs};
pub(crate) use history::{HistoryCommand, HistoryPullArgs};
pub(crate) use keeping::{ExportArgs, ExportFormat, RepairArgs, ReportArgs};
pub(crate) use message::{
    MessageCommand, MessageSendArgs, MessageSimulateArgs, MessageSlaArgs, MessageStatusArgs, WatchArgs,
};
pub(crate) use retention::{HoldAddArgs, HoldCommand, HoldReleaseArgs, PolicyCommand, RetainArgs};
pub(crate) use sandbox::{SandboxCommand, ServeArgs};
pub(crate) use serve::ServerArgs;
pub(crate) use session::{SessionCloseArgs, SessionCommand, SessionListArgs, SessionOpenArgs};
pub(crate) use token::{TokenCommand, TokenCreateArgs};
pub(crate) use webhook::{
    DeliveriesArgs, DrainArgs, EndpointAddArgs, EndpointsCommand, ListenArgs, ReplayArgs, WebhookCommand,
    WebhookVerifyArgs, WhichArgs,
};

/// Digital messaging on Genesys Cloud: an archive that can prove itself.
#[derive(Debug, Parser)]
#[command(name = "frontdesk", version, about, long_about = None, after_help = EXAMPLES, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  frontdesk demo                                     everything, against a tenant on this machine
  frontdesk archive pull --from 2025-01-01 --to 2026-01-01
  frontdesk archive search --contains 'make a reservation'
  frontdesk archive verify
  frontdesk audit verify

Exit codes: 0 done, 1 unexpected, 2 usage, 3 not all done, 4 authentication, 5 remote unavailable,
6 integrity, 7 policy, 8 store busy, 9 storage failure, 130 interrupted (the same command resumes).";

/// What every command takes.
#[derive(Debug, Args, Default)]
pub(crate) struct GlobalArgs {
    /// How data on stdout is written; json is always one object a line
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: OutputArg,
    /// Short for --output json
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say nothing on stderr but errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Log more: -v what is done, -vv why, -vvv everything
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Show no progress
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,
    /// The configuration file [default: $XDG_CONFIG_HOME/frontdesk/frontdesk.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The profile of the configuration file
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Where everything is kept [default: $XDG_DATA_HOME/frontdesk]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum OutputArg {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Over which contract: the design documents' gateway, or what the vendor publishes
    #[arg(long, value_name = "NAME", default_value = "gateway")]
    pub(crate) contract: DemoContract,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DemoContract {
    Gateway,
    Platform,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run everything against a tenant on this machine and leave a searchable archive in ./frontdesk-demo
    #[command(
        after_help = "Examples:\n  frontdesk demo && frontdesk --data-dir frontdesk-demo archive list | head\n  frontdesk demo --contract platform"
    )]
    Demo(DemoArgs),
    /// A Genesys Cloud tenant on this machine, to develop and test against
    #[command(subcommand)]
    Sandbox(SandboxCommand),
    /// Keep conversations, find them, and prove that nothing is missing or changed
    #[command(subcommand)]
    Archive(ArchiveCommand),
    /// Histories: the messages of conversations, as guests and agents sent them
    #[command(subcommand)]
    History(HistoryCommand),
    /// Guest sessions: open them with consent, see how they stand, end one, or many by a plan
    #[command(subcommand)]
    Session(SessionCommand),
    /// Send messages into conversations, each once, and know whether they arrived in time
    #[command(subcommand)]
    Message(MessageCommand),
    /// What was done, and that nobody has changed what was written down about it
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Retention policies: what they say about a conversation
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Webhooks: who is told of events, and what became of each
    #[command(subcommand)]
    Webhook(WebhookCommand),
    /// Tokens: who may use the console and the HTTP API, and what
    #[command(subcommand)]
    Token(TokenCommand),
    /// Serve the archive: its console, its HTTP API and its search, until stopped
    #[command(after_help = serve::EXAMPLES)]
    Serve(ServerArgs),
    /// Check settings, the connection, the credentials and the archive, and say what is wrong
    #[command(after_help = "Example:\n  frontdesk doctor && frontdesk archive pull")]
    Doctor(DoctorArgs),
    /// Settings: what they are and where they come from
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print a man page (roff), or write those of all commands into a folder
    #[command(after_help = MAN_EXAMPLES)]
    Man(ManArgs),
    /// Print a completion script for a shell
    #[command(
        after_help = "Example:\n  frontdesk completions bash > ~/.local/share/bash-completion/completions/frontdesk"
    )]
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show each setting with its value and where that came from; secrets are masked
    #[command(after_help = CONFIG_EXAMPLES)]
    Show,
}

const CONFIG_EXAMPLES: &str = "\
Examples:
  frontdesk config show
  frontdesk --profile night --json config show | jq -r 'select(.setting == \"rate\") | .value'

With --json the first object says which file and which profile were read.";

const MAN_EXAMPLES: &str = "\
Examples:
  frontdesk man archive pull | man -l -
  frontdesk man --out ~/.local/share/man/man1";

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The command whose page is printed [default: frontdesk itself]
    #[arg(value_name = "COMMAND", conflicts_with = "out")]
    pub(crate) command: Vec<String>,
    /// Write the pages of all commands into this folder; it is made where it is missing
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_flag_takes_a_secret() {
        fn flags(command: &clap::Command, found: &mut Vec<String>) {
            // A switch holds nothing, and a file's name is no secret.
            let takes = command.get_arguments().filter(|arg| arg.get_action().takes_values());
            let names = takes.filter_map(|arg| arg.get_long()).filter(|name| !name.ends_with("-file"));
            found.extend(names.map(str::to_owned));
            command.get_subcommands().for_each(|command| flags(command, found));
        }
        let mut found = Vec::new();
        flags(&Cli::command(), &mut found);
        let secret =
            |flag: &String| flag.contains("secret") || flag.contains("password") || flag.contains("token");
        assert_eq!(found.iter().find(|flag| secret(flag)), None);
    }
}
