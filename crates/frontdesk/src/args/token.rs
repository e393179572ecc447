//! `frontdesk token`: who may use the console and the HTTP API.

use clap::{Args, Subcommand};

const EXAMPLES: &str = "\
Examples:
  frontdesk token create --name anna --role viewer
  frontdesk token create --name night-report --role auditor --expires 90d --json | jq -r .token
  frontdesk token list
  frontdesk token revoke 0f3c9a1b2d4e5f60

A viewer searches and reads, with what recognisers find masked; an auditor also sees what is masked, exact bytes and the
audit log; an operator also replays deliveries; an admin may everything. The token itself is shown once: what is kept is a
hash of it. Servers that run hear of a change within a second. docs/server.md says when tokens are asked for.";

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token, and show it once
    #[command(after_help = EXAMPLES)]
    Create(TokenCreateArgs),
    /// List the tokens there are: whose, what they may, since when
    #[command(after_help = EXAMPLES)]
    List,
    /// Take a token away
    #[command(after_help = EXAMPLES)]
    Revoke {
        /// Its id, as list shows it
        #[arg(value_name = "ID")]
        id: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct TokenCreateArgs {
    /// Whose it is: what it does is written down under this name
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    /// What it may: viewer, auditor, operator or admin
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: String,
    /// For how long it counts, such as 90d [default: until it is revoked]
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<String>,
}
