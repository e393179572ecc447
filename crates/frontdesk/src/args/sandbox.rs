//! `frontdesk sandbox …`

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum SandboxCommand {
    /// Serve a tenant until stopped; prints one JSON line with its addresses when it is ready
    #[command(after_help = "\
Examples:
  frontdesk sandbox serve --conversations 100000 --seed 7
  frontdesk sandbox serve --corpus dialogues.ndjson.gz --rate-limit 6000 --latency 20
  frontdesk sandbox serve --guests 10000 --long-history 1000000 --untidy 0.01
  frontdesk sandbox serve --contract both --rate-limit 300

Look at the truth with GET /_sandbox/stats, /_sandbox/sessions and /_sandbox/messages; set the clock with POST /_sandbox/clock.")]
    Serve(ServeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(crate) addr: SocketAddr,
    /// What to serve: gateway, platform (the vendor's published contract) or both
    #[arg(long, value_name = "NAME", default_value = "gateway", value_parser = ["gateway", "platform", "both"])]
    pub(crate) contract: String,
    /// With both contracts, where to listen for the platform's
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(crate) platform_addr: SocketAddr,
    /// Conversations from a file (NDJSON, plain or gzip); may be given more than once
    #[arg(long, value_name = "FILE")]
    pub(crate) corpus: Vec<PathBuf>,
    /// What conversations and faults are made from
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// How many conversations there are [default: 2000, or what the corpus holds]
    #[arg(long, value_name = "N")]
    pub(crate) conversations: Option<u64>,
    /// How many guests there are
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub(crate) guests: u64,
    /// One more conversation, with a history of N messages that is still going on
    #[arg(long, value_name = "N")]
    pub(crate) long_history: Option<u64>,
    /// This share of messages comes late, twice, with a bad timestamp or of an unknown type, each
    #[arg(long, value_name = "SHARE")]
    pub(crate) untidy: Option<f64>,
    /// Histories are gone so many days after their conversation [default: never]
    #[arg(long, value_name = "DAYS")]
    pub(crate) history_retention: Option<u32>,
    /// Requests a minute a token; 0 = no limit
    #[arg(long, value_name = "PER_MIN", default_value_t = 600)]
    pub(crate) rate_limit: u32,
    /// How the limit is counted: window or bucket
    #[arg(long, value_name = "MODE", default_value = "window", value_parser = ["window", "bucket"])]
    pub(crate) rate_mode: String,
    /// Added to every answer, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(crate) latency: u64,
    /// A fault plan (JSON)
    #[arg(long, value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
}
