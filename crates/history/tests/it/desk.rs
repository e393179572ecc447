//! A source whose pages are a function, and everything else a pull needs, in a temporary folder.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use frontdesk_api::clock::VirtualClock;
use frontdesk_api::transport::memory::{MemoryTransport, Reply};
use frontdesk_api::{CallOptions, Client, Gateway};
use frontdesk_domain::audit::{AuditKind, HistoryRecord};
use frontdesk_domain::message::{HistoryTarget, Message, TypeFilter};
use frontdesk_domain::{HistoryPageSize, MaxDepth, Timestamp};
use frontdesk_durable::{Dir, OsDir};
use frontdesk_history::{
    Clock, Delivered, Destination, Finished, Folder, HistoryPull, PullReport, PullRequest, Session, Silent,
    StoreError,
};
use frontdesk_journal::{Journal, Settings};
use serde_json::{Value, json};

pub(crate) fn noon() -> Timestamp {
    "2025-03-01T12:00:00Z".parse().unwrap()
}

pub(crate) fn target(conversation: &str) -> HistoryTarget {
    HistoryTarget::new("org", "dom", conversation).unwrap()
}

/// What was asked for: conversation and page token.
pub(crate) type Asked = Arc<Mutex<Vec<(String, String)>>>;

/// A gateway whose pages are a function of conversation and token.
pub(crate) fn gateway(pages: impl Fn(&str, &str) -> Reply + Send + Sync + 'static) -> (Gateway, Asked) {
    gateway_at("10000", pages)
}

/// The same, asked at a rate.
pub(crate) fn gateway_at(
    rate: &str,
    pages: impl Fn(&str, &str) -> Reply + Send + Sync + 'static,
) -> (Gateway, Asked) {
    let asked = Asked::default();
    let log = Arc::clone(&asked);
    let transport = MemoryTransport::new(move |request| {
        let conversation = request.uri().path().split('/').nth_back(1).unwrap().to_owned();
        let query = request.uri().query().unwrap_or_default();
        let token = query.split('&').find_map(|pair| pair.strip_prefix("nextPageToken=")).unwrap_or_default();
        log.lock().unwrap().push((conversation.clone(), token.to_owned()));
        pages(&conversation, token)
    });
    let clock = Arc::new(VirtualClock::starting_at(noon()));
    let client = Client::without_token("https://api.example.com".parse().unwrap());
    let client = client.clock(clock).seed(7).rate(rate.parse().unwrap()).build(Arc::new(transport));
    (Gateway::new(client).options(CallOptions::default().attempts(1)), asked)
}

/// A message of a number and a second.
pub(crate) fn message(number: u32, second: u32) -> Value {
    json!({"id": format!("m-{number}"), "type": if number.is_multiple_of(3) { "image" } else { "text" },
        "timestamp": format!("2025-03-01T10:{:02}:{:02}Z", second / 60, second % 60)})
}

pub(crate) fn page(messages: &[Value], next: Option<&str>) -> Reply {
    page_of(messages, next, 6)
}

/// A page of a history of so many messages.
pub(crate) fn page_of(messages: &[Value], next: Option<&str>, total: u32) -> Reply {
    Reply::json(&json!({"entities": messages, "meta": {"nextPageToken": next, "total": total}}))
}

/// Three pages of two messages each, in order.
pub(crate) fn three_pages(token: &str) -> Reply {
    match token {
        "" => page(&[message(1, 1), message(2, 2)], Some("p2")),
        "p2" => page(&[message(3, 3), message(4, 4)], Some("p3")),
        _ => page(&[message(5, 5), message(6, 6)], None),
    }
}

/// A data directory.
pub(crate) struct Desk {
    pub(crate) temp: tempfile::TempDir,
    runs: AtomicU32,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self::in_folder(tempfile::tempdir().unwrap())
    }

    pub(crate) fn in_folder(temp: tempfile::TempDir) -> Self {
        Self { temp, runs: AtomicU32::new(0) }
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.temp.path().join(name)
    }

    pub(crate) fn dir(&self, name: &str) -> Arc<dyn Dir> {
        Arc::new(OsDir::open_or_create(self.path(name)).unwrap())
    }

    /// A number that no run had.
    pub(crate) fn next(&self) -> u32 {
        self.runs.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn journal(&self) -> Arc<Journal> {
        let settings = Settings::default();
        Arc::new(Journal::open(&self.path("journal"), &settings, Arc::new(noon)).unwrap())
    }

    pub(crate) fn folder(&self) -> Arc<dyn Destination> {
        Arc::new(Folder::new(self.dir("out"), "out"))
    }

    pub(crate) async fn pull(&self, gateway: &Gateway, request: &PullRequest, ids: &[&str]) -> PullReport {
        self.pull_to(gateway, request, ids, self.folder(), self.dir("work")).await.unwrap()
    }

    pub(crate) async fn pull_to(
        &self,
        gateway: &Gateway,
        request: &PullRequest,
        ids: &[&str],
        destination: Arc<dyn Destination>,
        work: Arc<dyn Dir>,
    ) -> Result<PullReport, StoreError> {
        let session = Session { journal: self.journal(), work };
        let clock: Clock = Arc::new(noon);
        let job = HistoryPull::new(gateway, session, destination, clock);
        let targets = ids.iter().map(|id| target(id)).collect();
        job.run(request, targets, std::future::pending(), &Silent).await
    }

    /// The lines of a file of the folder.
    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.path("out").join("org/dom").join(name));
        text.unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// The audit records of kind history, as their steps and tokens.
    pub(crate) fn steps(&self) -> Vec<(String, Option<String>, u64)> {
        let mut steps = Vec::new();
        let journal = self.journal();
        let reader = journal.reader().unwrap();
        reader
            .entries(0, Some(AuditKind::History), &mut |entry| {
                let record: HistoryRecord = serde_json::from_str(&entry.record().unwrap()).unwrap();
                let name = serde_json::to_value(record.event).unwrap().as_str().unwrap().to_owned();
                steps.push((name, record.page_token, record.message_count));
                ControlFlow::Continue(())
            })
            .unwrap();
        steps
    }

    pub(crate) fn working_files(&self) -> Vec<String> {
        let names = self.dir("work").list("").unwrap().into_iter().map(|entry| entry.name);
        // Locks stay, and so does what a failed write of a lock's text leaves.
        names.filter(|name| !name.contains(".lock") && !name.starts_with(".stage-")).collect()
    }
}

pub(crate) fn request() -> PullRequest {
    PullRequest {
        page_size: HistoryPageSize::default(),
        depth: MaxDepth::default(),
        types: TypeFilter::all(),
        resume: None,
        in_flight: NonZero::new(4).unwrap(),
    }
}

pub(crate) fn ids(lines: &[String]) -> Vec<String> {
    let id = |line: &String| Message::read(line.clone().into_bytes()).unwrap().id().to_string();
    lines.iter().map(id).collect()
}

/// Remembers what it was given, and forgets it with the process.
#[derive(Default)]
pub(crate) struct Shown(pub(crate) Mutex<BTreeMap<String, usize>>);

impl Destination for Shown {
    fn identity(&self) -> String {
        "shown".to_owned()
    }

    fn keeps(&self) -> bool {
        false
    }

    fn take(&self, history: &Finished<'_>) -> Result<Delivered, StoreError> {
        let mut count = 0;
        history.messages(&mut |_| {
            count += 1;
            Ok(())
        })?;
        self.0.lock().unwrap().insert(history.report().target.conversation().to_string(), count);
        Ok(Delivered::default())
    }
}

pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in from.read_dir().unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}
