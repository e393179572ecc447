//! `frontdesk archive retain|hold` and `frontdesk policy`: what is kept for how long, and what must not go.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

pub(super) const RETAIN_EXAMPLES: &str = "\
Examples:
  frontdesk archive retain                            what the profile's policies say; nothing is removed
  frontdesk archive retain --days 365 --plan due.json
  frontdesk archive retain --days 365 --apply due.json --yes

Without --days the policies of the profile count, the tables [[profiles.NAME.retention]] with name, days, and optionally
type, queue and metadata; where there are none, 30 days. The age counts from the end of a conversation, else from its start.
Where several policies apply the longest keeps. What a matter holds is never removed. docs/retention.md says it all.";

#[derive(Debug, Args)]
pub(crate) struct RetainArgs {
    /// Keep every conversation for so many days, instead of the profile's policies
    #[arg(long, value_name = "N")]
    pub(crate) days: Option<String>,
    /// Write the plan to this file, which must not be there
    #[arg(long, value_name = "OUT", conflicts_with = "apply")]
    pub(crate) plan: Option<PathBuf>,
    /// Remove what this plan names and is still due; needs --yes
    #[arg(long, value_name = "PLAN")]
    pub(crate) apply: Option<PathBuf>,
    /// Yes, remove it
    #[arg(long, requires = "apply")]
    pub(crate) yes: bool,
    /// The clock is right although it is far ahead of the archive's last time
    #[arg(long, requires = "apply")]
    pub(crate) confirm_clock: bool,
    #[command(flatten)]
    pub(crate) store: super::StoreArgs,
}

const HOLD_EXAMPLES: &str = "\
Examples:
  frontdesk archive hold add --id 8e5b7fe0-9c54-55ff-9175-a84c906445f3 --matter 'Smith v. Acme' --reason 'served 1 March'
  frontdesk archive hold add --query 'queue:sales to:2025-02-01' --matter 'Smith v. Acme' --reason 'discovery'
  frontdesk archive hold list
  frontdesk archive hold release --matter 'Smith v. Acme' --reason 'settled'";

#[derive(Debug, Subcommand)]
pub(crate) enum HoldCommand {
    /// Hold conversations for a matter: they are not removed, whatever their age
    #[command(after_help = HOLD_EXAMPLES)]
    Add(HoldAddArgs),
    /// Release what a matter holds; what others hold stays held
    #[command(after_help = HOLD_EXAMPLES)]
    Release(HoldReleaseArgs),
    /// List what is held, by which matter, since when and why
    #[command(after_help = HOLD_EXAMPLES)]
    List {
        /// Only of this matter
        #[arg(long, value_name = "NAME")]
        matter: Option<String>,
    },
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true))]
pub(crate) struct HoldAddArgs {
    /// A conversation; may be repeated
    #[arg(long, value_name = "ID", group = "which")]
    pub(crate) id: Vec<String>,
    /// Every conversation that a query finds now, as for search
    #[arg(long, value_name = "QUERY", group = "which", allow_hyphen_values = true)]
    pub(crate) query: Option<String>,
    /// The matter that holds them
    #[arg(long, value_name = "NAME")]
    pub(crate) matter: String,
    /// Why; it is kept in the ledger
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) store: super::StoreArgs,
}

#[derive(Debug, Args)]
pub(crate) struct HoldReleaseArgs {
    /// The matter
    #[arg(long, value_name = "NAME")]
    pub(crate) matter: String,
    /// Only this conversation; may be repeated
    #[arg(long, value_name = "ID")]
    pub(crate) id: Vec<String>,
    /// Why; it is kept in the ledger
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) store: super::StoreArgs,
}

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  frontdesk policy explain 8e5b7fe0-9c54-55ff-9175-a84c906445f3
  frontdesk --json policy explain 8e5b7fe0-9c54-55ff-9175-a84c906445f3 | jq -r .verdict";

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Say what becomes of a conversation by the profile's policies, and why
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain {
        /// The conversation
        #[arg(value_name = "ID", allow_hyphen_values = true)]
        id: String,
    },
}
