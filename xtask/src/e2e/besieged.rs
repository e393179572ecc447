//! The server under siege: clients that are slow on purpose (row R70), and searches that are expensive on purpose (R72).
//!
//! At tier N a thousand connections of each sort, one sort after the other, and a million conversations. How long things
//! took is printed and never decides: what hangs, is refused in any other way than by name, or grows without a bound does.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use frontdesk_sandbox::Config;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::task::JoinSet;

use super::Scenario;
use super::callback::told;
use super::scene::Scene;
use super::serve::{SEARCH, Served, get, rest};
use super::tenant::small;
use crate::Outcome;

/// Whoever is not closed after so long hangs. Longer than any limit of the server.
const HANGS_AFTER: Duration = Duration::from_secs(60);
/// For so long who reads slowly does; the server gives up on him after 10 s.
const DEAF_FOR: Duration = Duration::from_secs(20);
/// What the server may have open beside its 512 connections.
const OTHER_FILES: usize = 64;
/// What it may hold in memory, whoever is there.
const MOST_KIB: u64 = 128 << 10;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("besieged: slow clients of every sort are closed, and the others are served", slow),
        Scenario::new(
            "besieged: expensive searches, a hundred at once, end or are refused by name",
            expensive,
        ),
    ]
}

/// What is slow about a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Silent,
    Head,
    Body,
    Deaf,
    Idle,
}

impl Sort {
    const ALL: [Self; 5] = [Self::Silent, Self::Head, Self::Body, Self::Deaf, Self::Idle];

    /// What it says at once.
    fn first(self) -> String {
        let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n");
        match self {
            Self::Silent => String::new(),
            Self::Head => get("/healthz") + "X: ",
            Self::Body => {
                "POST /webhook/callback HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                           Content-Length: 1000\r\n\r\n{"
                    .to_owned()
            }
            Self::Deaf => get(&format!("{SEARCH}?q=e")) + "\r\n",
            Self::Idle => get("/healthz") + "\r\n",
        }
    }

    /// Whether it goes on, a byte at a time.
    fn dribbles(self) -> bool {
        matches!(self, Self::Head | Self::Body)
    }
}

/// How it ended for one client.
struct End {
    after: Duration,
    got: usize,
}

/// Comes, is slow, and waits for the end.
async fn client(address: std::net::SocketAddr, sort: Sort) -> Result<End, String> {
    let failed = |error: std::io::Error| format!("{sort:?}: {error}");
    let socket = TcpSocket::new_v4().map_err(failed)?;
    if sort == Sort::Deaf {
        // What the system takes for a client nobody has to read.
        socket.set_recv_buffer_size(4 << 10).map_err(failed)?;
    }
    let mut stream = socket.connect(address).await.map_err(failed)?;
    let began = Instant::now();
    // Who had to make room for others hears so by a reset, here or when he reads.
    let _ = stream.write_all(sort.first().as_bytes()).await;
    let mut got = 0;
    let mut buffer = vec![0; 16 << 10];
    if sort == Sort::Deaf {
        while began.elapsed() < DEAF_FOR {
            tokio::time::sleep(Duration::from_millis(250)).await;
            match stream.read(&mut buffer[..16]).await {
                Ok(0) | Err(_) => return Ok(End { after: began.elapsed(), got }),
                Ok(read) => got += read,
            }
        }
    }
    let (mut reader, mut writer) = stream.into_split();
    let dribble = async {
        while sort.dribbles() && writer.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        // It is not he who closes.
        std::future::pending::<()>().await;
    };
    let read = async {
        while let Ok(read @ 1..) = reader.read(&mut buffer).await {
            got += read;
        }
    };
    let limit = tokio::time::sleep(HANGS_AFTER);
    tokio::select! {
        () = read => Ok(End { after: began.elapsed(), got }),
        () = dribble => Err("it closed itself".to_owned()),
        () = limit => Err(format!("{sort:?}: not closed within {HANGS_AFTER:?}")),
    }
}

/// Times of those who behave, in order.
#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    fn shown(&mut self) -> String {
        self.0.sort_unstable();
        let at = |share: usize| self.0.get(self.0.len() * share / 100).copied().unwrap_or_default();
        format!("p50 {:.1?}, p99 {:.1?} of {}", at(50), at(99), self.0.len())
    }

    /// One request of somebody who behaves.
    fn ask(&mut self, address: &str) -> Outcome {
        let began = Instant::now();
        let answer = get(address, "/healthz")?;
        self.0.push(began.elapsed());
        ensure!(answer.status == 200, "who behaves is not served: {}", answer.head);
        Ok(())
    }
}

fn files_of(process: u32) -> usize {
    let folder = Path::new("/proc").join(process.to_string()).join("fd");
    std::fs::read_dir(folder).map_or(0, |files| files.count())
}

fn slow(scene: &Scene<'_>) -> Outcome {
    let conversations = Some(scene.house.options.tier.pick(2_000, 20_000));
    let tenant = scene.tenant(Config { conversations, ..small(scene) })?;
    let desk = told(scene, &tenant)?.connected(&tenant);
    desk.pull(&[])?.exits(0)?;
    let served = Served::start(&desk)?;
    let whole = served.search("e")?.body.len();
    let mut calm = Times::default();
    for _ in 0..200 {
        calm.ask(&served.address)?;
    }
    println!("      nobody is slow: {}", calm.shown());
    let (each, waves): (usize, Vec<Vec<Sort>>) = scene
        .house
        .options
        .tier
        .pick((30, vec![Sort::ALL.to_vec()]), (1_000, Sort::ALL.map(|sort| vec![sort]).to_vec()));
    for wave in waves {
        besieged(scene, &served, &wave, each, whole)?;
    }
    // Nothing of it stays.
    ensure!(served.search("e")?.body.len() == whole, "the same search has another answer afterwards");
    served.end("TERM").map(|_| ())
}

fn besieged(scene: &Scene<'_>, served: &Served<'_>, wave: &[Sort], each: usize, whole: usize) -> Outcome {
    let address = served.address.parse().map_err(|error| format!("{}: {error}", served.address))?;
    let over = AtomicBool::new(false);
    let process = served.running.id();
    let (ends, behaved) = std::thread::scope(|scope| {
        let behaving = scope.spawn(|| {
            let (mut times, mut most) = (Times::default(), 0);
            while !over.load(Ordering::Acquire) {
                times.ask(&served.address)?;
                most = most.max(files_of(process));
                std::thread::sleep(Duration::from_millis(5));
            }
            Ok::<_, String>((times, most))
        });
        let ends = scene.house.runtime.block_on(async {
            let mut clients = JoinSet::new();
            for sort in wave.iter().cycle().take(wave.len() * each).copied() {
                clients.spawn(async move { (sort, client(address, sort).await) });
            }
            clients.join_all().await
        });
        over.store(true, Ordering::Release);
        (ends, behaving.join().unwrap_or_else(|_| Err("who behaves panicked".into())))
    });
    let (mut times, files) = behaved?;
    let mut longest = Duration::ZERO;
    for (sort, end) in ends {
        let end = end?;
        longest = longest.max(end.after);
        ensure!(sort != Sort::Deaf || end.got < whole, "who did not read got all {whole} bytes");
        ensure!(sort != Sort::Silent || end.got == 0, "who asked nothing was answered");
    }
    let peak_kib = served.peak_kib();
    println!(
        "      {} x {each} of {wave:?}: the last is closed after {longest:.1?}; those who behave: {}; {files} files, \
         {peak_kib} KiB",
        wave.len(),
        times.shown()
    );
    ensure!(files > 0 && files <= 512 + OTHER_FILES, "the server had {files} files open");
    ensure!(peak_kib < MOST_KIB, "the server took {peak_kib} KiB");
    Ok(())
}

/// Searches that find nearly everything, or look everywhere for nothing.
const TERMS: [&str; 6] =
    ["e", "%20", "a", "qqzzqqzz", "e%20a", "i%20would%20like%20to%20make%20a%20reservation"];
/// The same for the command line: words, prefixes, and what has to be compared with everything.
const QUERIES: [&[&str]; 6] = [
    &["--contains", "e"],
    &["--contains", "e a"],
    &["a*"],
    &["a* OR e* OR i* OR o* OR t*"],
    &["a* NOT qqzz"],
    &["\"i would like to make a reservation\" OR \"is there anything else\""],
];

fn expensive(scene: &Scene<'_>) -> Outcome {
    let count = scene.house.options.tier.pick(5_000, 1_000_000);
    let tenant = scene.tenant(Config { conversations: Some(count), ..small(scene) })?;
    let desk = scene.desk("data").connected(&tenant);
    desk.pull(&[])?.exits(0)?;
    for query in QUERIES {
        let began = Instant::now();
        let run = desk.json(&[&["archive", "search"], query].concat())?.exits(0)?;
        println!("      {query:?}: {} of {count} in {:.2?}", run.last()?["count"], began.elapsed());
    }
    let served = Served::start(&desk)?;
    let over = AtomicBool::new(false);
    let (answers, behaved) = std::thread::scope(|scope| {
        let behaving = scope.spawn(|| {
            let mut times = Times::default();
            while !over.load(Ordering::Acquire) {
                times.ask(&served.address)?;
            }
            Ok::<_, String>(times)
        });
        let address = served.address.as_str();
        let searching: Vec<_> = (0..100)
            .map(|number| scope.spawn(move || first_byte(address, TERMS[number % TERMS.len()])))
            .collect();
        let answers: Vec<Result<(u16, Duration), String>> = searching
            .into_iter()
            .map(|search| search.join().unwrap_or_else(|_| Err("a client panicked".into())))
            .collect();
        over.store(true, Ordering::Release);
        (answers, behaving.join().unwrap_or_else(|_| Err("who behaves panicked".into())))
    });
    let answers = answers.into_iter().collect::<Result<Vec<_>, _>>()?;
    let found = answers.iter().filter(|(status, _)| *status == 200).count();
    ensure!(found > 0, "nobody was answered: {answers:?}");
    ensure!(answers.iter().all(|(status, _)| matches!(status, 200 | 503)), "{answers:?}");
    let longest = answers.iter().map(|(_, after)| *after).max().unwrap_or_default();
    println!(
        "      100 at once on {count}: {found} answered, the others refused by name, first bytes within {longest:.2?}; \
         /healthz meanwhile: {}; {} KiB",
        behaved?.shown(),
        served.peak_kib()
    );
    served.stop("TERM")
}

/// Status and time of an answer's beginning; who asked goes away then.
fn first_byte(address: &str, term: &str) -> Result<(u16, Duration), String> {
    let mut stream = super::serve::connect(address)?;
    let began = Instant::now();
    let request = format!("GET {SEARCH}?q={term} HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(|error| error.to_string())?;
    let mut head = [0; 4 << 10];
    let read = stream.read(&mut head).map_err(|error| format!("{term}: {error}"))?;
    let after = began.elapsed();
    let head = String::from_utf8_lossy(&head[..read]).into_owned();
    let status = head.get(9..12).and_then(|status| status.parse().ok()).ok_or_else(|| head.clone())?;
    if status != 200 {
        rest(&mut stream)?;
        ensure!(head.contains("retry-after") || head.contains("deadline"), "{head}");
    }
    Ok((status, after))
}
