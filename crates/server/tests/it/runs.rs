//! Runs, what is done by itself, and what waits for the next pull.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use frontdesk_archive::{Prepared, ReadOptions, Reader, Settings, Writer};
use frontdesk_archiver::LateQueue;
use frontdesk_domain::Timestamp;
use frontdesk_durable::{Dir, Entry, Held, Metadata, OsDir, ReadAt, WriteAt};
use frontdesk_server::view::runs::RunMemory;
use frontdesk_server::view::{late, runs};
use frontdesk_server::{ArchiveSource, Desk, Faces, Limits, Remote, Timetable, Warnings, router};
use http::header::HOST;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

const RUN: &str = "pull-20250310t000000z-1";

/// An archive with a run of which two conversations are looked at again.
fn archive(root: &Path) {
    let now = Arc::new(|| Timestamp::UNIX_EPOCH);
    let writer = Writer::open(root, &Settings::default(), now).unwrap();
    let line = br#"{"id":"c-1","startTime":"2025-03-01T10:00:00Z"}"#;
    writer.put(vec![Prepared::from_details(line.to_vec()).unwrap()]).unwrap();
    let mut log = writer.run_log(&RUN.parse().unwrap()).unwrap();
    let at = "2025-03-10T00:00:00Z";
    let waiting = |id: &str, why: &str, due: Option<&str>| {
        let mut waiting = json!({"id": id, "first": at, "why": why});
        if let Some(due) = due {
            waiting["due"] = due.into();
        }
        waiting
    };
    for line in [
        json!({"type": "run", "run_id": RUN, "at": at, "request": {"organization": "default", "contract": "platform",
            "origin": "https://api.example", "client_id": "c", "from": "2025-03-01T00:00:00Z", "to": "2025-03-10T00:00:00Z",
            "filter": null, "page_size": 100, "look_back_seconds": 0, "windows": 2}}),
        json!({"type": "queue", "at": at, "first": true, "last": true, "waiting":
            [waiting("c-1", "threading", Some("2025-03-11T00:00:00Z")), waiting("<i>c-2", "failed", None)]}),
        json!({"type": "certificate", "certificate": {"state": "provisional", "finished_at": at, "late": 1, "stored": 1,
            "transcripts": {"waiting": 2}}}),
    ] {
        log.append(&line).unwrap();
    }
    drop(log);
    writer.close().unwrap();
}

fn served(folder: &Path, timetable: Timetable) -> Router {
    let source = Arc::new(ArchiveSource::new(folder.join("archive"), ReadOptions::default()));
    let settings = frontdesk_journal::Settings::default();
    let desk =
        Desk::new(Arc::clone(&source), folder.join("journal"), settings, Arc::new(|| Timestamp::UNIX_EPOCH))
            .timetable(timetable)
            .remote(|| Remote { requests: 12, throttled: 3, waits: 2, waited: Duration::from_millis(1_500) });
    router(Faces::default().archive(source).console(desk), &Limits::default(), &Warnings::default()).unwrap()
}

async fn text(router: &Router, path: &str) -> String {
    let request = Request::get(path).header(HOST, "localhost").body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn schedules_and_the_late_queue_are_on_the_page_in_the_api_and_in_the_metrics() {
    let folder = tempfile::tempdir().unwrap();
    archive(&folder.path().join("archive"));
    let timetable = Timetable::new(Arc::new(|| Timestamp::UNIX_EPOCH));
    timetable.plan("pull", Duration::from_secs(900), None, Duration::ZERO);
    timetable.plan("retention", Duration::from_secs(86_400), None, Duration::ZERO);
    timetable.begin("pull").end(Ok(()));
    timetable.begin("pull").end(Err("unavailable"));
    let router = served(folder.path(), timetable);

    let schedules: Value = serde_json::from_str(&text(&router, "/api/v1/schedules").await).unwrap();
    let [pull, retention] = schedules["jobs"].as_array().unwrap().as_slice() else { panic!("{schedules}") };
    assert_eq!(
        (&pull["job"], &pull["state"], &pull["kind"]),
        (&json!("pull"), &json!("failed"), &json!("unavailable"))
    );
    assert_eq!(
        (&pull["runs"], &pull["failures"], &pull["every_seconds"]),
        (&json!(2), &json!(1), &json!(900.0))
    );
    assert_eq!((&retention["state"], &retention["runs"]), (&json!("waiting"), &json!(0)));

    let late: Value = serde_json::from_str(&text(&router, "/api/v1/late?limit=1").await).unwrap();
    assert_eq!(late["reasons"], json!({"failed": 1, "threading": 1}));
    // The clock of this test stands before all of it.
    assert_eq!(
        (&late["total"], &late["due"], &late["next_due"]),
        (&json!(2), &json!(1), &json!("2025-03-11T00:00:00Z"))
    );
    assert_eq!(late["conversations"][0]["id"], "<i>c-2", "what is due comes first");
    let rest: Value = serde_json::from_str(&text(&router, "/api/v1/late?limit=1&cursor=1").await).unwrap();
    assert_eq!((&rest["conversations"][0]["id"], rest.get("next_cursor")), (&json!("c-1"), None));

    let page = text(&router, "/runs").await;
    for part in
        ["data-job=\"pull\" data-state=\"failed\"", "<code>unavailable</code>", "15 minutes", "1 day", RUN]
    {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    assert!(page.contains("2 conversations are looked at again; the next pull looks at 1."), "{page}");
    assert!(!text(&router, &format!("/runs?cursor={RUN}")).await.contains("id=\"schedules\""));
    let page = text(&router, "/runs/late").await;
    assert!(
        page.contains("&lt;i&gt;c-2") && !page.contains("<i>") && page.contains("Asking for it failed"),
        "{page}"
    );

    let metrics = text(&router, "/metrics").await;
    for line in [
        "frontdesk_job_runs_total{task=\"pull\"} 2",
        "frontdesk_job_failures_total{task=\"pull\"} 1",
        "frontdesk_job_success_timestamp_seconds{task=\"pull\"} 0",
        "frontdesk_job_running{task=\"retention\"} 0",
        "frontdesk_job_every_seconds{task=\"retention\"} 86400",
        "frontdesk_late_queue 2",
        "frontdesk_remote_throttled_total 3",
        "frontdesk_remote_wait_seconds_total 1.5",
        "frontdesk_searches_waiting 0",
        "frontdesk_archive_held 0",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is not in {metrics}");
    }
    assert!(!metrics.contains("job_success_timestamp_seconds{task=\"retention\"}"), "it never succeeded");
}

/// A directory that counts the bytes that are read of runs' logs.
#[derive(Debug)]
struct Counting {
    dir: OsDir,
    read: Arc<AtomicU64>,
}

struct CountingFile(Box<dyn ReadAt>, Arc<AtomicU64>);

impl std::fmt::Debug for CountingFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CountingFile")
    }
}

impl ReadAt for CountingFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.0.read_at(offset, buffer)?;
        self.1.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }

    fn len(&self) -> std::io::Result<u64> {
        self.0.len()
    }
}

impl Dir for Counting {
    fn create_dir(&self, path: &str) -> std::io::Result<()> {
        self.dir.create_dir(path)
    }

    fn create(&self, path: &str) -> std::io::Result<Box<dyn WriteAt>> {
        self.dir.create(path)
    }

    fn open_write(&self, path: &str) -> std::io::Result<Box<dyn WriteAt>> {
        self.dir.open_write(path)
    }

    fn open_read(&self, path: &str) -> std::io::Result<Box<dyn ReadAt>> {
        let file = self.dir.open_read(path)?;
        Ok(match path.starts_with("runs/") {
            true => Box::new(CountingFile(file, Arc::clone(&self.read))),
            false => file,
        })
    }

    fn rename(&self, from: &str, to: &str) -> std::io::Result<()> {
        self.dir.rename(from, to)
    }

    fn remove(&self, path: &str) -> std::io::Result<()> {
        self.dir.remove(path)
    }

    fn sync_dir(&self, path: &str) -> std::io::Result<()> {
        self.dir.sync_dir(path)
    }

    fn list(&self, path: &str) -> std::io::Result<Vec<Entry>> {
        self.dir.list(path)
    }

    fn metadata(&self, path: &str) -> std::io::Result<Metadata> {
        self.dir.metadata(path)
    }

    fn try_lock(&self, path: &str) -> std::io::Result<Option<Box<dyn Held>>> {
        self.dir.try_lock(path)
    }

    fn local_path(&self, path: &str) -> PathBuf {
        self.dir.local_path(path)
    }
}

#[test]
fn a_question_reads_of_the_logs_what_was_appended_since_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("archive");
    archive(&root);
    let read = Arc::new(AtomicU64::new(0));
    let reader = || {
        let dir = Counting { dir: OsDir::open(&root).unwrap(), read: Arc::clone(&read) };
        Reader::open_in(Arc::new(dir), &ReadOptions::default()).unwrap()
    };
    let (memory, queue) = (RunMemory::default(), LateQueue::default());
    let asked = |memory: &RunMemory, queue: &LateQueue| {
        read.store(0, Ordering::Relaxed);
        let reader = reader();
        let runs = runs::page(memory, &reader, None, 20).unwrap().runs;
        let of_runs = read.swap(0, Ordering::Relaxed);
        let late = late::late(queue, &reader, Timestamp::UNIX_EPOCH, 0, 10).unwrap();
        (runs, late, [of_runs, read.load(Ordering::Relaxed)])
    };
    let append = |line: &Value| {
        let writer = Writer::open(&root, &Settings::default(), Arc::new(|| Timestamp::UNIX_EPOCH)).unwrap();
        let mut log = writer.run_log(&RUN.parse().unwrap()).unwrap();
        log.append(line).unwrap();
        drop(log);
        writer.close().unwrap();
    };
    let length = || std::fs::metadata(root.join(format!("runs/{RUN}.ndjson"))).unwrap().len();
    let at = "2025-03-10T01:00:00Z";
    // A long run: many pages, of which nobody wants to read twice.
    for page in 0..50 {
        append(
            &json!({"type": "page", "window": 0, "page": page + 1, "at": at, "next": "t", "stored": 1, "versions_added": 0,
            "unchanged": 0, "expired": 0, "rejected": 0, "late": 0, "fingerprint": "", "new_ids": "0".repeat(1_000)}),
        );
    }
    let (runs, late, first) = asked(&memory, &queue);
    assert_eq!((runs.len(), late.total), (1, 2));
    assert!(first.iter().all(|bytes| *bytes >= length()), "{first:?}");
    for _ in 0..3 {
        let (again, still, bytes) = asked(&memory, &queue);
        assert_eq!((again, still, bytes), (runs.clone(), late.clone(), [0, 0]));
    }
    let before = length();
    append(
        &json!({"type": "looked", "at": at, "counts": {"looked": 1, "stored": 0, "versions_added": 0, "unchanged": 0,
        "expired": 0, "rejected": 0, "messages": 0, "gone": 0, "failed": 0, "late": 0, "waiting": 1}, "waiting": [], "settled": ["c-1"]}),
    );
    append(&json!({"type": "resumed", "at": at}));
    let added = length() - before;
    let (runs, late, bytes) = asked(&memory, &queue);
    assert_eq!((runs[0].state.as_str(), runs[0].resumed, late.total), ("open", 1, 1));
    // Lines are checked before they are handed out, so they are read twice.
    assert!(bytes.iter().all(|bytes| (added..=2 * added).contains(bytes)), "{bytes:?} of {added}");
    // What is remembered is what is read anew.
    let (anew, whole, _) = asked(&RunMemory::default(), &LateQueue::default());
    assert_eq!((anew, whole), (runs, late));
}

#[tokio::test]
async fn streams_of_events_are_few_and_end() {
    let folder = tempfile::tempdir().unwrap();
    archive(&folder.path().join("archive"));
    let with = |change: &dyn Fn(&mut Limits)| {
        let source = Arc::new(ArchiveSource::new(folder.path().join("archive"), ReadOptions::default()));
        let settings = frontdesk_journal::Settings::default();
        let clock = Arc::new(|| Timestamp::UNIX_EPOCH);
        let desk = Desk::new(Arc::clone(&source), folder.path().join("journal"), settings, clock);
        let faces = Faces::default().archive(source).console(desk);
        router(faces, &Limits::default().with(change), &Warnings::default()).unwrap()
    };
    let open = async |router: &Router| {
        let request = Request::get("/runs/events").header(HOST, "localhost").body(Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap()
    };
    let router = with(&|limits| limits.streams = 2);
    let (first, mut second) = (open(&router).await, open(&router).await);
    assert_eq!((first.status(), second.status()), (StatusCode::OK, StatusCode::OK));
    let told = second.body_mut().frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(told.starts_with(b"event: runs\n") || told.starts_with(b"retry:"), "{told:?}");
    let refused = open(&router).await;
    assert_eq!(
        (refused.status(), refused.headers().contains_key("retry-after")),
        (StatusCode::SERVICE_UNAVAILABLE, true)
    );
    // Whoever goes leaves the place.
    drop(first);
    assert_eq!(open(&router).await.status(), StatusCode::OK);
    // A stream whose time is over tells once how it is, and ends.
    let router = with(&|limits| (limits.streams, limits.stream_life) = (1, Duration::ZERO));
    for _ in 0..2 {
        let whole = open(&router).await.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(String::from_utf8_lossy(&whole).matches("event: runs").count(), 1);
    }
}

#[test]
fn the_alerts_are_over_numbers_that_there_are() {
    let rules = include_str!("../../../../docs/deploy/prometheus-rules.yml");
    let source = include_str!("../../src/metrics.rs");
    let is_name = |character: char| character.is_ascii_lowercase() || character == '_';
    let mut names = 0;
    for rest in rules.split("frontdesk_").skip(1) {
        let name = rest.split(|character| !is_name(character)).next().unwrap();
        let name = name.strip_suffix("_bucket").unwrap_or(name);
        assert!(source.contains(&format!("\"{name}\"")), "frontdesk_{name} is nowhere on /metrics");
        names += 1;
    }
    assert!(names > 15, "{names}");
}
