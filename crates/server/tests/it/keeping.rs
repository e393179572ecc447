//! Plans of endings and what became of their guests; what a release would come to; the availability report.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use frontdesk_archive::{Maintenance, Prepared, ReadOptions, Settings, Writer};
use frontdesk_domain::Timestamp;
use frontdesk_domain::retention::{Policies, Policy};
use frontdesk_durable::OsDir;
use frontdesk_journal::{Change, Journal};
use frontdesk_server::{ArchiveSource, Desk, Faces, Limits, Timetable, Warnings, router};
use frontdesk_sessions::{Outset, PlanFile, PlanWriter, Planned};
use http::Request;
use http::header::HOST;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

const NOW: &str = "2025-03-31T12:00:00Z";

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn served(&self) -> Router {
        let clock = Arc::new(|| NOW.parse::<Timestamp>().unwrap());
        let source = Arc::new(ArchiveSource::new(self.path().join("archive"), ReadOptions::default()));
        let timetable = Timetable::new(clock.clone());
        let day = std::time::Duration::from_secs(86_400);
        timetable.plan("retention", day, None, day);
        let policy = Policy::all("all".parse().unwrap(), 30).unwrap();
        let settings = frontdesk_journal::Settings::default();
        let desk = Desk::new(Arc::clone(&source), self.path().join("journal"), settings, clock)
            .policies(Policies::new(vec![policy]).unwrap())
            .timetable(timetable);
        router(Faces::default().archive(source).console(desk), &Limits::default(), &Warnings::default())
            .unwrap()
    }

    /// Four guests, three of them to be ended, two of which were: what commands leave behind.
    fn plan(&self) -> (PathBuf, String) {
        let dir = OsDir::open(self.path()).unwrap();
        let outset: Outset =
            serde_json::from_value(json!({"plan": "session.close", "version": 1, "made_at": NOW,
            "contract": "gateway", "host": "api.example", "client_id": "c-1"}))
            .unwrap();
        let mut writer = PlanWriter::create(&dir, "tonight.plan", &outset).unwrap();
        for (guest, planned) in [
            ("g-1", json!("end")),
            ("<b>g-2", json!("end")),
            ("g-3", json!({"outcome": "skipped", "state": "inactive"})),
            ("g-4", json!("end")),
        ] {
            let ending = json!({"guest_id": guest, "reason": "timeout", "retain_data": true});
            let planned: Planned =
                serde_json::from_value(json!({"ending": ending, "planned": planned})).unwrap();
            writer.add(&planned).unwrap();
        }
        let counts = writer.finish(0).unwrap();
        let file = PlanFile::open(Arc::new(dir), "tonight.plan").unwrap();
        let (path, id) = (self.path().join("tonight.plan"), file.sha256()[..32].to_owned());
        let clock = Arc::new(|| NOW.parse::<Timestamp>().unwrap());
        let settings = frontdesk_journal::Settings::default();
        let journal = Journal::open(&self.path().join("journal"), &settings, clock).unwrap();
        let note = json!({"outset": outset, "counts": counts, "sha256": file.sha256(), "path": path});
        let ledger = format!("session.close/{id}");
        let ended = json!({"outcome": "ended", "latency_ms": 80, "read_back": "over"});
        let failed = json!({"outcome": "failed", "kind": "refused", "why": "status 400", "said": "no, anna", "latency_ms": 9});
        let change = Change::new().item("session.close.plans", &id, "applied", &note).unwrap();
        let change = change.item(&ledger, "0000000000", "ended", &ended).unwrap();
        journal.record(change.item(&ledger, "0000000001", "failed", &failed).unwrap()).unwrap();
        journal.close().unwrap();
        (path, id)
    }
}

async fn text(router: &Router, path: &str) -> String {
    let request = Request::get(path).header(HOST, "localhost").body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

async fn value(router: &Router, path: &str) -> Value {
    serde_json::from_str(&text(router, path).await).unwrap()
}

#[tokio::test]
async fn a_plan_shows_each_guest_and_without_its_file_the_outcomes_alone() {
    let place = Place::new();
    let (path, id) = place.plan();
    let router = place.served();
    let plans = value(&router, "/api/v1/plans").await;
    let plan = &plans["plans"][0];
    assert_eq!((&plans["total"], &plan["id"], &plan["state"]), (&json!(1), &json!(id), &json!("applied")));
    assert_eq!((&plan["planned"]["end"], &plan["planned"]["skipped"]["inactive"]), (&json!(3), &json!(1)));
    let results = &plan["results"];
    assert_eq!(
        (&results["ended"], &results["failed"], &results["not_reached"]),
        (&json!(1), &json!(1), &json!(1))
    );

    let one = format!("/api/v1/plans/{id}");
    let guests = value(&router, &one).await;
    assert_eq!((&guests["file"], guests["guests"].as_array().unwrap().len()), (&json!("there"), 4));
    let of = |at: usize, field: &str| guests["guests"][at][field].clone();
    assert_eq!(
        (of(0, "guest_id"), of(0, "outcome"), of(0, "read_back")),
        (json!("g-1"), json!("ended"), json!(true))
    );
    assert_eq!(
        (of(1, "planned"), of(1, "outcome"), of(1, "why")),
        (json!("end"), json!("failed"), json!("status 400"))
    );
    assert_eq!((of(2, "planned"), of(2, "outcome")), (json!("skipped"), Value::Null));
    assert_eq!((of(3, "planned"), of(3, "outcome"), of(3, "number")), (json!("end"), Value::Null, json!(4)));
    assert!(!guests.to_string().contains("anna"), "what the platform wrote may name a customer");
    let page = value(&router, &format!("{one}?limit=2&cursor=1")).await;
    assert_eq!((&page["guests"][0]["number"], &page["next_cursor"]), (&json!(2), &json!("3")));
    assert_eq!(page["guests"][0]["outcome"], "failed");

    assert!(text(&router, "/sessions").await.contains(&format!("/sessions/plans/{id}")));
    let shown = text(&router, &format!("/sessions/plans/{id}")).await;
    assert!(
        shown.contains("&lt;b&gt;g-2") && !shown.contains("<b>g-2") && shown.contains("seen to be over"),
        "{shown}"
    );

    // A file that is another by now names nobody, and neither does one that is gone.
    let kept = std::fs::read(&path).unwrap();
    let mut changed = kept.clone();
    changed[200] ^= 1;
    for (bytes, file) in [(Some(changed), "changed"), (None, "gone"), (Some(kept), "there")] {
        let folder = OsDir::open(place.path()).unwrap();
        match bytes {
            Some(bytes) => frontdesk_durable::publish(&folder, "tonight.plan", &bytes).unwrap(),
            None => frontdesk_durable::Dir::remove(&folder, "tonight.plan").unwrap(),
        }
        let guests = value(&router, &one).await;
        assert_eq!(guests["file"], file);
        let rows = guests["guests"].as_array().unwrap();
        assert_eq!(rows.len(), if file == "there" { 4 } else { 2 }, "{file}");
        assert_eq!(
            (&rows[1]["outcome"], rows[1].get("guest_id").is_some()),
            (&json!("failed"), file == "there")
        );
        assert!(text(&router, &format!("/sessions/plans/{id}")).await.contains("<h2>Guests"));
    }
    let request = Request::get("/api/v1/plans/0").header(HOST, "localhost").body(Body::empty()).unwrap();
    assert_eq!(router.oneshot(request).await.unwrap().status(), 404);
}

#[tokio::test]
async fn the_effect_of_a_release_is_shown_before_it() {
    let place = Place::new();
    let now = Arc::new(|| NOW.parse::<Timestamp>().unwrap());
    let root = place.path().join("archive");
    let settings = Settings { reserve: 0, ..Settings::default() };
    let writer = Writer::open(&root, &settings, now.clone()).unwrap();
    let lines = [
        r#"{"id":"old","endTime":"2025-01-01T00:00:00Z"}"#,
        r#"{"id":"young","endTime":"2025-03-30T00:00:00Z"}"#,
    ];
    writer
        .put(lines.iter().map(|line| Prepared::from_details(line.as_bytes().to_vec()).unwrap()).collect())
        .unwrap();
    writer.close().unwrap();
    let mut maintenance = Maintenance::open(&root, &settings, now).unwrap();
    let ids = ["old", "young"].map(|id| id.parse().unwrap());
    maintenance.hold(&"m-1".parse().unwrap(), &ids, None, "a claim").unwrap();
    maintenance.close().unwrap();

    let router = place.served();
    let effect = value(&router, "/api/v1/holds/effect?matter=m-1").await;
    assert_eq!(
        (&effect["held"], &effect["due"], &effect["kept"]),
        (&json!(2), &json!({"all": 1}), &json!(1))
    );
    assert_eq!(
        (&effect["conversations"][0]["id"], &effect["next_due"]),
        (&json!("old"), &json!("2025-04-29T00:00:00Z"))
    );
    let preview = value(&router, "/api/v1/retention/preview").await;
    assert_eq!(preview["held"], 2);
    // A day from when it was planned, a moment ago.
    assert!(preview["next_at"].as_str().unwrap().starts_with("2025-04-01T1"), "{preview}");
    let page = text(&router, "/holds?matter=m-1").await;
    assert!(page.contains("The next sweep would remove 1 conversation of the 2 it holds."), "{page}");
    assert!(page.contains("This server sweeps next"));
    assert!(!text(&router, "/holds").await.contains("id=\"effect\""), "no matter was chosen");
    let request = Request::get("/api/v1/holds/effect").header(HOST, "localhost").body(Body::empty()).unwrap();
    assert_eq!(router.clone().oneshot(request).await.unwrap().status(), 400);

    let report = value(&router, "/api/v1/reports/availability").await;
    assert_eq!((&report["totalFiles"], &report["generatedAt"]), (&json!(2), &json!(NOW)));
    let names: Vec<&str> =
        report["records"].as_array().unwrap().iter().filter_map(|one| one["filename"].as_str()).collect();
    assert!(names[0].starts_with("old_") && names[1].starts_with("young_"), "{names:?}");
    assert_eq!(report["records"][0]["sizeBytes"], lines[0].len());
}

#[tokio::test]
async fn a_report_that_is_longer_than_a_piece_is_whole() {
    let place = Place::new();
    let now = Arc::new(|| NOW.parse::<Timestamp>().unwrap());
    let root = place.path().join("archive");
    let writer = Writer::open(&root, &Settings { reserve: 0, ..Settings::default() }, now).unwrap();
    let record = |n: u32| Prepared::from_details(format!(r#"{{"id":"c-{n:04}"}}"#).into_bytes()).unwrap();
    writer.put((0..2_000).map(record).collect()).unwrap();
    writer.close().unwrap();
    let router = place.served();
    let report = value(&router, "/api/v1/reports/availability").await;
    assert_eq!((&report["totalFiles"], report["records"].as_array().unwrap().len()), (&json!(2_000), 2_000));
    // Without an archive it is refused before anything is said.
    let nothing = Place::new().served();
    let request =
        Request::get("/api/v1/reports/availability").header(HOST, "localhost").body(Body::empty()).unwrap();
    assert_eq!(nothing.oneshot(request).await.unwrap().status(), 503);
}
