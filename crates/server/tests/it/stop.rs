//! Stopping, and where it listens.

use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use frontdesk_archive::Searched;
use frontdesk_server::{BindError, Limits, Server, Warnings};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{Made, Served, found, in_time, rest, status};

#[tokio::test]
async fn what_is_in_flight_ends_and_nothing_more_is_accepted() {
    let (go, wait) = channel::<()>();
    let (began, begins) = channel::<()>();
    let both = Mutex::new((wait, began));
    let source = Made::by(move |term, each| {
        let both = both.lock().unwrap();
        both.1.send(()).unwrap();
        both.0.recv().unwrap();
        let _ = each(found(0, term, 0));
        Ok(Searched::default())
    });
    let mut served = Served::start(source, Limits::default());
    let mut idle = served.connect().await;
    let mut asking = served.connect().await;
    asking.write_all(b"GET /api/v1/archive/search?q=a HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    tokio::task::spawn_blocking(move || begins.recv().unwrap()).await.unwrap();
    served.ask_to_stop();
    assert_eq!(rest(&mut idle).await, "", "who is idle is closed at once");
    in_time(async {
        while TcpStream::connect(served.address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    go.send(()).unwrap();
    let answer = rest(&mut asking).await;
    assert_eq!(status(&answer), 200);
    assert!(answer.ends_with("0\r\n\r\n"), "{answer}");
    served.stop().await;
}

#[tokio::test]
async fn what_does_not_end_is_closed_after_the_grace() {
    let limits = Limits::default().with(|limits| limits.grace = Duration::from_millis(100));
    let served = Served::start(Made::of(u64::MAX), limits);
    let mut asking = served.connect().await;
    asking.write_all(b"GET /api/v1/archive/search?q=a HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    served.stop().await;
    assert!(!rest(&mut asking).await.ends_with("0\r\n\r\n"), "it cannot have ended");
}

#[tokio::test]
async fn only_this_machine_is_served() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let bound =
            Server::bind(address.parse().unwrap(), Made::of(0), Limits::default(), Warnings::default());
        assert!(matches!(bound, Err(BindError::NotLoopback(_))), "{address}");
    }
    let served = Served::start(Made::of(0), Limits::default());
    let again = Server::bind(served.address, Made::of(0), Limits::default(), Warnings::default());
    assert!(matches!(again, Err(BindError::Refused { .. })), "the port is taken");
}
