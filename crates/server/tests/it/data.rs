//! A folder with an archive, a journal and tokens, served without a socket, and requests to it.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use frontdesk_archive::{Prepared, ReadOptions, Settings, Writer};
use frontdesk_domain::audit::AuditKind;
use frontdesk_domain::signature::SigningSecret;
use frontdesk_domain::{Event, EventKind, Timestamp};
use frontdesk_journal::outbox::{Attempt, NewEndpoint, Outcome, Settlement};
use frontdesk_journal::{Change, Journal, Reader};
use frontdesk_server::{ArchiveSource, Desk, Faces, Limits, Role, Tokens, Warnings, router};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Request, Response};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

/// The only conversation there is.
pub(crate) const LINE: &[u8] = br#"{"id":"c-1","startTime":"2025-03-01T10:00:00Z","interactions":[{"transcript":"a refund to anna@example.com"}]}"#;

/// A folder with an archive, a journal and tokens.
pub(crate) struct Data {
    folder: tempfile::TempDir,
}

impl Data {
    pub(crate) fn new() -> Self {
        Self::of([LINE.to_vec()])
    }

    /// With other conversations.
    pub(crate) fn of(lines: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now = Arc::new(|| Timestamp::UNIX_EPOCH);
        let writer = Writer::open(&folder.path().join("archive"), &Settings::default(), now).unwrap();
        let prepared = lines.into_iter().map(|line| Prepared::from_details(line).unwrap()).collect();
        writer.put(prepared).unwrap();
        writer.close().unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// What is in the folder.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub(crate) fn journal(&self) -> std::path::PathBuf {
        self.path().join("journal")
    }

    pub(crate) fn tokens(&self) -> Tokens {
        Tokens::new(self.path().to_owned())
    }

    pub(crate) fn token(&self, role: Role) -> String {
        self.tokens().create(role.as_str(), role, Timestamp::UNIX_EPOCH, None).unwrap().1
    }

    pub(crate) fn served(&self, asks: bool) -> Router {
        let source = Arc::new(ArchiveSource::new(self.path().join("archive"), ReadOptions::default()));
        let settings = frontdesk_journal::Settings::default();
        let clock = Arc::new(|| Timestamp::UNIX_EPOCH);
        let mut desk = Desk::new(Arc::clone(&source), self.journal(), settings, clock);
        if asks {
            desk = desk.asking_for(self.tokens());
        }
        let faces = Faces::default().archive(source).console(desk);
        router(faces, &Limits::default(), &Warnings::default()).unwrap()
    }

    /// An endpoint with three deliveries that were given up.
    pub(crate) fn with_dead_letters(&self) {
        let now = Timestamp::UNIX_EPOCH;
        let clock = Arc::new(move || now);
        let journal = Journal::open(&self.journal(), &frontdesk_journal::Settings::default(), clock).unwrap();
        let secret = SigningSecret::from_bytes(&[7; 32]).unwrap();
        let endpoint = NewEndpoint::new("https://crm.example/k3y", secret, [EventKind::SessionTerminated]);
        let id = endpoint.id().to_owned();
        journal.record(Change::new().add_endpoint(endpoint, now)).unwrap();
        for guest in ["g-1", "g-2", "g-3"] {
            journal.record(Change::new().event(Event::session_terminated(guest, "timeout", now))).unwrap();
        }
        for delivery in journal.reader().unwrap().due(&id, now, 9).unwrap() {
            let attempt = Attempt { at: now, took_ms: 7, status: Some(500), error: Some("HTTP 500".into()) };
            let settlement = Settlement { delivery, attempt, outcome: Outcome::Dead };
            journal.record(Change::new().settle(settlement)).unwrap();
        }
        journal.close().unwrap();
    }

    /// Takes the journal's keys away: it can be read, and nothing can be written.
    #[expect(clippy::disallowed_methods, reason = "a test takes the keys away")]
    pub(crate) fn without_keys(&self) {
        std::fs::remove_file(self.journal().join("keys")).unwrap();
    }

    /// The audit log's records of a kind.
    pub(crate) fn audited(&self, kind: AuditKind) -> Vec<Value> {
        let mut found = Vec::new();
        let Ok(reader) = Reader::open(&self.journal()) else { return found };
        let mut each = |entry: frontdesk_journal::Entry| {
            found.push(serde_json::from_str(&entry.record().unwrap()).unwrap());
            ControlFlow::Continue(())
        };
        reader.entries(0, Some(kind), &mut each).unwrap();
        found
    }
}

pub(crate) fn get(path: &str) -> http::request::Builder {
    Request::get(path).header(HOST, "localhost")
}

pub(crate) fn bearer(request: http::request::Builder, token: &str) -> http::request::Builder {
    request.header(AUTHORIZATION, format!("Bearer {token}"))
}

pub(crate) fn form(path: &str) -> http::request::Builder {
    Request::post(path)
        .header(HOST, "localhost")
        .header("content-length", "9")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
}

pub(crate) async fn ask(router: &Router, request: http::request::Builder, body: &str) -> Response<Body> {
    router.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap()
}

pub(crate) async fn status(router: &Router, request: http::request::Builder) -> u16 {
    ask(router, request, "").await.status().as_u16()
}

pub(crate) async fn json(response: Response<Body>) -> Value {
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}
