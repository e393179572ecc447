//! What is counted beside the hits: the same from the index as from every conversation read.

use frontdesk_archive::{ErrorKind, Expression, Facet, Order, Reader, Search, Settings, Writer};
use frontdesk_domain::{MatterName, Query};

use crate::reporting::run;
use crate::retaining::maintain;
use crate::support::{clock, prepared, settings};
use crate::world::World;

/// A conversation that began then.
fn line(number: usize, start: Option<&str>) -> Vec<u8> {
    let mut value =
        serde_json::json!({"id": format!("c-{number}"), "interactions": [{"transcript": "hello"}]});
    if let Some(start) = start {
        value["startTime"] = start.into();
    }
    serde_json::to_vec(&value).unwrap()
}

fn indexed(world: &World) -> Writer {
    let settings = Settings { segment_size: 2_000, search_index: true, ..settings() };
    Writer::open_in(world.dir(), &settings, clock()).unwrap()
}

/// An archive of conversations that began at these times; the last ones are behind the index where it is not whole.
fn archive(starts: &[Option<&str>]) -> World {
    let world = World::new();
    let open = Writer::open_in(
        world.dir(),
        &Settings { segment_size: 2_000, search_index: true, ..settings() },
        clock(),
    )
    .unwrap();
    for (number, start) in starts.iter().enumerate() {
        open.put(vec![prepared(&line(number, *start))]).unwrap();
    }
    open.close().unwrap();
    world
}

/// The dates of what a query finds, by the index and by the scan.
fn dates(reader: &Reader, query: &str) -> (Vec<(String, u64)>, u64) {
    let query: Query = query.parse().unwrap();
    let search = Search { facets: true, ..Search::new(Expression::Query(query), 3) };
    let page = reader.search(&search).unwrap();
    assert_eq!(page, reader.scan_search(&search).unwrap());
    let Facet { values, others, .. } = page.facets.into_iter().find(|facet| facet.field == "date").unwrap();
    (values, others)
}

fn told(dates: &[(&str, u64)]) -> (Vec<(String, u64)>, u64) {
    (dates.iter().map(|(date, count)| ((*date).to_owned(), *count)).collect(), 0)
}

#[test]
fn days_where_there_are_few_months_where_there_are_more_then_years() {
    let world = archive(&[
        Some("2025-03-31T23:59:59.999999999Z"),
        Some("2025-04-01T00:00:00Z"),
        Some("2025-03-01T00:00:00Z"),
        None,
        Some("2025-02-28T23:59:59.999999Z"),
        Some("2025-04-01T12:00:00+02:00"),
    ]);
    let reader = world.reader();
    let days = [("2025-02-28", 1), ("2025-03-01", 1), ("2025-03-31", 1), ("2025-04-01", 2)];
    assert_eq!(dates(&reader, "hello"), told(&days), "the one without a start is in no day");
    assert_eq!(dates(&reader, "date:2025-03"), told(&days[1..3]));
    assert_eq!(dates(&reader, "nothing"), told(&[]));

    let months: Vec<String> =
        (0..36).map(|n| format!("{}-{:02}-15T00:00:00Z", 2020 + n / 12, 1 + n % 12)).collect();
    let world = archive(&months.iter().map(|start| Some(&**start)).collect::<Vec<_>>());
    let reader = world.reader();
    let (values, others) = dates(&reader, "hello");
    assert_eq!((values.len(), others), (36, 0));
    assert_eq!((&*values[0].0, &*values[35].0), ("2020-01", "2022-12"));
    assert_eq!(dates(&reader, "date:2021-05 OR date:2021-07").0.len(), 2);

    let starts: Vec<Option<&str>> =
        months.iter().map(|start| Some(&**start)).chain([Some("2023-01-01T00:00:00Z")]).collect();
    let reader_of = archive(&starts);
    let years = [("2020", 12), ("2021", 12), ("2022", 12), ("2023", 1)];
    assert_eq!(dates(&reader_of.reader(), "hello"), told(&years));
}

#[test]
fn days_of_two_months_are_told_and_of_three_only_while_they_are_few() {
    let days: Vec<String> =
        (0..90).map(|n| format!("2025-{:02}-{:02}T10:00:00Z", 1 + n / 30, 1 + n % 28)).collect();
    let all: Vec<Option<&str>> = days.iter().map(|start| Some(&**start)).collect();
    let world = archive(&all);
    let (values, _) = dates(&world.reader(), "hello");
    assert_eq!(
        values.iter().map(|(date, _)| date.as_str()).collect::<Vec<_>>(),
        ["2025-01", "2025-02", "2025-03"]
    );
    assert_eq!(values.iter().map(|(_, count)| count).sum::<u64>(), 90);
    assert_eq!(dates(&world.reader(), "date:2025-01 OR date:2025-02").0.len(), 56, "28 days of each");
}

/// The values of a field among what a query finds, and the ids of it.
fn values(reader: &Reader, query: &str, field: &str) -> (Vec<String>, Vec<(String, u64)>) {
    let mut ids = Vec::new();
    let mut counts = Vec::new();
    for order in [Order::Newest, Order::Best] {
        let query: Query = query.parse().unwrap();
        let search = Search { facets: true, order, ..Search::new(Expression::Query(query), 10) };
        let page = reader.search(&search).unwrap();
        assert_eq!(page, reader.scan_search(&search).unwrap());
        ids = page.hits.into_iter().map(|hit| hit.id.to_string()).collect();
        ids.sort();
        counts = page.facets.into_iter().find(|facet| facet.field == field).unwrap().values;
    }
    (ids, counts)
}

#[test]
fn holds_come_and_go_and_are_found() {
    let with = |number: usize, text: &str| {
        serde_json::to_vec(&serde_json::json!({
            "id": format!("c-{number}"), "messages": [{"text": text, "attachments": ["x"]}],
        }))
        .unwrap()
    };
    let world = World::new();
    let open = indexed(&world);
    open.put((0..4).map(|number| prepared(&line(number, None))).collect()).unwrap();
    open.put(vec![prepared(&with(1, "hello again")), prepared(&with(7, "hello"))]).unwrap();
    open.close().unwrap();
    let reader = world.reader();
    let count = |value: &str, count: u64| (value.to_owned(), count);
    let all = ["c-0", "c-1", "c-2", "c-3", "c-7"].map(str::to_owned).to_vec();
    assert_eq!(values(&reader, "hello", "is"), (all.clone(), vec![count("changed", 1)]));
    assert_eq!(values(&reader, "hello", "has").1, [count("attachment", 2)]);
    assert_eq!(values(&reader, "has:attachment", "is").0, ["c-1", "c-7"]);
    assert_eq!(values(&reader, "is:changed", "has"), (vec!["c-1".to_owned()], vec![count("attachment", 1)]));
    assert_eq!(values(&reader, "is:held", "is"), (vec![], vec![]));

    let smith = MatterName::new("Smith").unwrap();
    let mut maintenance = maintain(world.dir()).unwrap();
    let ids = ["c-1", "c-2", "c-3"].map(|id| id.parse().unwrap());
    maintenance.hold(&smith, &ids, None, "served").unwrap();
    maintenance.hold(&MatterName::new("Jones").unwrap(), &ids[..1], None, "served").unwrap();
    maintenance.close().unwrap();
    let reader = world.reader();
    assert_eq!(values(&reader, "hello", "is").1, [count("held", 3), count("changed", 1)]);
    assert_eq!(values(&reader, "is:held", "is").0, ["c-1", "c-2", "c-3"]);
    assert_eq!(
        values(&reader, "is:held -is:changed", "is"),
        (vec!["c-2".to_owned(), "c-3".to_owned()], vec![count("held", 2)])
    );
    assert_eq!(values(&reader, "hello -is:held", "is").0, ["c-0", "c-7"]);

    let first = |reader: &Reader| {
        let query: Query = "is:held".parse().unwrap();
        Search {
            order: Order::Best,
            cursor: reader
                .search(&Search { order: Order::Best, ..Search::new(Expression::Query(query.clone()), 1) })
                .unwrap()
                .next_cursor,
            ..Search::new(Expression::Query(query), 1)
        }
    };
    let next = first(&reader);
    assert_eq!(reader.search(&next).unwrap().hits.len(), 1);
    let mut maintenance = maintain(world.dir()).unwrap();
    maintenance.release(&smith, Some(&ids[1..2]), "settled").unwrap();
    maintenance.close().unwrap();
    let reader = world.reader();
    assert_eq!(values(&reader, "is:held", "is").0, ["c-1", "c-3"]);
    // An order of the best is of what was held then.
    assert_eq!(*reader.search(&next).unwrap_err().kind(), ErrorKind::OutdatedCursor);
    // Whoever comes later is held with its new version.
    let open = indexed(&world);
    open.put(vec![prepared(&with(3, "hello once more"))]).unwrap();
    open.close().unwrap();
    assert_eq!(values(&world.reader(), "is:held is:changed", "is").0, ["c-1", "c-3"]);
}

#[test]
fn what_may_still_change_is_found_until_a_run_has_it_whole() {
    let starts = [
        "2025-03-01T23:59:59.999999Z",
        "2025-03-02T00:00:00Z",
        "2025-03-02T23:59:59.999999Z",
        "2025-03-03T00:00:00Z",
        "2025-04-01T10:00:00Z",
    ];
    let world = archive(&starts.map(Some).into_iter().chain([None]).collect::<Vec<_>>());
    let kept = world.reader();
    // What was read of the logs before is used again by the same reader, and by those that come after it.
    let check = |query: &str, ids: &[&str], counted: u64| {
        let fresh = world.reader();
        for reader in [&kept, &fresh, &world.reader().after(&kept)] {
            assert_eq!(values(reader, query, "is").0, ids, "{query}");
            let count = values(reader, "hello", "is").1;
            let expected: Vec<_> =
                (counted > 0).then(|| ("provisional".to_owned(), counted)).into_iter().collect();
            assert_eq!(count, expected);
        }
        let summary = fresh.summary("2025-06-01T00:00:00Z".parse().unwrap()).unwrap();
        assert_eq!(
            summary.days.iter().map(|day| day.provisional).sum::<u64>(),
            counted,
            "the calendar agrees"
        );
    };
    let none: &[&str] = &[];
    check("is:provisional", none, 0);
    let write = |name: &str, from: &str, to: &str, state: &str, filter: Option<&str>| {
        let writer = indexed(&world);
        run(&writer, name, from, to, state, filter);
        writer.close().unwrap();
    };
    write("pull-1", "2025-03-02", "2025-03-03", "provisional", None);
    check("is:provisional", &["c-1", "c-2"], 2);
    check("hello -is:provisional", &["c-0", "c-3", "c-4", "c-5"], 2);
    check("is:provisional from:2025-03-02T10:00:00Z", &["c-2"], 2);
    // Of a filter's part nobody knows which conversations it lets through; those of its time may change.
    write("pull-2", "2025-03-02T12:00:00Z", "2025-03-04", "provisional", Some("type eq 'voice'"));
    check("is:provisional", &["c-1", "c-2", "c-3"], 3);
    // A run that was not taken to the end proves nothing, and goes on.
    write("pull-3", "2025-04-01", "2025-04-02", "incomplete", None);
    check("is:provisional", &["c-1", "c-2", "c-3"], 3);
    write("pull-3", "2025-04-01", "2025-04-02", "provisional", None);
    check("is:provisional", &["c-1", "c-2", "c-3", "c-4"], 4);
    let first = |cursor| {
        let query: Query = "is:provisional".parse().unwrap();
        Search { order: Order::Best, cursor, ..Search::new(Expression::Query(query), 1) }
    };
    let next = first(kept.search(&first(None)).unwrap().next_cursor);
    assert_eq!(kept.search(&next).unwrap().hits.len(), 1);
    write("pull-4", "2025-03-01", "2025-05-01", "complete", None);
    check("is:provisional", none, 0);
    // An order of the best is of what might change then.
    assert_eq!(*kept.search(&next).unwrap_err().kind(), ErrorKind::OutdatedCursor);
}

/// Years that nobody lives in are told, too; of very many the last.
#[test]
fn any_year_is_counted_and_the_last_ones_are_told() {
    let years: Vec<String> = (0..100).map(|n| format!("{:04}-06-01T00:00:00Z", n * 100)).collect();
    let world = archive(&years.iter().map(|start| Some(&**start)).collect::<Vec<_>>());
    let (values, others) = dates(&world.reader(), "hello");
    assert_eq!((values.len(), others), (62, 38));
    assert_eq!((&*values[0].0, &*values[61].0), ("3800", "9900"));
}
