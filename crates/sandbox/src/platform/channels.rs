//! Notification channels (platform contract C.12, E.14): who wants to be told, about what, and over which
//! socket. Delivery is best effort, as the contract says; the plan makes it worse.

mod operations;
mod plan;

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

pub(super) use operations::ROUTES;
pub use plan::ChannelPlan;

use super::guest::{Barred, Frame};
use crate::moment::Moment;
use crate::random::{fraction, mix};
use crate::sandbox::Sandbox;

/// So many may be open; one more removes the oldest, those without a socket first.
const MOST_CHANNELS: usize = 20;
/// A channel lives so long after it was made or last subscribed to.
const LIFE: Duration = Duration::from_secs(86_400);
/// Sets channels apart from all else that is made from the seed.
const CHANNELS: u64 = 0x6368_616E;

/// All channels there are.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    pub(crate) plan: ChannelPlan,
    all: Vec<Channel>,
    made: u64,
    /// How many events there were for any channel.
    told: u64,
}

/// One channel.
#[derive(Debug)]
pub(crate) struct Channel {
    id: String,
    expires: Moment,
    topics: Vec<String>,
    /// The socket, where one is open.
    socket: Option<UnboundedSender<Frame>>,
    heartbeat: Option<Moment>,
    /// How often it was used before; the least is the oldest.
    used: u64,
}

impl Channels {
    pub(crate) fn new(plan: ChannelPlan) -> Self {
        Self { plan, ..Self::default() }
    }

    /// Whether anybody would hear of anything.
    pub(super) fn are_listening(&self) -> bool {
        self.all.iter().any(|channel| channel.socket.is_some() && !channel.topics.is_empty())
    }

    fn make(&mut self, seed: u64, now: Moment) -> &Channel {
        self.all.retain(|channel| now < channel.expires);
        if self.all.len() >= MOST_CHANNELS {
            let oldest = self.all.iter().enumerate();
            let oldest = oldest.min_by_key(|(_, channel)| (channel.socket.is_some(), channel.used));
            if let Some((index, _)) = oldest {
                // Its socket closes with it.
                self.all.remove(index);
            }
        }
        self.made += 1;
        let id = format!("streaming-{}-{:016x}", self.made % 4, mix(mix(seed, CHANNELS), self.made));
        self.all.push(Channel {
            id,
            expires: now.plus(LIFE),
            topics: Vec::new(),
            socket: None,
            heartbeat: None,
            used: self.made,
        });
        self.all.last().expect("it was just added")
    }

    fn find(&mut self, id: &str, now: Moment) -> Option<&mut Channel> {
        self.all.iter_mut().find(|channel| channel.id == id && now < channel.expires)
    }

    /// Tells whoever subscribed to this topic, as well as the plan lets it.
    pub(super) fn tell(&mut self, topic: &str, body: &Value, seed: u64) {
        for channel in &self.all {
            let Some(socket) = channel.socket.as_ref().filter(|_| channel.topics.iter().any(|t| t == topic))
            else {
                continue;
            };
            self.told += 1;
            let chance = mix(mix(seed, CHANNELS), self.told);
            if fraction(chance, 1) < self.plan.lost {
                continue;
            }
            let frame = event(topic, body, &json!({"CorrelationId": super::guest::id(chance, self.told)}));
            let times = 1 + u32::from(fraction(chance, 2) < self.plan.doubled);
            for _ in 0..times {
                // A socket that is gone hears nothing, and nothing is sent again.
                let _ = socket.send(frame.clone());
            }
        }
    }

    /// Announces to all sockets that they will be closed.
    pub(crate) fn announce_closing(&self) {
        let frame =
            event("v2.system.socket_closing", &json!({"message": "The socket will be closed"}), &json!({}));
        for socket in self.all.iter().filter_map(|channel| channel.socket.as_ref()) {
            let _ = socket.send(frame.clone());
        }
    }

    /// Breaks all sockets off; the channels stay. Says how many they were.
    pub(crate) fn break_off(&mut self) -> usize {
        let sockets: Vec<_> = self.all.iter_mut().filter_map(|channel| channel.socket.take()).collect();
        for socket in &sockets {
            // One that is gone already need not break.
            let _ = socket.send(Frame::Break);
        }
        sockets.len()
    }
}

fn event(topic: &str, body: &Value, metadata: &Value) -> Frame {
    let envelope = json!({"topicName": topic, "version": "2", "eventBody": body, "metadata": metadata});
    Frame::Text(envelope.to_string())
}

fn heartbeat(message: &str) -> Frame {
    event("channel.metadata", &json!({"message": message}), &json!({}))
}

impl Sandbox {
    /// Somebody connects to a channel: the last one to do so has it.
    pub(crate) fn channel_opens(&self, id: &str, host: Moment) -> Result<UnboundedReceiver<Frame>, Barred> {
        let mut state = self.state();
        let now = state.clock.now(host);
        state.count_request("GET /channels/{channelId}");
        let channels = &mut state.platform.channels;
        let period = Duration::from_secs(channels.plan.heartbeat_seconds);
        let channel = channels.find(id, now).ok_or(Barred(404, "there is no such channel"))?;
        let (socket, frames) = mpsc::unbounded_channel();
        if let Some(before) = channel.socket.replace(socket) {
            let _ = before.send(Frame::Close);
        }
        channel.heartbeat = Some(now.plus(period));
        Ok(frames)
    }

    /// Whoever listens says something: only a ping is understood.
    pub(crate) fn channel_says(&self, id: &str, text: &str) {
        let said: Value = serde_json::from_str(text).unwrap_or_default();
        let mut state = self.state();
        state.count_request("WS ping");
        if said["message"] == "ping"
            && let Some(channel) = state.platform.channels.all.iter().find(|channel| channel.id == id)
            && let Some(socket) = &channel.socket
        {
            let _ = socket.send(heartbeat("pong"));
        }
    }

    /// Time passes on a channel: its heart beats, its events come due, its life ends.
    pub(crate) fn channel_waits(&self, id: &str, host: Moment) {
        let mut state = self.state();
        let now = state.clock.now(host);
        self.tell_due(&mut state, now, host);
        let channels = &mut state.platform.channels;
        let period = Duration::from_secs(channels.plan.heartbeat_seconds.max(1));
        let Some(channel) = channels.all.iter_mut().find(|channel| channel.id == id) else { return };
        if channel.expires <= now {
            if let Some(socket) = channel.socket.take() {
                let _ = socket.send(Frame::Close);
            }
        } else if channel.heartbeat.is_some_and(|due| due <= now) {
            channel.heartbeat = Some(now.plus(period));
            if let Some(socket) = &channel.socket {
                let _ = socket.send(heartbeat("WebSocket Heartbeat"));
            }
        }
    }

    /// The socket of a channel is gone.
    pub(crate) fn channel_closes(&self, id: &str) {
        let mut state = self.state();
        let channel = state.platform.channels.all.iter_mut().find(|channel| channel.id == id);
        if let Some(channel) =
            channel.filter(|channel| channel.socket.as_ref().is_some_and(|s| s.is_closed()))
        {
            channel.socket = None;
        }
    }
}
