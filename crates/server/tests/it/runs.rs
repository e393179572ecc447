//! Runs, what is done by itself, and what waits for the next pull.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use frontdesk_archive::{Prepared, ReadOptions, Settings, Writer};
use frontdesk_domain::Timestamp;
use frontdesk_server::{ArchiveSource, Desk, Faces, Limits, Remote, Timetable, Warnings, router};
use http::Request;
use http::header::HOST;
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
