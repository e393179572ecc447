//! Signing keys, and the file they are in.

use std::fmt;
use std::path::{Path, PathBuf};

use frontdesk_durable::{Dir, OsDir, from_hex, publish, sha256, to_hex};

use crate::error::{Action, During, Error, ErrorKind};
use crate::layout;
use crate::settings::Settings;

const FIRST_WORD: &str = "frontdesk-journal-key-v1";

/// The longest key file that is read, in bytes: some ten thousand keys.
const LONGEST: u64 = 1 << 20;

/// A key that signs heads: 32 random bytes and a name made of their hash.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    id: String,
    bytes: [u8; 32],
}

impl Key {
    fn of(bytes: [u8; 32]) -> Self {
        let named = [b"frontdesk-journal-key-id-v1\n".as_slice(), &bytes].concat();
        Self { id: to_hex(&sha256(&named))[..16].to_owned(), bytes }
    }

    fn random(path: &str) -> Result<Self, Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)
            .map_err(|error| Error::with_source(Action::Keys, path, ErrorKind::Storage, error))?;
        Ok(Self::of(bytes))
    }

    /// The key's name: 16 hex digits of a hash of it. Says nothing about the key.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The keys of a file, oldest first; the last one signs.
///
/// A line a key: `frontdesk-journal-key-v1 <id> <64 hex digits>`. Old keys stay, so that old heads can be checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyRing {
    keys: Vec<Key>,
}

impl KeyRing {
    /// Reads a key file.
    ///
    /// # Errors
    /// `KeyMissing` when there is no such file; `KeyExposed` when others than its owner may read it; `Malformed` when a
    /// line is no key.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let shown = path.display().to_string();
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let kind = ErrorKind::KeyMissing { key_id: String::new() };
                return Err(Error::new(Action::Keys, shown, kind));
            }
            Err(error) => return Err(error).during(Action::Keys, &shown),
        };
        refuse_exposed(&metadata, &shown)?;
        let malformed = |what: String| Error::new(Action::Keys, &shown, ErrorKind::Malformed { what });
        if metadata.len() > LONGEST {
            return Err(malformed(format!("{} bytes are no key file", metadata.len())));
        }
        let text = std::fs::read(path).during(Action::Keys, &shown)?;
        let text = String::from_utf8(text).map_err(|_| malformed("it is not text".to_owned()))?;
        Self::parse(&text).map_err(|line| malformed(format!("line {line} is no key")))
    }

    fn parse(text: &str) -> Result<Self, usize> {
        let mut keys: Vec<Key> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let read = || {
                let mut words = line.split(' ');
                let (first, id, hex) = (words.next()?, words.next()?, words.next()?);
                let key = Key::of(from_hex(hex.as_bytes())?);
                (first == FIRST_WORD && key.id == id && words.next().is_none()).then_some(key)
            };
            let key = read().ok_or(index + 1)?;
            if keys.contains(&key) {
                return Err(index + 1);
            }
            keys.push(key);
        }
        if keys.is_empty() { Err(1) } else { Ok(Self { keys }) }
    }

    fn text(&self) -> String {
        let line = |key: &Key| format!("{FIRST_WORD} {} {}\n", key.id, to_hex(&key.bytes));
        self.keys.iter().map(line).collect()
    }

    /// The key that signs.
    pub(crate) fn newest(&self) -> Option<&Key> {
        self.keys.last()
    }

    /// The key of that name.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.id == id)
    }

    /// Names of the keys, oldest first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(Key::id)
    }
}

#[cfg(unix)]
fn refuse_exposed(metadata: &std::fs::Metadata, path: &str) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(Error::new(Action::Keys, path, ErrorKind::KeyExposed { mode }))
}

#[cfg(not(unix))]
fn refuse_exposed(_metadata: &std::fs::Metadata, _path: &str) -> Result<(), Error> {
    Ok(())
}

/// Where a journal's keys are.
#[derive(Debug, Clone)]
pub(crate) struct KeyFile {
    path: PathBuf,
    /// Whether it may be made when it is not there: only in the journal's own folder.
    own: bool,
}

impl KeyFile {
    pub(crate) fn of(settings: &Settings, root: &Path) -> Self {
        match &settings.key_file {
            Some(path) => Self { path: path.clone(), own: false },
            None => Self { path: root.join(layout::KEYS), own: true },
        }
    }

    /// # Errors
    /// As [`KeyRing::read`].
    pub(crate) fn read(&self) -> Result<KeyRing, Error> {
        KeyRing::read(&self.path)
    }

    /// The keys for a new journal: those that are there, else a new one.
    ///
    /// # Errors
    /// As [`KeyRing::read`]; what the file system says.
    pub(crate) fn read_or_make(&self) -> Result<KeyRing, Error> {
        match self.read() {
            Err(error) if self.own && matches!(error.kind(), ErrorKind::KeyMissing { .. }) => {
                let ring = KeyRing { keys: vec![Key::random(&self.shown())?] };
                self.publish(&ring)?;
                Ok(ring)
            }
            read => read,
        }
    }

    /// The keys with one more than `current` at the end, which is made unless somebody has added it already.
    ///
    /// # Errors
    /// As [`KeyRing::read`]; what the file system says.
    pub(crate) fn successor_of(&self, current: &str) -> Result<KeyRing, Error> {
        let mut ring = self.read()?;
        if ring.newest().is_some_and(|key| key.id == current) {
            ring.keys.push(Key::random(&self.shown())?);
            self.publish(&ring)?;
        }
        Ok(ring)
    }

    fn publish(&self, ring: &KeyRing) -> Result<(), Error> {
        let shown = self.shown();
        let no_file = || {
            let what = "it names no file".to_owned();
            Error::new(Action::Keys, &shown, ErrorKind::Malformed { what })
        };
        let name = self.path.file_name().and_then(|name| name.to_str()).ok_or_else(no_file)?;
        let parent = match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let dir = OsDir::open(parent).during(Action::Keys, &shown)?;
        // A link is not replaced by a file: who manages keys by links replaces them there.
        dir.open_read(name)
            .map(drop)
            .or_else(|error| match error.kind() {
                std::io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            })
            .during(Action::Keys, &shown)?;
        publish(&dir, name, ring.text().as_bytes()).during(Action::Keys, &shown)
    }

    fn shown(&self) -> String {
        self.path.display().to_string()
    }
}
