//! The two jobs whose requests must reach the platform once, opening sessions and sending messages: their lines, and the
//! truth about what became of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::desk::Desk;
use super::process::Run;
use super::sessions::selection;
use super::tenant::Tenant;
use crate::Outcome;

/// A job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Job {
    Open,
    Send,
}

/// Somebody whom messages go to.
#[derive(Debug, Clone)]
pub(super) struct Talk {
    pub(super) conversation: String,
    pub(super) agent: String,
    pub(super) customer: String,
}

/// What was committed under one mark.
#[derive(Debug, Clone, Default)]
struct Committed {
    ids: Vec<String>,
    /// Keys or client ids.
    keys: BTreeSet<String>,
    posts: u64,
}

impl Job {
    /// The route of its POST, as fault rules name it.
    pub(super) fn path(self) -> String {
        match self {
            Self::Open => "/api/v2/conversations/webchat",
            Self::Send => "/api/v2/conversations/{conversationId}/messages",
        }
        .to_owned()
    }

    /// The command for the lines in this file.
    pub(super) fn command(self, from: &str) -> Vec<&str> {
        match self {
            Self::Open => vec!["--json", "session", "open", "--concurrency", "64", "--from", from],
            Self::Send => vec!["--json", "message", "send", "--from", from],
        }
    }

    /// The outcome of a line that nothing more is to be done for.
    pub(super) fn done(self) -> &'static str {
        match self {
            Self::Open => "opened",
            Self::Send => "sent",
        }
    }

    /// All outcomes there are.
    fn kinds(self) -> &'static [&'static str] {
        match self {
            Self::Open => &["opened", "already_open", "refused", "failed", "unknown"],
            Self::Send => &["sent", "not_sent", "refused", "unknown"],
        }
    }

    /// What is in the request of line `k` and in no other.
    pub(super) fn mark(self, k: usize) -> String {
        match self {
            Self::Open => format!("visitor-{k:05}"),
            Self::Send => format!("This is no. {k:05}."),
        }
    }

    /// Line `k`.
    pub(super) fn line(self, k: usize, talks: &[Talk]) -> Value {
        match self {
            Self::Open => {
                json!({"guest_id": self.mark(k), "attributes": {"source": "web_portal", "visit": k.to_string()},
                                 "consent": {"data_processing": true, "marketing": k.is_multiple_of(2)}, "language": "en"})
            }
            Self::Send => {
                let Talk { conversation, agent, customer } = &talks[k % talks.len()];
                json!({"conversation_id": conversation, "from": agent, "to": [customer], "type": "text/plain",
                       "content": self.mark(k)})
            }
        }
    }

    /// The lines of so many requests, in a file.
    pub(super) fn lines(self, desk: &Desk<'_>, count: usize, talks: &[Talk]) -> Result<String, String> {
        let lines: Vec<Value> = (0..count).map(|k| self.line(k, talks)).collect();
        selection(desk.scene, &format!("{self:?}.ndjson"), &lines)
    }

    /// How many requests were committed so far.
    pub(super) fn count(self, tenant: &Tenant<'_>) -> u64 {
        let stats = tenant.stats();
        match self {
            Self::Open => stats.sessions - tenant.ready().guests,
            Self::Send => stats.messages,
        }
    }

    /// What was committed, by mark.
    fn committed(self, tenant: &Tenant<'_>) -> Result<BTreeMap<String, Committed>, String> {
        let mut all: BTreeMap<String, Committed> = BTreeMap::new();
        let mut add = |mark: String, id: String, key: Option<String>, posts: u64| {
            let committed = all.entry(mark).or_default();
            committed.ids.push(id);
            committed.keys.extend(key);
            committed.posts += posts;
        };
        match self {
            Self::Open => {
                tenant.opened()?.into_iter().for_each(|one| add(one.guest_id, one.id, one.key, one.posts));
            }
            Self::Send => {
                for one in tenant.taken()? {
                    let mark = one.content.as_str().unwrap_or_default().to_owned();
                    add(mark, one.id, one.client_id, one.posts);
                }
            }
        }
        Ok(all)
    }

    /// Fails when anything was committed twice, under two keys or under none. Returns how many requests came in all.
    pub(super) fn at_most_once(self, tenant: &Tenant<'_>) -> Result<u64, String> {
        let mut posts = 0;
        for (mark, committed) in self.committed(tenant)? {
            let once = committed.ids.len() == 1 && committed.keys.len() == 1;
            ensure!(once, "{mark:?} was committed {} times: {committed:?}", committed.ids.len());
            posts += committed.posts;
        }
        Ok(posts)
    }

    /// The outcomes of a run, which its summary counts too. A line has one.
    pub(super) fn outcomes(self, run: &Run) -> Result<BTreeMap<&'static str, u64>, String> {
        let mut lines = run.lines()?;
        let summary = lines.pop().ok_or_else(|| run.wrong("there is no summary"))?;
        let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
        for line in &lines {
            let kind = self.kinds().iter().find(|kind| line["outcome"] == **kind);
            let kind = kind.ok_or_else(|| run.wrong(&format!("a line without an outcome: {line}")))?;
            *counts.entry(kind).or_default() += 1;
        }
        for kind in self.kinds() {
            let (said, counted) = (&summary["summary"][kind], counts.get(kind).copied().unwrap_or(0));
            let agrees = said.as_u64().unwrap_or(0) == counted;
            ensure!(
                agrees,
                "{}",
                run.wrong(&format!("{counted} lines say {kind}, the summary does not: {summary}"))
            );
        }
        Ok(counts)
    }

    /// Fails unless every one of `count` lines is done, with the ids that the platform gave, and each was committed once.
    pub(super) fn all_done(self, tenant: &Tenant<'_>, run: &Run, count: usize) -> Outcome {
        let outcomes = self.outcomes(run)?;
        let expected = BTreeMap::from([(self.done(), count as u64)]);
        ensure!(outcomes == expected, "{}", run.wrong(&format!("not all are {}: {outcomes:?}", self.done())));
        self.at_most_once(tenant)?;
        let committed = self.committed(tenant)?;
        ensure!(committed.len() == count, "{} of {count} were committed", committed.len());
        let ids: BTreeSet<&str> = committed.values().flat_map(|one| &one.ids).map(String::as_str).collect();
        let lines = run.lines()?;
        let name = match self {
            Self::Open => "session_id",
            Self::Send => "message_id",
        };
        let told: BTreeSet<&str> = lines.iter().filter_map(|line| line[name].as_str()).collect();
        ensure!(told == ids, "{}", run.wrong("the ids that were told are not those the platform gave"));
        Ok(())
    }
}
