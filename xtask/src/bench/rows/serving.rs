//! S6: searches over HTTP by eight connections; beside it how long the console's screens take, and the server's memory.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

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

const BUSY: [Sort; 3] = [
    Sort {
        what: "ids of the newest 20, terms that vary",
        path: "/api/v1/conversations?q={}&limit=20&texts=false&count=false",
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

    /// Asks on all connections at once, each word by its turn; how many answers, and the milliseconds of each.
    fn busy(&self, path: &str, words: &[String]) -> Result<(usize, Vec<f64>), String> {
        let until = Instant::now() + ASKED_FOR;
        let ask = |connection: usize| -> Result<Vec<f64>, String> {
            let mut connection = (Connection::open(&self.address)?, connection);
            let mut taken = Vec::new();
            while Instant::now() < until {
                // A step that shares no factor with the count of connections, so that terms do not repeat together.
                let word = &words[connection.1 * 7_919 % words.len()];
                connection.1 += CONNECTIONS;
                taken.push(connection.0.get(&path.replace("{}", word))?);
            }
            Ok(taken)
        };
        let taken = std::thread::scope(|scope| {
            let asked: Vec<_> = (0..CONNECTIONS).map(|number| scope.spawn(move || ask(number))).collect();
            let mut all = Vec::new();
            for connection in asked {
                all.extend(connection.join().map_err(|_| "a connection's thread ended early")??);
            }
            Ok::<_, String>(all)
        })?;
        Ok((taken.len(), taken))
    }

    /// Loads pages one after the other, again and again.
    fn alone(&self, what: &str, paths: &[String], floor: &str) -> Result<Row, String> {
        let mut connection = Connection::open(&self.address)?;
        let mut taken = Vec::new();
        for number in 0..LOADED {
            taken.push(connection.get(&paths[number % paths.len()])?);
        }
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

/// A connection that is kept, with HTTP/1.1 as plain as can be: the bench must not be what takes the time.
struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
    body: Vec<u8>,
}

impl Connection {
    fn open(address: &str) -> Result<Self, String> {
        let host = address.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let stream = TcpStream::connect(&host).map_err(|error| format!("{host}: {error}"))?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(Self { stream: BufReader::with_capacity(64 << 10, stream), host, body: Vec::new() })
    }

    /// The milliseconds until the whole answer was there, which must be 200.
    fn get(&mut self, path: &str) -> Result<f64, String> {
        let began = Instant::now();
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.host);
        self.stream.get_mut().write_all(request.as_bytes()).map_err(|error| error.to_string())?;
        let mut length = None;
        let mut status = String::new();
        self.stream.read_line(&mut status).map_err(|error| error.to_string())?;
        let mut line = String::new();
        loop {
            line.clear();
            self.stream.read_line(&mut line).map_err(|error| error.to_string())?;
            let field = line.trim_end();
            if field.is_empty() {
                break;
            }
            if let Some((name, value)) = field.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse::<usize>().ok();
            }
        }
        let length = length.ok_or_else(|| format!("{path}: no length: {status}"))?;
        self.body.resize(length, 0);
        self.stream.read_exact(&mut self.body).map_err(|error| error.to_string())?;
        if !status.starts_with("HTTP/1.1 200") {
            return Err(format!("{path}: {status}{}", String::from_utf8_lossy(&self.body)));
        }
        Ok(began.elapsed().as_secs_f64() * 1e3)
    }
}

/// A percentile of what was measured; 100 is the highest.
fn at(taken: &mut [f64], percent: usize) -> f64 {
    taken.sort_by(f64::total_cmp);
    let last = taken.len().saturating_sub(1);
    taken.get(last * percent / 100).copied().unwrap_or_default()
}
