//! Histories on stdout: one JSON object a line, whichever conversation they are of.

use std::io;

use frontdesk_history::{ConversationReport, Delivered, Destination, Finished, StoreError};
use frontdesk_shell::{Failure, Printer};
use serde::Serialize;
use tokio::sync::mpsc;

/// Bytes that go to the printer at once, and how many such pieces wait for it.
const PIECE: usize = 64 << 10;
const WAITING: usize = 16;

/// Writes lines for the one task that prints. A history's lines stand together.
pub(super) struct Lines {
    pieces: mpsc::Sender<Vec<u8>>,
    /// Histories end side by side; each waits until the one before is written.
    turn: std::sync::Mutex<()>,
}

impl Lines {
    /// The destination, and what is to be printed.
    pub(super) fn new() -> (Self, mpsc::Receiver<Vec<u8>>) {
        let (pieces, printed) = mpsc::channel(WAITING);
        (Self { pieces, turn: std::sync::Mutex::default() }, printed)
    }
}

/// Prints until the job has ended.
pub(super) async fn print(printer: &Printer, mut pieces: mpsc::Receiver<Vec<u8>>) -> Result<(), Failure> {
    while let Some(piece) = pieces.recv().await {
        printer.raw(&piece)?;
    }
    Ok(())
}

impl Destination for Lines {
    fn identity(&self) -> String {
        "stdout".to_owned()
    }

    fn keeps(&self) -> bool {
        false
    }

    fn take(&self, history: &Finished<'_>) -> Result<Delivered, StoreError> {
        let _turn = self.turn.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let conversation = history.report().target.conversation().as_str().to_owned();
        let mut writing = Writing { pieces: &self.pieces, conversation: &conversation, piece: Vec::new() };
        history.messages(&mut |message| writing.raw("message", message.bytes()))?;
        history.each_finding(&mut |finding| writing.line("finding", finding))?;
        history.each_media(&mut |media| writing.line("media", media))?;
        writing.line("report", history.report())?;
        writing.send()?;
        Ok(Delivered::default())
    }
}

/// The line of a report that no messages go with.
pub(super) fn report(report: &ConversationReport) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    write_line(&mut line, report.target.conversation().as_str(), "report", &serde_json::to_vec(report)?)?;
    Ok(line)
}

/// A line whose value is JSON already.
fn write_line(line: &mut Vec<u8>, conversation: &str, name: &str, value: &[u8]) -> io::Result<()> {
    line.extend_from_slice(b"{\"conversation_id\":");
    serde_json::to_writer(&mut *line, conversation)?;
    line.extend_from_slice(format!(",\"{name}\":").as_bytes());
    line.extend_from_slice(value);
    line.extend_from_slice(b"}\n");
    Ok(())
}

struct Writing<'w> {
    pieces: &'w mpsc::Sender<Vec<u8>>,
    conversation: &'w str,
    piece: Vec<u8>,
}

impl Writing<'_> {
    /// A line whose value is JSON already: exactly what came.
    fn raw(&mut self, name: &str, value: &[u8]) -> io::Result<()> {
        write_line(&mut self.piece, self.conversation, name, value)?;
        if self.piece.len() >= PIECE { self.send() } else { Ok(()) }
    }

    fn line(&mut self, name: &str, value: &impl Serialize) -> io::Result<()> {
        self.raw(name, &serde_json::to_vec(value)?)
    }

    fn send(&mut self) -> io::Result<()> {
        let piece = std::mem::take(&mut self.piece);
        self.pieces.blocking_send(piece).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
