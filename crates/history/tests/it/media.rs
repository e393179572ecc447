//! Media links of a history: asked after its last page, and told beside it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use frontdesk_api::clock::VirtualClock;
use frontdesk_api::media::MediaDoor;
use frontdesk_api::transport::memory::{MemoryTransport, Reply};
use frontdesk_archive::{ReadOptions, Reader, Settings, VerifyOptions, Writer};
use frontdesk_domain::media::MediaState;
use frontdesk_domain::{RecordKey, RecordKind};
use frontdesk_history::{ArchiveStore, HistoryPull, MediaArchive, Session, Silent};
use serde_json::{Value, json};

use crate::desk::{Desk, gateway, noon, page, request, target};

#[tokio::test]
async fn every_link_is_asked_once_and_told_and_never_repeated() {
    let desk = Desk::new();
    let media = |number: u32, url: &str| json!({"id": format!("m-{number}"), "timestamp": "2025-03-01T10:00:00Z", "media": {"url": url}});
    let (gateway, _) = gateway(move |_, token| match token {
        "" => page(
            &[
                media(1, "https://files.example/ok?sig=secret"),
                media(2, "https://files.example/gone?Expires=1000"),
                json!({"id": "m-3"}),
            ],
            Some("p2"),
        ),
        _ => page(&[media(4, "file:///etc/passwd"), media(5, "https://files.example/gone")], None),
    });
    let asked = Arc::new(AtomicUsize::new(0));
    let log = Arc::clone(&asked);
    let files = MemoryTransport::new(move |request| {
        log.fetch_add(1, Ordering::SeqCst);
        Reply::status(if request.uri().path() == "/ok" { 200 } else { 404 })
    });
    let door = MediaDoor::new(Arc::new(files), Arc::new(VirtualClock::starting_at(noon())));
    let session = Session { journal: desk.journal(), work: desk.dir("work") };
    let job = HistoryPull::new(&gateway, session, desk.folder(), Arc::new(noon)).check_media(door);
    let never = std::future::pending();
    let report = job.run(&request(), vec![target("c-1")], never, &Silent).await.unwrap();
    let counts = [MediaState::Reachable, MediaState::Expired, MediaState::Refused, MediaState::Unreachable];
    assert_eq!(counts.map(|state| report.totals.media[&state]), [1, 1, 1, 1]);
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    let lines = desk.lines("c-1.media.ndjson");
    assert_eq!(lines.len(), 4);
    assert!(lines.iter().all(|line| !line.contains("secret") && !line.contains("passwd")), "{lines:?}");
    assert!(
        lines[1].contains(r#""state":"expired","host":"files.example","expires_at":"1970-01-01T00:16:40Z""#)
    );
    assert_eq!(desk.lines("c-1.ndjson").len(), 5, "what became of links is no message");
}

/// A pull that keeps the files of messages in the archive of `desk`; with `limit` bytes each at most.
async fn saving(
    desk: &Desk,
    files: impl Fn(&str) -> Reply + Send + Sync + 'static,
    limit: u64,
) -> (Value, Arc<AtomicUsize>) {
    let media = |number: u32, url: &str| json!({"id": format!("m-{number}"), "timestamp": "2025-03-01T10:00:00Z", "media": {"url": url}});
    let (gateway, _) = gateway(move |_, token| match token {
        "" => page(
            &[
                media(1, "https://files.example/one?Expires=4000000000"),
                media(2, "https://files.example/gone?Expires=1000"),
                media(3, "ftp://files.example/x"),
            ],
            Some("p2"),
        ),
        _ => page(
            &[
                media(4, "https://files.example/large"),
                media(5, "https://files.example/one"),
                media(6, "https://files.example/gone"),
            ],
            None,
        ),
    });
    let asked = Arc::new(AtomicUsize::new(0));
    let log = Arc::clone(&asked);
    let files = MemoryTransport::new(move |request| {
        log.fetch_add(1, Ordering::SeqCst);
        files(request.uri().path())
    });
    let door = MediaDoor::new(Arc::new(files), Arc::new(VirtualClock::starting_at(noon())));
    let root = desk.dir("archive");
    let writer = Arc::new(Writer::open_in(Arc::clone(&root), &Settings::default(), Arc::new(noon)).unwrap());
    let keep = MediaArchive::new(Arc::clone(&root), Arc::clone(&writer), limit).unwrap();
    let store = Arc::new(ArchiveStore::new(Arc::clone(&writer)));
    let session = Session { journal: desk.journal(), work: desk.dir("work") };
    // A run is told from the next by its time.
    let now = noon().checked_add(Duration::from_secs(desk.next().into())).unwrap();
    let job = HistoryPull::new(&gateway, session, store, Arc::new(move || now)).save_media(door, keep);
    let report = job.run(&request(), vec![target("c-1")], std::future::pending(), &Silent).await.unwrap();
    drop(job);
    Arc::into_inner(writer).unwrap().close().unwrap();
    (serde_json::to_value(&report.totals.media).unwrap(), asked)
}

fn bytes_of(path: &str) -> Reply {
    match path {
        "/one" => Reply::status(200).body(b"a picture".to_vec()),
        "/large" => Reply::status(200).body(vec![7; 1_000]),
        _ => Reply::status(404),
    }
}

fn entries(desk: &Desk) -> Vec<Value> {
    let reader = Reader::open_in(desk.dir("archive"), &ReadOptions::default()).unwrap();
    let key = RecordKey { kind: RecordKind::Media, id: "c-1".parse().unwrap() };
    let record = reader.show(&key, None).unwrap().unwrap();
    serde_json::from_slice::<Value>(&record.bytes).unwrap()["media"].as_array().unwrap().clone()
}

#[tokio::test]
async fn files_are_kept_once_with_a_record_that_says_what_became_of_each() {
    let desk = Desk::new();
    let (counts, _) = saving(&desk, bytes_of, 100).await;
    assert_eq!(counts, json!({"saved": 2, "expired": 1, "refused": 1, "too_large": 1, "unreachable": 1}));
    let there = entries(&desk);
    assert_eq!(there.len(), 6);
    assert_eq!(there[0]["sha256"], there[4]["sha256"], "two messages, one file");
    assert_eq!(there[0]["bytes"], 9);
    assert_eq!(
        there[1],
        json!({"message_id": "m-2", "state": "expired", "expires_at": "1970-01-01T00:16:40Z"})
    );
    assert!(!there.iter().any(|entry| entry.to_string().contains("files.example")), "{there:?}");
    let reader = Reader::open_in(desk.dir("archive"), &ReadOptions::default()).unwrap();
    assert_eq!(reader.media_stats().unwrap().files, 1);
    assert_eq!(reader.verify(&VerifyOptions::default(), &mut |_| {}).unwrap().damaged, []);

    // Again, when the links are gone: what is kept stays and is not asked for, and nothing is a new version.
    let (counts, asked) = saving(&desk, |_| Reply::status(404), 100).await;
    assert_eq!(counts, json!({"saved": 2, "expired": 1, "refused": 1, "unreachable": 2}));
    assert_eq!(asked.load(Ordering::SeqCst), 3, "the files that are kept are not asked for");
    assert_eq!(entries(&desk)[0], there[0]);
    // With more room the large one is had, too.
    let (counts, _) = saving(&desk, bytes_of, 1_000).await;
    assert_eq!(counts, json!({"saved": 3, "expired": 1, "refused": 1, "unreachable": 1}));
}

#[tokio::test]
async fn a_pull_that_was_stopped_among_the_files_goes_on_with_them() {
    let desk = Desk::new();
    let many: Vec<Value> = (0..200)
        .map(|n| json!({"id": format!("m-{n}"), "timestamp": "2025-03-01T10:00:00Z", "media": {"url": format!("https://files.example/{n}")}}))
        .collect();
    let (gateway, _) = gateway(move |_, token| {
        let at: usize = token.parse().unwrap_or(0);
        let next = (at + 50 < 200).then(|| (at + 50).to_string());
        page(&many[at..at + 50], next.as_deref())
    });
    let asked = Arc::new(AtomicUsize::new(0));
    let stop = Arc::new(tokio::sync::Notify::new());
    let root = desk.dir("archive");
    for session in 0..2 {
        let (log, notify) = (Arc::clone(&asked), Arc::clone(&stop));
        let files = MemoryTransport::new(move |request| {
            if log.fetch_add(1, Ordering::SeqCst) == 100 {
                notify.notify_one();
            }
            Reply::status(200).body(request.uri().path().as_bytes().to_vec())
        });
        let door = MediaDoor::new(Arc::new(files), Arc::new(VirtualClock::starting_at(noon())));
        let writer =
            Arc::new(Writer::open_in(Arc::clone(&root), &Settings::default(), Arc::new(noon)).unwrap());
        let keep = MediaArchive::new(Arc::clone(&root), Arc::clone(&writer), 100).unwrap();
        let store = Arc::new(ArchiveStore::new(Arc::clone(&writer)));
        let work = Session { journal: desk.journal(), work: desk.dir("work") };
        let job = HistoryPull::new(&gateway, work, store, Arc::new(noon)).save_media(door, keep);
        let stopped = Arc::clone(&stop);
        let until = async move { stopped.notified().await };
        let report = job.run(&request(), vec![target("c-1")], until, &Silent).await.unwrap();
        drop(job);
        Arc::into_inner(writer).unwrap().close().unwrap();
        assert_eq!(report.interrupted, session == 0);
        if session == 0 {
            assert_eq!(report.totals.interrupted, 1);
            let reader = Reader::open_in(Arc::clone(&root), &ReadOptions::default()).unwrap();
            let key = RecordKey { kind: RecordKind::Media, id: "c-1".parse().unwrap() };
            assert_eq!(reader.show(&key, None).unwrap().map(|record| record.version), None);
        }
    }
    let times = asked.load(Ordering::SeqCst);
    assert!((200..=200 + 64).contains(&times), "at most one batch is asked for twice: {times}");
    let there = entries(&desk);
    assert_eq!(there.len(), 200);
    assert!(there.iter().all(|entry| entry["state"] == "saved"));
    let reader = Reader::open_in(root, &ReadOptions::default()).unwrap();
    assert_eq!(reader.media_stats().unwrap().files, 200);
    let report = reader.verify(&VerifyOptions::default(), &mut |_| {}).unwrap();
    assert_eq!((report.damaged, report.unfinished), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn files_that_were_taken_away_meanwhile_are_asked_for_again() {
    let desk = Desk::new();
    saving(&desk, bytes_of, 100).await;
    let root = desk.dir("archive");
    let hash = entries(&desk)[0]["sha256"].as_str().unwrap().to_owned();
    root.remove(&format!("media/{hash}")).unwrap();
    let (counts, asked) = saving(&desk, bytes_of, 100).await;
    assert_eq!(counts["saved"], 2);
    assert_eq!(asked.load(Ordering::SeqCst), 5);
    let reader = Reader::open_in(root, &ReadOptions::default()).unwrap();
    assert_eq!(reader.verify(&VerifyOptions::default(), &mut |_| {}).unwrap().damaged, []);
}
