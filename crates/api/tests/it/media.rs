//! Media links (contract §2): what is asked, what is followed, and what is not.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use frontdesk_api::clock::SystemClock;
use frontdesk_api::media::MediaDoor;
use frontdesk_api::transport::TransportKind;
use frontdesk_api::transport::memory::{MemoryTransport, Reply};
use frontdesk_domain::media::{MediaState, MediaUrl};
use http::header;

type Seen = Arc<Mutex<Vec<String>>>;

/// A door whose answers are a function of method and path; what was asked is written down.
fn door(answers: impl Fn(&str, &str) -> Reply + Send + Sync + 'static) -> (MediaDoor, Seen) {
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    let transport = MemoryTransport::new(move |request| {
        assert!(request.headers().get(header::AUTHORIZATION).is_none(), "never with a token");
        let agent = request.headers()[header::USER_AGENT].to_str().unwrap();
        assert_eq!(agent, concat!("frontdesk/", env!("CARGO_PKG_VERSION")));
        let range = request.headers().get(header::RANGE).map(|range| format!(" {}", range.to_str().unwrap()));
        log.lock().unwrap().push(format!(
            "{} {}{}",
            request.method(),
            request.uri(),
            range.unwrap_or_default()
        ));
        answers(request.method().as_str(), request.uri().path())
    });
    (MediaDoor::new(Arc::new(transport), Arc::new(SystemClock)), seen)
}

fn url(path: &str) -> MediaUrl {
    MediaUrl::new(format!("https://files.example{path}")).unwrap()
}

async fn state(status: u16) -> MediaState {
    door(move |_, _| Reply::status(status)).0.check(&url("/x")).await.state
}

#[tokio::test(start_paused = true)]
async fn two_and_three_hundreds_are_reachable_and_nothing_else() {
    for (status, expected) in [
        (200, MediaState::Reachable),
        (204, MediaState::Reachable),
        (206, MediaState::Reachable),
        (304, MediaState::Reachable),
        (302, MediaState::Reachable),
        (401, MediaState::Unreachable),
        (404, MediaState::Unreachable),
        (410, MediaState::Unreachable),
        (416, MediaState::Unreachable),
        (500, MediaState::Unreachable),
    ] {
        assert_eq!(state(status).await, expected, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_head_is_asked_for_one_byte() {
    for status in [400, 403, 405, 501] {
        let (door, seen) = door(move |method, _| Reply::status(if method == "HEAD" { status } else { 206 }));
        assert_eq!(door.check(&url("/x?sig=1")).await.state, MediaState::Reachable, "{status}");
        assert_eq!(
            *seen.lock().unwrap(),
            ["HEAD https://files.example/x?sig=1", "GET https://files.example/x?sig=1 bytes=0-0"]
        );
    }
    for status in [401, 404, 500] {
        let (door, seen) = door(move |_, _| Reply::status(status));
        assert_eq!(door.check(&url("/x")).await.state, MediaState::Unreachable);
        assert!(seen.lock().unwrap().iter().all(|asked| asked.starts_with("HEAD ")), "{status}");
    }
    // Presigned and over: both are refused.
    let (door, _) = door(|_, _| Reply::status(403));
    let answer = door.check(&url("/x")).await;
    assert_eq!((answer.state, answer.status.unwrap().as_u16()), (MediaState::Unreachable, 403));
}

#[tokio::test(start_paused = true)]
async fn five_redirects_are_followed_and_none_to_another_scheme() {
    let hop = |_: &str, path: &str| {
        let left: u32 = path.trim_start_matches('/').parse().unwrap();
        if left == 0 {
            Reply::status(200)
        } else {
            Reply::status(302).header("location", &format!("/{}", left - 1))
        }
    };
    let (five, seen) = door(hop);
    assert_eq!(five.check(&url("/5")).await.state, MediaState::Reachable);
    assert_eq!(seen.lock().unwrap().len(), 6);
    let (six, seen) = door(hop);
    let answer = six.check(&url("/6")).await;
    assert_eq!((answer.state, seen.lock().unwrap().len()), (MediaState::Unreachable, 6));
    for location in [
        "http://files.example/x",
        "ftp://files.example/x",
        "file:///etc/passwd",
        "https://user@files.example/x",
        "https://",
        "//\\evil",
    ] {
        let (door, seen) = door(move |_, _| Reply::status(307).header("location", location));
        assert_eq!(door.check(&url("/x")).await.state, MediaState::Refused, "{location}");
        assert_eq!(seen.lock().unwrap().len(), 1, "{location} was not asked");
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_that_must_not_be_called_is_refused_at_any_hop() {
    let (first, _) = door(|_, _| Reply::fault(TransportKind::Refused));
    assert_eq!(first.check(&url("/x")).await.state, MediaState::Refused);
    let (later, seen) = door(|_, path| match path {
        "/x" => Reply::status(302).header("location", "https://169.254.169.254/latest"),
        _ => Reply::fault(TransportKind::Refused),
    });
    let answer = later.check(&url("/x")).await;
    assert_eq!((answer.state, seen.lock().unwrap().len()), (MediaState::Refused, 2));
    assert!(!answer.reason.unwrap().contains("latest"));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_has_trouble_is_asked_once_more() {
    let tries = AtomicUsize::new(0);
    let (door, seen) = door(move |_, _| match tries.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::status(503).header("retry-after", "2"),
        _ => Reply::status(200),
    });
    let began = crate::support::now();
    assert_eq!(door.check(&url("/x")).await.state, MediaState::Reachable);
    assert_eq!(seen.lock().unwrap().len(), 2);
    assert!(crate::support::now() - began >= Duration::from_secs(2), "the wait it named");
}

#[tokio::test(start_paused = true)]
async fn eight_are_asked_at_once() {
    let running = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (now, peak) = (Arc::clone(&running), Arc::clone(&most));
    let (door, _) = door(move |_, _| {
        peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        Reply::status(200).after(Duration::from_secs(1))
    });
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..40 {
        let (door, running) = (door.clone(), Arc::clone(&running));
        tasks.spawn(async move {
            door.check(&url(&format!("/{number}"))).await;
            running.fetch_sub(1, Ordering::SeqCst);
        });
    }
    tasks.join_all().await;
    assert_eq!(most.load(Ordering::SeqCst), 8);
}

#[tokio::test(start_paused = true)]
async fn bytes_come_up_to_the_limit() {
    async fn all(reply: Reply, limit: u64) -> Result<Vec<u8>, MediaState> {
        let (door, _) = door(move |_, _| reply.clone());
        let mut body = door.fetch(&url("/x"), limit).await.map_err(|answer| answer.state)?;
        let mut bytes = Vec::new();
        while let Some(chunk) = body.chunk().await.map_err(|answer| answer.state)? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
    let body = || Reply::status(200).body("0123456789").chunks(3, Duration::ZERO);
    assert_eq!(all(body(), 10).await.unwrap(), b"0123456789");
    assert_eq!(all(body(), 9).await, Err(MediaState::TooLarge));
    assert_eq!(all(body().header("content-length", "11"), 10).await, Err(MediaState::TooLarge));
    assert_eq!(all(body().cut_at(4), 10).await, Err(MediaState::Unreachable));
    assert_eq!(all(body().stall_at(4), 10).await, Err(MediaState::Unreachable));
    assert_eq!(all(Reply::status(404), 10).await, Err(MediaState::Unreachable));
    assert_eq!(all(Reply::status(206).body("0"), 10).await, Err(MediaState::Unreachable));
}
