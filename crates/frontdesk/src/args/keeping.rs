//! `frontdesk archive report|export|repair`: what shows, hands out and mends an archive.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::archive::{ConnectionArgs, StoreArgs};

pub(super) const REPORT_EXAMPLES: &str = "\
Examples:
  frontdesk archive report --summary
  frontdesk --json archive report --summary | jq -r '.calendar[] | select(.missing > 0) | .day'
  frontdesk --json archive report | jq -r '.records[].filename'

Without --summary every record is listed, every version of it, with its name in an export, its bytes and when it was
archived. A day of the calendar is complete, provisional (its conversations may still change), missing (a window was not
taken to its end; pull it again), partial (only a part or a filter of it was asked for) or unproven (it came from a file).
held counts the stored conversations a matter holds; expired those that retention removed, by the day their age counted from.";

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Totals, and for each day what is stored, may still change, is missing, held, and was removed by retention
    #[arg(long)]
    pub(crate) summary: bool,
}

pub(super) const EXPORT_EXAMPLES: &str = "\
Examples:
  frontdesk archive export --out export-2025 --from 2025-01-01 --to 2026-01-01
  cd export-2025 && sha256sum --strict -c SHA256SUMS && gzip -t *.gz
  frontdesk archive export --out for-the-lawyer --contains 'order 4711' --all-versions
  frontdesk archive export --out facts --format csv --metadata source --metadata services

--out is a folder that is empty or not there. It is marked as unfinished until everything was written and read again; what an
interrupted export left in it is taken away by the same command. docs/export.md describes every file.";

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The folder to write into: empty, or not there
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// files: {id}_{sha8}.json.gz for each record; ndjson: a line for each; csv: facts without what was said
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(crate) format: ExportFormat,
    /// Only conversations that started then or later: 2025-03-01 (midnight UTC) or 2025-03-01T10:00:00Z
    #[arg(long, value_name = "WHEN")]
    pub(crate) from: Option<String>,
    /// Only conversations that started before
    #[arg(long, value_name = "WHEN")]
    pub(crate) to: Option<String>,
    /// Only conversations that a query finds: words, "phrases", fields, as for search
    #[arg(long, value_name = "QUERY", allow_hyphen_values = true, conflicts_with = "contains")]
    pub(crate) query: Option<String>,
    /// Only conversations whose transcript contains this, ignoring case
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) contains: Option<String>,
    /// Earlier versions of each conversation, too
    #[arg(long)]
    pub(crate) all_versions: bool,
    /// Another column: this key of the conversation's metadata (csv; may be repeated)
    #[arg(long, value_name = "KEY")]
    pub(crate) metadata: Vec<String>,
    /// Packed size after which another file begins (ndjson)
    #[arg(long, value_name = "SIZE", default_value = "64MiB")]
    pub(crate) file_size: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ExportFormat {
    #[default]
    Files,
    Ndjson,
    Csv,
}

pub(super) const REPAIR_EXAMPLES: &str = "\
Examples:
  frontdesk archive repair --dry-run
  frontdesk archive repair --refetch
  frontdesk --json archive repair | jq -r '.lost[].id'

Puts damaged bytes into quarantine/ for ever, then writes their segments anew with every good record, and names what is lost.
It does not touch a damaged ledger or FORMAT.json: what is held and what was removed is in the ledger alone.
Exit 0 when nothing is lost, 3 when something is; with --dry-run 6 when something is damaged.";

#[derive(Debug, Args)]
pub(crate) struct RepairArgs {
    /// Say what would be done, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Ask the platform again for what is lost, around the times it is known by
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) refetch: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}
