//! Guests who come in, told by a notification channel (platform contract C.12) and found by the details query (C.7).
//!
//! No topic tells of a whole organisation's conversations: those of its queues are subscribed to. The channel tells nothing
//! twice on purpose and replays nothing, so what it missed is looked for.

use std::sync::Arc;
use std::time::Duration;

use frontdesk_domain::{ConversationId, Filter, PageSize, TimeRange};
use futures_util::StreamExt as _;
use futures_util::future::{BoxFuture, FutureExt as _};
use http::Uri;
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::Platform;
use super::conversation::LiveConversation;
use super::notification::{Channel, CreateChannel, Subscribe, is_guest, signal, topic};
use crate::arrivals::{Arrival, ArrivalLine, Arrivals, Signal};
use crate::clock::{instant, later};
use crate::endpoint::Endpoint as _;
use crate::error::{Error, ErrorKind};
use crate::seen::SeenIds;
use crate::source::{ConversationSource as _, DetailsQuery};
use crate::transport::TransportKind;
use crate::transport::socket::{Socket, Sockets};

/// A channel has so many topics at most (C.12.1), and each queue is one.
pub const MOST_QUEUES: usize = 1_000;
/// How long [`ArrivalLine::next`] waits.
const WAIT: Duration = Duration::from_secs(1);
/// A line on which nothing came for so long is asked whether it is there: its heart beats every half minute (C.12.2).
const SILENCE: Duration = Duration::from_secs(60);
/// Time for the answer.
const ANSWER: Duration = Duration::from_secs(15);
/// How long a channel lives that does not say (C.12.1).
const LIFE: Duration = Duration::from_secs(86_400);
/// Conversations on a page of those that are looked for (C.7.3).
const PAGE: u64 = 100;

/// Tells of the guests who come in over some queues of an organisation on the published contract.
#[derive(Debug, Clone)]
pub struct PlatformArrivals {
    platform: Platform,
    sockets: Arc<dyn Sockets>,
    queues: Vec<String>,
}

impl PlatformArrivals {
    /// Of these queues, given by their ids, [`MOST_QUEUES`] at most. Through these sockets.
    #[must_use]
    pub fn new(platform: Platform, sockets: Arc<dyn Sockets>, queues: Vec<String>) -> Self {
        Self { platform, sockets, queues }
    }

    fn topics(&self) -> Vec<String> {
        self.queues.iter().map(|queue| topic(queue)).collect()
    }

    async fn subscribed(&self, channel: &Channel) -> Result<Vec<String>, Error> {
        let wish = Subscribe { channel: channel.id.clone(), topics: self.topics() };
        let topics = self.platform.client.send(&wish, self.platform.call()).await?;
        Ok(topics.iter().filter_map(super::notification::Topic::refusal).collect())
    }

    async fn line(&self) -> Result<Box<dyn ArrivalLine>, Error> {
        let channel = self.platform.client.send(&CreateChannel, self.platform.call()).await?;
        let refused = self.subscribed(&channel).await?;
        self.check(&channel.uri)?;
        let socket = self.sockets.open(&channel.uri, None).await.map_err(|error| {
            Error::of_kind(CreateChannel::OPERATION, ErrorKind::Transport(error.kind()))
                .with_source(error.into_source())
        })?;
        let life = channel.expires.map_or(LIFE, |at| at.since(self.platform.client.now()));
        let now = instant();
        Ok(Box::new(Line {
            arrivals: self.clone(),
            channel,
            socket,
            refused,
            heard_at: now,
            asked: false,
            renew_at: later(now, life / 2),
        }))
    }

    /// The address of a socket is the platform's to say; that what is told on it can be read on the way is not.
    fn check(&self, uri: &Uri) -> Result<(), Error> {
        let plain = self.platform.client.base().to_string().starts_with("http://");
        match uri.scheme_str() {
            Some("wss") => Ok(()),
            Some("ws") if plain => Ok(()),
            _ => {
                let what = String::from("the channel's socket, which is not one of wss");
                Err(Error::of_kind(CreateChannel::OPERATION, ErrorKind::Unsendable { what }))
            }
        }
    }

    async fn began(&self, range: TimeRange) -> Result<Vec<ConversationId>, Error> {
        let queues: Vec<String> =
            self.queues.iter().map(|queue| format!("queue eq '{}'", queue.replace('\'', "''"))).collect();
        let filter: Filter =
            format!("type eq 'message' and ({})", queues.join(" or ")).parse().map_err(|_| {
                let what = String::from("the ids of the queues");
                Error::of_kind(Subscribe::OPERATION, ErrorKind::Unsendable { what })
            })?;
        let mut pages = self.platform.conversations(DetailsQuery {
            range,
            size: PageSize::new(PAGE).unwrap_or_default(),
            filter: Some(filter),
            resume: None,
            max_pages: None,
            seen: SeenIds::default(),
        });
        let mut began = Vec::new();
        while let Some(page) = pages.next().await {
            // What cannot be read has no id that could be told of.
            let read = page?.conversations.into_iter().filter_map(Result::ok).filter(|one| one.is_new);
            began.extend(read.filter_map(|one| ConversationId::new(one.record.key().id.as_str()).ok()));
        }
        Ok(began)
    }
}

impl Arrivals for PlatformArrivals {
    fn listen(&self) -> BoxFuture<'_, Result<Box<dyn ArrivalLine>, Error>> {
        self.line().boxed()
    }

    fn since(&self, range: TimeRange) -> BoxFuture<'_, Result<Vec<ConversationId>, Error>> {
        self.began(range).boxed()
    }

    fn look<'a>(&'a self, conversation: &'a ConversationId) -> BoxFuture<'a, Result<Option<Arrival>, Error>> {
        async move { Ok(self.platform.live(conversation).await?.and_then(of_live)) }.boxed()
    }
}

/// The guest of a conversation that was looked at.
fn of_live(live: LiveConversation) -> Option<Arrival> {
    let guest = live.participants.into_iter().find(|one| is_guest(Some(&one.purpose)))?;
    Some(Arrival { conversation: live.id, started_at: live.started_at, attributes: guest.attributes })
}

/// The socket of a channel.
struct Line {
    arrivals: PlatformArrivals,
    channel: Channel,
    socket: Box<dyn Socket>,
    refused: Vec<String>,
    /// When something came last.
    heard_at: Instant,
    /// Whether it was asked since whether it is there.
    asked: bool,
    /// When it is subscribed to anew, half way to its end.
    renew_at: Instant,
}

impl Line {
    async fn told(&mut self) -> Result<Signal, Error> {
        let cancel = &self.arrivals.platform.call().cancel;
        if cancel.is_cancelled() {
            return Err(Error::of_kind(CreateChannel::OPERATION, ErrorKind::Cancelled));
        }
        if instant() >= self.renew_at {
            self.refused = self.arrivals.subscribed(&self.channel).await?;
            self.renew_at = later(instant(), LIFE / 2);
        }
        let silent = instant() - self.heard_at;
        if silent >= SILENCE + ANSWER {
            return Err(lost(TransportKind::Timeout));
        }
        if silent >= SILENCE && !self.asked {
            self.asked = true;
            let ping = json!({"message": "ping"}).to_string();
            self.socket.send(ping).await.map_err(|error| lost(error.kind()))?;
        }
        match timeout(WAIT, self.socket.receive()).await {
            Err(_) => Ok(Signal::Quiet),
            Ok(Err(error)) => Err(lost(error.kind())),
            Ok(Ok(None)) => Err(lost(TransportKind::Reset)),
            Ok(Ok(Some(frame))) => {
                (self.heard_at, self.asked) = (instant(), false);
                Ok(signal(&frame))
            }
        }
    }
}

impl ArrivalLine for Line {
    fn refused(&self) -> &[String] {
        &self.refused
    }

    fn next(&mut self) -> BoxFuture<'_, Result<Signal, Error>> {
        self.told().boxed()
    }
}

fn lost(kind: TransportKind) -> Error {
    Error::of_kind("notification channel", ErrorKind::Transport(kind))
}
