//! The verdict.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Policies;
use crate::payload::{self, Facts};
use crate::{MatterName, PolicyName, RecordKind, Timestamp};

/// What a verdict depends on, of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subject {
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// Its `type`.
    pub media_type: Option<String>,
    /// Its `queue`.
    pub queue: Option<String>,
    /// The values of its metadata, by key.
    pub metadata: BTreeMap<String, Vec<String>>,
}

impl Subject {
    /// Reads it from a record of kind `details`. Never fails: what cannot be read is absent.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let Facts { started_at, ended_at, media_type, queue, .. } =
            payload::facts(RecordKind::Details, bytes);
        Self {
            ended_at,
            started_at,
            media_type,
            queue,
            metadata: payload::metadata_values(RecordKind::Details, bytes),
        }
    }

    /// What the age counts from: the end, else the start.
    #[must_use]
    pub fn age_from(&self) -> Option<Timestamp> {
        self.ended_at.or(self.started_at)
    }
}

/// What is to happen to a conversation, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// It is held, and kept whatever its age.
    Hold {
        /// The matters that hold it, by name.
        matters: Vec<MatterName>,
    },
    /// It is as old as the policy says, or older: it is to be removed.
    Expire {
        /// The policy that decides.
        policy: PolicyName,
        /// What its age counts from.
        since: Timestamp,
        /// When it became due.
        due: Timestamp,
    },
    /// It is too young.
    Keep {
        /// The policy that decides.
        policy: PolicyName,
        /// What its age counts from.
        since: Timestamp,
        /// From when on it is due; absent where that is later than time can be written.
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// A policy applies, and the conversation says neither when it ended nor when it started: it is kept.
    NoDate {
        /// The policy that would decide.
        policy: PolicyName,
    },
    /// No policy applies: it is kept.
    NoPolicy,
}

/// Decides about one conversation. Due is what is exactly as old as its policy says, or older.
#[must_use]
pub fn verdict(subject: &Subject, policies: &Policies, holds: &[MatterName], now: Timestamp) -> Verdict {
    if !holds.is_empty() {
        return Verdict::Hold { matters: holds.to_vec() };
    }
    let Some(deciding) = policies.deciding(subject) else { return Verdict::NoPolicy };
    let policy = deciding.name.clone();
    let Some(since) = subject.age_from() else { return Verdict::NoDate { policy } };
    match since.checked_add(deciding.keeps_for()) {
        Some(due) if due <= now => Verdict::Expire { policy, since, due },
        until => Verdict::Keep { policy, since, until },
    }
}
