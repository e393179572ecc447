//! Plans: bound to what they were made of, and carried out as far as they still hold.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use frontdesk_archive::{
    ClockTrust, ListQuery, Maintenance, Prepared, ReadOptions, Reader, Settings, Writer,
};
use frontdesk_archiver::{Applied, Plan, Retain, RetainError, Survey};
use frontdesk_domain::retention::{Policies, Policy};
use frontdesk_domain::{MatterName, RecordKey, RecordKind, Timestamp};

/// Thirty days after what is due here.
const NOW: &str = "2025-03-31T12:00:00Z";

struct Place {
    folder: tempfile::TempDir,
    now: Timestamp,
}

impl Place {
    /// Four conversations: `old` and `older` are due, `young` and `undated` are not.
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap(), now: NOW.parse().unwrap() };
        place.put(&[
            r#"{"id":"old","endTime":"2025-03-01T12:00:00Z"}"#,
            r#"{"id":"older","startTime":"2025-01-01T00:00:00Z"}"#,
            r#"{"id":"young","startTime":"2024-01-01T00:00:00Z","endTime":"2025-03-01T12:00:01Z"}"#,
            r#"{"id":"undated"}"#,
        ]);
        place
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("archive")
    }

    fn clock(&self) -> frontdesk_archive::Clock {
        let now = self.now;
        Arc::new(move || now)
    }

    fn put(&self, lines: &[&str]) {
        let writer = Writer::open(&self.root(), &settings(), self.clock()).unwrap();
        let records = lines.iter().map(|line| Prepared::from_details(line.as_bytes().to_vec()).unwrap());
        writer.put(records.collect()).unwrap();
        writer.close().unwrap();
    }

    fn reader(&self) -> Reader {
        Reader::open(&self.root(), &ReadOptions::default()).unwrap()
    }

    fn plan(&self, retain: &Retain) -> (Plan, Survey) {
        retain.plan(&self.reader(), self.now, &mut |_, _| {}).unwrap()
    }

    fn apply(&self, retain: &Retain, plan: &Plan) -> Result<Applied, RetainError> {
        let mut maintenance = Maintenance::open(&self.root(), &settings(), self.clock()).unwrap();
        let applied = retain.apply(plan, &mut maintenance, &self.reader(), "retention");
        maintenance.close().unwrap();
        applied
    }

    fn ids(&self) -> BTreeSet<String> {
        let reader = self.reader();
        let entries = reader.list(&ListQuery::default()).map(|entry| entry.unwrap().key.id.to_string());
        entries.collect()
    }

    /// Everything that ever came in: what is there and, by the ledger itself, what was removed. Nothing is both.
    fn accounted_for(&self) -> BTreeSet<String> {
        let reader = self.reader();
        let ledger = std::fs::read_to_string(self.root().join("ledger.ndjson")).unwrap();
        let mut ids = self.ids();
        for line in ledger.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            for conversation in line["conversations"].as_array().into_iter().flatten() {
                let id = conversation["id"].as_str().unwrap();
                assert!(reader.tombstone(&id.parse().unwrap()).unwrap().is_some(), "{id} has no tombstone");
                assert!(ids.insert(id.to_owned()), "{id} is there, and removed");
            }
        }
        ids
    }
}

fn settings() -> Settings {
    Settings { reserve: 0, ..Settings::default() }
}

fn days(days: u32) -> Retain {
    let policy = Policy::all("all".parse().unwrap(), days).unwrap();
    Retain { policies: Policies::new(vec![policy]).unwrap(), trust: ClockTrust::default() }
}

fn names(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
fn a_plan_names_what_is_due_to_the_nanosecond_and_removes_that() {
    let place = Place::new();
    let (plan, survey) = place.plan(&days(30));
    let planned: Vec<_> = plan.removals.iter().map(|removal| removal.id.as_str()).collect();
    assert_eq!(planned, ["old", "older"]);
    assert_eq!(
        (survey.conversations, survey.verdicts.kept, survey.verdicts.undated, survey.verdicts.held),
        (4, 1, 1, 0)
    );
    let applied = place.apply(&days(30), &plan).unwrap();
    assert_eq!((applied.removed, applied.records, applied.held, applied.changed), (2, 2, 0, 0));
    assert_eq!(place.ids(), names(&["young", "undated"]));
    let again = place.apply(&days(30), &plan).unwrap();
    assert_eq!((again.removed, again.missing), (0, 2));
    assert_eq!(place.accounted_for(), names(&["old", "older", "young", "undated"]));
}

#[test]
fn the_effect_of_a_release_is_what_the_next_sweep_removes() {
    let place = Place::new();
    let matter = |name: &str| -> MatterName { name.parse().unwrap() };
    let mut maintenance = Maintenance::open(&place.root(), &settings(), place.clock()).unwrap();
    let ids: Vec<_> = ["old", "older", "undated", "young"].map(|id| id.parse().unwrap()).into();
    maintenance.hold(&matter("m-1"), &ids, None, "a claim").unwrap();
    maintenance.hold(&matter("m-2"), &ids[1..2], None, "another").unwrap();
    maintenance.close().unwrap();
    let effect = |name: &str| {
        let mut freed = Vec::new();
        let effect = days(30).release_effect(&place.reader(), &matter(name), place.now, &mut |id, _, due| {
            freed.push((id.to_string(), due));
        });
        (effect.unwrap(), freed)
    };
    let (of, freed) = effect("m-1");
    assert_eq!(freed, [("old".to_owned(), place.now)]);
    assert_eq!(
        (of.held, of.verdicts.held, of.missing, of.verdicts.undated, of.verdicts.kept),
        (4, 1, 0, 1, 1)
    );
    assert_eq!(of.verdicts.all_due(), 1);
    assert_eq!(of.next_due, Some("2025-03-31T12:00:01Z".parse().unwrap()), "the young one, a second later");
    assert_eq!(effect("m-2").1, [], "the other matter holds it");
    assert_eq!(effect("m-3").0.held, 0);
    // And so it comes.
    let mut maintenance = Maintenance::open(&place.root(), &settings(), place.clock()).unwrap();
    maintenance.release(&matter("m-1"), None, "settled").unwrap();
    maintenance.close().unwrap();
    let planned: Vec<_> =
        place.plan(&days(30)).0.removals.iter().map(|removal| removal.id.to_string()).collect();
    assert_eq!(planned, ["old"]);
}

#[test]
fn a_plan_that_was_changed_anywhere_is_refused() {
    let place = Place::new();
    let (plan, _) = place.plan(&days(30));
    let changes: [fn(&mut Plan); 9] = [
        |plan| plan.archive.push('x'),
        |plan| plan.made_at = Timestamp::UNIX_EPOCH,
        |plan| plan.policies.push('x'),
        |plan| plan.removals[0].id = "young".parse().unwrap(),
        |plan| plan.removals[0].version += 1,
        |plan| plan.removals[0].sha256.replace_range(..1, "x"),
        |plan| plan.removals[0].since = Timestamp::UNIX_EPOCH,
        |plan| drop(plan.removals.pop()),
        |plan| plan.seal.clear(),
    ];
    for (number, change) in changes.iter().enumerate() {
        let mut changed = plan.clone();
        change(&mut changed);
        let refused = place.apply(&days(30), &changed).unwrap_err();
        assert!(matches!(refused, RetainError::Broken), "change {number}: {refused:?}");
    }
    assert_eq!(place.ids().len(), 4);
}

#[test]
fn a_plan_of_another_archive_or_by_other_policies_is_refused() {
    let (place, other) = (Place::new(), Place::new());
    let (plan, _) = place.plan(&days(30));
    assert!(matches!(other.apply(&days(30), &plan), Err(RetainError::ForeignArchive)));
    assert!(matches!(place.apply(&days(31), &plan), Err(RetainError::OtherPolicies)));
    assert_eq!((place.ids().len(), other.ids().len()), (4, 4));
}

#[test]
fn what_has_a_new_version_or_a_hold_since_the_plan_is_skipped() {
    let place = Place::new();
    let (plan, _) = place.plan(&days(30));
    place.put(&[r#"{"id":"old","endTime":"2025-03-01T12:00:00Z","more":1}"#]);
    let mut maintenance = Maintenance::open(&place.root(), &settings(), place.clock()).unwrap();
    let matter = MatterName::new("m").unwrap();
    maintenance.hold(&matter, &["older".parse().unwrap()], None, "a claim").unwrap();
    maintenance.close().unwrap();
    let applied = place.apply(&days(30), &plan).unwrap();
    assert_eq!((applied.removed, applied.changed, applied.held), (0, 1, 1));
    assert_eq!(place.ids().len(), 4);
    // The new version is as old: a new plan has it, with both.
    let applied = place.apply(&days(30), &place.plan(&days(30)).0).unwrap();
    assert_eq!((applied.removed, applied.records), (1, 2));
    let key = RecordKey { kind: RecordKind::Details, id: "old".parse().unwrap() };
    assert_eq!(place.reader().show(&key, Some(1)).unwrap(), None);
    assert_eq!(place.accounted_for(), names(&["old", "older", "young", "undated"]));
}

#[test]
fn a_clock_that_was_put_back_since_the_plan_skips_what_is_not_due_by_it() {
    let mut place = Place::new();
    let (plan, _) = place.plan(&days(30));
    place.now = "2025-03-31T11:59:59Z".parse().unwrap();
    let applied = place.apply(&days(30), &plan).unwrap();
    assert_eq!((applied.removed, applied.changed), (1, 1));
    assert_eq!(place.ids(), names(&["old", "young", "undated"]));
}
