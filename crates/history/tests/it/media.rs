//! Media links of a history: asked after its last page, and told beside it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use frontdesk_api::clock::VirtualClock;
use frontdesk_api::media::MediaDoor;
use frontdesk_api::transport::memory::{MemoryTransport, Reply};
use frontdesk_domain::media::MediaState;
use frontdesk_history::{HistoryPull, Session, Silent};
use serde_json::json;

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
