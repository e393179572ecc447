//! `frontdesk serve`: the documents' call, by clients that behave and clients that do not.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use frontdesk_sandbox::FaultPlan;
use serde_json::{Value, json};

use super::desk::Desk;
use super::process::{Run, Running, peak_kib};
use super::scene::Scene;
use super::tenant::small;
use super::{Scenario, files};
use crate::Outcome;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("serve: who is silent, dribbles or does not read is closed", slow_clients),
        Scenario::new("serve: a hundred searches at once leave the others alone", many),
        Scenario::new("serve: what a pull acknowledges is found while it runs", beside_a_pull),
        Scenario::new("serve: pulls by itself, and not sooner after a restart", schedule),
        Scenario::new("serve: removes what is due by the profile's policies", retention),
        Scenario::new("serve: the documents' call", documents_call),
        Scenario::new("serve: what is no search is refused by name", refused),
        Scenario::new("serve: a signal ends it well", stopped),
        Scenario::new("serve: a second signal ends it at once", urged),
        Scenario::new("serve: only this machine, and only a free port", addresses),
    ]
}

pub(super) const SEARCH: &str = "/api/v1/archive/search";
/// What takes longer hangs. Longer than any limit of the server.
const HANGS_AFTER: Duration = Duration::from_secs(60);

/// A server that runs.
pub(super) struct Served<'s> {
    pub(super) running: Running<'s>,
    pub(super) address: String,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn json(&self) -> Result<Value, String> {
        serde_json::from_slice(&self.body)
            .map_err(|error| format!("the body is no JSON: {error}\n{}", self.head))
    }

    /// The ids of a search's answer, in its order.
    fn ids(&self) -> Result<Vec<String>, String> {
        let body = self.json()?;
        let items = body.as_array().ok_or("the answer is no array")?;
        let id = |item: &Value| item["interactionId"].as_str().map(str::to_owned);
        items.iter().map(|item| id(item).ok_or_else(|| format!("an item without an id: {item}"))).collect()
    }
}

impl<'s> Served<'s> {
    pub(super) fn start(desk: &Desk<'s>) -> Result<Self, String> {
        Self::with(desk, &["--addr", "127.0.0.1:0"])
    }

    /// With these arguments.
    pub(super) fn with(desk: &Desk<'s>, arguments: &[&str]) -> Result<Self, String> {
        let mut running = desk.start(&[&["--json", "serve"], arguments].concat())?;
        let line = running.line(|line| line.contains("\"addr\""))?;
        let ready: Value = serde_json::from_str(&line)
            .map_err(|error| format!("the ready line is no JSON: {error}: {line}"))?;
        let address = ready["addr"].as_str().ok_or_else(|| format!("no address in {line}"))?.to_owned();
        Ok(Self { running, address })
    }

    fn connect(&self) -> Result<TcpStream, String> {
        connect(&self.address)
    }

    pub(super) fn get(&self, path: &str) -> Result<Answer, String> {
        get(&self.address, path)
    }

    pub(super) fn search(&self, term: &str) -> Result<Answer, String> {
        let encoded: String = term.bytes().map(|byte| format!("%{byte:02X}")).collect();
        self.get(&format!("{SEARCH}?q={encoded}"))
    }

    /// What it held in memory at most until now.
    pub(super) fn peak_kib(&self) -> u64 {
        peak_kib(self.running.id()).unwrap_or_default()
    }

    /// Stops it; it must end well, whatever it talks of.
    pub(super) fn end(mut self, signal: &str) -> Result<Run, String> {
        ensure!(self.running.signal(signal)?, "it had ended before");
        self.running.wait()?.exits(0)
    }

    /// Stops it; it must end well, and have nothing to say.
    pub(super) fn stop(self, signal: &str) -> Outcome {
        let run = self.end(signal)?;
        ensure!(run.stderr.is_empty(), "{}", run.wrong("it ended well and talks about it"));
        Ok(())
    }
}

pub(super) fn connect(address: &str) -> Result<TcpStream, String> {
    let stream = TcpStream::connect(address).map_err(|error| format!("cannot connect: {error}"))?;
    stream.set_read_timeout(Some(HANGS_AFTER)).map_err(|error| error.to_string())?;
    Ok(stream)
}

/// Until the other side closes.
pub(super) fn rest(stream: &mut TcpStream) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
            Err(format!("not closed within {HANGS_AFTER:?}"))
        }
        // A reset after the answer leaves what was read.
        _ => Ok(bytes),
    }
}

pub(super) fn get(address: &str, path: &str) -> Result<Answer, String> {
    // HTTP/1.0: the end of the connection is the end of the body.
    exchange(address, format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes())
}

pub(super) fn exchange(address: &str, request: &[u8]) -> Result<Answer, String> {
    let mut stream = connect(address)?;
    // It may answer, and close, before it has read all.
    let _ = stream.write_all(request);
    let bytes = rest(&mut stream)?;
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").ok_or("no head came back")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.get(9..12).and_then(|status| status.parse().ok()).ok_or_else(|| head.clone())?;
    Ok(Answer { status, head, body: bytes[end + 4..].to_vec() })
}

/// Conversations of our own: the first said last, one that changed, one that nobody dated.
pub(super) fn conversations(scene: &Scene<'_>, desk: &Desk<'_>) -> Outcome {
    let line = |id: &str, start: Option<&str>, said: &str| {
        json!({"id": id, "startTime": start, "interactions": [{"transcript": said}, {"transcript": "agent: Bye"}],
               "metadata": {"services": "Hotels_1"}})
    };
    let lines = [
        line("c-1", Some("2025-03-01T10:00:00Z"), "guest: A REFUND for the Käsestraße, 100% \"now\""),
        line("c-2", Some("2025-03-03T10:00:00Z"), "guest: refund, please"),
        line("c-3", None, "guest: RefunD"),
        line("c-4", Some("2025-03-02T10:00:00Z"), "guest: refund"),
        line("c-4", Some("2025-03-02T10:00:00Z"), "guest: never mind"),
        line("c-5\u{202e}/../x", Some("2025-03-04T10:00:00Z"), "guest: <script>alert(1)</script>"),
    ];
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let file = scene.hidden("conversations.ndjson");
    files::write_private(&file, text.as_bytes())?;
    desk.import(&file)?.exits(0)?;
    Ok(())
}

fn documents_call(scene: &Scene<'_>) -> Outcome {
    let desk = scene.desk("data");
    conversations(scene, &desk)?;
    let served = Served::start(&desk)?;
    for (term, expected) in [
        ("refund", &["c-2", "c-1", "c-3"] as &[&str]),
        ("KÄSESTRASSE", &[]),
        ("KÄSESTRAßE", &["c-1"]),
        ("100% \"now\"", &["c-1"]),
        ("mind\nagent: bye", &["c-4"]),
        ("<script>", &["c-5\u{202e}/../x"]),
        ("nobody said this", &[]),
        ("'; DROP TABLE records; --", &[]),
        ("\r\nX-Injected: yes", &[]),
        ("%", &["c-1"]),
        ("\0", &[]),
    ] {
        let answer = served.search(term)?;
        ensure!(answer.status == 200, "{term:?}: {}", answer.head);
        ensure!(answer.ids()? == expected, "{term:?}: {:?}", answer.ids()?);
        ensure!(answer.head.contains("content-type: application/json"), "{}", answer.head);
        ensure!(!answer.head.to_lowercase().contains("x-injected"), "{}", answer.head);
        ensure!(!answer.head.to_lowercase().contains("frontdesk-incomplete:"), "{}", answer.head);
    }
    let listed = desk.list()?;
    let items = served.search("käse")?.json()?;
    let record = listed.iter().find(|record| record.id == "c-1").ok_or("c-1 is not listed")?;
    let expected = json!([{
        "interactionId": "c-1",
        "transcript": "guest: A REFUND for the Käsestraße, 100% \"now\"\nagent: Bye",
        "metadata": {"services": "Hotels_1"},
        "checksum": record.sha256,
    }]);
    ensure!(items == expected, "{items}");
    ensure!(served.search("nobody said this")?.body == b"[]", "nothing found is an empty array");
    let ready = served.get("/readyz")?;
    ensure!(ready.status == 200 && ready.json()?["records"] == 6, "{}", ready.json()?);
    served.stop("TERM")
}

fn refused(scene: &Scene<'_>) -> Outcome {
    let desk = scene.desk("data");
    conversations(scene, &desk)?;
    let served = Served::start(&desk)?;
    let long = "a".repeat(1 << 20);
    let with = |line: &str, fields: &str| format!("{line} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
    let cases = [
        (with(&format!("GET {SEARCH}"), "Connection: close\r\n"), 400, "bad_query"),
        (with(&format!("GET {SEARCH}?q="), "Connection: close\r\n"), 400, "bad_query"),
        (with(&format!("GET {SEARCH}?q=a&q=b"), "Connection: close\r\n"), 400, "bad_query"),
        (with(&format!("GET {SEARCH}?q=%ff"), "Connection: close\r\n"), 400, "bad_query"),
        (with(&format!("GET {SEARCH}?q={}", &long[..10_000]), "Connection: close\r\n"), 400, "bad_query"),
        (with(&format!("GET {SEARCH}?q={long}"), ""), 414, "url_too_long"),
        (
            with(&format!("GET {SEARCH}?q=a"), &format!("X: {}\r\n", &long[..64 << 10])),
            431,
            "headers_too_large",
        ),
        (with(&format!("GET {SEARCH}?q=a"), &"X: y\r\n".repeat(10_000)), 431, "headers_too_large"),
        (with(&format!("GET {SEARCH}?q=a"), "Content-Length: 1073741824\r\n") + &long, 413, "body"),
        (with(&format!("POST {SEARCH}?q=a"), "Connection: close\r\n"), 405, "method"),
        (with(&format!("POST {SEARCH}?q=a"), "Content-Length: 3\r\n") + "q=a", 405, "method"),
        (with("GET /elsewhere", "Connection: close\r\n"), 404, "not_found"),
        (format!("GET {SEARCH}?q=a HTTP/1.0\r\nHost: evil.example\r\n\r\n"), 421, "foreign_host"),
    ];
    for (request, status, kind) in cases {
        let answer = exchange(&served.address, request.as_bytes())?;
        let asked = &request[..60.min(request.len())];
        ensure!(answer.status == status, "{asked}: {status} was expected\n{}", answer.head);
        ensure!(answer.json()?["kind"] == kind, "{asked}: {}", answer.json()?);
        ensure!(answer.head.contains("application/problem+json"), "{asked}: {}", answer.head);
        ensure!(answer.head.contains("nosniff"), "{asked}: {}", answer.head);
        ensure!((status == 405) == answer.head.contains("allow: GET"), "{asked}: {}", answer.head);
    }
    served.stop("TERM")
}

fn beside_a_pull(scene: &Scene<'_>) -> Outcome {
    let latency = Duration::from_millis(100);
    let tenant =
        scene.tenant(frontdesk_sandbox::Config { conversations: Some(2_000), latency, ..small(scene) })?;
    let truth = tenant.truth()?;
    let desk = scene.desk("data").connected(&tenant);
    // It may begin before there is an archive.
    let served = Served::start(&desk)?;
    ensure!(served.get("/readyz")?.status == 503, "ready without an archive");
    ensure!(served.search("e")?.status == 503, "a search without an archive");
    let mut pull = desk.start(&[
        "--json",
        "archive",
        "pull",
        "--from",
        "2025-01-01",
        "--to",
        "2026-01-01",
        "--page-size",
        "20",
        // Without a limit all windows would be in flight, and the pull over at once.
        "--rate",
        "40",
    ])?;
    let mut seen = BTreeSet::new();
    let mut looks = 0;
    loop {
        let ended = pull.has_ended();
        let answer = served.search("e")?;
        if answer.status == 200 {
            let ids: BTreeSet<String> = answer.ids()?.into_iter().collect();
            if let Some(strange) = ids.iter().find(|id| !truth.contains_key(*id)) {
                return Err(format!("{strange} was never served"));
            }
            // What was found once was acknowledged, and stays found.
            if let Some(lost) = seen.difference(&ids).next() {
                return Err(format!("{lost} was found and is not any more"));
            }
            looks += usize::from(!ended && !ids.is_empty() && ids.len() > seen.len());
            seen = ids;
        } else {
            ensure!(answer.status == 503 && seen.is_empty(), "a search failed: {}", answer.head);
        }
        if ended {
            break;
        }
    }
    pull.wait()?.exits(0)?;
    ensure!(looks > 0, "nothing was found while the pull ran");
    let line = desk.json(&["archive", "search", "--contains", "e"])?.exits(0)?.last()?;
    ensure!(
        line["count"] == seen.len(),
        "the command line counts {} and the server {}",
        line["count"],
        seen.len()
    );
    served.stop("TERM")
}

fn schedule(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(small(scene))?;
    let truth = tenant.truth()?;
    // The sandbox's conversations are of 2025.
    let desk = scene.desk("data").connected(&tenant).with("FRONTDESK_PULL_RANGE", "3650d");
    desk.clone().with("FRONTDESK_PULL_EVERY", "0").json(&["serve"])?.exits(2)?.says(&["pull_every"])?;
    desk.clone()
        .with("FRONTDESK_PULL_EVERY", "1h")
        .without("FRONTDESK_CLIENT_SECRET")
        .json(&["serve"])?
        .exits(2)?
        .says(&["client_secret"])?;
    let warnings = |served: &Served<'_>| -> Result<String, String> {
        Ok(served.get("/readyz")?.json()?["warnings"].to_string())
    };
    let until = |what: &str, is_so: &dyn Fn() -> Result<bool, String>| {
        let began = std::time::Instant::now();
        while !is_so()? {
            ensure!(began.elapsed() < HANGS_AFTER, "{what} did not come to be");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    };

    let often = desk.clone().with("FRONTDESK_PULL_EVERY", "1s").with("FRONTDESK_VERIFY_EVERY", "1s");
    let served = Served::start(&often)?;
    until("a whole archive", &|| Ok(served.get("/readyz")?.json()?["records"] == truth.len()))?;
    let after_first = tenant.queries();
    until("a second pull", &|| Ok(tenant.queries() > after_first))?;
    // A tenant that refuses is a warning, which goes when it is well again; the server answers all the while.
    tenant.set_faults(&plan(r#"{"rules": [{"then": {"status": {"status": 401}}}]}"#)?)?;
    until("a warning", &|| Ok(warnings(&served)?.contains("\"pull: ")))?;
    ensure!(served.search("e")?.status == 200, "the server fails with the tenant");
    tenant.set_faults(&plan("{}")?)?;
    until("the end of the warning", &|| Ok(warnings(&served)? == "[]"))?;
    let jobs = served.get("/api/v1/schedules")?.json()?;
    let job =
        |name: &str| jobs["jobs"].as_array().and_then(|jobs| jobs.iter().find(|job| job["job"] == name));
    let pull = job("pull").ok_or("no job is called pull")?;
    let times = |what: &str| pull[what].as_u64().unwrap_or_default();
    ensure!(times("failures") > 0 && times("runs") > times("failures") + 1, "{pull}");
    ensure!(pull["succeeded_at"].is_string() && pull["every_seconds"] == 1.0, "{pull}");
    let check = job("verify").ok_or("no job is called verify")?;
    ensure!(check["state"] == "done" && check["failures"] == 0, "{check}");
    ensure!(job("outbox").is_some() && job("retention").is_none(), "{jobs}");
    let metrics = served.get("/metrics")?.body;
    let metrics = String::from_utf8_lossy(&metrics);
    let is_above = |name: &str, border: f64| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
        line.map(|value| value > border).ok_or_else(|| format!("{name} is not in {metrics}"))
    };
    ensure!(is_above("frontdesk_job_failures_total{task=\"pull\"}", 0.0)?, "no failure is counted");
    ensure!(is_above("frontdesk_job_seconds_total{task=\"pull\"}", 0.0)?, "a pull took no time");
    ensure!(is_above("frontdesk_remote_requests_total", 2.0)?, "no request is counted");
    let mut running = served.running;
    running.signal("TERM")?;
    let run = running.wait()?.exits(0)?;
    ensure!(run.stderr.contains("status 401"), "{}", run.wrong("the failed pull is not in the log"));
    desk.holds_exactly(&truth)?;

    // Begun just now, says the log of the last run; so nothing is pulled at the start of another server.
    let before = tenant.queries();
    let served = Served::start(&desk.clone().with("FRONTDESK_PULL_EVERY", "1h"))?;
    until("a server", &|| Ok(served.get("/readyz")?.status == 200))?;
    std::thread::sleep(Duration::from_secs(2));
    ensure!(tenant.queries() == before, "it pulled again at once");
    served.stop("TERM")
}

fn retention(scene: &Scene<'_>) -> Outcome {
    let desk = scene.desk("data");
    conversations(scene, &desk)?;
    let count = |served: &Served<'_>| Ok::<_, String>(served.search("bye")?.ids()?.len());
    // Without a policy nothing is ever removed.
    let served = Served::start(&desk.clone().with("FRONTDESK_RETAIN_EVERY", "1s"))?;
    std::thread::sleep(Duration::from_secs(2));
    ensure!(count(&served)? == 5, "something is gone");
    served.stop("TERM")?;
    desk.json(&["archive", "hold", "add", "--id", "c-2", "--matter", "m-1", "--reason", "a claim"])?
        .exits(0)?;
    let profile = scene.hidden("retention/frontdesk/frontdesk.toml");
    let text = "[[profiles.default.retention]]\nname = \"hotels\"\ndays = 30\nmetadata = { services = \"Hotels_1\" }\n";
    files::write_private(&profile, text.as_bytes())?;
    let served = Served::start(
        &desk
            .clone()
            .with("FRONTDESK_RETAIN_EVERY", "1s")
            .with("XDG_CONFIG_HOME", &scene.hidden("retention").display().to_string()),
    )?;
    let began = std::time::Instant::now();
    while count(&served)? != 2 {
        ensure!(began.elapsed() < HANGS_AFTER, "what is due is not removed");
        std::thread::sleep(Duration::from_millis(50));
    }
    // Held, and without a date.
    ensure!(served.search("bye")?.ids()? == ["c-2", "c-3"], "{:?}", served.search("bye")?.ids()?);
    served.stop("TERM")
}

fn plan(text: &str) -> Result<FaultPlan, String> {
    serde_json::from_str(text).map_err(|error| format!("the fault plan: {error}"))
}

fn many(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(frontdesk_sandbox::Config { conversations: Some(5_000), ..small(scene) })?;
    let desk = scene.desk("data").connected(&tenant);
    desk.pull(&[])?.exits(0)?;
    let served = Served::start(&desk)?;
    let address = served.address.as_str();
    let expected = served.search("e")?.ids()?;
    ensure!(expected.len() > 1_000, "too few to tell anything");
    let outcomes: Vec<Result<u16, String>> = std::thread::scope(|scope| {
        let searching: Vec<_> = (0..100)
            .map(|_| {
                let expected = &expected;
                scope.spawn(move || {
                    let answer = get(address, &format!("{SEARCH}?q=e"))?;
                    ensure!(answer.status != 200 || answer.ids()? == *expected, "an answer is not whole");
                    ensure!(matches!(answer.status, 200 | 503), "{}", answer.head);
                    ensure!(answer.status == 200 || answer.head.contains("retry-after"), "{}", answer.head);
                    Ok(answer.status)
                })
            })
            .collect();
        while searching.iter().any(|search| !search.is_finished()) {
            for path in ["/healthz", "/readyz"] {
                match get(address, path) {
                    Ok(answer) if answer.status == 200 => {}
                    Ok(answer) => return vec![Err(format!("{path}: {}", answer.head))],
                    Err(error) => return vec![Err(error)],
                }
            }
        }
        let join = |search: std::thread::ScopedJoinHandle<'_, _>| {
            search.join().unwrap_or_else(|_| Err("a client panicked".into()))
        };
        searching.into_iter().map(join).collect()
    });
    let statuses: Vec<u16> = outcomes.into_iter().collect::<Result<_, _>>()?;
    ensure!(statuses.contains(&200), "nobody was answered: {statuses:?}");
    served.stop("TERM")
}

fn slow_clients(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(frontdesk_sandbox::Config { conversations: Some(5_000), ..small(scene) })?;
    let desk = scene.desk("data").connected(&tenant);
    desk.pull(&[])?.exits(0)?;
    let served = Served::start(&desk)?;
    let silent = served.connect()?;
    let mut idle = served.connect()?;
    let ask = |stream: &mut TcpStream, path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).map_err(|error| error.to_string())
    };
    ask(&mut idle, "/healthz")?;
    let mut deaf = served.connect()?;
    ask(&mut deaf, &format!("{SEARCH}?q=e"))?;
    let dribbling = served.connect()?;
    let mut writer = dribbling.try_clone().map_err(|error| error.to_string())?;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // Until the server has closed.
            while writer.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        let closes = |mut stream: TcpStream| scope.spawn(move || rest(&mut stream));
        let [silent, idle, dribbling] = [silent, idle, dribbling].map(closes);
        let joined = |client: std::thread::ScopedJoinHandle<'_, Result<Vec<u8>, String>>| {
            client.join().unwrap_or_else(|_| Err("a client panicked".into()))
        };
        ensure!(joined(silent)?.is_empty(), "who asked nothing was answered");
        ensure!(joined(idle)?.starts_with(b"HTTP/1.1 200"), "who idled later was not answered before");
        ensure!(joined(dribbling)?.starts_with(b"HTTP/1.1 408"), "who dribbles is not told");
        Ok(())
    })?;
    // Meanwhile it was closed for not reading; what it still gets is not the whole answer.
    let whole = served.search("e")?.body.len();
    std::thread::sleep(Duration::from_secs(12));
    let got = rest(&mut deaf)?.len();
    ensure!(got < whole, "who did not read got all {whole} bytes");
    ensure!(served.get("/healthz")?.status == 200, "the server suffered");
    served.stop("TERM")
}

fn stopped(scene: &Scene<'_>) -> Outcome {
    let desk = scene.desk("data");
    conversations(scene, &desk)?;
    for signal in ["INT", "TERM"] {
        let served = Served::start(&desk)?;
        // An idle connection keeps nobody waiting.
        let mut idle = served.connect()?;
        ensure!(served.search("refund")?.ids()?.len() == 3, "it does not answer");
        let address = served.address.clone();
        served.stop(signal)?;
        ensure!(rest(&mut idle)?.is_empty(), "who was idle got an answer");
        ensure!(TcpStream::connect(&address).is_err(), "somebody still listens");
    }
    // What was open is as good as before.
    desk.verifies(6)
}

/// Somebody does not read his answer. He is given time after the first signal, and none after the second.
fn urged(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(frontdesk_sandbox::Config { conversations: Some(5_000), ..small(scene) })?;
    let desk = scene.desk("data").connected(&tenant);
    desk.pull(&[])?.exits(0)?;
    for (signals, exit) in [(&["TERM"][..], 0), (&["TERM", "INT"], 130), (&["INT", "TERM"], 130)] {
        let mut served = Served::start(&desk)?;
        let mut deaf = served.connect()?;
        let request = format!("GET {SEARCH}?q=e HTTP/1.1\r\nHost: localhost\r\n\r\n");
        deaf.write_all(request.as_bytes()).map_err(|error| error.to_string())?;
        // The answer has begun.
        deaf.read_exact(&mut [0; 16]).map_err(|error| error.to_string())?;
        for signal in signals {
            ensure!(served.running.signal(signal)?, "it had ended before {signal}");
            // It is told of one after the other.
            std::thread::sleep(Duration::from_millis(200));
        }
        served.running.wait()?.exits(exit)?;
    }
    desk.holds_exactly(&tenant.truth()?)
}

fn addresses(scene: &Scene<'_>) -> Outcome {
    let desk = scene.desk("data");
    conversations(scene, &desk)?;
    for address in ["0.0.0.0:0", "[::]:8080", "192.0.2.1:8080"] {
        let run = desk.json(&["serve", "--addr", address])?.exits(2)?;
        let error = run.error().unwrap_or_default();
        ensure!(error["kind"] == "not_loopback", "{}", run.wrong("the reason is missing"));
    }
    desk.run(&["serve", "--addr", "here"])?.exits(2)?.says(&["--addr"])?;
    let served = Served::start(&desk)?;
    let run = desk.json(&["serve", "--addr", &served.address])?.exits(2)?;
    ensure!(run.error().unwrap_or_default()["kind"] == "listen", "{}", run.wrong("the port is taken"));
    served.stop("TERM")
}
