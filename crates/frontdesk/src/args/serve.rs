//! `frontdesk serve`

use std::net::SocketAddr;

use clap::Args;

pub(super) const EXAMPLES: &str = "\
Examples:
  frontdesk serve
  frontdesk serve --addr 127.0.0.1:0 --json | jq -r .addr
  curl -G http://127.0.0.1:8080/api/v1/archive/search --data-urlencode q=refund

GET /api/v1/archive/search?q=term answers with all that contain the term, newest first; /healthz says that the process
lives, /readyz whether the archive answers. Only this machine is served. SIGTERM or Ctrl-C ends it in order, with exit 0.
With the setting crm_endpoint it also takes callbacks at POST /webhook/callback, as webhook listen does.
With the setting pull_every (FRONTDESK_PULL_EVERY=15m) it also pulls, again and again, the last pull_range (7d).";

#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    /// Where to listen: an address of this machine's own; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) addr: SocketAddr,
}
