//! Fetching a history (contract §2).

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// One step of fetching a conversation's history: exactly the contract's object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HistoryRecord {
    /// What happened.
    pub event: HistoryStep,
    /// When.
    pub timestamp: Timestamp,
    /// The token of the page it is about; absent for the first page, and for the whole retrieval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_token: Option<String>,
    /// What was kept on `page_processed`, what was fetched on `retrieval_complete`, else 0.
    pub message_count: u64,
    /// Milliseconds; covers the fetch.
    pub latency_ms: u64,
    /// What went wrong, in our words: nothing that a server wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The steps of fetching a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HistoryStep {
    /// Written before the page is asked for.
    PageFetchStart,
    /// The page came, was checked and stored.
    PageProcessed,
    /// The page did not come.
    FetchError,
    /// The page came and could not be stored.
    ProcessError,
    /// The listing ended.
    RetrievalComplete,
}
