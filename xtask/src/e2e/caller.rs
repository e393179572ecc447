//! The platform as a caller: signed callbacks over real connections, and those of somebody who would like to be it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::desk::Desk;
use super::files;
use super::process::{Run, Running};
use super::scene::Scene;

/// What takes longer hangs. Longer than any limit of the server.
const HANGS_AFTER: Duration = Duration::from_secs(60);

/// A key that callbacks are signed with.
#[derive(Clone)]
pub(super) struct Key(Vec<u8>);

impl Key {
    /// A key of 32 bytes, drawn.
    pub(super) fn new(scene: &Scene<'_>) -> Self {
        let mut random = scene.random();
        Self((0..4).flat_map(|_| random.next().to_le_bytes()).collect())
    }

    /// As it is written.
    pub(super) fn text(&self) -> String {
        format!("whsec_{}", STANDARD.encode(&self.0))
    }

    /// Writes keys into a file of a scene's own, one a line; gives its path.
    pub(super) fn file(scene: &Scene<'_>, name: &str, keys: &[&Self]) -> Result<String, String> {
        let path = scene.hidden(name);
        let text: String = keys.iter().map(|key| key.text() + "\n").collect();
        files::write_private(&path, text.as_bytes())?;
        Ok(path.display().to_string())
    }

    /// The header fields of a signed callback.
    pub(super) fn fields(
        &self,
        id: &str,
        at: i64,
        body: &[u8],
    ) -> Result<[(&'static str, String); 3], String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).map_err(|error| format!("the key: {error}"))?;
        mac.update(format!("{id}.{at}.").as_bytes());
        mac.update(body);
        let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        Ok([
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", at.to_string()),
            ("webhook-signature", signature),
        ])
    }
}

/// The time now, in seconds since 1970.
pub(super) fn seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A callback as a request: these fields, this body.
pub(super) fn request(fields: &[(&str, String)], body: &[u8]) -> Vec<u8> {
    let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "POST /webhook/callback HTTP/1.1\r\nHost: desk.example.com\r\nContent-Type: application/json\r\n{fields}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// A connection that stays open over many callbacks.
pub(super) struct Caller {
    stream: TcpStream,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Caller {
    pub(super) fn new(address: &str) -> Result<Self, String> {
        let stream = TcpStream::connect(address).map_err(|error| format!("cannot connect: {error}"))?;
        stream.set_read_timeout(Some(HANGS_AFTER)).map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(Self { stream })
    }

    /// Sends a request and reads its answer. An error is a connection that ended before that.
    pub(super) fn send(&mut self, request: &[u8]) -> Result<Answer, String> {
        // It may answer, and close, before it has read all.
        let _ = self.stream.write_all(request);
        self.answer(request.starts_with(b"HEAD "))
    }

    /// The next answer. The one to HEAD tells the length of a body that does not come.
    fn answer(&mut self, to_head: bool) -> Result<Answer, String> {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            match self.stream.read(&mut byte) {
                Ok(1..) => head.push(byte[0]),
                Ok(_) => return Err("the connection ended before the answer".into()),
                Err(error) => return Err(format!("no answer: {error}")),
            }
        }
        let head = String::from_utf8_lossy(&head).to_lowercase();
        let status = head.get(9..12).and_then(|status| status.parse().ok()).ok_or_else(|| head.clone())?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).filter(|_| !to_head);
        let mut body = vec![0; length.and_then(|length| length.trim().parse().ok()).unwrap_or(0)];
        self.stream.read_exact(&mut body).map_err(|error| format!("the answer is cut: {error}"))?;
        Ok(Answer { status, head, body })
    }

    /// Says that nothing more comes.
    pub(super) fn ends(&self) -> Result<(), String> {
        self.stream.shutdown(std::net::Shutdown::Write).map_err(|error| error.to_string())
    }
}

/// A listener that runs.
pub(super) struct Listening<'s> {
    running: Running<'s>,
    pub(super) address: String,
}

impl<'s> Listening<'s> {
    /// `webhook listen`, with more arguments.
    pub(super) fn start(desk: &Desk<'s>, more: &[&str]) -> Result<Self, String> {
        let listen = ["-v", "--json", "webhook", "listen", "--addr", "127.0.0.1:0"];
        Self::of(desk.start(&[&listen, more].concat())?)
    }

    /// Any command that listens and says so.
    pub(super) fn of(mut running: Running<'s>) -> Result<Self, String> {
        let line = running.first_line()?;
        let ready: Value = serde_json::from_str(&line)
            .map_err(|error| format!("the ready line is no JSON: {error}: {line}"))?;
        let address = ready["addr"].as_str().ok_or_else(|| format!("no address in {line}"))?.to_owned();
        Ok(Self { running, address })
    }

    /// One callback of its own connection.
    pub(super) fn call(&self, request: &[u8]) -> Result<Answer, String> {
        Caller::new(&self.address)?.send(request)
    }

    /// `kill -9`.
    pub(super) fn kill(self) -> Result<(), String> {
        self.running.kill().map(drop)
    }

    /// Ends it as a service manager does; it must end well.
    pub(super) fn stop(mut self) -> Result<Run, String> {
        ensure!(self.running.signal("TERM")?, "it had ended before");
        self.running.wait()?.exits(0)
    }
}
