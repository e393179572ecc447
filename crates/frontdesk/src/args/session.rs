//! `frontdesk session close`: ending guest sessions.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use super::archive::ConnectionArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// End the session of a guest; of many guests by a plan, which is made first and looked at
    #[command(after_help = CLOSE_EXAMPLES)]
    Close(Box<SessionCloseArgs>),
}

const CLOSE_EXAMPLES: &str = "\
Examples:
  frontdesk session close --guest-id guest_a8f3c91e --reason timeout
  frontdesk session close --from stale.ndjson --plan tonight.plan
  frontdesk session close --apply tonight.plan --dry-run
  frontdesk session close --apply tonight.plan --yes --max-count 10000 --max-errors 20
  jq -c '{guest_id: .id}' stale.json | frontdesk session close --from - --reason timeout --plan tonight.plan
  frontdesk --json session close --apply tonight.plan --yes | tail -1 | jq .summary

A line of --from is {\"guest_id\", \"reason\", \"retain_data\", \"external_ref\"}; what it leaves out is taken from --reason,
--retain-data and --external-ref. All lines are checked before anything is asked. Only sessions that are active are ended, and
only those the plan names; each is looked at once more right before. Every guest ends in exactly one of ended, duplicate (it had
ended before), skipped (its state), failed (why) and unknown. The same --apply goes on where it was interrupted, and tries again
what failed. Two of them may run at once. docs/sessions.md says it all.

Exit 0 when every session is over, 3 when some are not (skipped, failed, unknown), 4 or 5 when none is and the reason is a
permission or the platform, 7 at a limit, 130 when interrupted.";

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("whom").required(true).multiple(false).args(["guest_id", "from", "apply"]))]
pub(crate) struct SessionCloseArgs {
    /// The guest whose session is to be ended
    #[arg(long, value_name = "ID", alias = "guest", allow_hyphen_values = true)]
    pub(crate) guest_id: Vec<String>,
    /// Read the guests from this file, a line of JSON each; - is stdin
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// Carry out this plan, or go on with it; needs --yes
    #[arg(long, value_name = "PLAN")]
    pub(crate) apply: Option<PathBuf>,
    /// Look at each guest of --from and write the plan to this file, which must not be there; nothing is ended
    #[arg(long, value_name = "OUT", requires = "from")]
    pub(crate) plan: Option<PathBuf>,
    /// Yes, end them
    #[arg(long, requires = "apply")]
    pub(crate) yes: bool,
    /// Look, say what would be done, and do nothing
    #[arg(long, conflicts_with_all = ["plan", "yes"])]
    pub(crate) dry_run: bool,
    /// Why: customer_initiated, agent_initiated, timeout, system_escalation, bot_handoff
    #[arg(long, value_name = "REASON", conflicts_with = "apply")]
    pub(crate) reason: Option<String>,
    /// Whether the platform keeps the messages; with false it forgets them for good
    #[arg(long, value_name = "true|false", default_value = "true", conflicts_with = "apply")]
    pub(crate) retain_data: String,
    /// Your own reference, sent along and kept in the audit record
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, conflicts_with = "apply")]
    pub(crate) external_ref: Option<String>,
    /// Guests that are dealt with at once, by all commands on this data directory together: 1 to 100
    #[arg(long, value_name = "N", default_value = "5")]
    pub(crate) concurrency: String,
    /// Refuse when more sessions than this would be looked at or ended
    #[arg(long, value_name = "N")]
    pub(crate) max_count: Option<String>,
    /// Stop after more failed and unknown guests than this
    #[arg(long, value_name = "N")]
    pub(crate) max_errors: Option<String>,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}
