//! A guest's token, from the file that a flag names.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use frontdesk_domain::Secret;
use frontdesk_shell::{Exit, Failure};

/// No token is longer: a header has to carry it.
const LONGEST: u64 = 16 << 10;

/// The token alone, in a file or on stdin (`-`). `holds` says what the file of this flag holds.
pub(super) fn read(path: &Path, flag: &str, holds: &str) -> Result<Secret, Failure> {
    let unreadable = |error: &io::Error| {
        Failure::new(Exit::Usage, "unreadable_input", "cannot read the guest's token")
            .caused_by(error)
            .hint(format!("check the path of {flag}"))
    };
    let input: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).map_err(|error| unreadable(&error))?)
    };
    let mut text = String::new();
    input.take(LONGEST + 1).read_to_string(&mut text).map_err(|error| unreadable(&error))?;
    let token = text.trim();
    if token.is_empty() || text.len() as u64 > LONGEST {
        return Err(Failure::new(Exit::Usage, "bad_input", "the guest's token is empty, or longer than any")
            .hint(format!("{flag} holds {holds}")));
    }
    Ok(Secret::new(token))
}
