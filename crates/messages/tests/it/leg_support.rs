//! A small platform in memory that takes every post for a new message, its replies lost on the way, and couriers over one
//! journal.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use frontdesk_api::clock::{Clock as _, VirtualClock};
use frontdesk_api::media::MediaDoor;
use frontdesk_api::transport::Body;
use frontdesk_api::{
    CallOptions, Cancel, Client, Credentials, FileDoor, Platform, PlatformMessages, Transport,
    TransportError, TransportKind,
};
use frontdesk_domain::{Secret, Timestamp};
use frontdesk_journal::{Journal, Settings};
use frontdesk_messages::{Courier, CourierParts, Lines, Report, Sent, Watching};
use futures_util::future::BoxFuture;
use futures_util::stream;
use serde_json::{Value, json};

use crate::support::Heard;

pub(crate) const CONVERSATION: &str = "7e4a1f52-6c3b-4d19-8f0a-5b9e2c71d046";
pub(crate) const AGENT: &str = "u-9";
/// Whom messages to an address go to, and where those are: on no agent's leg.
pub(crate) const ADDRESS: &str = "cust-77";
pub(crate) const NO_LEG: &str = "k0";

/// What is done to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Fine,
    /// It never reaches the platform.
    Before,
    /// It is carried out; no byte of the reply comes.
    Lost,
    /// It is carried out; this many bytes of the reply's body come.
    Cut(usize),
    /// It is carried out; nothing comes, and nothing ends.
    Silence,
    /// It is carried out; the reply is replaced by this status.
    Replaced(u16),
    /// It is carried out, and answered 202 without a body.
    Taken,
    /// It is not carried out; this status.
    Refused(u16),
}

/// A message as the platform has it.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) id: String,
    pub(crate) leg: String,
    pub(crate) text: Option<String>,
    pub(crate) file: Option<(String, String)>,
    pub(crate) at: Timestamp,
    pub(crate) status: &'static str,
    /// Its text is to be had from then on.
    pub(crate) readable: Timestamp,
}

type Fates = dyn FnMut(&http::Method, &str) -> Fate + Send;

/// The platform.
pub(crate) struct Mini {
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) messages: Mutex<Vec<Stored>>,
    pub(crate) uploads: Mutex<Vec<(String, String, Vec<u8>)>>,
    pub(crate) fates: Mutex<Box<Fates>>,
    pub(crate) state: Mutex<&'static str>,
    pub(crate) channel: Mutex<&'static str>,
    /// How long after a message its text is to be had.
    pub(crate) late: Mutex<Duration>,
    pub(crate) posts: AtomicUsize,
    ids: AtomicUsize,
    pub(crate) requests: Mutex<Vec<String>>,
}

impl std::fmt::Debug for Mini {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mini(..)")
    }
}

impl Mini {
    pub(crate) fn new() -> Arc<Self> {
        let wall = Timestamp::from_micros(1_772_442_000_000_000).unwrap();
        Arc::new(Self {
            clock: Arc::new(VirtualClock::starting_at(wall)),
            messages: Mutex::default(),
            uploads: Mutex::default(),
            fates: Mutex::new(Box::new(|_, _| Fate::Fine)),
            state: Mutex::new("connected"),
            channel: Mutex::new("webmessaging"),
            late: Mutex::default(),
            posts: AtomicUsize::new(0),
            ids: AtomicUsize::new(1),
            requests: Mutex::default(),
        })
    }

    pub(crate) fn fates(&self, fates: impl FnMut(&http::Method, &str) -> Fate + Send + 'static) {
        *self.fates.lock().unwrap() = Box::new(fates);
    }

    /// What happens to posts alone.
    pub(crate) fn post_fates(&self, mut fates: impl FnMut() -> Fate + Send + 'static) {
        self.fates(move |method, path| {
            let is_post = *method == http::Method::POST
                && (path.ends_with("/messages") || path.ends_with("/agentless"));
            if is_post { fates() } else { Fate::Fine }
        });
    }

    pub(crate) fn count(&self) -> usize {
        self.messages.lock().unwrap().len()
    }

    /// A message on a leg, as an agent writes it by hand.
    pub(crate) fn write(&self, leg: &str, text: Option<&str>, file: Option<(&str, &str)>) -> String {
        let mut messages = self.messages.lock().unwrap();
        let id = format!("{:032x}", self.ids.fetch_add(1, Ordering::Relaxed));
        let at = self.clock.now();
        messages.push(Stored {
            id: id.clone(),
            leg: leg.to_owned(),
            text: text.map(str::to_owned),
            file: file.map(|(id, name)| (id.to_owned(), name.to_owned())),
            at,
            status: "sent",
            readable: at.checked_add(*self.late.lock().unwrap()).unwrap(),
        });
        id
    }

    fn data(&self, message: &Stored) -> Value {
        let content: Vec<Value> = message
            .file
            .iter()
            .map(
                |(id, name)| json!({"contentType": "Attachment", "attachment": {"id": id, "filename": name}}),
            )
            .collect();
        let receipts: Vec<Value> = (message.status == "delivery-success")
            .then(|| json!({"type": "Receipt", "status": "Delivered", "channel": {"time": message.at.checked_add(Duration::from_secs(2)).unwrap()}}))
            .into_iter()
            .collect();
        json!({
            "id": message.id, "timestamp": message.at, "status": message.status, "conversationId": CONVERSATION,
            "direction": if message.leg == "k1" { "inbound" } else { "outbound" },
            "normalizedMessage": {"type": "Text", "text": message.text, "content": content, "strange": 1},
            "normalizedReceipts": receipts,
        })
    }

    fn conversation(&self) -> Value {
        let messages = self.messages.lock().unwrap();
        let on = |leg: &str| -> Vec<Value> {
            let of = messages.iter().filter(|message| leg == "k1" || message.leg == leg);
            of.map(|message| {
                let status = if message.leg == "k1" { "received" } else { message.status };
                json!({"messageId": message.id, "messageStatus": status, "messageTime": message.at})
            })
            .collect()
        };
        let leg = |id: &str, state: &str| json!({"id": id, "state": state, "type": *self.channel.lock().unwrap(), "messages": on(id)});
        json!({"id": CONVERSATION, "startTime": "2026-03-02T09:00:00Z", "participants": [
            {"id": "p1", "purpose": "customer", "messages": [leg("k1", "connected")]},
            {"id": "p2", "purpose": "agent", "userId": AGENT, "messages": [leg("k2", *self.state.lock().unwrap())]},
            {"id": "p3", "purpose": "agent", "userId": "u-other", "messages": [leg("k3", "connected")]},
        ]})
    }

    fn answer(&self, request: &http::Request<Bytes>) -> (u16, Value) {
        let path = request.uri().path();
        let body: Value = serde_json::from_slice(request.body()).unwrap_or(Value::Null);
        let base = format!("/api/v2/conversations/messages/{CONVERSATION}");
        match (request.method().as_str(), path) {
            ("POST", "/oauth/token") => (200, json!({"access_token": "t", "expires_in": 86_399})),
            ("GET", path) if path == format!("/api/v2/conversations/{CONVERSATION}") => {
                (200, self.conversation())
            }
            ("POST", path) if path == format!("{base}/communications/k2/messages") => {
                self.posts.fetch_add(1, Ordering::Relaxed);
                let uploads = self.uploads.lock().unwrap();
                let file = body["mediaIds"][0].as_str().map(|id| {
                    let upload = uploads.iter().find(|upload| upload.0 == id).unwrap();
                    (upload.0.clone(), upload.1.clone())
                });
                drop(uploads);
                let file = file.as_ref().map(|(id, name)| (&**id, &**name));
                assert!(body["textBody"].is_string() != file.is_some(), "exactly one kind of body: {body}");
                let id = self.write("k2", body["textBody"].as_str(), file);
                let messages = self.messages.lock().unwrap();
                let message = messages.iter().find(|message| message.id == id).unwrap();
                (200, self.data(message))
            }
            ("POST", "/api/v2/conversations/messages/agentless") => {
                self.posts.fetch_add(1, Ordering::Relaxed);
                let id = self.write(NO_LEG, body["textBody"].as_str(), None);
                let messages = self.messages.lock().unwrap();
                let message = messages.iter().find(|message| message.id == id).unwrap();
                let (data, join) = (self.data(message), &body["useExistingActiveConversation"]);
                (
                    200,
                    json!({"id": id, "conversationId": CONVERSATION, "message": data, "strange": join,
                    "fromAddress": body["fromAddress"], "toAddress": body["toAddress"]}),
                )
            }
            ("POST", "/api/v2/analytics/conversations/details/query") => {
                let (messages, now) = (self.messages.lock().unwrap(), self.clock.now());
                let shown = messages.iter().any(|message| message.leg == NO_LEG && message.readable <= now);
                let one =
                    json!({"conversationId": CONVERSATION, "conversationStart": "2026-03-02T09:00:00Z"});
                let found = body["segmentFilters"][0]["predicates"][0]["value"] == ADDRESS && shown;
                match found {
                    true => (200, json!({"conversations": [one], "totalHits": 1})),
                    false => (200, json!({"totalHits": 0})),
                }
            }
            ("POST", path) if path == format!("{base}/messages/bulk") => {
                let (messages, now) = (self.messages.lock().unwrap(), self.clock.now());
                let wanted: Vec<&str> = body.as_array().unwrap().iter().filter_map(Value::as_str).collect();
                let found = messages
                    .iter()
                    .filter(|message| wanted.contains(&&*message.id) && message.readable <= now);
                (200, json!({"entities": found.map(|message| self.data(message)).collect::<Vec<_>>()}))
            }
            ("POST", path) if path.ends_with("/messages/media/uploads") => {
                let mut uploads = self.uploads.lock().unwrap();
                let id = format!("m-{}", uploads.len());
                uploads.push((id.clone(), body["fileName"].as_str().unwrap().to_owned(), Vec::new()));
                let headers = json!({"x-amz-tagging": "a=b"});
                let url = format!("https://uploads.example/{id}?sig=secret");
                (200, json!({"id": id, "name": body["fileName"], "uploadUrl": url, "uploadHeaders": headers}))
            }
            ("PUT", path) => {
                assert!(request.headers().get("authorization").is_none(), "no token leaves the platform");
                assert_eq!(request.headers()["x-amz-tagging"], "a=b");
                let mut uploads = self.uploads.lock().unwrap();
                let upload = uploads.iter_mut().find(|upload| path[1..] == upload.0).unwrap();
                upload.2 = request.body().to_vec();
                (200, Value::Null)
            }
            ("GET", path) if path.contains("/messages/media/m-") => {
                let looks =
                    self.requests.lock().unwrap().iter().filter(|known| known.ends_with(path)).count();
                (200, json!({"id": "m", "status": if looks < 2 { "uploading" } else { "valid" }}))
            }
            _ => (404, json!({"code": "not.found", "message": "not found", "status": 404})),
        }
    }
}

#[derive(Debug)]
struct Wire(Arc<Mini>);

impl Transport for Wire {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        Box::pin(async move {
            let mini = &self.0;
            let path = request.uri().path().to_owned();
            mini.requests.lock().unwrap().push(format!("{} {path}", request.method()));
            let fate = match &*path {
                "/oauth/token" => Fate::Fine,
                _ => mini.fates.lock().unwrap()(request.method(), &path),
            };
            let reset = || Err(TransportError::new(TransportKind::Reset));
            let date = httpdate::fmt_http_date(
                std::time::UNIX_EPOCH
                    + Duration::from_micros(u64::try_from(mini.clock.now().as_micros()).unwrap()),
            );
            let whole = |status: u16, body: String| {
                let response = http::Response::builder().status(status).header("date", &date);
                Ok(response.body(Body::whole(body)).unwrap())
            };
            match fate {
                Fate::Before => return reset(),
                Fate::Refused(status) => return whole(status, r#"{"code":"no","message":"no"}"#.to_owned()),
                _ => {}
            }
            let (status, body) = mini.answer(&request);
            match fate {
                Fate::Lost => reset(),
                Fate::Cut(at) if at < body.to_string().len() => {
                    let some = Bytes::from(body.to_string()).slice(..at);
                    let cut = stream::iter([Ok(some), Err(TransportError::new(TransportKind::CutBody))]);
                    let response = http::Response::builder().status(status).header("date", &date);
                    Ok(response.body(Body::from_stream(cut)).unwrap())
                }
                Fate::Silence => std::future::pending().await,
                Fate::Replaced(status) => whole(status, "gone".to_owned()),
                Fate::Taken => whole(202, String::new()),
                _ => whole(status, body.to_string()),
            }
        })
    }
}

/// A journal in a folder of its own, and couriers over it.
pub(crate) struct Counter {
    _temp: tempfile::TempDir,
    pub(crate) mini: Arc<Mini>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) watching: Watching,
    pub(crate) options: CallOptions,
}

impl Counter {
    pub(crate) fn new(mini: &Arc<Mini>) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let clock = Arc::clone(&mini.clock);
        let now = Arc::new(move || clock.now());
        let journal = Journal::open(&temp.path().join("journal"), &Settings::default(), now).unwrap();
        Self {
            _temp: temp,
            mini: Arc::clone(mini),
            journal: Arc::new(journal),
            watching: Watching { wait: false, ..Watching::default() },
            options: CallOptions::default(),
        }
    }

    pub(crate) fn courier(&self, cancel: Cancel) -> Courier {
        let credentials = Credentials::new("id", Secret::new("secret")).unwrap();
        let wire: Arc<dyn Transport> = Arc::new(Wire(Arc::clone(&self.mini)));
        let clock = Arc::clone(&self.mini.clock);
        let client = Client::builder("https://api.example.com".parse().unwrap(), credentials)
            .clock(clock.clone())
            .seed(1)
            .build(Arc::clone(&wire));
        let platform = Platform::new(client).options(self.options.clone().cancel(cancel.clone()));
        let door = FileDoor::new(Arc::clone(&wire), MediaDoor::new(wire, clock.clone()));
        Courier::new(CourierParts {
            channel: Arc::new(PlatformMessages::new(platform).files(door)),
            journal: Arc::clone(&self.journal),
            watching: self.watching,
            now: Arc::new(move || clock.now()),
            run: frontdesk_messages::new_run(),
            cancel,
        })
        .unwrap()
    }

    pub(crate) async fn send(&self, lines: Lines) -> (Report, Vec<Sent>) {
        let heard = Heard::default();
        let courier = self.courier(Cancel::never());
        let report = courier.send_all(lines, NonZeroUsize::new(4).unwrap(), &heard).await.unwrap();
        (report, heard.0.into_inner().unwrap())
    }

    pub(crate) fn open_intents(&self) -> usize {
        self.journal.reader().unwrap().open_intents(frontdesk_messages::INTENT).unwrap().len()
    }
}

/// So long after a post it is settled, found or not.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);
