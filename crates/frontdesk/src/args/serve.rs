//! `frontdesk serve`

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

pub(super) const EXAMPLES: &str = "\
Examples:
  frontdesk serve
  frontdesk serve --demo                              fill ./frontdesk-demo from a made-up tenant first, then serve it
  frontdesk serve --addr 127.0.0.1:0 --json | jq -r .addr
  curl -G http://127.0.0.1:8080/api/v1/archive/search --data-urlencode q=refund
  frontdesk serve --addr 0.0.0.0:8443 --tls-cert chain.pem --tls-key key.pem
  frontdesk serve --behind-proxy                      a proxy with TLS on this machine forwards to it

GET /api/v1/archive/search?q=term answers with all that contain the term, newest first; /healthz says that the process
lives, /readyz whether the archive answers, /api/v1/openapi.json what else there is. On this machine nobody is asked for a
token unless --tokens says so; other machines reach it through TLS only, and show one (frontdesk token create). SIGTERM or Ctrl-C ends it in order, with exit 0.
With the setting crm_endpoint it also takes callbacks at POST /webhook/callback, as webhook listen does.
With the setting pull_every (FRONTDESK_PULL_EVERY=15m) it also pulls, again and again, the last pull_range (7d),
with verify_every it compares some records with their hashes, and with policies of retention it removes what is due.";

#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    /// Where to listen; an address that others reach needs --tls-cert or --behind-proxy; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) addr: SocketAddr,
    /// First do what `frontdesk demo` does, then serve the folder it leaves
    #[arg(long)]
    pub(crate) demo: bool,
    /// Ask everybody for a token, on this machine too
    #[arg(long)]
    pub(crate) tokens: bool,
    /// A proxy with TLS stands in front: any address may be listened at, and everybody is asked for a token
    #[arg(long, conflicts_with = "tls_cert")]
    pub(crate) behind_proxy: bool,
    /// Speak TLS with this chain of certificates (PEM): any address may be listened at, and everybody is asked for a token
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key of that certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
}

impl ServerArgs {
    /// Whether browsers reach it through TLS only.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.behind_proxy || self.tls_cert.is_some()
    }

    /// Whether everybody is asked for a token.
    pub(crate) fn asks_for_tokens(&self) -> bool {
        self.tokens || self.is_encrypted() || !self.addr.ip().is_loopback()
    }
}
