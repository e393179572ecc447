//! The console's pages, as a browser without a script gets them.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use frontdesk_archive::{Prepared, ReadOptions, Settings, Writer};
use frontdesk_domain::Timestamp;
use frontdesk_domain::audit::AuditKind;
use frontdesk_journal::Reader as JournalReader;
use frontdesk_server::{ArchiveSource, Desk, Faces, Limits, Role, Tokens, Warnings, router};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use tower::ServiceExt;

/// What somebody might type, or a platform send.
const HOSTILE: [&str; 6] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</title><svg/onload=alert(1)>",
    "javascript:alert(1)",
    "{{constructor.constructor('alert(1)')()}}",
];

struct Console {
    folder: tempfile::TempDir,
    router: Router,
}

impl Console {
    #[expect(clippy::disallowed_methods, reason = "a test takes the archive away")]
    fn without_archive(&self) {
        std::fs::remove_dir_all(self.folder.path().join("archive")).unwrap();
    }

    /// Takes a file or a folder of the archive away.
    #[expect(clippy::disallowed_methods, reason = "a test takes a part of the archive away")]
    fn without(&self, name: &str) {
        let path = self.folder.path().join("archive").join(name);
        if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }.unwrap();
    }

    /// Stores a conversation, and leaves the index as it is.
    fn put_without_index(&self, line: &serde_json::Value) {
        let settings = Settings { search_index: false, ..Settings::default() };
        let now = Arc::new(|| Timestamp::UNIX_EPOCH);
        let writer = Writer::open(&self.folder.path().join("archive"), &settings, now).unwrap();
        writer.put(vec![Prepared::from_details(line.to_string().into_bytes()).unwrap()]).unwrap();
        writer.close().unwrap();
    }

    /// Holds the archive's lock, as somebody who writes does.
    fn lock(&self) -> Box<dyn frontdesk_durable::Held> {
        use frontdesk_durable::Dir;
        let dir = frontdesk_durable::OsDir::open(self.folder.path().join("archive")).unwrap();
        dir.try_lock("lock").unwrap().unwrap()
    }

    /// Puts other bytes in the place of a file of the archive, or of every file of a folder.
    #[expect(clippy::disallowed_methods, reason = "a test damages an archive")]
    fn change(&self, name: &str, bytes: &[u8]) {
        let mut paths = vec![self.folder.path().join("archive").join(name)];
        while let Some(path) = paths.pop() {
            match path.is_dir() {
                true => paths.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path())),
                false => std::fs::write(path, bytes).unwrap(),
            }
        }
    }

    fn new(lines: &[serde_json::Value], asks: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("archive");
        let now = Arc::new(|| Timestamp::UNIX_EPOCH);
        let writer = Writer::open(&root, &Settings::default(), now).unwrap();
        for line in lines {
            writer.put(vec![Prepared::from_details(line.to_string().into_bytes()).unwrap()]).unwrap();
        }
        writer.close().unwrap();
        let source = Arc::new(ArchiveSource::new(root, ReadOptions::default()));
        let clock = Arc::new(|| Timestamp::UNIX_EPOCH);
        let journal = folder.path().join("journal");
        let mut desk = Desk::new(Arc::clone(&source), journal, frontdesk_journal::Settings::default(), clock);
        if asks {
            desk = desk.asking_for(Tokens::new(folder.path().to_owned()));
        }
        let faces = Faces::default().archive(source).console(desk);
        let router = router(faces, &Limits::default(), &Warnings::default()).unwrap();
        Self { folder, router }
    }

    async fn send(&self, request: http::request::Builder, body: String) -> (StatusCode, HeaderMap, String) {
        let request = request.header("host", "localhost").header("accept", "text/html");
        let answer = self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head.status, head.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn page(&self, path: &str) -> (StatusCode, String) {
        let (status, headers, body) = self.send(Request::get(path), String::new()).await;
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert!(body.starts_with("<!DOCTYPE html>"), "{path}: {body}");
        (status, body)
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> (StatusCode, String) {
        let fields: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let body = fields.join("&");
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("content-length", body.len());
        let (status, _, body) = self.send(request, body).await;
        (status, body)
    }

    fn audited(&self) -> Vec<serde_json::Value> {
        let mut found = Vec::new();
        let reader = JournalReader::open(&self.folder.path().join("journal")).unwrap();
        let mut each = |entry: frontdesk_journal::Entry| {
            found.push(serde_json::from_str(&entry.record().unwrap()).unwrap());
            std::ops::ControlFlow::Continue(())
        };
        reader.entries(0, Some(AuditKind::Access), &mut each).unwrap();
        found
    }
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn line(id: &str, said: &str) -> serde_json::Value {
    serde_json::json!({"id": id, "startTime": "2025-03-01T10:00:00Z", "queue": "web",
        "interactions": [{"transcript": said}], "metadata": {"topic": "parcel"}})
}

/// What a form of a page sends back.
fn csrf(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"csrf\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_text_is_text_on_every_page() {
    let lines: Vec<_> = HOSTILE
        .iter()
        .enumerate()
        .map(|(at, text)| {
            serde_json::json!({"id": format!("{text}{at}"), "startTime": "2025-03-01T10:00:00Z", "queue": text,
                "agent": text, "type": text, "language": text, "direction": text, "metadata": {(*text): text},
                "interactions": [{"transcript": format!("word {text}"), "messages": [{"id": text, "direction": "inbound", "text": format!("word {text}"),
                    "status": text, "timestamp": "2025-03-01T10:00:00Z", "media": {"url": text, "name": text}}]}]})
        })
        .collect();
    let console = Console::new(&lines, false);
    let mut paths: Vec<String> = [
        "/",
        "/coverage",
        "/runs",
        "/sessions",
        "/sla",
        "/webhooks",
        "/audit",
        "/audit?verify=true",
        "/holds",
        "/login",
    ]
    .map(str::to_owned)
    .to_vec();
    for (at, text) in HOSTILE.iter().enumerate() {
        let (id, text) = (encoded(&format!("{text}{at}")), encoded(text));
        paths.extend([
            format!("/?q={text}"),
            format!("/?q=word&cursor={text}"),
            format!("/?q={}", encoded(&format!("word queue:\"{}", HOSTILE[at]))),
            format!("/?{text}={text}"),
            format!("/conversations/{id}"),
            format!("/conversations/{id}?find={text}&message={text}"),
            format!("/conversations/{text}"),
            format!("/coverage?day={text}"),
            format!("/runs?day={text}&cursor={text}"),
            format!("/runs/{text}"),
            format!("/webhooks?id={text}&endpoint={text}"),
            format!("/sessions?cursor={text}"),
            format!("/sla?from={text}"),
            format!("/audit?kind={text}"),
            format!("/holds?matter={text}"),
            format!("/login?next={text}"),
        ]);
    }
    for path in paths {
        let (status, page) = console.page(&path).await;
        assert!(!status.is_server_error(), "{path}: {status}");
        for tag in ["<script>", "<img", "<svg", " onerror=", " onload="] {
            let escaped = page.replace("&quot;", "").replace("&lt;", "");
            // Inside of text these words may stand, but never as a tag or as an attribute of one.
            let bad = escaped.split('<').skip(1).any(|part| {
                let inside = part.split('>').next().unwrap_or_default();
                let outside_of_values: String = inside.split('"').step_by(2).collect();
                format!("<{outside_of_values}").contains(tag)
            });
            assert!(!bad, "{path} has {tag}");
        }
        assert!(!page.contains("href=\"javascript:"), "{path}");
    }
    let (_, page) = console.page("/?q=word").await;
    assert_eq!(page.matches("class=\"hit\"").count(), HOSTILE.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_states_of_a_search_look_different() {
    let console = Console::new(&[line("c-1", "guest: a Refund please")], false);
    let (status, page) = console.page("/?q=refund").await;
    assert_eq!(status, 200);
    assert!(page.contains("1 conversation found") && page.contains("<mark>Refund</mark>"), "{page}");
    assert!(page.contains("/conversations/c-1?find=refund"), "{page}");
    let (status, page) = console.page("/?q=zebra").await;
    assert!(status == 200 && page.contains("data-state=\"empty\""), "{page}");
    let (status, page) = console.page("/?q=refund%20queu:web").await;
    assert!(
        status == 400 && page.contains("data-column=\"8\"") && page.contains("refund queu:web\n       ^"),
        "{page}"
    );
    let (status, page) = console.page("/?nonsense=1").await;
    assert!(status == 400 && page.contains("Not understood"), "{page}");
    let none = Console::new(&[], false);
    let (status, page) = none.page("/").await;
    assert!(status == 200 && page.contains("The archive is empty."), "{page}");
    let none = Console::new(&[], false);
    none.without_archive();
    let (status, page) = none.page("/").await;
    assert!(status == 503 && page.contains("data-state=\"no-archive\""), "{page}");

    // What was found by the index and cannot be read is missing from the page.
    let console = Console::new(&[line("c-1", "guest: a Refund please"), line("c-2", "guest: hello")], false);
    console.change("segments", b"x");
    let (status, page) = console.page("/?q=refund").await;
    assert!(
        status == 200 && page.contains("data-state=\"partial\"") && page.contains("1 conversation is"),
        "{page}"
    );
    assert!(!page.contains("data-state=\"empty\""), "{page}");

    // Without an index everything is read: the answer is whole, and says why it took its time.
    let console = Console::new(&[line("c-1", "guest: a Refund please")], false);
    let indexed = console.page("/?q=refund").await.1;
    assert!(!indexed.contains("data-state="), "{indexed}");
    console.without("search");
    let (status, page) = console.page("/?q=refund").await;
    assert!(
        status == 200 && page.contains("data-state=\"indexing\"") && page.contains("no search index yet"),
        "{page}"
    );
    assert!(page.contains("1 conversation found") && page.contains("<mark>Refund</mark>"), "{page}");
    for other in ["empty", "partial", "failed", "no-archive", "wrong"] {
        assert!(!page.contains(&format!("data-state=\"{other}\"")), "{other}: {page}");
    }
    // With one that lacks the last conversations these are read, and counted.
    let console = Console::new(&[line("c-1", "guest: a Refund please")], false);
    console.put_without_index(&line("c-2", "guest: another refund"));
    let (_, page) = console.page("/?q=refund").await;
    assert!(
        page.contains("data-state=\"indexing\"") && page.contains("Still indexing: 1 conversation is"),
        "{page}"
    );
    assert!(page.contains("2 conversations found"), "{page}");
    // A catalog that is gone while somebody else writes is made up for the question.
    let console = Console::new(&[line("c-1", "guest: a Refund please")], false);
    let writing = console.lock();
    console.without("catalog.sqlite");
    let (_, page) = console.page("/?q=refund").await;
    assert!(page.contains("data-state=\"indexing\"") && page.contains("brought up to date"), "{page}");
    drop(writing);

    let console = Console::new(&[line("c-1", "guest: a Refund please")], false);
    console.change("FORMAT.json", b"{");
    let (status, page) = console.page("/?q=refund").await;
    assert!(
        status == 503 && page.contains("data-state=\"failed\"") && page.contains("value=\"refund\""),
        "{page}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_very_long_conversation_is_small_and_leads_to_every_message() {
    let messages: Vec<_> = (0..20_000)
        .map(|at| serde_json::json!({"id": format!("m-{at}"), "direction": "inbound", "text": format!("word {at}")}))
        .collect();
    let console =
        Console::new(&[serde_json::json!({"id": "long", "interactions": [{"messages": messages}]})], false);
    let (status, page) = console.page("/conversations/long").await;
    assert!(status == 200 && page.contains("1 to 200 of 20000") && page.contains("20,000 turns"), "{page}");
    assert!(page.len() < 150_000, "{} bytes", page.len());
    let (_, page) = console.page("/conversations/long?message=m-12345").await;
    assert!(page.contains("word 12345<") && page.contains("12201 to 12400 of 20000"), "{page}");
    assert!(page.contains("?message=m-12345#t-12346"), "a message's link is the same on any page: {page}");
    let (_, page) = console.page("/conversations/long?find=word%201999").await;
    assert!(page.contains("data-found=\"11\"") && page.contains("<mark>word 1999</mark>"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_masked_is_shown_for_a_reason_and_written_down() {
    let console = Console::new(&[line("c-1", "guest: I am ana@example.org")], false);
    let (_, page) = console.page("/conversations/c-1").await;
    assert!(page.contains("[email]") && !page.contains("ana@example.org"), "{page}");
    let token = csrf(&page);
    let path = "/conversations/c-1/reveal";
    assert_eq!(console.post(path, &[("csrf", "other"), ("reason", "a claim")]).await.0, 403);
    assert_eq!(console.post(path, &[("csrf", &token)]).await.0, 400);
    let (status, page) = console.post(path, &[("csrf", &token), ("reason", "a claim")]).await;
    assert!(
        status == 200 && page.contains("ana@example.org") && page.contains("data-state=\"revealed\""),
        "{page}"
    );
    let steps: Vec<(String, String)> = console
        .audited()
        .iter()
        .map(|record| {
            let reason = record["details"]["reason"].as_str().unwrap_or_default();
            (record["step"].as_str().unwrap().to_owned(), reason.to_owned())
        })
        .collect();
    assert_eq!(steps, [("opened".into(), String::new()), ("revealed".into(), "a claim".into())]);
    let (status, page) = console.post("/conversations/c-1/verify", &[("csrf", &token)]).await;
    assert!(status == 200 && page.contains("data-state=\"verified\""), "{page}");
    assert!(
        page.contains("data-viewings=\"3\"") && page.contains("revealed"),
        "who looked is beside it: {page}"
    );
    for _ in 0..9 {
        console.page("/conversations/c-1").await;
    }
    let (_, page) = console.page("/conversations/c-1").await;
    let all = "/audit?kind=access&amp;subject=c-1";
    assert!(page.contains("data-viewings=\"10\"") && page.contains(all), "{page}");
    let (status, page) = console.page("/audit?kind=access&subject=c-1").await;
    assert!(status == 200 && page.contains("a claim") && page.contains("value=\"c-1\""), "{page}");
    let (_, other) = console.page("/audit?subject=c-9").await;
    assert!(other.contains("data-state=\"empty\""), "{other}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_role_may_not_see_looks_like_what_is_not_there() {
    let console = Console::new(&[line("c-1", "guest: hello")], true);
    let tokens = Tokens::new(console.folder.path().to_owned());
    let (_, token) = tokens.create("eva", Role::Viewer, Timestamp::UNIX_EPOCH, None).unwrap();
    let get = async |path: &str| {
        let request = Request::get(path).header("authorization", format!("Bearer {token}"));
        let (status, _, page) = console.send(request, String::new()).await;
        (status, page)
    };
    let (status, nothing) = get("/no-such-page").await;
    assert_eq!(status, 404);
    assert!(nothing.contains("Not here"), "{nothing}");
    for path in ["/webhooks", "/conversations/c-2", "/runs/none"] {
        assert_eq!(get(path).await, (StatusCode::NOT_FOUND, nothing.clone()), "{path}");
    }
    let (status, page) = get("/conversations/c-1").await;
    assert!(
        status == 200
            && !page.contains("Show what is masked")
            && !page.contains("Who viewed it")
            && !page.contains("/webhooks"),
        "{page}"
    );
    let (status, headers, _) = console.send(Request::get("/runs"), String::new()).await;
    assert_eq!(
        (status, headers["location"].to_str().unwrap()),
        (StatusCode::SEE_OTHER, "/login?next=%2Fruns")
    );
    let (status, page) = console.page("/login?next=%2Fruns").await;
    assert!(status == 200 && page.contains("value=\"/runs\""), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_pages_load_is_kept_for_good_and_comes_from_here() {
    let console = Console::new(&[line("c-1", "guest: hello")], false);
    let (_, page) = console.page("/").await;
    let loaded: Vec<&str> = page.split('"').filter(|text| text.starts_with("/assets/")).collect();
    assert_eq!(loaded.len(), 3, "{page}");
    for path in loaded {
        let (status, headers, body) = console.send(Request::get(path), String::new()).await;
        assert_eq!(status, 200, "{path}");
        assert!(headers["cache-control"].to_str().unwrap().contains("immutable"));
        assert!(!body.contains("http://") || path.ends_with(".svg"), "{path} names another place");
    }
    assert_eq!(console.page("/assets/other.css").await.0, 404);
}
