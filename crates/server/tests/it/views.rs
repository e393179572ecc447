//! What the console shows, out of a real archive.

use std::sync::Arc;

use frontdesk_archive::{Order, Prepared, ReadOptions, Reader, Settings, Writer};
use frontdesk_domain::Timestamp;
use frontdesk_server::view::conversation::{self, ConversationAsk, ConversationView, Opened, Place};
use frontdesk_server::view::search::{self, SearchAsk, SearchFault};
use frontdesk_server::view::{Masking, Piece};

struct Archive {
    _folder: tempfile::TempDir,
    reader: Reader,
}

fn archive(lines: &[serde_json::Value]) -> Archive {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("archive");
    let writer = Writer::open(&root, &Settings::default(), Arc::new(|| Timestamp::UNIX_EPOCH)).unwrap();
    for line in lines {
        writer.put(vec![Prepared::from_details(line.to_string().into_bytes()).unwrap()]).unwrap();
    }
    writer.close().unwrap();
    let reader = Reader::open(&root, &ReadOptions::default()).unwrap();
    Archive { _folder: folder, reader }
}

fn ask(query: &str) -> SearchAsk {
    SearchAsk {
        query: query.to_owned(),
        order: Order::Newest,
        limit: 2,
        cursor: None,
        facets: true,
        count: true,
        texts: true,
        masking: Masking::default(),
    }
}

fn text(pieces: &[Piece]) -> String {
    pieces.iter().map(|piece| piece.text.as_str()).collect()
}

fn kept(reader: &Reader, id: &str, ask: &ConversationAsk) -> ConversationView {
    match conversation::open(reader, &id.parse().unwrap(), ask).unwrap() {
        Some(Opened::Kept(view)) => *view,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_page_has_hits_masked_snippets_facets_and_a_way_on() {
    let line = |day: u32, said: &str, queue: &str| {
        serde_json::json!({"id": format!("c-{day}"), "queue": queue,
            "startTime": format!("2025-03-{day:02}T10:00:00Z"), "interactions": [{"transcript": said}]})
    };
    let Archive { reader, _folder } = archive(&[
        line(1, "guest: refund to ana@example.org", "web"),
        line(2, "guest: Refund!", "web"),
        line(3, "guest: a refund please", "shop floor"),
        line(4, "guest: hello", "web"),
    ]);
    let page = search::search(&reader, &ask("refund")).unwrap();
    assert_eq!((page.count, page.hits.len(), page.query.as_str()), (Some(3), 2, "refund"));
    assert_eq!(page.hits[0].id, "c-3");
    assert!(page.hits[0].snippet.iter().any(|piece| piece.mark && piece.text == "refund"));
    let queue = page.facets.iter().find(|facet| facet.field == "queue").unwrap();
    assert_eq!((queue.values[0].value.as_str(), queue.values[0].count), ("web", 2));
    let next = queue.values[1].toggled.clone().unwrap();
    assert_eq!(next, r#"refund queue:"shop floor""#);
    let narrowed = search::search(&reader, &ask(&next)).unwrap();
    assert_eq!(narrowed.count, Some(1));
    let queue = narrowed.facets.iter().find(|facet| facet.field == "queue").unwrap();
    assert!(queue.values[0].chosen);

    let on = search::search(&reader, &SearchAsk { cursor: page.next_cursor, ..ask("refund") }).unwrap();
    assert_eq!((on.hits.len(), on.next_cursor), (1, None));
    assert_eq!(text(&on.hits[0].snippet), "guest: refund to [email]");
    let open = SearchAsk { masking: Masking::Off, query: "ana".into(), ..ask("") };
    assert!(text(&search::search(&reader, &open).unwrap().hits[0].snippet).contains("ana@example.org"));

    assert_eq!(search::search(&reader, &ask(" ")).unwrap().count, Some(4), "nothing asked for is everything");
    match search::search(&reader, &ask("refund (queue:web")).unwrap_err() {
        SearchFault::Query(error) => assert_eq!(error.column, 8),
        SearchFault::Archive(error) => panic!("{error}"),
    }
}

#[test]
fn of_a_hundred_thousand_hits_a_page_is_shown_and_all_are_counted() {
    const HITS: u64 = 100_000;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("archive");
    let settings = Settings { search_index: true, ..Settings::default() };
    let writer = Writer::open(&root, &settings, Arc::new(|| Timestamp::UNIX_EPOCH)).unwrap();
    let numbers: Vec<u64> = (0..HITS).collect();
    for some in numbers.chunks(2_000) {
        let prepared = some.iter().map(|number| {
            let (day, second) = (1 + number % 28, number / 28);
            let line = serde_json::json!({"id": format!("c-{number}"), "queue": format!("q-{}", number % 10),
                "startTime": format!("2025-03-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60),
                "interactions": [{"transcript": "guest: hello"}]});
            Prepared::from_details(line.to_string().into_bytes()).unwrap()
        });
        writer.put(prepared.collect()).unwrap();
    }
    writer.close().unwrap();
    let reader = Reader::open(&root, &ReadOptions::default()).unwrap();
    let mut ask = SearchAsk { limit: 25, ..ask("hello") };
    let mut last: Option<String> = None;
    for _ in 0..4 {
        let page = search::search(&reader, &ask).unwrap();
        assert_eq!((page.count, page.hits.len(), page.incomplete), (Some(HITS), 25, 0));
        let queues = page.facets.iter().find(|facet| facet.field == "queue").unwrap();
        assert_eq!((queues.values.len(), queues.values[0].count), (10, HITS / 10));
        for hit in &page.hits {
            let at = hit.started_at.clone().unwrap();
            assert!(last.as_ref().is_none_or(|last| *last > at), "{last:?} {at}");
            last = Some(at);
        }
        ask.cursor = page.next_cursor;
        assert!(ask.cursor.is_some());
    }
}

#[test]
fn a_conversation_has_its_turns_versions_changes_and_hashes() {
    let line = |said: &str| {
        serde_json::json!({"id": "c-1", "startTime": "2025-03-01T10:00:00Z", "queue": "web",
            "interactions": [{"transcript": said}], "metadata": {"topic": "parcel", "customer_email": "hidden"}})
    };
    let Archive { reader, _folder } =
        archive(&[line("guest: Hello"), line("guest: Hello\nagent: write to bo@example.org")]);
    let view = kept(&reader, "c-1", &ConversationAsk::default());
    assert_eq!((view.version, view.total, view.first), (2, 2, 1));
    assert_eq!((view.turns[1].speaker, text(&view.turns[1].text)), ("agent", "write to [email]".to_owned()));
    assert_eq!(view.versions.iter().map(|version| version.version).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(view.changes.len(), 1);
    assert_eq!(view.changes[0].path, "interactions[0].transcript");
    assert_eq!((view.records[0].kind, view.records[0].sha256.len()), ("details", 64));
    let metadata: Vec<String> =
        view.metadata.iter().map(|one| format!("{}={}", one.key, text(&one.values[0]))).collect();
    assert_eq!(metadata, ["customer_email=[masked]", "topic=parcel"]);

    let open = ConversationAsk { masking: Masking::Off, ..ConversationAsk::default() };
    assert!(text(&kept(&reader, "c-1", &open).turns[1].text).contains("bo@example.org"));
    let first = kept(&reader, "c-1", &ConversationAsk { version: Some(1), ..ConversationAsk::default() });
    assert_eq!((first.version, first.total, first.changes.len()), (1, 1, 0));
    let unknown = |id: &str, version| {
        let ask = ConversationAsk { version, ..ConversationAsk::default() };
        conversation::open(&reader, &id.parse().unwrap(), &ask).unwrap()
    };
    assert_eq!(unknown("c-1", Some(3)), None);
    assert_eq!(unknown("../../etc/passwd", None), None);
}

#[test]
fn of_a_long_conversation_a_part_is_shown_and_all_of_it_searched() {
    let messages: Vec<_> = (0..20_000)
        .map(|at| {
            serde_json::json!({"id": format!("m-{at}"), "direction": "inbound",
            "text": if at == 15_000 { "the needle" } else { "hay" }})
        })
        .collect();
    let line = serde_json::json!({"id": "long", "interactions": [{"transcript": "", "messages": messages}]});
    let Archive { reader, _folder } = archive(&[line]);
    let view =
        kept(&reader, "long", &ConversationAsk { find: Some("NEEDLE".into()), ..ConversationAsk::default() });
    assert_eq!((view.total, view.first, view.turns.len()), (20_000, 15_001, 200));
    assert!(view.turns[0].text.iter().any(|piece| piece.mark && piece.text == "needle"));
    assert_eq!(view.found.map(|found| found.turns), Some(1));
    let at = ConversationAsk { place: Place::Message("m-19999".into()), ..ConversationAsk::default() };
    assert_eq!(kept(&reader, "long", &at).first, 19_801);
}
