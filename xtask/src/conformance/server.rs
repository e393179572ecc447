//! `frontdesk sandbox serve --contract both`, the command.

use std::path::Path;
use std::process::Command;

use crate::listening::Listening;

/// A tenant that many conversations of a month are found in, and that throttles nobody.
const TENANT: [&str; 8] =
    ["--contract", "both", "--conversations", "2000", "--rate-limit", "600000", "--seed", "6"];

/// Starts it. Its ready line has addresses, credentials, ids.
pub(super) fn start(binary: &Path) -> Result<Listening, String> {
    Listening::start(Command::new(binary).args(["sandbox", "serve"]).args(TENANT), "base_url")
}
