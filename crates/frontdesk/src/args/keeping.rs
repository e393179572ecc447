//! `frontdesk archive report|export|repair`: what shows, hands out and mends an archive.

use clap::Args;

pub(super) const REPORT_EXAMPLES: &str = "\
Examples:
  frontdesk archive report --summary
  frontdesk --json archive report --summary | jq -r '.calendar[] | select(.missing > 0) | .day'
  frontdesk --json archive report | jq -r '.records[].filename'

Without --summary every record is listed, every version of it, with its name in an export, its bytes and when it was
archived. A day of the calendar is complete, provisional (its conversations may still change), missing (a window was not
taken to its end; pull it again), partial (only a part or a filter of it was asked for) or unproven (it came from a file).";

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Totals, and for each day what is stored, may still change and is missing
    #[arg(long)]
    pub(crate) summary: bool,
}
