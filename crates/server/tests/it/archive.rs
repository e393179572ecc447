//! A real archive, while somebody writes to it.

use std::sync::Arc;

use frontdesk_archive::{Prepared, ReadOptions, Settings, Writer};
use frontdesk_domain::Timestamp;
use frontdesk_server::{ArchiveSource, Limits};

use crate::support::{Served, status};

fn line(id: &str, day: u32, said: &str) -> Prepared {
    let line = serde_json::json!({
        "id": id,
        "startTime": format!("2025-03-{day:02}T10:00:00Z"),
        "interactions": [{ "transcript": said }],
    });
    Prepared::from_details(line.to_string().into_bytes()).unwrap()
}

/// The ids of an answer, in its order.
fn ids(answer: &str) -> Vec<&str> {
    answer.split("\"interactionId\":\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

#[tokio::test]
async fn the_server_sees_what_a_writer_acknowledges_and_waits_for_an_archive_to_be_made() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("archive");
    let source = ArchiveSource::new(root.clone(), ReadOptions::default());
    let served = Served::start(Arc::new(source), Limits::default());
    for path in ["/readyz", "/api/v1/archive/search?q=a"] {
        let answer = served.get(path).await;
        assert_eq!(status(&answer), 503, "{path}");
        assert!(
            answer.contains("\"kind\":\"not_an_archive\"") && answer.contains("retry-after: 60"),
            "{answer}"
        );
        assert!(!answer.contains(&*root.to_string_lossy()), "a path of this machine is no client's business");
    }
    assert_eq!(status(&served.get("/healthz").await), 200);

    let now = Arc::new(|| Timestamp::UNIX_EPOCH);
    let writer = Writer::open(&root, &Settings::default(), now).unwrap();
    let search = "/api/v1/archive/search?q=REFUND";
    writer
        .put(vec![line("old", 1, "a refund"), line("new", 2, "Refund!"), line("other", 3, "hello")])
        .unwrap();
    assert_eq!(ids(&served.get(search).await), ["new", "old"]);
    // The latest version counts, and what is put while the server has the archive open.
    writer.put(vec![line("new", 2, "never mind"), line("newest", 4, "refunds")]).unwrap();
    assert_eq!(ids(&served.get(search).await), ["newest", "old"]);
    let answer = served.get(search).await;
    assert!(answer.contains("\"metadata\":null"), "{answer}");
    writer.close().unwrap();
    assert_eq!(status(&served.get("/api/v1/archive/search?q=zebra").await), 200);
}
