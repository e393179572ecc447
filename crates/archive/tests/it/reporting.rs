//! The report: every record once, and a calendar that says what the runs prove.

use frontdesk_archive::{
    DayState, Error, ListQuery, Reader, ReportEntry, Reported, Summary, Writer, export_name,
};
use frontdesk_domain::{RunId, TimeRange, Timestamp};
use serde_json::json;

use crate::support::{Place, conversation, prepared};
use crate::world::World;

fn time(text: &str) -> Timestamp {
    Timestamp::from_date_or_time(text).unwrap()
}

fn summary(reader: &Reader) -> Summary {
    reader.summary(time("2025-06-01")).unwrap()
}

/// `(day, state, stored, provisional, gaps)` of each day.
fn days(reader: &Reader) -> Vec<(String, DayState, u64, u64, usize)> {
    let line = |day: &frontdesk_archive::Day| {
        let date = day.day.to_string()[5..10].to_owned();
        (date, day.state, day.stored, day.provisional, day.missing.len())
    };
    summary(reader).days.iter().map(line).collect()
}

fn at(id: &str, started_at: &str) -> Vec<u8> {
    serde_json::to_vec(&json!({"id": id, "startTime": started_at})).unwrap()
}

/// Writes the log of a run that was asked for `from` to `to` in one window, up to its certificate.
pub(crate) fn run(writer: &Writer, name: &str, from: &str, to: &str, state: &str, filter: Option<&str>) {
    let run: RunId = name.parse().unwrap();
    let mut log = writer.run_log(&run).unwrap();
    let (from, to) = (time(from).to_string(), time(to).to_string());
    let ended = if state == "incomplete" {
        json!({"failed": {"token": null, "reason": "gone"}})
    } else {
        json!("complete")
    };
    log.append(&json!({"type": "run", "run_id": name, "at": to, "request": {
        "organization": "default", "contract": "gateway", "origin": "http://h", "from": from, "to": to,
        "filter": filter, "page_size": 500, "look_back_seconds": 3600, "windows": 1}}))
        .unwrap();
    log.append(&json!({"type": "certificate", "certificate": {
        "run_id": name, "organization": "default", "contract": "gateway", "origin": "http://h",
        "from": from, "to": to, "filter": filter, "page_size": 500, "look_back_seconds": 3600,
        "started_at": to, "finished_at": to, "state": state,
        "windows": [{"from": from, "to": to, "state": state, "pages": 1, "received": 0, "unique": 0,
                     "pages_digest": "", "ended": ended, "open": state == "provisional"}],
        "claimed": null, "received": 0, "unique": 0, "stored": 0, "versions_added": 0, "unchanged": 0, "expired": 0,
        "rejected": 0, "pages": 1, "requests": 1, "throttled": 0, "late": 0, "missing": []}}))
        .unwrap();
}

#[test]
fn every_version_of_every_record_is_listed_once_under_its_export_name() {
    let place = Place::new();
    let writer = place.writer();
    for n in 0..30 {
        writer
            .put(vec![prepared(&conversation(&format!("c/{}", n % 7), 1 + n % 3, &format!("text {n}")))])
            .unwrap();
    }
    let reader = place.reader();
    let mut total = None;
    let mut listed = Vec::new();
    reader
        .report(|reported| {
            match reported {
                Reported::Total(count) => total = Some(count),
                Reported::Record(ReportEntry { filename, size_bytes, last_modified }) => {
                    listed.push((filename.to_owned(), size_bytes, last_modified.to_owned()));
                }
            }
            Ok::<(), Error>(())
        })
        .unwrap();
    let expected: Vec<_> = reader
        .list(&ListQuery::default())
        .map(|entry| entry.unwrap())
        .map(|entry| {
            (export_name(&entry.key, &entry.sha256), u64::from(entry.length), entry.archived_at.to_string())
        })
        .collect();
    assert_eq!((total, listed.len()), (Some(30), 30));
    assert_eq!(listed, expected);
    assert!(listed.iter().all(|(name, ..)| name.starts_with("c%2f")), "{listed:?}");
}

#[test]
fn a_day_that_was_missing_is_complete_once_a_later_run_took_it() {
    let place = Place::new();
    let writer = place.writer();
    let lines = [
        at("a", "2025-03-01T00:00:00Z"),
        at("b", "2025-03-01T23:59:59.999999Z"),
        at("c", "2025-03-03T12:00:00Z"),
        at("c", "2025-03-04T12:00:00Z"), // a version that moved to another day
        at("d", "2025-04-01"),
        br#"{"id":"e"}"#.to_vec(),
    ];
    for line in &lines {
        writer.put(vec![prepared(line)]).unwrap();
    }
    let day =
        |date: &str, state, stored, provisional, gaps| (date.to_owned(), state, stored, provisional, gaps);
    assert_eq!(
        days(&place.reader()),
        [day("03-01", DayState::Unproven, 2, 0, 0), day("03-04", DayState::Unproven, 1, 0, 0)],
        "nobody asked, so nothing is missing; what is not a time is no day"
    );
    assert_eq!(summary(&place.reader()).undated, 2);

    run(&writer, "pull-1", "2025-03-01", "2025-03-03", "incomplete", None);
    run(&writer, "pull-2", "2025-03-03T12:00:00Z", "2025-03-06", "provisional", None);
    assert_eq!(
        days(&place.reader()),
        [
            day("03-01", DayState::Missing, 2, 0, 1),
            day("03-02", DayState::Missing, 0, 0, 1),
            day("03-03", DayState::Provisional, 0, 0, 0),
            day("03-04", DayState::Provisional, 1, 1, 0),
            day("03-05", DayState::Provisional, 0, 0, 0),
        ]
    );
    // Only a filter's part of it: the rest is still missing.
    run(&writer, "pull-3", "2025-03-01", "2025-03-02", "complete", Some("type eq 'voice'"));
    assert_eq!(days(&place.reader())[0].1, DayState::Missing);
    // Half of the first day, then everything. Days between that had nothing are there, days around it are not.
    run(&writer, "pull-4", "2025-03-01T06:00:00Z", "2025-03-01T18:00:00Z", "complete", None);
    let first = &summary(&place.reader()).days[0];
    assert_eq!((first.state, first.missing.len()), (DayState::Missing, 2));
    let gap = TimeRange::new(time("2025-03-01"), time("2025-03-01T06:00:00Z")).unwrap();
    assert_eq!(first.missing[0].range, gap);
    run(&writer, "pull-5", "2025-02-01", "2025-05-01", "complete", None);
    assert_eq!(
        days(&place.reader()),
        [
            day("03-01", DayState::Complete, 2, 0, 0),
            day("03-02", DayState::Complete, 0, 0, 0),
            day("03-03", DayState::Complete, 0, 0, 0),
            day("03-04", DayState::Complete, 1, 0, 0),
        ]
    );
    // A run that failed afterwards takes nothing away.
    run(&writer, "pull-6", "2025-03-01", "2025-03-05", "incomplete", None);
    assert_eq!(days(&place.reader())[0].1, DayState::Complete);
}

#[test]
fn what_only_a_filter_asked_for_is_partial_and_its_gaps_are_missing() {
    let place = Place::new();
    let writer = place.writer();
    writer.put(vec![prepared(&at("a", "2025-03-01T10:00:00Z"))]).unwrap();
    run(&writer, "pull-1", "2025-03-01", "2025-03-02", "complete", Some("type eq 'voice'"));
    assert_eq!(days(&place.reader())[0].1, DayState::Partial);
    run(&writer, "pull-2", "2025-03-01", "2025-03-02", "incomplete", Some("type eq 'message'"));
    assert_eq!(days(&place.reader())[0].1, DayState::Missing);
    run(&writer, "pull-3", "2025-03-01", "2025-03-02", "provisional", None);
    assert_eq!(days(&place.reader())[0].1, DayState::Provisional);
}

/// A run that was killed has no certificate: its windows count as far as its pages go.
#[test]
fn the_pages_of_a_run_that_was_killed_say_which_windows_are_done() {
    let world = World::new();
    let writer = world.writer().unwrap();
    let run: RunId = "pull-1".parse().unwrap();
    let mut log = writer.run_log(&run).unwrap();
    log.append(&json!({"type": "run", "run_id": "pull-1", "at": "2025-03-10T00:00:00Z", "request": {
        "from": "2025-03-01T00:00:00Z", "to": "2025-03-04T00:00:00Z", "filter": null,
        "look_back_seconds": 604_800, "windows": 3}}))
        .unwrap();
    let page = |window: u32, next: Option<&str>| json!({"type": "page", "window": window, "page": 1, "next": next, "at": "2025-03-10T00:00:00Z", "late": 0});
    log.append(&page(0, None)).unwrap();
    log.append(&page(1, Some("t"))).unwrap();
    log.append(&page(2, None)).unwrap();
    let states: Vec<_> = days(&world.reader()).iter().map(|day| day.1).collect();
    assert_eq!(states, [DayState::Missing, DayState::Provisional], "window 0 is closed and empty");
    log.append(&json!({"type": "restarted", "window": 2, "at": "2025-03-10T00:00:00Z"})).unwrap();
    let states: Vec<_> = days(&world.reader()).iter().map(|day| day.1).collect();
    assert_eq!(states, [DayState::Missing, DayState::Missing]);
}

#[test]
fn a_log_that_was_changed_proves_nothing_and_is_named() {
    let place = Place::new();
    let writer = place.writer();
    run(&writer, "pull-1", "2025-03-01", "2025-03-02", "complete", None);
    writer.put(vec![prepared(&at("a", "2025-03-01T10:00:00Z"))]).unwrap();
    writer.close().unwrap();
    assert_eq!(days(&place.reader())[0].1, DayState::Complete);
    let path = place.root().join("runs/pull-1.ndjson");
    let changed = std::fs::read_to_string(&path).unwrap().replace("2025-03-02T00", "2025-03-09T00");
    crate::support::overwrite(&path, changed.as_bytes());
    assert_eq!(days(&place.reader())[0].1, DayState::Unproven);
    assert_eq!(summary(&place.reader()).unreadable_runs, ["pull-1".parse().unwrap()]);
}
