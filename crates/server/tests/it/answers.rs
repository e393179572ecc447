//! Answers: their form, their end, their memory, and how many at once.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use frontdesk_archive::Searched;
use frontdesk_server::Limits;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Made, Served, found, in_time, status};

const SEARCH: &str = "/api/v1/archive/search?q=";

/// The body of an answer that came in chunks, and what followed it.
fn unchunked(answer: &str) -> (String, String) {
    let (_, mut rest) = answer.split_once("\r\n\r\n").unwrap();
    let mut body = String::new();
    loop {
        let (size, after) = rest.split_once("\r\n").unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return (body, after.to_owned());
        }
        body.push_str(&after[..size]);
        rest = &after[size + 2..];
    }
}

#[tokio::test]
async fn an_answer_is_an_array_however_many_there_are() {
    for count in [0, 1, 2, 1_000] {
        let served = Served::start(Made::of(count), Limits::default());
        let answer = served.get(&format!("{SEARCH}R%C3%A9%22%0D%0A")).await;
        assert_eq!(status(&answer), 200);
        let body = if count == 0 {
            answer.split_once("\r\n\r\n").unwrap().1.to_owned()
        } else {
            unchunked(&answer).0
        };
        let items: Vec<Value> = serde_json::from_str(&body).unwrap();
        assert_eq!(items.len() as u64, count);
        for (number, item) in items.iter().enumerate() {
            assert_eq!(item["interactionId"], format!("c-{number}"));
            assert_eq!(item["transcript"], "Ré\"\r\n", "what was looked for came through whole");
            assert_eq!(item["metadata"], serde_json::json!({ "n": number }));
            assert_eq!(item["checksum"], "07".repeat(32));
            assert_eq!(item.as_object().unwrap().len(), 4);
        }
        served.stop().await;
    }
}

#[tokio::test]
async fn what_could_not_be_read_is_a_header_when_it_is_known_and_else_a_trailer() {
    for (at_first, at_last, header, trailer) in
        [(0, 0, None, ""), (3, 3, Some("3"), ""), (0, 2, None, "2"), (1, 4, Some("1"), "4")]
    {
        let source = Made::by(move |term, each| {
            let _ = each(found(0, term, at_first));
            Ok(Searched { count: 1, incomplete: at_last })
        });
        let served = Served::start(source, Limits::default());
        let answer = served.get(&format!("{SEARCH}a")).await;
        let head = answer.split_once("\r\n\r\n").unwrap().0;
        let said = head.lines().find_map(|line| line.strip_prefix("frontdesk-incomplete: "));
        assert_eq!(said, header);
        assert!(head.contains("trailer: frontdesk-incomplete"), "{head}");
        let (_, after) = unchunked(&answer);
        let expected = if trailer.is_empty() {
            "\r\n".into()
        } else {
            format!("frontdesk-incomplete: {trailer}\r\n\r\n")
        };
        assert_eq!(after, expected);
        served.stop().await;
    }
    // Without a hit there is nothing to wait for.
    let served = Served::start(Made::by(|_, _| Ok(Searched { count: 0, incomplete: 5 })), Limits::default());
    let answer = served.get(&format!("{SEARCH}a")).await;
    assert!(answer.contains("frontdesk-incomplete: 5\r\n") && answer.ends_with("\r\n\r\n[]"), "{answer}");
}

#[tokio::test]
async fn a_search_that_fails_halfway_is_no_whole_answer() {
    let source = Made::by(|term, each| {
        let _ = each(found(0, term, 0));
        panic!("a bug in the middle");
    });
    let served = Served::start(source, Limits::default());
    let answer = served.get(&format!("{SEARCH}a")).await;
    // The connection may break before the first of it has left.
    assert!(answer.is_empty() || status(&answer) == 200, "{answer}");
    assert!(!answer.ends_with("0\r\n\r\n"), "half an answer looks whole: {answer}");
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_its_search_back() {
    const SAID: usize = 10_000;
    let made = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&made);
    let source = Made::by(move |_, each| {
        let said = "x".repeat(SAID);
        for number in 0..100_000 {
            counted.store(number, Ordering::Relaxed);
            if each(found(number, &said, 0)).is_break() {
                counted.store(u64::MAX, Ordering::Relaxed);
                break;
            }
        }
        Ok(Searched::default())
    });
    let served = Served::start(source, Limits::default());
    let mut stream = served.connect().await;
    stream.write_all(format!("GET {SEARCH}a HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await.unwrap();
    let mut first = [0; 1];
    in_time(stream.read_exact(&mut first)).await.unwrap();
    // It goes on until every buffer on the way is full.
    let held = in_time(async {
        let mut before = u64::MAX;
        loop {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let now = made.load(Ordering::Relaxed);
            if now == before {
                break now;
            }
            before = now;
        }
    })
    .await;
    assert!(held * (SAID as u64) < 64 << 20, "{held} conversations wait for a client that does not read");
    // And ends when the client is gone.
    drop(stream);
    in_time(async {
        while made.load(Ordering::Relaxed) != u64::MAX {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_hundred_searches_leave_health_alone_and_run_a_few_at_once() {
    let limits = Limits::default().with(|limits| {
        limits.searches = 3;
        limits.waiting = 50;
        limits.wait = Duration::from_millis(100);
    });
    let open = Arc::new((Mutex::new(false), Condvar::new()));
    let gate = Arc::clone(&open);
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (running, peak) = (Arc::clone(&now), Arc::clone(&most));
    let source = Made::by(move |term, each| {
        peak.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let (open, opened) = &*gate;
        drop(opened.wait_while(open.lock().unwrap(), |open| !*open).unwrap());
        running.fetch_sub(1, Ordering::SeqCst);
        let _ = each(found(0, term, 0));
        Ok(Searched::default())
    });
    let served = Arc::new(Served::start(source, limits));
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let served = Arc::clone(&served);
        asking.spawn(async move { served.get(&format!("{SEARCH}a")).await });
    }
    // 47 find the queue full; then 50 wait in vain, while three searches stand still.
    let mut refused = 0;
    while refused < 97 {
        let answer = in_time(asking.join_next()).await.unwrap().unwrap();
        assert_eq!(status(&answer), 503, "{answer}");
        assert!(answer.contains("retry-after: 1\r\n"), "{answer}");
        refused += 1;
        assert_eq!(status(&served.get("/healthz").await), 200);
        assert_eq!(status(&served.get("/readyz").await), 200);
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
    let (open, opened) = &*open;
    *open.lock().unwrap() = true;
    opened.notify_all();
    while let Some(answer) = in_time(asking.join_next()).await {
        assert_eq!(status(&answer.unwrap()), 200);
    }
    assert_eq!(status(&served.get(&format!("{SEARCH}a")).await), 200, "the places are free again");
}

#[tokio::test]
async fn a_search_that_takes_too_long_is_given_up() {
    let limits = Limits::default().with(|limits| limits.first_byte = Duration::from_millis(50));
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let source = Made::by(move |_, _| {
        let _ = wait.lock().unwrap().recv();
        Ok(Searched::default())
    });
    let served = Served::start(source, limits);
    let answer = served.get(&format!("{SEARCH}a")).await;
    assert_eq!(status(&answer), 503);
    assert!(answer.contains("\"kind\":\"deadline\""), "{answer}");
    drop(release);
}
