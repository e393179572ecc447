//! An archive made up for the purpose, and a client that may misbehave.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use frontdesk_archive::{Error, Match, Record, Searched, Stats};
use frontdesk_domain::{RecordKey, RecordKind, Timestamp};
use frontdesk_server::{Faces, Limits, Server, Source, Warnings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

type Each<'e> = &'e mut dyn FnMut(Match) -> ControlFlow<()>;
type Answering = dyn Fn(&str, Each<'_>) -> Result<Searched, Error> + Send + Sync;

/// Answers as a function says.
pub(crate) struct Made(Box<Answering>);

impl Made {
    pub(crate) fn by(
        answer: impl Fn(&str, Each<'_>) -> Result<Searched, Error> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self(Box::new(answer)))
    }

    /// So many conversations with the text that was looked for.
    pub(crate) fn of(count: u64) -> Arc<Self> {
        Self::by(move |term, each| {
            for number in 0..count {
                if each(found(number, term, 0)).is_break() {
                    break;
                }
            }
            Ok(Searched { count, incomplete: 0 })
        })
    }
}

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Made")
    }
}

impl Source for Made {
    fn search_each(&self, term: &str, each: Each<'_>) -> Result<Searched, Error> {
        (self.0)(term, each)
    }

    fn check(&self) -> Result<Stats, Error> {
        Ok(Stats { records: 7, ..Stats::default() })
    }
}

/// A conversation that was found.
pub(crate) fn found(number: u64, said: &str, incomplete: u64) -> Match {
    let id = format!("c-{number}");
    let line = serde_json::json!({ "id": id, "interactions": [{ "transcript": said }], "metadata": { "n": number } });
    let record = Record {
        key: RecordKey { kind: RecordKind::Details, id: id.parse().unwrap() },
        version: 1,
        sequence: number,
        sha256: [7; 32],
        bytes: line.to_string().into_bytes(),
        started_at: None,
        archived_at: Timestamp::UNIX_EPOCH,
        segment: String::new(),
    };
    Match { record, so_far: Searched { count: 0, incomplete } }
}

/// A server that runs until it is stopped.
pub(crate) struct Served {
    pub(crate) address: std::net::SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    running: JoinSet<()>,
}

impl Served {
    pub(crate) fn start(source: Arc<dyn Source>, limits: Limits) -> Self {
        Self::faces(Faces::default().archive(source), limits)
    }

    pub(crate) fn faces(faces: Faces, limits: Limits) -> Self {
        let address = ([127, 0, 0, 1], 0).into();
        let server = Server::serving(faces, address, limits, Warnings::default()).unwrap();
        let address = server.address();
        let (stop, stopped) = oneshot::channel::<()>();
        let mut running = JoinSet::new();
        running.spawn(server.run(async {
            let _ = stopped.await;
        }));
        Self { address, stop: Some(stop), running }
    }

    pub(crate) fn ask_to_stop(&mut self) {
        drop(self.stop.take());
    }

    /// Asks it to stop and waits until it has.
    pub(crate) async fn stop(mut self) {
        self.ask_to_stop();
        in_time(self.running.join_next()).await;
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes, and gives all that comes back until the server closes.
    pub(crate) async fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        // The server may answer, and close, before it has read all.
        let _ = stream.write_all(bytes).await;
        rest(&mut stream).await
    }

    /// One request of its own connection.
    pub(crate) async fn get(&self, path: &str) -> String {
        self.exchange(
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes(),
        )
        .await
    }
}

/// All that still comes.
pub(crate) async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset after the answer leaves what was read.
    let _ = in_time(stream.read_to_end(&mut bytes)).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What takes so long hangs. Far beyond what anything takes: this ends a hang, it does not measure.
pub(crate) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("it hangs")
}

/// The status of an answer.
pub(crate) fn status(answer: &str) -> u16 {
    answer.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0)
}
