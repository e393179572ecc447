//! `frontdesk history …`

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use super::archive::{ConnectionArgs, StoreArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum HistoryCommand {
    /// Pull the messages of one conversation, or of thousands; the same command resumes what was interrupted
    #[command(after_help = PULL_EXAMPLES)]
    Pull(Box<HistoryPullArgs>),
}

const PULL_EXAMPLES: &str = "\
Examples:
  frontdesk history pull --organization-id o --domain-id d --conversation-id c > c.ndjson
  frontdesk history pull --organization-id o --domain-id d --conversation-id c --types text,image --max-depth 10
  frontdesk history pull --from conversations.ndjson --out histories/
  zcat wanted.ndjson.gz | frontdesk history pull --from - --archive
  frontdesk history pull --from conversations.ndjson --archive --save-media --media-limit 20MiB
  frontdesk --json history pull --from conversations.ndjson --out histories/ | tail -1
  frontdesk history pull --organization-id o --domain-id d --conversation-id c --guest-token-file guest.jwt

An input line is {\"organization_id\", \"domain_id\", \"conversation_id\"}.
Messages come as they were sent, by time and then by id, each once. On stdout a line is {\"conversation_id\", \"message\"},
{\"conversation_id\", \"finding\"} or {\"conversation_id\", \"report\"}; a summary ends it. With --out a folder holds
<organization>/<domain>/<conversation>.ndjson with a message a line, and .findings.ndjson and .report.json beside it.
On the gateway no token is needed: the three ids are what it asks for. On the platform contract the staff's view is pulled; with
--guest-token-file it is what the guest of that token is shown, and the three ids are what it is called here.";

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).args(["conversation_id", "from"]))]
pub(crate) struct HistoryPullArgs {
    /// The organisation of the conversation
    #[arg(long, value_name = "ID", requires_all = ["domain_id", "conversation_id"])]
    pub(crate) organization_id: Option<String>,
    /// Its messaging domain
    #[arg(long, value_name = "ID", requires_all = ["organization_id", "conversation_id"])]
    pub(crate) domain_id: Option<String>,
    /// The conversation
    #[arg(long, value_name = "ID", requires_all = ["organization_id", "domain_id"])]
    pub(crate) conversation_id: Option<String>,
    /// Many conversations, one a line; - reads them from stdin
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// Messages per page, 1 to 50
    #[arg(long, value_name = "N", default_value = "50")]
    pub(crate) page_size: String,
    /// Pages of one history at most; what is beyond is named by its token
    #[arg(long, value_name = "PAGES", default_value = "1000")]
    pub(crate) max_depth: String,
    /// Keep messages of these types only, whatever their case [default: all]
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    pub(crate) types: Vec<String>,
    /// Begin at this page instead of the first: the next_page_token of a report
    #[arg(long, value_name = "PAGE", requires = "conversation_id", conflicts_with = "from")]
    pub(crate) resume: Option<String>,
    /// Write into this folder instead of stdout; it is made where it is missing
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Keep whole histories in the archive, as records of kind history
    #[arg(long, conflicts_with_all = ["types", "resume"])]
    pub(crate) archive: bool,
    /// Ask whether the files that go with messages can be had: a HEAD, eight at once, never with the token
    #[arg(long)]
    pub(crate) check_media: bool,
    /// Keep the files that go with messages in the archive: the bytes, by their SHA-256, and a record of kind media
    #[arg(long, requires = "archive", conflicts_with = "check_media")]
    pub(crate) save_media: bool,
    /// The largest file that is kept [default: the setting media_limit, 100MiB]
    #[arg(long, value_name = "SIZE", requires = "save_media")]
    pub(crate) media_limit: Option<String>,
    /// Exit 3 unless every history was taken to its last page
    #[arg(long)]
    pub(crate) require_complete: bool,
    /// Send the bearer token too (scope webmessaging:view); the gateway does not ask for it
    #[arg(long)]
    pub(crate) with_bearer: bool,
    /// Platform contract: what the guest is shown, by the guest's own token (a JWT, in this file; - reads it from stdin)
    #[arg(long, value_name = "FILE", requires = "conversation_id", conflicts_with_all = ["from", "archive", "with_bearer"])]
    pub(crate) guest_token_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
    #[command(flatten)]
    pub(crate) waiting: WaitArgs,
}

/// How long to wait for another writer of the archive.
#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    /// How long to wait while another process writes to the archive
    #[arg(long, value_name = "TIME", default_value = "30s")]
    wait: String,
}

impl WaitArgs {
    /// As commands on the archive take it: whose it is stands in the settings.
    pub(crate) fn store(&self) -> StoreArgs {
        StoreArgs { organization_id: None, wait: self.wait.clone() }
    }
}
