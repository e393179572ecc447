//! `frontdesk message …`

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use super::archive::ConnectionArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum MessageCommand {
    /// Send a message, or many, each once, and wait for their receipts; the same command resumes what was interrupted
    #[command(after_help = SEND_EXAMPLES)]
    Send(Box<MessageSendArgs>),
    /// Look again at messages that were sent and had no final receipt
    #[command(after_help = STATUS_EXAMPLES)]
    Status(MessageStatusArgs),
    /// Report how many messages arrived in time, and how long they took: by channel and by hour
    #[command(after_help = SLA_EXAMPLES)]
    Sla(MessageSlaArgs),
    /// Make a reproducible sequence of messages from a seed; with --send, send it
    #[command(after_help = SIMULATE_EXAMPLES)]
    Simulate(MessageSimulateArgs),
}

const SEND_EXAMPLES: &str = "\
Examples:
  frontdesk message send --conversation-id c-1 --sender agent-7 --to guest-1 --text 'Your order is on its way'
  frontdesk message send --conversation-id c-1 --sender agent-7 --to +15550100 --attach invoice.pdf < body.txt
  frontdesk message send --from tonight.ndjson --no-wait
  frontdesk --json message send --from - < tonight.ndjson | tail -1 | jq .summary
  frontdesk message send --messenger sms --sender +12025550100 --to +12025550123 --text 'Your order shipped'

A line of --from FILE is {\"conversation_id\", \"from\", \"to\": [\"…\"], \"type\", \"content\", \"attachments\"?}; an attachment is
{\"type\", \"filename\", \"content\" (base64) or \"url\"}. On the platform contract a line may have \"messenger\" (and \"join_active\") instead of
the conversation: it goes to an address, without an agent. A message is refused with every rule it breaks, and the others go on. Lines of
a batch are told apart by what they say: a line that was sent is not sent again, also when the file was mended or has others
added to it; --batch NAME begins anew. docs/messages.md says it all.

Exit 0 when every message was sent and arrived (with --no-wait: was sent), 2 when rules refused all of them, 3 when some were
not sent, are unknown or did not arrive, 4 or 5 when none was sent and the reason is a permission or the platform, 130 when
interrupted.";

const STATUS_EXAMPLES: &str = "\
Examples:
  frontdesk message status
  frontdesk --json message status --all | jq -c 'select(.delivery == \"failed\")'

Each conversation with messages that wait is looked at once. A message whose outcome is unknown is settled by the command that
sent it: run that again.";

const SLA_EXAMPLES: &str = "\
Examples:
  frontdesk message sla
  frontdesk message sla --threshold 30s --since 2025-03-01
  frontdesk message sla --csv > sla.csv
  frontdesk --json message sla --messages | jq -c 'select(.state == \"missed\")'

Read from the journal alone: nothing is asked of the platform. An hour is one of the platform's clock, in UTC.";

const SIMULATE_EXAMPLES: &str = "\
Examples:
  frontdesk --json message simulate --seed 42 --count 5
  frontdesk --json message simulate --count 100 --conversation-id c-1 --sender agent-7 | frontdesk message send --from -
  frontdesk message simulate --seed 42 --count 20 --conversation-id c-1 --sender agent-7 --send

Message k depends on the seed and on k, and on nothing else.";

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).multiple(false).args(["conversation_id", "from", "messenger"]))]
pub(crate) struct MessageSendArgs {
    /// The conversation it goes into
    #[arg(long, value_name = "ID", allow_hyphen_values = true, requires_all = ["sender", "to"])]
    pub(crate) conversation_id: Option<String>,
    /// Read the messages from this file, a line of JSON each; - is stdin
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// Platform contract: send it to an address without an agent, over sms, open, webmessaging or apple
    #[arg(long, value_name = "MESSENGER", requires_all = ["sender", "to"])]
    pub(crate) messenger: Option<String>,
    /// With --messenger: join a conversation with the address that is going on, instead of being refused
    #[arg(long, requires = "messenger", conflicts_with_all = ["conversation_id", "from"])]
    pub(crate) join_active: bool,
    /// Who sends it: a participant with the role agent; with --messenger a number, an integration's or a deployment's id
    #[arg(long, value_name = "SENDER", allow_hyphen_values = true, conflicts_with = "from")]
    pub(crate) sender: Option<String>,
    /// Who gets it; may be given more than once. With --messenger one address, or for webmessaging an external contact's id
    #[arg(long, value_name = "RECIPIENT", allow_hyphen_values = true, conflicts_with = "from")]
    pub(crate) to: Vec<String>,
    /// What it is: text/plain, text/html or application/json
    #[arg(long = "type", value_name = "TYPE", default_value = "text/plain", conflicts_with = "from")]
    pub(crate) kind: String,
    /// What it says; without it, stdin
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, conflicts_with = "from")]
    pub(crate) text: Option<String>,
    /// A file that goes along; may be given more than once
    #[arg(long, value_name = "FILE", conflicts_with = "from")]
    pub(crate) attach: Vec<PathBuf>,
    /// A file that goes along by its link; may be given more than once
    #[arg(long, value_name = "URL", conflicts_with = "from")]
    pub(crate) attach_url: Vec<String>,
    /// Names the lines of --from as a batch of their own: a to z, 0 to 9 and -
    #[arg(long, value_name = "NAME", conflicts_with_all = ["conversation_id", "messenger"])]
    pub(crate) batch: Option<String>,
    /// Do not wait for receipts; message status looks for them later
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Messages in flight at once, at most one of each conversation: 1 to 200
    #[arg(long, value_name = "N", default_value = "64")]
    pub(crate) concurrency: String,
    #[command(flatten)]
    pub(crate) watch: WatchArgs,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

/// How messages are followed.
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// Within which time a message is to arrive [env: FRONTDESK_SLA_THRESHOLD] [default: 10s]
    #[arg(long, value_name = "TIME")]
    pub(crate) threshold: Option<String>,
    /// Time between two looks at a conversation [env: FRONTDESK_POLL_INTERVAL] [default: 2s]
    #[arg(long, value_name = "TIME")]
    pub(crate) poll_interval: Option<String>,
    /// Looks that a message is included in before it is given up [env: FRONTDESK_POLL_COUNT] [default: 10]
    #[arg(long, value_name = "N")]
    pub(crate) poll_count: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct MessageStatusArgs {
    /// Tell also of messages that have their final receipt, without looking
    #[arg(long)]
    pub(crate) all: bool,
    /// Within which time a message is to arrive [env: FRONTDESK_SLA_THRESHOLD] [default: 10s]
    #[arg(long, value_name = "TIME")]
    pub(crate) threshold: Option<String>,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

#[derive(Debug, Args)]
pub(crate) struct MessageSlaArgs {
    /// Within which time a message is to arrive [env: FRONTDESK_SLA_THRESHOLD] [default: 10s]
    #[arg(long, value_name = "TIME")]
    pub(crate) threshold: Option<String>,
    /// Only messages that were made from then on
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Only messages that were made before then
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// A line for each message too
    #[arg(long)]
    pub(crate) messages: bool,
    /// Write the report as CSV
    #[arg(long, conflicts_with = "messages")]
    pub(crate) csv: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MessageSimulateArgs {
    /// What the sequence follows from
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub(crate) seed: u64,
    /// How many messages
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) count: u64,
    /// The conversation they go into
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    pub(crate) conversation_id: Option<String>,
    /// Who sends them
    #[arg(long, value_name = "SENDER", allow_hyphen_values = true)]
    pub(crate) sender: Option<String>,
    /// Send them
    #[arg(long, requires_all = ["conversation_id", "sender"])]
    pub(crate) send: bool,
    /// Names them as a batch of their own: a to z, 0 to 9 and -
    #[arg(long, value_name = "NAME", requires = "send")]
    pub(crate) batch: Option<String>,
    /// Do not wait for receipts
    #[arg(long, requires = "send")]
    pub(crate) no_wait: bool,
    #[command(flatten)]
    pub(crate) watch: WatchArgs,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}
