//! A gateway that answers with whatever bytes a scenario wants: what the sandbox, being a proper server, cannot send.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Value, json};

/// What comes back for a details query: everything after the status line and `Connection: close`.
pub(super) struct Answer {
    /// Status line and headers, without the empty line; no `Content-Length` unless the scenario wrote one.
    pub(super) head: String,
    /// Pieces of the body, each with how often it is sent.
    pub(super) body: Vec<(Vec<u8>, u64)>,
}

impl Answer {
    /// 200 with this JSON text.
    pub(super) fn json(text: impl Into<Vec<u8>>) -> Self {
        let text = text.into();
        Self { head: ok("Content-Length", text.len()), body: vec![(text, 1)] }
    }

    /// 200 with gzip of this length.
    pub(super) fn gzip(body: Vec<(Vec<u8>, u64)>) -> Self {
        let length = body.iter().map(|(piece, times)| piece.len() as u64 * times).sum::<u64>();
        Self { head: format!("{}\r\nContent-Encoding: gzip", ok("Content-Length", length)), body }
    }
}

fn ok(name: &str, value: impl std::fmt::Display) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{name}: {value}")
}

type Handler = dyn Fn(u64, &Value) -> Answer + Send + Sync;

/// Listens until it is dropped.
pub(super) struct Hostile {
    pub(super) base_url: String,
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    queries: Arc<AtomicU64>,
    listener: Option<std::thread::JoinHandle<()>>,
}

impl Hostile {
    /// Answers the n-th details query (from 1), whose body it is given, with what `handler` says.
    pub(super) fn start(
        handler: impl Fn(u64, &Value) -> Answer + Send + Sync + 'static,
    ) -> Result<Self, String> {
        let listener =
            TcpListener::bind(("127.0.0.1", 0)).map_err(|error| format!("cannot listen: {error}"))?;
        let address = listener.local_addr().map_err(|error| format!("cannot listen: {error}"))?;
        let stop = Arc::new(AtomicBool::new(false));
        let queries = Arc::new(AtomicU64::new(0));
        let handler: Arc<Handler> = Arc::new(handler);
        let thread = {
            let (stop, queries) = (Arc::clone(&stop), Arc::clone(&queries));
            std::thread::spawn(move || {
                for stream in listener.incoming() {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let (handler, queries) = (Arc::clone(&handler), Arc::clone(&queries));
                    // A client that hangs up in the middle is what some scenarios are about.
                    std::thread::spawn(move || {
                        if let Ok(stream) = stream {
                            let _ = talk(stream, &*handler, &queries);
                        }
                    });
                }
            })
        };
        Ok(Self { base_url: format!("http://{address}"), address, stop, queries, listener: Some(thread) })
    }

    /// How many details queries there were.
    pub(super) fn queries(&self) -> u64 {
        self.queries.load(Ordering::Relaxed)
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the listener, which then sees that it shall stop.
        let _ = TcpStream::connect(self.address);
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

fn talk(stream: TcpStream, handler: &Handler, queries: &AtomicU64) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let answer = if request.contains("/oauth/token") {
        Answer::json(
            json!({"access_token": "let-me-in", "token_type": "bearer", "expires_in": 3600}).to_string(),
        )
    } else {
        let number = queries.fetch_add(1, Ordering::Relaxed) + 1;
        handler(number, &serde_json::from_slice(&body).unwrap_or(Value::Null))
    };
    let mut stream = stream;
    stream.write_all(format!("{}\r\nConnection: close\r\n\r\n", answer.head).as_bytes())?;
    for (piece, times) in &answer.body {
        for _ in 0..*times {
            stream.write_all(piece)?;
        }
    }
    stream.flush()
}
