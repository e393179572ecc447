//! `frontdesk webhook`: who is told of events, and what became of each.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use super::archive::ConnectionArgs;

const ENDPOINT_EXAMPLES: &str = "\
Examples:
  frontdesk webhook endpoints add https://hooks.example.com/frontdesk --event session.terminated --key-file hook.key
  frontdesk webhook endpoints add https://logs.example.com/audit --event audit.batch --key-file audit.key
  frontdesk webhook endpoints list
  frontdesk webhook endpoints rotate ep_0123456789abcdef0123456789abcdef --key-file new.key
  frontdesk webhook endpoints remove ep_0123456789abcdef0123456789abcdef --yes

Kinds: history_batch_sync, session.created, session.terminated, sla.missed, audit.batch. docs/webhooks.md describes them.";

const DELIVERIES_EXAMPLES: &str = "\
Examples:
  frontdesk webhook deliveries --state dead
  frontdesk --json webhook deliveries --from 2025-03-01 | jq -r 'select(.state == \"pending\") | .webhook_id'
  frontdesk webhook deliveries --id msg_0123456789abcdef0123456789abcdef --attempts";

const DRAIN_EXAMPLES: &str = "\
Examples:
  frontdesk webhook drain                  what is due now
  frontdesk webhook drain --until-empty    everything, waiting for what is due later
  frontdesk webhook drain --for 10m

Exit 0 when everything that was tried was taken, 3 when a part was, 5 when nothing was, 8 when another process delivers.";

const REPLAY_EXAMPLES: &str = "\
Examples:
  frontdesk webhook replay msg_0123456789abcdef0123456789abcdef
  frontdesk webhook replay --state dead --dry-run
  frontdesk webhook replay --from 2025-03-01 --to 2025-03-02 --state delivered --endpoint ep_0123456789abcdef0123456789abcdef

A replayed delivery keeps its webhook-id, so a receiver that has it already knows it.";

const VERIFY_EXAMPLES: &str = "\
Examples:
  frontdesk webhook verify --key-file hook.key --headers headers.txt --body body.json
  curl -s https://example.com/saved-body | frontdesk webhook verify --key-file hook.key --headers headers.txt --body -

The headers are lines as in HTTP; webhook-id, webhook-timestamp and webhook-signature are looked at. Exit 6 when the
webhook is not what was signed, or is more than five minutes old; --at says when it was received.";

const REGISTER_EXAMPLES: &str = "\
Examples:
  frontdesk webhook register --url https://desk.example.com/webhook/callback
  WEBHOOK_CALLBACK_URL=https://desk.example.com/webhook/callback frontdesk webhook register
  frontdesk webhook register --workflow 3c5e0b8e-4d0e-4f58-9a57-2f0f7d1f6a11      on the platform contract

Registered again it keeps its id. The client needs the scope platformadmin:webhook:write. The platform contract cannot call an
address: there a trigger runs a workflow when a guest starts a conversation, and the client needs the permission
processautomation:trigger:add.";

const LISTEN_EXAMPLES: &str = "\
Examples:
  CRM_SYNC_ENDPOINT=https://crm.example.com/sessions frontdesk webhook listen
  frontdesk webhook listen --register --url https://desk.example.com/webhook/callback
  frontdesk --json webhook listen --addr 127.0.0.1:0 | jq -r .addr

POST /webhook/callback is stored, answered 200, and told to the CRM (crm_endpoint); a CRM that is down delays, it loses
nothing. callback_key_file names the file with the platform's key; with it the listener may listen at any address.
callback_respond = after_delivery answers when the CRM has taken it. serve listens too, where crm_endpoint is set.";

#[derive(Debug, Subcommand)]
pub(crate) enum WebhookCommand {
    /// Ask the platform to call back when a conversation is created
    #[command(after_help = REGISTER_EXAMPLES)]
    Register(RegisterArgs),
    /// Take the platform's callbacks and tell the CRM, until stopped
    #[command(after_help = LISTEN_EXAMPLES)]
    Listen(ListenArgs),
    /// Endpoints: where events go
    #[command(subcommand)]
    Endpoints(EndpointsCommand),
    /// List deliveries: what is pending, delivered, or given up
    #[command(after_help = DELIVERIES_EXAMPLES)]
    Deliveries(DeliveriesArgs),
    /// Deliver what is due
    #[command(after_help = DRAIN_EXAMPLES)]
    Drain(DrainArgs),
    /// Deliver again what was given up, or delivered
    #[command(after_help = REPLAY_EXAMPLES)]
    Replay(ReplayArgs),
    /// Check the signature of a webhook that was received
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(WebhookVerifyArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum EndpointsCommand {
    /// Add an endpoint; it gets the events that are stored from now on
    #[command(after_help = ENDPOINT_EXAMPLES)]
    Add(EndpointAddArgs),
    /// List the endpoints with what is open for each
    #[command(after_help = ENDPOINT_EXAMPLES)]
    List,
    /// Remove an endpoint, its deliveries and their attempts; without --yes say what would go
    #[command(after_help = ENDPOINT_EXAMPLES)]
    Remove {
        /// The endpoint
        #[arg(value_name = "ID")]
        id: String,
        /// Yes, remove it
        #[arg(long)]
        yes: bool,
    },
    /// Take an endpoint that answered 410 into service again
    #[command(after_help = ENDPOINT_EXAMPLES)]
    Enable {
        /// The endpoint
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Give an endpoint a new key; the old one signs beside it for 24 hours
    #[command(after_help = ENDPOINT_EXAMPLES)]
    Rotate {
        /// The endpoint
        #[arg(value_name = "ID")]
        id: String,
        /// The file of the new key (whsec_...), for you alone; it is made where it is not there
        #[arg(long, value_name = "FILE")]
        key_file: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RegisterArgs {
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
    /// Where the platform reaches the listener: the setting callback_url
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Platform contract: the workflow (its flow id) that a trigger is to run when a guest starts a conversation
    #[arg(long, value_name = "ID", conflicts_with = "url")]
    pub(crate) workflow: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ListenArgs {
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
    /// Where to listen: an address of this machine's own, or any with callback_key_file; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081")]
    pub(crate) addr: SocketAddr,
    /// Ask the platform to call back once it listens; a failure to is a warning
    #[arg(long)]
    pub(crate) register: bool,
    /// Where the platform reaches the listener: the setting callback_url
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct EndpointAddArgs {
    /// Where it is: https, unless the setting local_addresses allows more
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// A kind of events it takes; may be repeated
    #[arg(long = "event", value_name = "KIND", required = true)]
    pub(crate) events: Vec<String>,
    /// The file of its key (whsec_...), for you alone; it is made where it is not there
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: PathBuf,
    /// A file of headers to send along, a line each: Name: value
    #[arg(long, value_name = "FILE")]
    pub(crate) headers: Option<PathBuf>,
}

/// Which deliveries are meant.
#[derive(Debug, Args)]
pub(crate) struct WhichArgs {
    /// Only to this endpoint
    #[arg(long, value_name = "ID")]
    pub(crate) endpoint: Option<String>,
    /// Only in this state: pending, delivered or dead
    #[arg(long, value_name = "STATE")]
    pub(crate) state: Option<String>,
    /// Only of events of this kind
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<String>,
    /// Only of events stored then or later: 2025-03-01 (midnight UTC) or 2025-03-01T10:00:00Z
    #[arg(long, value_name = "WHEN")]
    pub(crate) from: Option<String>,
    /// Only of events stored before
    #[arg(long, value_name = "WHEN")]
    pub(crate) to: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DeliveriesArgs {
    /// Only of this event
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    #[command(flatten)]
    pub(crate) which: WhichArgs,
    /// Show every attempt
    #[arg(long)]
    pub(crate) attempts: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DrainArgs {
    /// Go on until nothing is open, waiting for what is due later
    #[arg(long)]
    pub(crate) until_empty: bool,
    /// Go on for so long at most: 30s, 10m, 2h
    #[arg(long = "for", value_name = "TIME")]
    pub(crate) time: Option<String>,
    /// Attempts at once to one endpoint
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) concurrency: u8,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("chosen").required(true).multiple(true))]
pub(crate) struct ReplayArgs {
    /// An event; may be repeated
    #[arg(value_name = "ID", group = "chosen", conflicts_with_all = ["state", "kind", "from", "to"])]
    pub(crate) id: Vec<String>,
    /// Only to this endpoint
    #[arg(long, value_name = "ID")]
    pub(crate) endpoint: Option<String>,
    /// Deliveries in this state: dead or delivered
    #[arg(long, value_name = "STATE", group = "chosen")]
    pub(crate) state: Option<String>,
    /// Deliveries of events of this kind
    #[arg(long, value_name = "KIND", group = "chosen")]
    pub(crate) kind: Option<String>,
    /// Deliveries of events stored then or later
    #[arg(long, value_name = "WHEN", group = "chosen")]
    pub(crate) from: Option<String>,
    /// Deliveries of events stored before
    #[arg(long, value_name = "WHEN", group = "chosen")]
    pub(crate) to: Option<String>,
    /// Say how many, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct WebhookVerifyArgs {
    /// The file of the key (whsec_...)
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: PathBuf,
    /// The file of the headers
    #[arg(long, value_name = "FILE")]
    pub(crate) headers: PathBuf,
    /// The file of the body; - is stdin
    #[arg(long, value_name = "FILE")]
    pub(crate) body: PathBuf,
    /// When it was received [default: now]
    #[arg(long, value_name = "WHEN")]
    pub(crate) at: Option<String>,
}
