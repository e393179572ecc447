//! `frontdesk session`: opening guest sessions, how they stand, ending them.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use super::archive::ConnectionArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// Open a guest's session with consent; one for every line of a file
    #[command(after_help = OPEN_EXAMPLES)]
    Open(Box<SessionOpenArgs>),
    /// Show the sessions that were opened from here, and how they stand
    #[command(after_help = LIST_EXAMPLES)]
    List(Box<SessionListArgs>),
    /// Show what a guest consented to: when, to which text, for which session
    #[command(after_help = CONSENT_EXAMPLES)]
    Consent {
        /// The guest
        #[arg(value_name = "GUEST", allow_hyphen_values = true)]
        guest: String,
    },
    /// End the session of a guest; of many guests by a plan, which is made first and looked at
    #[command(after_help = CLOSE_EXAMPLES)]
    Close(Box<SessionCloseArgs>),
}

const OPEN_EXAMPLES: &str = "\
Examples:
  frontdesk session open --data-processing --attribute source=web_portal --language en
  frontdesk session open --guest-id guest_a8f3c91e --data-processing --marketing --consent-text privacy-2025-03
  frontdesk session open --from guests.ndjson --dry-run
  frontdesk --json session open --from guests.ndjson | tail -1 | jq .summary

A line of --from is {\"guest_id\"?, \"attributes\", \"consent\": {\"data_processing\", \"marketing\", \"text_version\"?, \"locale\"?},
\"language\"?, \"priority\"?, \"skills\"?}; --attribute, --language, --priority and --skill fill in what it leaves out, consent is
never filled in. A line without guest_id is given a new guest. Every problem of a line is told; the others are sent. Every
line ends in exactly one of opened, already_open (the guest has this session), refused (not sent), failed and unknown.

Every request has a key that is the same whenever it is sent, so that it opens one session. The same lines again go on where
they were interrupted, and try again what was refused, failed or is unknown; --anew takes them as new requests.
docs/sessions.md says it all, docs/pii.md what counts as personal data.

Exit 0 when every guest has the session, 2 when nothing was sent because it breaks rules, 7 because of personal data, missing
consent or a limit, 3 when some have none or it is not known, 4 or 5 when none has and the reason is a permission or the
platform, 130 when interrupted.";

const LIST_EXAMPLES: &str = "\
Examples:
  frontdesk session list --open
  frontdesk session list --guest-id guest_a8f3c91e --look
  frontdesk --json session list --limit 100 | jq -r 'select(.standing == \"open\") | .guest_id'

What is shown is read from the audit log. A session is open until it was ended from here; with --look the platform is asked.
A request is unknown when its answer was lost: the next session open settles it.";

const CONSENT_EXAMPLES: &str = "\
Examples:
  frontdesk session consent guest_a8f3c91e
  frontdesk --json session consent guest_a8f3c91e | jq '{consented_at, marketing, text_version, session_id, entry}'

Receipts are entries of the audit log, by number: frontdesk audit verify proves that nobody has changed them.";

/// Values of `session open`.
#[derive(Debug, Args)]
pub(crate) struct SessionOpenArgs {
    /// The guest [default: a new one, guest_ and a random id]
    #[arg(long, value_name = "ID", alias = "guest", allow_hyphen_values = true, conflicts_with = "from")]
    pub(crate) guest_id: Option<String>,
    /// Read the requests from this file, a line of JSON each; - is stdin
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// An attribute of the session; may be given again. Personal data is refused
    #[arg(long, value_name = "NAME=TEXT", alias = "attr", allow_hyphen_values = true)]
    pub(crate) attribute: Vec<String>,
    /// The guest consented to data processing; without it there is no session
    #[arg(long, conflicts_with = "from")]
    pub(crate) data_processing: bool,
    /// The guest consented to marketing as well
    #[arg(long, conflicts_with = "from")]
    pub(crate) marketing: bool,
    /// Which version of the text of consent the guest saw; kept in the receipt
    #[arg(long, value_name = "VERSION", conflicts_with = "from")]
    pub(crate) consent_text: Option<String>,
    /// In which language the guest saw it; kept in the receipt
    #[arg(long, value_name = "TAG", conflicts_with = "from")]
    pub(crate) consent_locale: Option<String>,
    /// The guest's language, a tag of BCP 47 such as en or de-AT
    #[arg(long, value_name = "TAG")]
    pub(crate) language: Option<String>,
    /// Higher goes first [default: 1]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub(crate) priority: Option<String>,
    /// A skill the agent has to have; may be given again [default: web_support, general]
    #[arg(long, value_name = "NAME")]
    pub(crate) skill: Vec<String>,
    /// Check, say what would be sent, and send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Take the lines as new requests, though the same lines were taken before
    #[arg(long, requires = "from", conflicts_with = "dry_run")]
    pub(crate) anew: bool,
    /// Requests that are dealt with at once, by all commands on this data directory together: 1 to 100
    #[arg(long, value_name = "N", default_value = "10")]
    pub(crate) concurrency: String,
    /// Refuse when there are more requests than this
    #[arg(long, value_name = "N")]
    pub(crate) max_count: Option<String>,
    /// Stop after more failed and unknown requests than this
    #[arg(long, value_name = "N")]
    pub(crate) max_errors: Option<String>,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

/// Values of `session list`.
#[derive(Debug, Args)]
pub(crate) struct SessionListArgs {
    /// Only the sessions of this guest
    #[arg(long, value_name = "ID", alias = "guest", allow_hyphen_values = true)]
    pub(crate) guest_id: Option<String>,
    /// Only those that were not ended from here
    #[arg(long)]
    pub(crate) open: bool,
    /// Ask the platform how each stands now
    #[arg(long)]
    pub(crate) look: bool,
    /// Only the last so many
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<String>,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
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

On the platform contract a guest is named by its conversation, and the setting wrapup_codes says which wrap-up code stands for
which reason. What the staff ends there is a conversation, and the guest may begin anew; --guest-session-file ends the session itself.
docs/platform.md has the rest.

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
    // What is required is not asked for where another member of the group is there: so the others are named.
    #[arg(long, value_name = "OUT", requires = "from", conflicts_with_all = ["guest_id", "apply"])]
    pub(crate) plan: Option<PathBuf>,
    /// Yes, end them
    #[arg(long, requires = "apply", conflicts_with_all = ["guest_id", "from"])]
    pub(crate) yes: bool,
    /// Look, say what would be done, and do nothing
    #[arg(long, conflicts_with_all = ["plan", "yes"])]
    pub(crate) dry_run: bool,
    /// Why: customer_initiated, agent_initiated, timeout, system_escalation, bot_handoff
    #[arg(long, value_name = "REASON", conflicts_with = "apply")]
    pub(crate) reason: Option<String>,
    /// Whether the platform keeps the messages; with false it forgets them for good, or tells what it keeps
    #[arg(long, value_name = "true|false", default_value = "true", conflicts_with = "apply")]
    pub(crate) retain_data: String,
    /// Platform contract: tear the conversation down, all its media, with a system wrap-up code; the vendor advises against it
    #[arg(long)]
    pub(crate) emergency: bool,
    /// Platform contract: end the session as its guest, with its token in this file; - is stdin. With --retain-data false what the
    /// guest is shown is cleared
    #[arg(long, value_name = "FILE", requires = "guest_id", conflicts_with_all = ["from", "apply", "emergency"])]
    pub(crate) guest_session_file: Option<PathBuf>,
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
