//! The texts of a range: late, growing, interrupted, refused; what is settled costs nothing.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use frontdesk_api::transport::memory::{MemoryTransport, Reply};
use frontdesk_api::{Client, ConversationSource, Credentials, Gateway, Platform};
use frontdesk_archive::{
    Expression, ListQuery, ReadOptions, Reader, Search, Settings, VerifyOptions, Writer,
};
use frontdesk_archiver::{LateQueue, Monitor, Pull, PullReport, PullRequest, Silent, Transcripts};
use frontdesk_domain::payload::transcript;
use frontdesk_domain::{
    OrganizationId, RecordKey, RecordKind, RunState, Secret, Timestamp, TranscriptReport,
};
use frontdesk_sandbox::{Config, Moment, Sandbox};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::tenant::{given, request};

pub(crate) const WINDOW: Duration = Duration::from_secs(72 * 3600);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

/// What the platform's side does with a request before the sandbox sees it.
type Door = dyn Fn(&http::Request<Bytes>, &mut dyn FnMut(&http::Request<Bytes>) -> Vec<u8>) -> Option<Reply>
    + Send
    + Sync;

/// One tenant on both contracts: details come by the gateway's, texts by the platform's.
pub(crate) struct Both {
    sandbox: Arc<Sandbox>,
    transport: MemoryTransport,
    folder: tempfile::TempDir,
    now: Arc<Mutex<Timestamp>>,
    /// Requests of the platform's side by what they are, tokens aside.
    looks: Arc<AtomicU64>,
    bulks: Arc<AtomicU64>,
    door: Arc<Mutex<Option<Box<Door>>>>,
}

fn local() -> IpAddr {
    IpAddr::V4(Ipv4Addr::LOCALHOST)
}

impl Both {
    pub(crate) fn new(conversations: u64) -> Self {
        let config =
            Config { conversations: Some(conversations), rate_limit_per_min: 0, ..Config::default() };
        let sandbox = Arc::new(Sandbox::new(config).unwrap());
        let now = Arc::new(Mutex::new("2026-06-01T00:00:00Z".parse::<Timestamp>().unwrap()));
        let (looks, bulks) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let door: Arc<Mutex<Option<Box<Door>>>> = Arc::default();
        let handler = {
            let (sandbox, now, looks, bulks, door) = (
                Arc::clone(&sandbox),
                Arc::clone(&now),
                Arc::clone(&looks),
                Arc::clone(&bulks),
                Arc::clone(&door),
            );
            move |request: &http::Request<Bytes>| {
                let at: Moment = now.lock().unwrap().to_string().parse().unwrap();
                if request.uri().host() == Some("gateway.example") {
                    return given(sandbox.handle(request, local(), at));
                }
                let serve = |request: &http::Request<Bytes>| sandbox.handle_platform(request, local(), at);
                let path = request.uri().path();
                if path.ends_with("/bulk") {
                    bulks.fetch_add(1, Ordering::Relaxed);
                } else if !path.ends_with("/oauth/token") && !path.contains("/messages/") {
                    looks.fetch_add(1, Ordering::Relaxed);
                }
                let door = door.lock().unwrap();
                let own = door
                    .as_ref()
                    .and_then(|door| door(request, &mut |request| serve(request).into_bytes().to_vec()));
                own.unwrap_or_else(|| given(serve(request)))
            }
        };
        let folder = tempfile::tempdir().unwrap();
        Self { sandbox, transport: MemoryTransport::new(handler), folder, now, looks, bulks, door }
    }

    fn client(&self, base: &str, login: Option<&str>) -> Client {
        let credentials = Credentials::new("sandbox-client", Secret::new("sandbox-secret-not-real")).unwrap();
        let builder = Client::builder(base.parse().unwrap(), credentials).seed(7);
        let builder = match login {
            Some(login) => builder.login(login.parse().unwrap()),
            None => builder,
        };
        builder.build(Arc::new(self.transport.clone()))
    }

    pub(crate) fn plan(&self, plan: &Value) {
        self.set("/_sandbox/platform", plan);
    }

    /// Tells the sandbox something.
    pub(crate) fn set(&self, path: &str, body: &Value) {
        self.own(&http::Request::post(path).body(Bytes::from(body.to_string())).unwrap());
    }

    /// Asks the sandbox something.
    pub(crate) fn ask(&self, path: &str) -> Value {
        serde_json::from_slice(&self.own(&http::Request::get(path).body(Bytes::new()).unwrap())).unwrap()
    }

    /// What there is to be read of the conversations that start in a range of days.
    pub(crate) fn totals(&self, from: &str, to: &str) -> Value {
        self.ask(&format!("/_sandbox/platform/totals?from={from}T00:00:00Z&to={to}T00:00:00Z"))
    }

    fn own(&self, request: &http::Request<Bytes>) -> Vec<u8> {
        let at: Moment = self.now.lock().unwrap().to_string().parse().unwrap();
        let reply = self.sandbox.handle_platform(request, local(), at);
        let status = reply.status();
        let body = reply.into_bytes().to_vec();
        assert!(status.is_success(), "{}: {status} {}", request.uri(), String::from_utf8_lossy(&body));
        body
    }

    pub(crate) fn at(&self, time: &str) {
        *self.now.lock().unwrap() = time.parse().unwrap();
    }

    fn door(
        &self,
        door: impl Fn(&http::Request<Bytes>, &mut dyn FnMut(&http::Request<Bytes>) -> Vec<u8>) -> Option<Reply>
        + Send
        + Sync
        + 'static,
    ) {
        *self.door.lock().unwrap() = Some(Box::new(door));
    }

    fn open_doors(&self) {
        *self.door.lock().unwrap() = None;
    }

    pub(crate) fn passes(&self, time: Duration) {
        let mut now = self.now.lock().unwrap();
        *now = now.checked_add(time).unwrap();
    }

    /// Looks and bulk reads since this was asked last.
    pub(crate) fn asked(&self) -> (u64, u64) {
        (self.looks.swap(0, Ordering::Relaxed), self.bulks.swap(0, Ordering::Relaxed))
    }

    async fn pull(&self, request: &PullRequest) -> PullReport {
        self.pull_until(request, std::future::pending(), &Silent).await
    }

    async fn pull_until(
        &self,
        request: &PullRequest,
        stop: impl Future<Output = ()>,
        monitor: &dyn Monitor,
    ) -> PullReport {
        let gateway = Gateway::new(self.client("https://gateway.example", None));
        self.run(&gateway, &self.platform(), request, stop, monitor).await
    }

    /// The same with the details, too, by the platform.
    pub(crate) async fn pull_platform(&self, request: &PullRequest) -> PullReport {
        let platform = self.platform();
        self.run(&platform, &platform, request, std::future::pending(), &Silent).await
    }

    fn platform(&self) -> Platform {
        Platform::new(self.client("https://platform.example", Some("https://platform.example/login")))
    }

    async fn run(
        &self,
        source: &dyn ConversationSource,
        platform: &Platform,
        request: &PullRequest,
        stop: impl Future<Output = ()>,
        monitor: &dyn Monitor,
    ) -> PullReport {
        let now = Arc::clone(&self.now);
        let clock = move || *now.lock().unwrap();
        let writer = Writer::open(&self.root(), &Settings::default(), Arc::new(clock.clone())).unwrap();
        let writer = Arc::new(writer);
        let pull = Pull::new(source, Arc::clone(&writer), OrganizationId::default(), &clock)
            .transcripts(Some(Transcripts::new(platform, WINDOW)));
        let report = pull.run(request, stop, monitor).await.unwrap();
        drop(pull);
        Arc::into_inner(writer).expect("nobody else writes").close().unwrap();
        report
    }

    pub(crate) fn root(&self) -> std::path::PathBuf {
        self.folder.path().join("archive")
    }

    fn reader(&self) -> Reader {
        let reader = Reader::open(&self.root(), &ReadOptions::default()).unwrap();
        let report = reader.verify(&VerifyOptions::default(), &mut |_| {}).unwrap();
        assert!(report.damaged.is_empty(), "{:?}", report.damaged);
        reader
    }

    /// The latest transcripts by id: version and text.
    fn texts(&self) -> BTreeMap<String, (u32, String)> {
        let reader = self.reader();
        let query =
            ListQuery { kind: Some(RecordKind::Transcript), latest_only: true, ..ListQuery::default() };
        let entries: Vec<_> = reader.list(&query).map(Result::unwrap).collect();
        let text = |key: &RecordKey| {
            transcript(RecordKind::Transcript, &reader.show(key, None).unwrap().unwrap().bytes)
        };
        entries.iter().map(|entry| (entry.key.id.to_string(), (entry.version, text(&entry.key)))).collect()
    }
}

fn year() -> PullRequest {
    request("2025-01-01", "2026-01-01")
}

pub(crate) fn counts(report: &PullReport) -> TranscriptReport {
    report.certificate.transcripts.unwrap()
}

#[tokio::test(start_paused = true)]
async fn every_text_is_taken_once_and_what_is_settled_costs_nothing() {
    let both = Both::new(300);
    let first = both.pull(&year()).await;
    assert_eq!(first.certificate.state, RunState::Complete, "{:?}", first.certificate);
    let counted = counts(&first);
    assert_eq!((counted.looked, counted.stored, counted.late, counted.waiting), (300, 300, 0, 0));
    let (looks, bulks) = both.asked();
    assert_eq!(looks, 300);
    assert!((200..=300).contains(&bulks), "{bulks}: calls and mails have no messages");
    let texts = both.texts();
    assert_eq!(texts.len(), 300);
    assert!(texts.values().filter(|(_, text)| !text.is_empty()).count() as u64 >= bulks);

    // Every conversation is found once, by what was said.
    let said = texts.values().map(|(_, text)| text).find(|text| text.len() > 20).unwrap();
    let word: String = said.chars().take(12).collect();
    let page = both.reader().search(&Search::new(Expression::Contains(word.clone()), 300)).unwrap();
    let has = |text: &str| text.to_lowercase().contains(&word.to_lowercase());
    assert_eq!(page.count.unwrap(), texts.values().filter(|(_, text)| has(text)).count() as u64);

    let second = both.pull(&year()).await;
    assert_eq!(second.certificate.state, RunState::Complete);
    assert_eq!(counts(&second), TranscriptReport::default());
    assert_eq!(both.asked(), (0, 0));
    // A part of the range is known, too.
    both.pull(&request("2025-03-01", "2025-04-01")).await;
    assert_eq!(both.asked(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_late_is_waited_for_and_completes_the_next_run() {
    let both = Both::new(200);
    both.plan(&json!({"late": 0.1, "late_seconds": 3600}));
    let first = both.pull(&year()).await;
    assert_eq!(first.certificate.state, RunState::Provisional);
    let late = counts(&first).late;
    assert!(late > 10 && late == first.certificate.late && late == counts(&first).waiting, "{late}");
    let queued = LateQueue::default().waiting(&both.reader()).unwrap();
    assert_eq!(queued.len() as u64, late);
    assert!(queued.iter().all(|one| one.why == frontdesk_archiver::Why::Late && one.due.is_none()));
    both.asked();
    let before = both.texts();

    both.passes(WINDOW);
    let second = both.pull(&year()).await;
    assert_eq!(second.certificate.state, RunState::Complete);
    let counted = counts(&second);
    assert_eq!((counted.looked, counted.versions_added, counted.gone), (late, late, 0));
    assert_eq!((counted.late, counted.waiting), (0, 0));
    assert_eq!(both.asked(), (late, late));
    let grown = both.texts().into_iter().filter(|(id, text)| before[id] != *text);
    let grown: Vec<_> =
        grown.map(|(id, (version, text))| (version, text.len() > before[&id].1.len())).collect();
    assert_eq!(grown.len() as u64, late);
    assert!(grown.iter().all(|(version, longer)| *version == 2 && *longer));
    assert_eq!(counts(&both.pull(&year()).await).looked, 0);
    assert_eq!(LateQueue::default().waiting(&both.reader()).unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn what_never_comes_is_given_up_after_the_window_and_not_before() {
    let both = Both::new(100);
    both.plan(&json!({"absent": 0.05}));
    let singles = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&singles);
    both.door(move |request, _| {
        let path = request.uri().path();
        let is_single = path.contains("/messages/") && path.contains("/api/v2/") && !path.ends_with("/bulk");
        count.fetch_add(u64::from(is_single), Ordering::Relaxed);
        None
    });
    let first = both.pull(&year()).await;
    let late = counts(&first).late;
    assert!(late > 0 && first.certificate.state == RunState::Provisional);
    let absent = both.totals("2025-01-01", "2026-01-01")["absent"].as_u64().unwrap();
    // As long as they are waited for there is another look: a few tries suffice.
    assert!(absent > 16 && singles.swap(0, Ordering::Relaxed) == 16, "{absent}");
    both.passes(DAY);
    let second = both.pull(&year()).await;
    assert_eq!((counts(&second).late, counts(&second).looked, counts(&second).gone), (late, late, 0));
    assert_eq!(singles.swap(0, Ordering::Relaxed), 16);
    both.passes(2 * DAY);
    let third = both.pull(&year()).await;
    assert_eq!(third.certificate.state, RunState::Complete);
    assert_eq!((counts(&third).gone, counts(&third).unchanged, counts(&third).waiting), (late, late, 0));
    assert_eq!(
        singles.swap(0, Ordering::Relaxed),
        absent,
        "none is given up that was not asked for by itself"
    );
}

#[tokio::test(start_paused = true)]
async fn what_ended_lately_is_looked_at_once_more_when_nothing_is_threaded_into_it_any_more() {
    let both = Both::new(120);
    let end: Timestamp = "2025-07-01T00:00:00Z".parse().unwrap();
    *both.now.lock().unwrap() = end.checked_add(Duration::from_secs(3600)).unwrap();
    let half = request("2025-01-01", "2025-07-01");
    both.pull(&half).await;
    let (looked, _) = both.asked();
    assert!(looked > 20, "{looked}");
    let lately = counts(&both.pull(&half).await).waiting;
    assert_eq!(both.asked().0, 0, "none is due");
    assert!(lately > 0, "some conversation ended in the last three days of June");

    // They are taken up again.
    both.door(move |request, serve| {
        if !request.uri().path().ends_with("/bulk") {
            return None;
        }
        let mut body: Value = serde_json::from_slice(&serve(request)).unwrap();
        for entity in body["entities"].as_array_mut()? {
            entity["normalizedMessage"]["text"] = json!("taken up again");
        }
        Some(Reply::json(&body))
    });
    both.passes(WINDOW);
    // Another range: what is due is looked at by whatever run comes.
    let other = both.pull(&request("2025-01-01", "2025-01-02")).await;
    let counted = counts(&other);
    assert_eq!((counted.looked, counted.waiting, other.certificate.state), (lately, 0, RunState::Complete));
    let (looks, with_messages) = both.asked();
    assert_eq!((looks, counted.versions_added), (lately, with_messages));
    let grown =
        both.texts().into_values().filter(|(version, text)| *version == 2 && text.contains("taken up again"));
    assert_eq!(grown.count() as u64, with_messages);
    both.passes(WINDOW);
    both.pull(&half).await;
    assert_eq!(both.asked().0, 0, "they are settled");
}

/// Rings after so many stores of transcripts.
struct Bell(AtomicU64, u64, Arc<Notify>);

impl Monitor for Bell {
    fn transcripts(&self, counts: &TranscriptReport) {
        if counts.looked >= self.1 && self.0.fetch_add(1, Ordering::Relaxed) == 0 {
            self.2.notify_one();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_stopped_or_killed_goes_on_behind_the_last_text() {
    for killed in [false, true] {
        let both = Both::new(400);
        let rung = Arc::new(Notify::new());
        let bell = Bell(AtomicU64::new(0), 100, Arc::clone(&rung));
        let stop = {
            let rung = Arc::clone(&rung);
            async move { rung.notified().await }
        };
        if killed {
            // Dropped in the middle of it.
            let range = year();
            tokio::select! {
                () = stop => {}
                _ = both.pull_until(&range, std::future::pending(), &bell) => unreachable!("it is stopped before"),
            }
        } else {
            let first = both.pull_until(&year(), stop, &bell).await;
            assert!(first.interrupted);
            assert_eq!(first.certificate.state, RunState::Incomplete);
            let reasons: Vec<_> = first.certificate.missing.iter().map(|missing| &*missing.reason).collect();
            assert_eq!(reasons, ["transcripts: interrupted"]);
        }
        let (before, _) = both.asked();
        assert!(before < 300, "{before}");
        let second = both.pull(&year()).await;
        assert!(second.resumed);
        assert_eq!(second.certificate.state, RunState::Complete, "{:?}", second.certificate.missing);
        assert_eq!(counts(&second).looked, 400, "the whole run is counted, not the last session");
        assert_eq!((counts(&second).stored + counts(&second).unchanged), 400);
        let (after, _) = both.asked();
        assert!(before + after < 400 + 80, "{before} and {after}: what was stored is not asked for again");
        assert_eq!(both.texts().len(), 400);
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_that_fails_makes_the_run_incomplete_and_the_next_mends_it() {
    let both = Both::new(100);
    let victim: Arc<Mutex<Option<String>>> = Arc::default();
    let chosen = Arc::clone(&victim);
    both.door(move |request, _| {
        let path = request.uri().path().to_owned();
        if path.contains("/messages/") || path.contains("oauth") {
            return None;
        }
        let mut chosen = chosen.lock().unwrap();
        (*chosen.get_or_insert_with(|| path.clone()) == path).then(|| {
            Reply::status(400).body(br#"{"message":"no","code":"bad.request","status":400}"#.to_vec())
        })
    });
    let first = both.pull(&year()).await;
    assert_eq!(first.certificate.state, RunState::Incomplete);
    assert_eq!((counts(&first).failed, counts(&first).stored), (1, 99));
    assert_eq!(first.certificate.missing[0].reason, "transcripts of 1 conversations failed");
    both.open_doors();
    both.asked();
    let second = both.pull(&year()).await;
    assert!(second.resumed);
    assert_eq!((second.certificate.state, counts(&second).failed), (RunState::Complete, 0));
    assert_eq!(both.asked().0, 1);
}

#[tokio::test(start_paused = true)]
async fn who_may_not_read_ends_the_run_and_loses_nothing() {
    let both = Both::new(100);
    let seen = Arc::new(AtomicU64::new(0));
    both.door(move |request, _| {
        let path = request.uri().path();
        let look = !path.contains("/messages/") && !path.contains("oauth");
        (look && seen.fetch_add(1, Ordering::Relaxed) >= 40).then(|| {
            let body = br#"{"message":"Missing the following permission(s): [conversation:communication:view]","code":"missing.any.permissions","status":403}"#;
            Reply::status(403).body(body.to_vec())
        })
    });
    let first = both.pull(&year()).await;
    assert_eq!(first.certificate.state, RunState::Incomplete);
    assert!(first.cause.as_ref().is_some_and(|cause| cause.is_auth()));
    assert_eq!(first.certificate.missing[0].reason, "transcripts: not reached");
    assert_eq!(counts(&first).stored, 40);
    both.open_doors();
    let second = both.pull(&year()).await;
    assert_eq!((second.certificate.state, counts(&second).looked), (RunState::Complete, 100));
}

#[tokio::test(start_paused = true)]
async fn details_that_change_are_looked_at_again_and_links_signed_anew_are_no_version() {
    let both = Both::new(60);
    let reads = Arc::new(AtomicU64::new(0));
    both.door(move |request, serve| {
        if !request.uri().path().ends_with("/bulk") {
            return None;
        }
        let mut body: Value = serde_json::from_slice(&serve(request)).unwrap();
        for entity in body["entities"].as_array_mut()? {
            let link = format!("https://files.example/a?Signature={}", reads.fetch_add(1, Ordering::Relaxed));
            entity["normalizedMessage"]["content"] =
                json!([{"contentType": "Attachment", "attachment": {"url": link}}]);
        }
        Some(Reply::json(&body))
    });
    both.pull(&year()).await;
    // The details of all of them change: another version each.
    let writer =
        Writer::open(&both.root(), &Settings::default(), Arc::new(|| Timestamp::UNIX_EPOCH)).unwrap();
    let reader = writer.reader().unwrap();
    let query = ListQuery { kind: Some(RecordKind::Details), ..ListQuery::default() };
    let changed = reader.list(&query).take(7).map(|entry| {
        let record = reader.show(&entry.unwrap().key, None).unwrap().unwrap();
        let mut value: Value = serde_json::from_slice(&record.bytes).unwrap();
        value["changed"] = json!(true);
        frontdesk_archive::Prepared::from_details(serde_json::to_vec(&value).unwrap()).unwrap()
    });
    let changed: Vec<_> = changed.collect();
    writer.put(changed).unwrap();
    drop(reader);
    writer.close().unwrap();
    both.asked();
    // The listing brings the first form again, which is a version, too.
    let again = both.pull(&year()).await;
    assert_eq!(again.certificate.versions_added, 7);
    assert_eq!((counts(&again).looked, counts(&again).unchanged), (7, 7));
    assert_eq!(both.asked().0, 7);
}
