//! S6: searches over HTTP by eight connections; beside it how long the console's screens take, and the server's memory.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::super::data::Data;
use super::super::{Bench, Row, measure};
use super::{fresh, frontdesk};

/// Connections that ask at the same time.
const CONNECTIONS: usize = 8;
/// How long each sort of question is asked.
const ASKED_FOR: Duration = Duration::from_secs(8);
/// Lines of the data set that words are taken from.
const LINES: usize = 4_000;
/// Times that a page is loaded alone.
const LOADED: usize = 41;

/// A sort of request: its path with `{}` for the word or the id.
struct Sort {
    what: &'static str,
    path: &'static str,
    floor: &'static str,
}

const IDS: &str = "/api/v1/conversations?q={}&limit=20&texts=false&count=false";

const BUSY: [Sort; 4] = [
    Sort {
        what: "ids of the newest 20, terms that vary, of a server that was just started",
        path: IDS,
        floor: "5,000/s",
    },
    Sort {
        what: "the newest 20 with snippets",
        path: "/api/v1/conversations?q={}&limit=20&count=false",
        floor: "800/s",
    },
    Sort {
        what: "the newest 20 with snippets and the exact count",
        path: "/api/v1/conversations?q={}&limit=20",
        floor: "800/s",
    },
    Sort {
        what: "ids once more, of a server that has its index in memory by now",
        path: IDS,
        floor: "5,000/s",
    },
];

pub(super) fn measure(bench: &Bench, data: &Data) -> Result<Vec<Row>, String> {
    let folder = bench.scratch.join("archive-served");
    fresh(&folder)?;
    let mut import = frontdesk(bench, &folder);
    measure::run(import.args(["archive", "import", "--ndjson"]).arg(&data.path))?;
    let (words, ids) = sample(&data.path)?;
    let server = Server::start(bench, &folder)?;
    let mut rows = Vec::new();
    for sort in &BUSY {
        let (answers, mut taken) = server.busy(sort.path, &words)?;
        let rate = answers as f64 / ASKED_FOR.as_secs_f64();
        rows.push(Row {
            id: "S6",
            what: format!("{}: {CONNECTIONS} connections, {} conversations", sort.what, data.records),
            ours: format!("{rate:.0}/s, p50 {:.2} ms, p99 {:.2} ms", at(&mut taken, 50), at(&mut taken, 99)),
            baseline: format!("floor {}", sort.floor),
            ratio: "-".into(),
        });
    }
    let common = ["/api/v1/conversations?q=the&facets=true".to_owned(), "/?q=the".to_owned()];
    rows.push(server.alone("first page with facets, the most common word, JSON", &common[..1], "50 ms")?);
    rows.push(server.alone("the same as a screen", &common[1..], "50 ms")?);
    let pages: Vec<String> = ids.iter().map(|id| format!("/conversations/{id}")).collect();
    rows.push(server.alone("a conversation's page", &pages, "20 ms")?);
    let peak = measure::peak_of(server.child.id()).unwrap_or(0) as f64 / 1024.0;
    rows.push(Row {
        id: "S6",
        what: "peak memory of the server after all that".into(),
        ours: format!("{peak:.1} MiB"),
        baseline: "floor 300 MiB".into(),
        ratio: "-".into(),
    });
    drop(server);
    fresh(&folder)?;
    Ok(rows)
}

/// Words that are said, each once, and ids of conversations, both spread over the beginning of the data.
fn sample(path: &Path) -> Result<(Vec<String>, Vec<String>), String> {
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (mut words, mut ids) = (BTreeSet::new(), Vec::new());
    for line in BufReader::new(file).lines().take(LINES) {
        let line = line.map_err(|error| error.to_string())?;
        let value: serde_json::Value = serde_json::from_str(&line).map_err(|error| error.to_string())?;
        ids.extend(value["interactionId"].as_str().map(str::to_owned));
        let said = value["transcript"].as_str().unwrap_or_default();
        let plain = |word: &&str| word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_alphabetic());
        words.extend(said.split(' ').filter(plain).map(str::to_lowercase));
    }
    match words.is_empty() || ids.is_empty() {
        true => Err(format!("{} has no words to ask for", path.display())),
        false => Ok((words.into_iter().collect(), ids.into_iter().take(LOADED).collect())),
    }
}

/// `frontdesk serve` on an archive, stopped when it goes out of scope.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(bench: &Bench, folder: &Path) -> Result<Self, String> {
        let mut child = frontdesk(bench, folder)
            .args(["serve", "--addr", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut line = String::new();
        let stdout = child.stdout.take().ok_or("the server has no stdout")?;
        BufReader::new(stdout).read_line(&mut line).map_err(|error| error.to_string())?;
        let ready: serde_json::Value =
            serde_json::from_str(&line).map_err(|error| format!("no ready line: {error}: {line}"))?;
        let address = ready["addr"].as_str().ok_or_else(|| format!("no address in {line}"))?.to_owned();
        Ok(Self { child, address })
    }

    fn request(&self, path: &str) -> Vec<u8> {
        format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", host(&self.address)).into_bytes()
    }

    /// Asks on all connections at once, each word by its turn; how many answers, and the milliseconds of each.
    fn busy(&self, path: &str, words: &[String]) -> Result<(usize, Vec<f64>), String> {
        let requests: Arc<[Vec<u8>]> =
            words.iter().map(|word| self.request(&path.replace("{}", word))).collect();
        let until = Instant::now() + ASKED_FOR;
        let taken = asking(async {
            let mut connections = JoinSet::new();
            for number in 0..CONNECTIONS {
                let (requests, mut next) = (Arc::clone(&requests), number);
                let mut connection = Connection::open(&self.address).await?;
                connections.spawn(async move {
                    let mut taken = Vec::new();
                    while Instant::now() < until {
                        // A step that shares no factor with the count of words, so that terms do not repeat together.
                        taken.push(connection.get(&requests[next * 7_919 % requests.len()]).await?);
                        next += CONNECTIONS;
                    }
                    Ok::<_, String>(taken)
                });
            }
            let mut all = Vec::new();
            while let Some(taken) = connections.join_next().await {
                all.extend(taken.map_err(|_| "a connection's task ended early")??);
            }
            Ok(all)
        })?;
        Ok((taken.len(), taken))
    }

    /// Loads pages one after the other, again and again.
    fn alone(&self, what: &str, paths: &[String], floor: &str) -> Result<Row, String> {
        let requests: Vec<Vec<u8>> = paths.iter().map(|path| self.request(path)).collect();
        let mut taken = asking(async {
            let mut connection = Connection::open(&self.address).await?;
            let mut taken = Vec::new();
            for number in 0..LOADED {
                taken.push(connection.get(&requests[number % requests.len()]).await?);
            }
            Ok(taken)
        })?;
        Ok(Row {
            id: "S6",
            what: what.into(),
            ours: format!(
                "p50 {:.1} ms, slowest of {LOADED} {:.1} ms",
                at(&mut taken, 50),
                at(&mut taken, 100)
            ),
            baseline: format!("floor {floor}"),
            ratio: "-".into(),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs what asks on one thread for all connections: it shares the cores with the server, and must not be what takes the
/// time.
fn asking<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    runtime.map_err(|error| error.to_string())?.block_on(work)
}

/// A connection that is kept, with HTTP/1.1 as plain as can be.
struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    async fn open(address: &str) -> Result<Self, String> {
        let stream =
            TcpStream::connect(host(address)).await.map_err(|error| format!("{address}: {error}"))?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(Self { stream, answer: vec![0; 64 << 10] })
    }

    /// The milliseconds until the whole answer was there, which must be 200.
    async fn get(&mut self, request: &[u8]) -> Result<f64, String> {
        let began = Instant::now();
        self.stream.write_all(request).await.map_err(|error| error.to_string())?;
        let (mut filled, mut whole) = (0, None);
        while whole.is_none_or(|whole| filled < whole) {
            if filled == self.answer.len() {
                self.answer.resize(2 * filled, 0);
            }
            let read =
                self.stream.read(&mut self.answer[filled..]).await.map_err(|error| error.to_string())?;
            if read == 0 {
                return Err("the server closed a connection in the middle of an answer".into());
            }
            filled += read;
            whole = whole.or_else(|| length(&self.answer[..filled]));
        }
        if !self.answer.starts_with(b"HTTP/1.1 200 ") {
            return Err(String::from_utf8_lossy(&self.answer[..filled]).into_owned());
        }
        Ok(began.elapsed().as_secs_f64() * 1e3)
    }
}

/// The length of an answer, head and body, once its head is there.
fn length(answer: &[u8]) -> Option<usize> {
    let end = memchr::memmem::find(answer, b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    let (_, length) = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"))?;
    Some(end + length.trim().parse::<usize>().ok()?)
}

fn host(address: &str) -> &str {
    address.trim_start_matches("http://").trim_end_matches('/')
}

/// A percentile of what was measured; 100 is the highest.
fn at(taken: &mut [f64], percent: usize) -> f64 {
    taken.sort_by(f64::total_cmp);
    let last = taken.len().saturating_sub(1);
    taken.get(last * percent / 100).copied().unwrap_or_default()
}
