//! What is in histories, counted by the contract's rules (§2): the truth that tests compare with.

use std::collections::BTreeMap;

use serde::Serialize;

use super::rows::{self, Row, Rows, Where};
use crate::media::Worth;
use crate::moment::Moment;

/// Counts over one history or several.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Totals {
    pub(crate) conversations: u64,
    /// Messages as they are served, repeated ones included.
    pub(crate) messages: u64,
    /// Without the repeated ones.
    pub(crate) unique: u64,
    pub(crate) duplicates: u64,
    /// Messages that are not strictly later than the one before: by that they have the same time…
    pub(crate) equal: u64,
    /// … or an earlier one.
    pub(crate) backwards: u64,
    pub(crate) unreadable: u64,
    pub(crate) unknown_types: u64,
    /// Unique messages by type.
    pub(crate) types: BTreeMap<String, u64>,
    /// Links of unique messages by what comes of following them now.
    pub(crate) media: Media,
}

/// Links by what comes of following them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Media {
    pub(crate) links: u64,
    /// Followed as the contract says, they lead to something.
    pub(crate) reachable: u64,
    /// Of those, the ones with more behind them than anybody would want to keep.
    pub(crate) huge: u64,
    pub(crate) expired: u64,
    pub(crate) missing: u64,
}

impl Totals {
    /// Adds one history.
    pub(crate) fn add(&mut self, rows: &Rows<'_>, now: Moment) {
        const CHUNK: u64 = 1_000;
        self.conversations += 1;
        let mut before = None;
        let mut start = 0;
        while start < rows.len() {
            for row in rows.range(start..start + CHUNK) {
                self.row(&row, &mut before, now);
            }
            start += CHUNK;
        }
    }

    fn row(&mut self, row: &Row, before: &mut Option<i64>, now: Moment) {
        self.messages += 1;
        if row.repeated {
            self.duplicates += 1;
            return;
        }
        self.unique += 1;
        match (row.time, *before) {
            (None, _) => self.unreadable += 1,
            (Some(time), Some(before)) if time == before => self.equal += 1,
            (Some(time), Some(before)) if time < before => self.backwards += 1,
            _ => {}
        }
        *before = row.time.or(*before);
        self.unknown_types += u64::from(row.unknown_type);
        *self.types.entry(String::from_utf8_lossy(&row.kind).into_owned()).or_default() += 1;
        let media = &mut self.media;
        let link = match &row.media {
            None => return,
            Some(rows::Media::Link(link)) => link,
            // What was sent with its content is there; what is behind somebody's URL nobody can tell.
            Some(rows::Media::Sent { url, .. }) => {
                media.links += 1;
                media.reachable += u64::from(matches!(url, Where::Path(_)));
                return;
            }
        };
        media.links += 1;
        let expired =
            link.expires().is_some_and(|expires| Moment::from_nanos(expires * 1_000_000_000) <= now);
        match link.worth() {
            _ if expired => media.expired += 1,
            Worth::Nowhere => media.missing += 1,
            worth => {
                media.reachable += 1;
                media.huge += u64::from(worth == Worth::Huge);
            }
        }
    }
}
