//! `frontdesk audit`: what was done, and that nobody has changed what was written down about it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

const TAIL_EXAMPLES: &str = "\
Examples:
  frontdesk audit tail -n 20
  frontdesk audit tail --kind termination --follow
  frontdesk --json audit tail -n 1000 | jq 'select(.command == \"archive pull\") | .record'";

const VERIFY_EXAMPLES: &str = "\
Examples:
  frontdesk audit verify
  frontdesk audit export --head > head.json              keep this where nobody can change it, and later:
  frontdesk audit verify --head head.json
  frontdesk audit verify --journal /mnt/backup/journal --head head.json

Entries that were deleted, inserted, reordered, doubled or edited are found out from the journal alone; an end that was cut
off, or a journal that was written anew or put back to an older state, from its signed heads and from one that was kept
elsewhere. Exit 6 names the first bad entry. docs/journal.md says how other programs check the same.";

const EXPORT_EXAMPLES: &str = "\
Examples:
  frontdesk audit export --kind history > history.ndjson     the documents' objects, one a line
  frontdesk audit export --chain > chain.ndjson              for others to check: docs/verify_journal.py
  frontdesk audit export --chain --no-personal > chain.ndjson
  frontdesk audit export --head > head.json";

const ROTATE_EXAMPLES: &str = "\
Example:
  frontdesk audit rotate && frontdesk audit export --head > head.json

The last key of the key file takes over if it has not signed yet, else a new one that is added to it. Old keys stay, so
that what they signed can be checked.";

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Show the last entries
    #[command(after_help = TAIL_EXAMPLES)]
    Tail(TailArgs),
    /// Check that every entry is there and what it was; changes nothing
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(AuditVerifyArgs),
    /// Write the records, or the whole chain with its signed head
    #[command(after_help = EXPORT_EXAMPLES)]
    Export(AuditExportArgs),
    /// Make another key sign from now on
    #[command(after_help = ROTATE_EXAMPLES)]
    Rotate,
}

#[derive(Debug, Args)]
pub(crate) struct TailArgs {
    /// How many
    #[arg(short = 'n', long = "lines", value_name = "N", default_value = "10")]
    pub(crate) lines: String,
    /// Only entries of this kind: change, consent, delivery, endpoint, history, key, message, session, shred or termination
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<String>,
    /// Go on with what is recorded from now on, until stopped
    #[arg(long, short)]
    pub(crate) follow: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AuditVerifyArgs {
    /// A head that was kept elsewhere: the journal must be it, or have grown out of it
    #[arg(long, value_name = "FILE")]
    pub(crate) head: Option<PathBuf>,
    /// The journal's folder, a copy for one [default: the folder journal of the data directory]
    #[arg(long, value_name = "DIR")]
    pub(crate) journal: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct AuditExportArgs {
    /// Only records of this kind: change, consent, delivery, endpoint, history, key, message, session, shred or termination
    #[arg(long, value_name = "KIND", conflicts_with_all = ["chain", "head"])]
    pub(crate) kind: Option<String>,
    /// The whole chain with its head, so that others can check it
    #[arg(long, conflicts_with = "head")]
    pub(crate) chain: bool,
    /// Leave the personal values out of the chain: it can be checked all the same
    #[arg(long, requires = "chain")]
    pub(crate) no_personal: bool,
    /// Only the newest head
    #[arg(long)]
    pub(crate) head: bool,
}
