//! A tenant in process, an archive in a temporary folder, and what tests ask of them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use frontdesk_api::transport::memory::{MemoryTransport, Reply};
use frontdesk_api::{Client, Credentials, Gateway};
use frontdesk_archive::{ReadOptions, Reader, Settings, Writer};
use frontdesk_archiver::{Monitor, Note, Pull, PullReport, PullRequest};
use frontdesk_domain::{OrganizationId, PageSize, Secret, TimeRange, Timestamp};
use frontdesk_sandbox::{Break, Config, Ending, FaultPlan, Moment, Sandbox, machine_time};

/// Well past 2025, so that nothing of it is inside the look-back.
pub(crate) const NOW: &str = "2026-06-01T00:00:00Z";

pub(crate) struct Tenant {
    pub(crate) sandbox: Arc<Sandbox>,
    transport: MemoryTransport,
    folder: tempfile::TempDir,
    pub(crate) now: Timestamp,
}

impl Tenant {
    pub(crate) fn new(conversations: u64, faults: &str) -> Self {
        let faults: FaultPlan = serde_json::from_str(faults).unwrap();
        let config =
            Config { conversations: Some(conversations), rate_limit_per_min: 0, faults, ..Config::default() };
        let sandbox = Arc::new(Sandbox::new(config).unwrap());
        let served = Arc::clone(&sandbox);
        Self::answering(sandbox, move |request| answer(&served, request))
    }

    /// A tenant whose answers go through `handler`.
    pub(crate) fn answering(
        sandbox: Arc<Sandbox>,
        handler: impl Fn(&http::Request<Bytes>) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self {
            sandbox,
            transport: MemoryTransport::new(handler),
            folder: tempfile::tempdir().unwrap(),
            now: NOW.parse().unwrap(),
        }
    }

    /// Sends the sandbox one of its own requests.
    pub(crate) fn door(&self, path: &str, body: &str) {
        let request = http::Request::post(path).body(Bytes::from(body.to_owned())).unwrap();
        let reply = self.sandbox.handle(&request, IpAddr::V4(Ipv4Addr::LOCALHOST), machine_time());
        assert!(reply.status().is_success(), "{path}: {}", reply.status());
    }

    pub(crate) fn requests(&self) -> u64 {
        self.transport.requests()
    }

    pub(crate) fn gateway(&self) -> Gateway {
        let credentials = Credentials::new("sandbox-client", Secret::new("sandbox-secret-not-real")).unwrap();
        let base = "https://gateway.example".parse().unwrap();
        Gateway::new(Client::builder(base, credentials).seed(7).build(Arc::new(self.transport.clone())))
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("archive")
    }

    pub(crate) fn writer(&self) -> Arc<Writer> {
        let now = self.now;
        Arc::new(Writer::open(&self.root(), &Settings::default(), Arc::new(move || now)).unwrap())
    }

    pub(crate) async fn pull(&self, request: &PullRequest) -> PullReport {
        self.pull_until(request, std::future::pending(), &Notes::default()).await
    }

    pub(crate) async fn pull_until(
        &self,
        request: &PullRequest,
        stop: impl Future<Output = ()>,
        monitor: &dyn Monitor,
    ) -> PullReport {
        let gateway = self.gateway();
        let writer = self.writer();
        let now = self.now;
        let clock = move || now;
        let pull = Pull::new(&gateway, Arc::clone(&writer), OrganizationId::default(), &clock);
        let report = pull.run(request, stop, monitor).await.unwrap();
        drop(pull);
        Arc::into_inner(writer).expect("nobody else writes").close().unwrap();
        report
    }

    /// Version numbers by id, as the archive lists them; fails when verify finds anything.
    pub(crate) fn archived(&self) -> BTreeMap<String, Vec<u32>> {
        let reader = Reader::open(&self.root(), &ReadOptions::default()).unwrap();
        let report = reader.verify(&frontdesk_archive::VerifyOptions::default(), &mut |_| {}).unwrap();
        assert!(report.damaged.is_empty(), "{:?}", report.damaged);
        let mut versions = BTreeMap::<String, Vec<u32>>::new();
        for entry in reader.list(&frontdesk_archive::ListQuery::default()) {
            let entry = entry.unwrap();
            versions.entry(entry.key.id.as_str().to_owned()).or_default().push(entry.version);
        }
        versions
    }
}

/// What the sandbox answers, as the in-memory transport gives it.
pub(crate) fn answer(sandbox: &Sandbox, request: &http::Request<Bytes>) -> Reply {
    answer_at(sandbox, request, machine_time())
}

/// The same at a time of its own.
pub(crate) fn answer_at(sandbox: &Sandbox, request: &http::Request<Bytes>, now: Moment) -> Reply {
    given(sandbox.handle(request, IpAddr::V4(Ipv4Addr::LOCALHOST), now))
}

/// A sandbox's reply as the in-memory transport gives it.
pub(crate) fn given(reply: frontdesk_sandbox::Reply) -> Reply {
    let (delay, ending) = (reply.delay, reply.ending);
    let mut given = Reply::status(reply.status().as_u16());
    for (name, value) in reply.response.headers() {
        given = given.header(name.as_str(), value.to_str().unwrap());
    }
    given = given.body(reply.into_bytes()).after(delay);
    match ending {
        Ending::Whole => given,
        Ending::Broken { after: None, .. } => Reply::reset().after(delay),
        Ending::Broken { how: Break::Stall, after: Some(bytes) } => {
            given.stall_at(usize::try_from(bytes).unwrap())
        }
        Ending::Broken { after: Some(bytes), .. } => given.cut_at(usize::try_from(bytes).unwrap()),
    }
}

/// All of 2025 in pages of 20.
pub(crate) fn year() -> PullRequest {
    request("2025-01-01", "2026-01-01")
}

pub(crate) fn request(from: &str, to: &str) -> PullRequest {
    let time = |text| Timestamp::from_date_or_time(text).unwrap();
    PullRequest {
        range: TimeRange::new(time(from), time(to)).unwrap(),
        filter: None,
        page_size: PageSize::new(20).unwrap(),
        look_back: Duration::from_secs(72 * 3600),
        in_flight: NonZero::new(4).unwrap(),
    }
}

/// Keeps what a job says.
#[derive(Default)]
pub(crate) struct Notes(pub(crate) Mutex<Vec<Note>>);

impl Monitor for Notes {
    fn note(&self, note: &Note) {
        self.0.lock().unwrap().push(note.clone());
    }
}

/// Every file below a folder with its bytes.
pub(crate) fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    found
}
