//! WebSockets of the platform's contract: those of guests (C.2) and of notification channels (C.12.2).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{CONNECTION, HOST, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::asked_to_stop;
use crate::clock::machine_time;
use crate::platform::{Barred, Frame};
use crate::reply::{Body, Reply};
use crate::sandbox::Sandbox;

/// How often a connection looks whether time has brought something.
const TICK: Duration = Duration::from_millis(100);

/// Who is at the other end.
#[derive(Debug, Clone)]
enum Line {
    /// A guest, by the number of its connection.
    Guest(u64),
    /// Whoever opened this notification channel.
    Channel(String),
}

/// Whether the request wants a WebSocket at a place where there is one.
pub(super) fn is_wanted<B>(request: &Request<B>) -> bool {
    let path = request.uri().path();
    let here = path == "/v1" || path.starts_with("/channels/");
    here && *request.method() == Method::GET && names(request.headers(), "websocket")
}

fn names(headers: &HeaderMap, protocol: &str) -> bool {
    let upgrade = headers.get(UPGRADE).and_then(|value| value.to_str().ok());
    upgrade.is_some_and(|upgrade| upgrade.eq_ignore_ascii_case(protocol))
}

/// A connection that is about to speak another protocol, with whoever is at its other end.
pub(super) struct Entered {
    line: Line,
    frames: UnboundedReceiver<Frame>,
    upgrade: OnUpgrade,
}

/// Where a connection leaves word that it is about to.
pub(super) type Slot = Arc<Mutex<Option<Entered>>>;

/// Answers such a request. Where somebody is let in, `slot` says so: once the answer is out, [`talk`] is
/// what goes on.
pub(super) fn open(sandbox: &Sandbox, request: &mut Request<Incoming>, slot: &Slot) -> Reply {
    let Some(key) = request.headers().get(SEC_WEBSOCKET_KEY).cloned() else {
        return refusal(&Barred(400, "there is no Sec-WebSocket-Key"));
    };
    let upgrade = hyper::upgrade::on(&mut *request);
    let (line, frames) = match enter(sandbox, request) {
        Ok(entered) => entered,
        Err(barred) => return refusal(&barred),
    };
    let mut reply = Reply::new(StatusCode::SWITCHING_PROTOCOLS, "application/json", Body::default());
    let headers = reply.headers_mut();
    headers.clear();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(Entered { line, frames, upgrade });
    reply
}

fn enter(sandbox: &Sandbox, request: &Request<Incoming>) -> Result<(Line, UnboundedReceiver<Frame>), Barred> {
    let header = |name| request.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if let Some(channel) = request.uri().path().strip_prefix("/channels/") {
        let frames = sandbox.channel_opens(channel, machine_time())?;
        return Ok((Line::Channel(channel.to_owned()), frames));
    }
    let base = format!("http://{}", header(HOST).unwrap_or("sandbox.invalid"));
    let query = request.uri().query().unwrap_or_default();
    let (number, frames) = sandbox.guest_arrives(query, header(ORIGIN), base, machine_time())?;
    Ok((Line::Guest(number), frames))
}

fn refusal(barred: &Barred) -> Reply {
    let Barred(status, message) = *barred;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
    Reply::new(status, "text/plain; charset=utf-8", Body::from(Bytes::from_static(message.as_bytes())))
}

/// Passes frames on in both directions until either side ends it.
pub(super) async fn talk(sandbox: &Sandbox, slot: &Slot, mut stopped: watch::Receiver<bool>) {
    let entered = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(Entered { line, mut frames, upgrade }) = entered else { return };
    if let Ok(upgraded) = upgrade.await {
        let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let in_order = loop {
            tokio::select! {
                heard = socket.next() => match heard {
                    Some(Ok(Message::Text(text))) => line.says(sandbox, text.as_str()),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => break true,
                    // Pings are answered by the library; the protocol has no binary frames.
                    Some(Ok(_)) => {}
                },
                frame = frames.recv() => match frame {
                    Some(Frame::Text(text)) => if socket.send(Message::text(text)).await.is_err() { break false },
                    Some(Frame::Break) => break false,
                    Some(Frame::Close) | None => break true,
                },
                _ = tick.tick() => line.waits(sandbox),
                () = asked_to_stop(&mut stopped) => break true,
            }
        };
        if in_order {
            // Whoever is gone already hears nothing of it.
            let _ = socket.close(None).await;
        }
    }
    line.leaves(sandbox);
}

impl Line {
    fn says(&self, sandbox: &Sandbox, text: &str) {
        match self {
            Line::Guest(number) => sandbox.guest_says(*number, text, machine_time()),
            Line::Channel(id) => sandbox.channel_says(id, text),
        }
    }

    fn waits(&self, sandbox: &Sandbox) {
        match self {
            Line::Guest(number) => sandbox.guest_waits(*number, machine_time()),
            Line::Channel(id) => sandbox.channel_waits(id, machine_time()),
        }
    }

    fn leaves(&self, sandbox: &Sandbox) {
        match self {
            Line::Guest(number) => sandbox.guest_leaves(*number),
            Line::Channel(id) => sandbox.channel_closes(id),
        }
    }
}
