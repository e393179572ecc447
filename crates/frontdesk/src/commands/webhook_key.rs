//! Files of webhook keys and of headers.

use std::fs;
use std::io;
use std::path::Path;

use frontdesk_domain::signature::SigningSecret;
use frontdesk_durable::{OsDir, publish};
use frontdesk_journal::outbox::NewEndpoint;
use frontdesk_shell::{Exit, Failure};

use crate::failures;

/// Files of keys and headers are small.
const LONGEST: u64 = 64 << 10;

/// The key in a file.
pub(super) fn read(path: &Path) -> Result<SigningSecret, Failure> {
    let text = text(path, "--key-file")?;
    refuse_exposed(path)?;
    text.parse().map_err(|error: frontdesk_domain::signature::SecretError| {
        Failure::from_error(Exit::Usage, "bad_key", &error).at("--key-file")
    })
}

/// The keys in a file that a setting names, one a line: two while the other side changes its own.
pub(crate) fn read_all(path: &Path, setting: &str) -> Result<Vec<SigningSecret>, Failure> {
    let text = text(path, setting)?;
    refuse_exposed(path)?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let keys: Result<Vec<_>, _> = lines.map(str::parse).collect();
    let keys = keys.map_err(|error: frontdesk_domain::signature::SecretError| {
        Failure::from_error(Exit::Usage, "bad_key", &error).at(setting)
    })?;
    if keys.is_empty() {
        return Err(Failure::new(Exit::Usage, "bad_key", "there is no key in it").at(setting));
    }
    Ok(keys)
}

/// The key in a file; where there is none a new one is made and written there, for its owner alone.
pub(crate) fn read_or_make(path: &Path) -> Result<SigningSecret, Failure> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path),
        _ => read(path),
    }
}

fn make(path: &Path) -> Result<SigningSecret, Failure> {
    let failed = |error: io::Error| {
        Failure::new(Exit::Storage, "storage", format!("cannot write {}", path.display())).caused_by(&error)
    };
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .ok_or_else(|| Failure::new(Exit::Usage, "bad_argument", "it names no file").at("--key-file"))?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let key = NewEndpoint::random_secret().map_err(|error| failures::journal(&error))?;
    let dir = OsDir::open(parent).map_err(failed)?;
    publish(&dir, name, format!("{}\n", key.reveal()).as_bytes()).map_err(failed)?;
    Ok(key)
}

/// The headers in a file: a line each, `Name: value`; empty lines are passed over.
pub(super) fn header_lines(path: &Path) -> Result<Vec<(String, String)>, Failure> {
    let text = text(path, "--headers")?;
    let mut headers = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let Some((name, value)) = line.split_once(':') else {
            let message = format!("line {} is no header", index + 1);
            return Err(Failure::new(Exit::Usage, "bad_argument", message)
                .at("--headers")
                .hint("write Name: value"));
        };
        headers.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    Ok(headers)
}

fn text(path: &Path, flag: &str) -> Result<String, Failure> {
    let failed = |error: io::Error| {
        Failure::new(Exit::Usage, "unreadable", format!("cannot read {}", path.display()))
            .caused_by(&error)
            .at(flag)
    };
    if fs::metadata(path).map_err(failed)?.len() > LONGEST {
        return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, "it is too long")));
    }
    fs::read_to_string(path).map_err(failed)
}

#[cfg(unix)]
fn refuse_exposed(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode() & 0o777);
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let message = format!("others than you can read {} (mode {mode:o})", path.display());
    Err(Failure::new(Exit::Usage, "key_exposed", message)
        .hint("chmod 600 it, and think about who has read it"))
}

#[cfg(not(unix))]
fn refuse_exposed(_path: &Path) -> Result<(), Failure> {
    Ok(())
}
