//! What a journal is told.

use std::path::PathBuf;
use std::time::Duration;

/// How a journal is opened, and what its entries say about this process.
///
/// ```
/// use frontdesk_journal::Settings;
///
/// let settings = Settings { command: "archive pull".to_owned(), ..Settings::default() };
/// assert_eq!(settings.wait.as_secs(), 30);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Who: in every entry. One line; no secrets.
    pub actor: String,
    /// The command this process runs: in every entry whose change names no other.
    pub command: String,
    /// How long to wait for another process that is writing. 30 s by default.
    pub wait: Duration,
    /// The file of signing keys; readable by its owner only. By default `keys` in the journal's folder, which is made
    /// when there is none.
    pub key_file: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            actor: format!("frontdesk, process {}", std::process::id()),
            command: String::new(),
            wait: Duration::from_secs(30),
            key_file: None,
        }
    }
}
