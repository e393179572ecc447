//! A page of a history as it came, on either contract: taken apart while it arrives.

use frontdesk_domain::message::Message;
use frontdesk_domain::{PageToken, RecordErrorKind};

use crate::history::{HistoryMessage, HistoryPage};
use crate::listing::{Fetched, PageBody};
use crate::page_body::rough_mark;

/// A page as the server sent it.
#[derive(Debug)]
pub struct HistoryBody {
    /// What it holds, in its order.
    pub messages: Vec<Result<HistoryMessage, RecordErrorKind>>,
    /// The token of the next page; none on the last.
    pub next: Option<PageToken>,
    /// Messages of the whole history, where the server says so in a whole number.
    pub total: Option<u64>,
    /// Length of the body, decompressed.
    pub body_bytes: u64,
    marks: Vec<u64>,
}

impl HistoryBody {
    /// A page of which nothing was read yet.
    pub(crate) fn empty() -> Self {
        Self { messages: Vec::new(), next: None, total: None, body_bytes: 0, marks: Vec::new() }
    }

    /// Takes the next element; `hash` is of what tells a message from all others of its history.
    pub(crate) fn take(&mut self, element: Vec<u8>, hash: impl FnOnce(&Message) -> u64) {
        let shape = rough_mark(&element);
        let message = Message::read(element).map(|message| {
            let id_hash = hash(&message);
            HistoryMessage { message, id_hash, is_new: true }
        });
        self.marks.push(message.as_ref().map_or(shape, |message| message.id_hash));
        self.messages.push(message);
    }

    /// The page as it is handed out.
    pub(crate) fn into_page(self, fetched: Fetched) -> HistoryPage {
        let Self { mut messages, next, total, body_bytes, .. } = self;
        let Fetched { number, token, news, more, took } = fetched;
        for (message, is_new) in messages.iter_mut().zip(news) {
            if let Ok(message) = message {
                message.is_new = is_new;
            }
        }
        HistoryPage { number, token, next, messages, more, total, body_bytes, took }
    }
}

impl PageBody for HistoryBody {
    fn next(&self) -> Option<&PageToken> {
        self.next.as_ref()
    }

    fn marks(&self) -> &[u64] {
        &self.marks
    }
}
