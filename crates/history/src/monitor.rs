//! What a caller hears while the job runs.

use frontdesk_domain::RunId;

use crate::report::ConversationReport;

/// Listens to a job. Every method does nothing by default; none may block for long.
pub trait Monitor: Send + Sync {
    /// The job begins, or goes on where an earlier session of it stopped.
    fn started(&self, run: &RunId, resumed: bool, conversations: usize) {
        let _ = (run, resumed, conversations);
    }

    /// A page is stored, or a conversation ended.
    fn progress(&self, progress: &Progress) {
        let _ = progress;
    }

    /// A conversation ended.
    fn ended(&self, report: &ConversationReport) {
        let _ = report;
    }
}

/// How far a job is. Messages a second are `messages` over the time the caller measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Conversations that ended.
    pub done: u64,
    /// All conversations.
    pub total: u64,
    /// Pages taken in this session.
    pub pages: u64,
    /// Messages received in this session.
    pub messages: u64,
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Monitor for Silent {}
