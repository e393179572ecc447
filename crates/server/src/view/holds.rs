//! Holds, what retention would remove, and what the release of a matter would come to.

use std::collections::BTreeMap;

use frontdesk_archive::{ClockTrust, Error, Hold, Reader};
use frontdesk_archiver::Retain;
use frontdesk_domain::retention::Policies;
use frontdesk_domain::{MatterName, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::timetable::Timetable;

/// What the job is called that removes what is due.
const SWEEP: &str = "retention";

/// Holds, in the order of conversations and matters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct HoldsView {
    /// How many conversations each matter holds.
    pub matters: Vec<MatterView>,
    /// Those of this page.
    pub holds: Vec<HoldView>,
    /// How many there are that were asked for.
    pub total: u64,
    /// Where the next page begins, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MatterView {
    /// Its name.
    pub matter: String,
    /// Conversations it holds.
    pub holds: u64,
}

/// A conversation that a matter holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HoldView {
    /// The matter.
    pub matter: String,
    /// The conversation.
    pub id: String,
    /// Since when, RFC 3339.
    pub at: String,
    /// Who held it.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// The query it was found by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
}

/// What retention would remove now. Nothing is removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct RetentionView {
    /// The policies there are; without any nothing is ever removed.
    pub policies: u64,
    /// Conversations that were looked at.
    pub conversations: u64,
    /// Due, by policy.
    pub due: BTreeMap<String, u64>,
    /// Kept, since a matter holds them.
    pub held: u64,
    /// Kept: too young.
    pub kept: u64,
    /// Kept: they have no date.
    pub undated: u64,
    /// Kept: no policy applies.
    pub without_policy: u64,
    /// Kept: they cannot be read.
    pub unreadable: u64,
    /// What the age of the oldest that is due counts from, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest: Option<String>,
    /// When this server sweeps next, where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_at: Option<String>,
}

/// A page of holds: those from the number `from` on, of one matter or of all. Blocks.
///
/// # Errors
/// What is wrong with the archive.
pub fn page(
    reader: &Reader,
    matter: Option<&MatterName>,
    from: u64,
    limit: usize,
) -> Result<HoldsView, Error> {
    let mut view = HoldsView::default();
    let mut matters: BTreeMap<String, u64> = BTreeMap::new();
    reader.holds(None, |hold: Hold| {
        *matters.entry(hold.matter.as_str().to_owned()).or_default() += 1;
        if matter.is_none_or(|matter| *matter == hold.matter) {
            if view.total >= from && view.holds.len() < limit {
                view.holds.push(HoldView::new(hold));
            }
            view.total += 1;
        }
        Ok::<(), Error>(())
    })?;
    let end = from + view.holds.len() as u64;
    view.next_cursor = (end < view.total).then(|| end.to_string());
    view.matters = matters.into_iter().map(|(matter, holds)| MatterView { matter, holds }).collect();
    Ok(view)
}

impl HoldView {
    fn new(hold: Hold) -> Self {
        Self {
            matter: hold.matter.as_str().to_owned(),
            id: hold.id.as_str().to_owned(),
            at: hold.at.to_string(),
            actor: hold.actor,
            reason: hold.reason,
            query: hold.query,
        }
    }
}

/// Looks at every conversation, and decides as a sweep at `now` would; by `timetable` the next comes. Blocks.
///
/// # Errors
/// What is wrong with the archive.
pub fn preview(
    reader: &Reader,
    policies: &Policies,
    timetable: &Timetable,
    now: Timestamp,
) -> Result<RetentionView, Error> {
    let retain = Retain { policies: policies.clone(), trust: ClockTrust::default() };
    let (_, survey) = retain.plan(reader, now, &mut |_, _| {})?;
    let verdicts = &survey.verdicts;
    Ok(RetentionView {
        policies: policies.iter().count() as u64,
        conversations: survey.conversations,
        due: verdicts.due_by_name(),
        held: verdicts.held,
        kept: verdicts.kept,
        undated: verdicts.undated,
        without_policy: verdicts.without_policy,
        unreadable: verdicts.unreadable,
        oldest: survey.oldest.map(|at| at.to_string()),
        next_at: next_sweep(timetable).map(|at| at.to_string()),
    })
}

fn next_sweep(timetable: &Timetable) -> Option<Timestamp> {
    timetable.all().into_iter().find(|job| job.name == SWEEP)?.next_at
}

/// What the release of a matter would come to. Nothing is released.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct EffectView {
    /// The matter.
    pub matter: String,
    /// Conversations that it holds.
    pub held: u64,
    /// Those that another matter holds, too: they stay.
    pub held_by_others: u64,
    /// Those that the next sweep would remove, by policy.
    pub due: BTreeMap<String, u64>,
    /// Those that are too young for now.
    pub kept: u64,
    /// When the first of these becomes due, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_due: Option<String>,
    /// Those without a date: they stay.
    pub undated: u64,
    /// Those that no policy applies to: they stay.
    pub without_policy: u64,
    /// Those that cannot be read: they stay.
    pub unreadable: u64,
    /// Those of which there are no details, so that no sweep looks at them.
    pub missing: u64,
    /// The first of those that the next sweep would remove.
    pub conversations: Vec<FreedView>,
}

/// A conversation that would be removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FreedView {
    /// Its id.
    pub id: String,
    /// The policy by which it is due.
    pub policy: String,
    /// Since when, RFC 3339.
    pub due_at: String,
}

/// Decides about each conversation of a matter as a sweep at `now` would, were it released; names the first `limit` of those
/// that it would remove. Blocks.
///
/// # Errors
/// What is wrong with the archive.
pub fn effect(
    reader: &Reader,
    policies: &Policies,
    matter: &MatterName,
    now: Timestamp,
    limit: usize,
) -> Result<EffectView, Error> {
    let retain = Retain { policies: policies.clone(), trust: ClockTrust::default() };
    let mut conversations = Vec::new();
    let found = retain.release_effect(reader, matter, now, &mut |id, policy, due| {
        if conversations.len() < limit {
            conversations.push(FreedView {
                id: id.as_str().to_owned(),
                policy: policy.as_str().to_owned(),
                due_at: due.to_string(),
            });
        }
    })?;
    let verdicts = &found.verdicts;
    Ok(EffectView {
        matter: matter.as_str().to_owned(),
        held: found.held,
        held_by_others: verdicts.held,
        due: verdicts.due_by_name(),
        kept: verdicts.kept,
        next_due: found.next_due.map(|at| at.to_string()),
        undated: verdicts.undated,
        without_policy: verdicts.without_policy,
        unreadable: verdicts.unreadable,
        missing: found.missing,
        conversations,
    })
}
