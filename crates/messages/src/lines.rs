//! Which messages are meant: lines from outside, read while they are sent.
//!
//! A message of a batch is named by what it is and by how often the same one came before it, so the same lines in a file
//! that was mended, or with others added to it, are the same messages: they are not sent again.

use std::collections::HashMap;
use std::io::{self, BufRead, Read as _};

use frontdesk_domain::outbound::MessageDraft;
use frontdesk_domain::{RunId, hex};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

/// The longest line, in bytes: a message with attachments in it.
pub const LONGEST_LINE: usize = 64 << 20;

/// Lines that are read ahead of what is being sent.
const AHEAD: usize = 16;

/// Names a set of messages. Within it equal lines are told apart by their number only; the same line in two batches is
/// two messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch(RunId);

impl Batch {
    /// A batch of this name: 1 to 64 of `a` to `z`, `0` to `9` and `-`.
    ///
    /// # Errors
    /// When it has other characters, or none.
    pub fn new(name: &str) -> Result<Self, frontdesk_domain::IdError> {
        RunId::new(name).map(Self)
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl Default for Batch {
    /// The batch of lines that name none.
    fn default() -> Self {
        Self(RunId::new("default").unwrap_or_else(|_| unreachable!("lower case letters")))
    }
}

/// A message somebody wants sent.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its number, counted from 1; none for a single message.
    pub(crate) number: Option<u64>,
    /// What it says; in words why not, where it is no JSON object.
    pub(crate) draft: Result<MessageDraft, String>,
    pub(crate) place: Place,
}

/// What a line is named by in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// Alone: each time it is asked for it is another message, unless one like it is in doubt.
    Single,
    /// In a batch, by the line's own bytes.
    Batch { batch: Batch, line: String },
}

impl Line {
    /// A message that belongs to no batch.
    #[must_use]
    pub fn single(draft: MessageDraft) -> Self {
        Self { number: None, draft: Ok(draft), place: Place::Single }
    }

    /// Message `number` of a batch, made by a program.
    #[must_use]
    pub fn of_batch(batch: &Batch, number: u64, draft: MessageDraft, name: &str) -> Self {
        let line = hex(&Sha256::digest(name.as_bytes()));
        Self { number: Some(number), draft: Ok(draft), place: Place::Batch { batch: batch.clone(), line } }
    }
}

/// Lines as they come.
#[derive(Debug)]
pub struct Lines(mpsc::Receiver<io::Result<Line>>);

impl Lines {
    /// These lines.
    #[must_use]
    pub fn of(lines: Vec<Line>) -> Self {
        let (sender, receiver) = mpsc::channel(lines.len().max(1));
        for line in lines {
            // There is room for all of them.
            let _ = sender.try_send(Ok(line));
        }
        Self(receiver)
    }

    /// The lines of `input`, each a message of `batch`; empty ones are left out. They are read by a thread of their own,
    /// since a pipe may be silent for long; it ends with the input, or with the process.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn read(input: impl BufRead + Send + 'static, batch: Batch) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel(AHEAD);
        std::thread::Builder::new().name("message-lines".to_owned()).spawn(move || {
            let mut input = input;
            let (mut number, mut bytes) = (0, Vec::new());
            loop {
                bytes.clear();
                let line = match next(&mut input, &mut bytes) {
                    Ok(0) => return,
                    Ok(_) => {
                        number += 1;
                        if bytes.trim_ascii().is_empty() {
                            continue;
                        }
                        Ok(line(number, bytes.trim_ascii(), &batch))
                    }
                    Err(error) => Err(error),
                };
                let failed = line.is_err();
                if sender.blocking_send(line).is_err() || failed {
                    return;
                }
            }
        })?;
        Ok(Self(receiver))
    }

    /// The next line; none at the end.
    ///
    /// # Cancel safety
    /// Safe: a line that was not given stays.
    pub(crate) async fn next(&mut self) -> Option<io::Result<Line>> {
        self.0.recv().await
    }
}

/// Reads to the end of a line, or as far as a line may go.
fn next(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    let read = input.by_ref().take(LONGEST_LINE as u64 + 1).read_until(b'\n', line)?;
    if read > LONGEST_LINE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a line is longer than 64 MiB"));
    }
    Ok(read)
}

fn line(number: u64, bytes: &[u8], batch: &Batch) -> Line {
    let draft = MessageDraft::read(bytes).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => "it is no JSON object".to_owned(),
        _ => "it is not JSON".to_owned(),
    });
    let place = Place::Batch { batch: batch.clone(), line: hex(&Sha256::digest(bytes)) };
    Line { number: Some(number), draft, place }
}

/// Counts how often the same message came before.
#[derive(Debug, Default)]
pub(crate) struct Occurrences(HashMap<u64, u32>);

impl Occurrences {
    /// The key of a message of this batch and digest: the first one has number 0.
    pub(crate) fn key(&mut self, batch: &Batch, digest: &str) -> String {
        let count = self.0.entry(frontdesk_api::id_hash(digest)).or_default();
        let key = format!("{}/{digest}/{count}", batch.as_str());
        *count += 1;
        key
    }
}
