//! Tokens: what a client shows to be let in. Only their hashes are kept.
//!
//! A token is `fd_` and 64 hex digits: an id of 16 and a secret of 48, 192 bits from the system. A secret of so many bits
//! needs no slow hash: SHA-256 of it is what the file has.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use frontdesk_domain::{Timestamp, hex};
use frontdesk_durable::{Dir, Lock, LockError, OsDir, from_hex, publish, read_whole, sha256};
use serde::{Deserialize, Serialize};

use super::role::{LOCAL, Role};

/// The file, in the folder of the data.
const FILE: &str = "tokens.json";
/// Who holds it changes the file.
const LOCK: &str = "tokens.lock";
const PREFIX: &str = "fd_";
const ID: usize = 16;
const WHOLE: usize = 64;
/// The longest file that is read, in bytes: some hundred thousand tokens.
const LONGEST: u64 = 32 << 20;
/// How long to wait for another process that changes the file.
const WAIT: Duration = Duration::from_secs(10);
const LONGEST_NAME: usize = 100;

/// A token as it is kept: not the token itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Names it: 16 hex digits.
    pub id: String,
    /// Whose it is; every entry of the audit log that comes of it says so.
    pub name: String,
    /// What it may.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it counts no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// SHA-256 of the secret, in hex.
    sha256: String,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    format: u32,
    tokens: Vec<Token>,
}

/// Why tokens could not be read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The name is empty, too long, holds control characters, or is the one that stands for whoever needs no token.
    #[error(
        "a token's name has 1 to {LONGEST_NAME} characters, none of them a control character, and is not {LOCAL}"
    )]
    Name,
    /// There is no token with this id.
    #[error("there is no such token")]
    Unknown,
    /// Another process is changing the file.
    #[error("another process is changing the tokens")]
    Busy,
    /// The file is not what was written.
    #[error("the file of tokens cannot be understood")]
    Malformed,
    /// The file system, or the system's source of randomness.
    #[error("the tokens cannot be read or written")]
    Storage(#[source] io::Error),
}

/// The tokens of a data directory.
///
/// ```
/// use frontdesk_domain::Timestamp;
/// use frontdesk_server::{Role, Tokens};
///
/// # let folder = tempfile::tempdir()?;
/// let tokens = Tokens::new(folder.path().to_owned());
/// let now = Timestamp::UNIX_EPOCH; // a program asks its clock
/// let (token, secret) = tokens.create("anna", Role::Viewer, now, None)?;
/// assert!(secret.starts_with("fd_") && tokens.list()?.len() == 1);
/// tokens.revoke(&token.id)?;
/// assert!(tokens.list()?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Tokens {
    folder: PathBuf,
}

impl Tokens {
    /// Those in the folder `folder`.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Makes a token. Gives what is kept of it, and the token itself, which nobody can find out again.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn create(
        &self,
        name: &str,
        role: Role,
        now: Timestamp,
        expires_at: Option<Timestamp>,
    ) -> Result<(Token, String), TokenError> {
        let name = name.trim();
        let long = name.chars().count() > LONGEST_NAME;
        // The audit log would not tell somebody of that name from whoever needed no token.
        if name.is_empty() || long || name.chars().any(char::is_control) || name == LOCAL {
            return Err(TokenError::Name);
        }
        let text = random::<{ WHOLE / 2 }>().map_err(TokenError::Storage)?;
        let (id, secret) = text.split_at(ID);
        let token = Token {
            id: id.to_owned(),
            name: name.to_owned(),
            role,
            created_at: now,
            expires_at,
            sha256: hex(&sha256(secret.as_bytes())),
        };
        self.change(|tokens| {
            tokens.push(token.clone());
            Ok(())
        })?;
        Ok((token, format!("{PREFIX}{text}")))
    }

    /// The tokens there are, in the order in which they were made.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn list(&self) -> Result<Vec<Token>, TokenError> {
        match OsDir::open(&self.folder) {
            Ok(dir) => read(&dir),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(TokenError::Storage(error)),
        }
    }

    /// Takes a token away. Servers that run hear of it within a second.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn revoke(&self, id: &str) -> Result<(), TokenError> {
        self.change(|tokens| {
            let before = tokens.len();
            tokens.retain(|token| token.id != id);
            if tokens.len() == before { Err(TokenError::Unknown) } else { Ok(()) }
        })
    }

    fn change(
        &self,
        change: impl FnOnce(&mut Vec<Token>) -> Result<(), TokenError>,
    ) -> Result<(), TokenError> {
        let dir = Arc::new(OsDir::open_or_create(&self.folder).map_err(TokenError::Storage)?);
        let holder = format!("pid {}", std::process::id());
        let lock =
            Lock::acquire(dir.clone(), LOCK, &holder, WAIT, &mut std::thread::sleep).map_err(|error| {
                match error {
                    LockError::Busy { .. } => TokenError::Busy,
                    other => TokenError::Storage(io::Error::other(other)),
                }
            })?;
        let mut tokens = read(&*dir)?;
        change(&mut tokens)?;
        let text = serde_json::to_vec_pretty(&Kept { format: 1, tokens })
            .map_err(|error| TokenError::Storage(error.into()))?;
        publish(&*dir, FILE, &text).map_err(|error| TokenError::Storage(io::Error::other(error)))?;
        drop(lock);
        Ok(())
    }
}

fn read(dir: &dyn Dir) -> Result<Vec<Token>, TokenError> {
    let text = match read_whole(dir, FILE, LONGEST) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(TokenError::Storage(error)),
    };
    let kept: Kept = serde_json::from_slice(&text).map_err(|_| TokenError::Malformed)?;
    if kept.format != 1 {
        return Err(TokenError::Malformed);
    }
    Ok(kept.tokens)
}

/// The token among `tokens` that a client shows, unless it has expired.
pub(crate) fn shown<'t>(tokens: &'t [Token], text: &str, now: Timestamp) -> Option<&'t Token> {
    let text = text.strip_prefix(PREFIX).filter(|text| text.len() == WHOLE && text.is_ascii())?;
    let (id, secret) = text.split_at(ID);
    let hash = sha256(secret.as_bytes());
    let token = tokens.iter().find(|token| token.id == id)?;
    let kept = from_hex(token.sha256.as_bytes())?;
    // What is compared is a hash of what the client sent: how many bytes of it agree tells nothing about the secret.
    (kept == hash && token.counts(now)).then_some(token)
}

impl Token {
    /// Whether it has not expired.
    pub(crate) fn counts(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// So many random bytes of the system's, in hex.
pub(crate) fn random<const BYTES: usize>() -> io::Result<String> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(hex(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000).unwrap()
    }

    #[test]
    fn a_token_counts_until_it_expires_or_is_revoked_and_no_other_does() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = Tokens::new(folder.path().join("data"));
        assert!(tokens.list().unwrap().is_empty());
        let (_, anna) = tokens.create(" anna ", Role::Viewer, at(1), Some(at(10))).unwrap();
        let (other, bert) = tokens.create("bert", Role::Admin, at(2), None).unwrap();
        let kept = tokens.list().unwrap();
        assert_eq!(shown(&kept, &anna, at(9)).map(|token| &*token.name), Some("anna"));
        assert!(shown(&kept, &anna, at(10)).is_none(), "it has expired");
        assert_eq!(shown(&kept, &bert, at(10)).map(|token| token.role), Some(Role::Admin));
        // The id of one with the secret of the other; a digit more, less or other; nothing.
        let mixed = format!("{}{}", &anna[..19], &bert[19..]);
        let changed = format!("{}{}", &bert[..66], if bert.ends_with('0') { '1' } else { '0' });
        for text in [
            mixed,
            changed,
            format!("{bert}0"),
            bert[..66].to_owned(),
            bert.replace("fd_", ""),
            String::new(),
        ] {
            assert!(shown(&kept, &text, at(5)).is_none(), "{text}");
        }
        tokens.revoke(&other.id).unwrap();
        assert!(matches!(tokens.revoke(&other.id), Err(TokenError::Unknown)));
        assert!(shown(&tokens.list().unwrap(), &bert, at(5)).is_none());
    }

    #[test]
    fn no_token_is_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = Tokens::new(folder.path().to_owned());
        let (token, text) = tokens.create("anna", Role::Viewer, at(1), None).unwrap();
        let file = std::fs::read_to_string(folder.path().join(FILE)).unwrap();
        assert!(!file.contains(&text[19..]) && file.contains(&token.id), "{file}");
        assert!(!format!("{token:?}").contains(&token.sha256));
        publish(&OsDir::open(folder.path()).unwrap(), FILE, b"{").unwrap();
        assert!(matches!(tokens.list(), Err(TokenError::Malformed)));
        assert!(matches!(tokens.create("bert", Role::Viewer, at(1), None), Err(TokenError::Malformed)));
    }

    #[test]
    fn a_name_is_one_line() {
        let tokens = Tokens::new(PathBuf::from("/nowhere"));
        for name in ["", "  ", "a\nb", &"x".repeat(101)] {
            assert!(
                matches!(tokens.create(name, Role::Viewer, at(1), None), Err(TokenError::Name)),
                "{name:?}"
            );
        }
    }
}
