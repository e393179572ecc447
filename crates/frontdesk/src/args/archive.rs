//! `frontdesk archive …`

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use super::keeping::{ExportArgs, RepairArgs, ReportArgs};
use super::retention::{HoldCommand, RetainArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum ArchiveCommand {
    /// Pull a range of conversations, page by page; the same command resumes what was interrupted
    #[command(after_help = PULL_EXAMPLES)]
    Pull(Box<PullArgs>),
    /// Take conversations from a file or a folder instead of a tenant
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(ImportArgs),
    /// Find conversations by what was said in them, by queue, agent, date
    #[command(after_help = SEARCH_EXAMPLES)]
    Search(SearchArgs),
    /// Show one conversation, or its exact bytes
    #[command(after_help = SHOW_EXAMPLES)]
    Show(ShowArgs),
    /// List every record, one line each
    #[command(after_help = LIST_EXAMPLES)]
    List,
    /// Read everything again and check every byte
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify,
    /// Say what is there: every record under its export name, or totals and a calendar
    #[command(after_help = super::keeping::REPORT_EXAMPLES)]
    Report(ReportArgs),
    /// Say which conversations are older than their policy keeps them, and remove what a plan names
    #[command(after_help = super::retention::RETAIN_EXAMPLES)]
    Retain(RetainArgs),
    /// Legal holds: what a matter holds is never removed
    #[command(subcommand)]
    Hold(HoldCommand),
    /// Hand records out, in a folder that sha256sum and gzip can check
    #[command(after_help = super::keeping::EXPORT_EXAMPLES)]
    Export(ExportArgs),
    /// Mend what is damaged: keep every good record, put the rest aside, name what is lost
    #[command(after_help = super::keeping::REPAIR_EXAMPLES)]
    Repair(Box<RepairArgs>),
}

const PULL_EXAMPLES: &str = "\
Examples:
  frontdesk archive pull                                  the last seven days
  frontdesk archive pull --from 2025-01-01 --to 2025-04-01
  frontdesk archive pull --from 2025-01-01 --to 2025-04-01 --filter \"type eq 'message' and queue neq 'test'\"
  frontdesk --json archive pull --from 2025-01-01 --require-complete | tail -1

Ends with a certificate: complete, provisional (conversations of the range may still change) or incomplete.";

const IMPORT_EXAMPLES: &str = "\
Examples:
  frontdesk archive import --ndjson conversations.ndjson.gz
  zcat part-*.gz | frontdesk archive import --ndjson -
  frontdesk archive import --layout old-archive/

A line is a conversation as the platform gives it, {\"interactionId\", \"transcript\", \"metadata\"}, or
{\"conversationId\", \"startedAt\", \"messages\"}. It is kept as it came.
With --layout the id and the hash in a file's name must be those of its content; what disagrees is named and left out.";

const SEARCH_EXAMPLES: &str = "\
Examples:
  frontdesk archive search 'make reservation'
  frontdesk archive search '\"make a reservation\" (hotel* OR hostel*) -refund' --order best
  frontdesk archive search 'queue:web from:2025-01-01 to:2025-02-01' --limit 100 --facets
  frontdesk archive search --contains '+49 (0)30'
  frontdesk --json archive search 'refund metadata.source:portal' | jq -r '.hits[].id'

A query:
  refund hotel        both words, anywhere; whole words, case ignored
  hotel*              words that begin so
  \"make a booking\"    these words in this order, whatever is between them
  a OR b   a AND b    AND may be left out; it binds tighter than OR; NOT and - tightest
  NOT a   -a          without it; something that must be there has to be beside it
  ( ... )             parentheses
  type: queue: agent: direction: language: metadata.KEY:    the whole value, case ignored; in quotes if it has spaces
  from: to:           start of the conversation: 2025-03-01 or 2025-03-01T10:00:00Z; to is exclusive
AND, OR and NOT are written in capitals. --contains looks for the text as it is, signs and spaces too.";

const SHOW_EXAMPLES: &str = "\
Examples:
  frontdesk archive show 8e5b7fe0-9c54-55ff-9175-a84c906445f3
  frontdesk archive show 8e5b7fe0-9c54-55ff-9175-a84c906445f3 --raw | sha256sum";

const LIST_EXAMPLES: &str = "\
Examples:
  frontdesk archive list
  frontdesk --json archive list | jq -r .sha256 | sort | uniq -d";

const VERIFY_EXAMPLES: &str = "\
Examples:
  frontdesk archive verify
  frontdesk --json archive verify | jq '.damaged'

Exit 0 when every byte is what it was, 6 when something is damaged; everything damaged is named.";

/// Where conversations come from. A secret is never a flag: FRONTDESK_CLIENT_SECRET, or the profile.
#[derive(Debug, Args, Default)]
pub(crate) struct ConnectionArgs {
    /// Which API is spoken [env: FRONTDESK_CONTRACT]
    #[arg(long, value_name = "gateway|platform")]
    pub(crate) contract: Option<String>,
    /// Where the API is [env: FRONTDESK_BASE_URL]
    #[arg(long, value_name = "URL")]
    pub(crate) base_url: Option<String>,
    /// The OAuth client [env: FRONTDESK_CLIENT_ID]
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// How credentials are sent: basic, form or json [env: FRONTDESK_CLIENT_STYLE]
    #[arg(long, value_name = "STYLE")]
    pub(crate) client_style: Option<String>,
    /// A root certificate (PEM) to trust beside the system's [env: FRONTDESK_CA_FILE]
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Requests a second to start with, never passed; a lower limit that the server states replaces it
    #[arg(long, value_name = "PER_SECOND")]
    pub(crate) rate: Option<String>,
}

/// Whose archive, and how long to wait for it.
#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    /// The organisation the archive belongs to [env: FRONTDESK_ORGANIZATION_ID]
    #[arg(long, value_name = "ID")]
    pub(crate) organization_id: Option<String>,
    /// How long to wait while another process writes to the archive
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    pub(crate) wait: String,
}

#[derive(Debug, Args)]
pub(crate) struct PullArgs {
    /// First moment of the range: 2025-03-01 (midnight UTC) or 2025-03-01T10:00:00Z [default: 7 days ago]
    #[arg(long, value_name = "WHEN")]
    pub(crate) from: Option<String>,
    /// End of the range, exclusive [default: the coming midnight UTC]
    #[arg(long, value_name = "WHEN")]
    pub(crate) to: Option<String>,
    /// Only conversations that match, such as "type eq 'message' and queue neq 'test'"
    #[arg(long, value_name = "FILTER")]
    pub(crate) filter: Option<String>,
    /// Conversations per page, 1 to 10000
    #[arg(long, value_name = "N", default_value = "500")]
    pub(crate) page_size: String,
    /// How long a conversation may still change after it started [default: 72h]
    #[arg(long, value_name = "DURATION")]
    pub(crate) look_back: Option<String>,
    /// Exit 3 unless the certificate is complete: provisional is then not enough
    #[arg(long)]
    pub(crate) require_complete: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// A file with a conversation on each line, plain or gzip; - is stdin
    #[arg(long, value_name = "FILE", required_unless_present = "layout", conflicts_with = "layout")]
    pub(crate) ndjson: Option<PathBuf>,
    /// A folder of {id}_{first 8 hex of sha256}.json.gz, such as an export
    #[arg(long, value_name = "DIR")]
    pub(crate) layout: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("sought").required(true).multiple(false).args(["query", "contains"]))]
pub(crate) struct SearchArgs {
    /// Words, "phrases", prefix*, AND OR NOT, fields: see below
    #[arg(value_name = "QUERY", allow_hyphen_values = true)]
    pub(crate) query: Option<String>,
    /// Instead of a query: this text, exactly, anywhere in the transcript, ignoring case
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) contains: Option<String>,
    /// Which hits come first
    #[arg(long, value_enum, value_name = "ORDER", default_value = "newest")]
    pub(crate) order: OrderArg,
    /// Hits shown; the count is of all
    #[arg(long, value_name = "N", default_value = "20")]
    pub(crate) limit: String,
    /// Go on where an earlier answer's next_cursor points
    #[arg(long, value_name = "CURSOR")]
    pub(crate) cursor: Option<String>,
    /// Count the values of type, queue, agent, direction and language, too
    #[arg(long)]
    pub(crate) facets: bool,
    /// Do not count what is found: the newest hits of a text with frequent words come sooner
    #[arg(long, conflicts_with = "facets")]
    pub(crate) no_count: bool,
}

/// Which hits come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OrderArg {
    /// By start time
    Newest,
    /// By how much of the query they say, the rarer the better
    Best,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The conversation's id
    #[arg(value_name = "ID", allow_hyphen_values = true)]
    pub(crate) id: String,
    /// ID is written as a JSON string, for ids that no shell can pass: '"a\u0000b"'
    #[arg(long)]
    pub(crate) json_id: bool,
    /// The record's exact bytes
    #[arg(long)]
    pub(crate) raw: bool,
    /// Which kind of record
    #[arg(long, value_name = "KIND", default_value = "details")]
    pub(crate) kind: String,
    /// Which version [default: the latest]
    #[arg(long, value_name = "N")]
    pub(crate) version: Option<String>,
    /// The bytes of a file that the conversation's record of kind media names
    #[arg(long, value_name = "SHA256", conflicts_with_all = ["raw", "kind", "version"])]
    pub(crate) media: Option<String>,
}
