//! Guests who come in: told over lines that fail, found by looking, stored once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use frontdesk_api::transport::memory::{MemoryTransport, Reply};
use frontdesk_api::{
    Arrival, ArrivalLine, Arrivals, BaseUrl, Cancel, Client, Credentials, Error, Platform, Signal,
};
use frontdesk_deliveries::{DrainOptions, Intake, Reception, Silent};
use frontdesk_domain::{ConversationId, Secret, TimeRange, Timestamp};
use futures_util::future::{BoxFuture, FutureExt as _};
use tokio::sync::Notify;

use crate::support::{World, secret};

fn id(name: &str) -> ConversationId {
    ConversationId::new(name).unwrap()
}

/// A failure as a client gives it.
async fn failure() -> Error {
    let base: BaseUrl = "https://api.example".parse().unwrap();
    let credentials = Credentials::new("id", Secret::new("secret")).unwrap();
    let transport = MemoryTransport::new(|_| Reply::status(404));
    let client = Client::builder(base, credentials).build(Arc::new(transport));
    Platform::new(client).live(&id("c-0")).await.unwrap_err()
}

/// What a line says next.
enum Say {
    Told(&'static str),
    Closing,
    Lost,
    /// Nothing, from now on.
    Silence,
}

/// A platform that says what it is told to, line after line.
#[derive(Default)]
struct Script {
    lines: Mutex<VecDeque<Vec<Say>>>,
    /// Conversations, by when they began.
    listed: Mutex<BTreeMap<String, Timestamp>>,
    ranges: Mutex<Vec<TimeRange>>,
    looks: Mutex<Vec<String>>,
    fails: Mutex<Vec<Error>>,
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Script")
    }
}

impl Script {
    fn say(&self, line: Vec<Say>) {
        self.lines.lock().unwrap().push_back(line);
    }

    fn began(&self, name: &str, at: Timestamp) {
        self.listed.lock().unwrap().insert(name.to_owned(), at);
    }

    fn arrival(&self, name: &str) -> Arrival {
        let started_at = self.listed.lock().unwrap().get(name).copied();
        Arrival {
            conversation: id(name),
            started_at,
            attributes: [("name".to_owned(), name.to_owned())].into(),
        }
    }
}

struct Line {
    script: Arc<Script>,
    says: VecDeque<Say>,
}

impl ArrivalLine for Line {
    fn refused(&self) -> &[String] {
        &[]
    }

    fn next(&mut self) -> BoxFuture<'_, Result<Signal, Error>> {
        async move {
            match self.says.pop_front() {
                Some(Say::Told(name)) => Ok(Signal::Arrival(self.script.arrival(name))),
                Some(Say::Closing) => Ok(Signal::Closing),
                Some(Say::Lost) => Err(failure().await),
                Some(Say::Silence) | None => {
                    self.says.push_front(Say::Silence);
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    Ok(Signal::Quiet)
                }
            }
        }
        .boxed()
    }
}

/// The script as the port.
#[derive(Debug, Clone)]
struct Scripted(Arc<Script>);

impl Arrivals for Scripted {
    fn listen(&self) -> BoxFuture<'_, Result<Box<dyn ArrivalLine>, Error>> {
        let says = self.0.lines.lock().unwrap().pop_front().unwrap_or_default().into();
        let line = Line { script: Arc::clone(&self.0), says };
        async move { Ok(Box::new(line) as Box<dyn ArrivalLine>) }.boxed()
    }

    fn since(&self, range: TimeRange) -> BoxFuture<'_, Result<Vec<ConversationId>, Error>> {
        self.0.ranges.lock().unwrap().push(range);
        if let Some(error) = self.0.fails.lock().unwrap().pop() {
            return async move { Err(error) }.boxed();
        }
        let listed = self.0.listed.lock().unwrap();
        let began = listed.iter().filter(|(_, at)| range.contains(**at)).map(|(name, _)| id(name)).collect();
        async move { Ok(began) }.boxed()
    }

    fn look<'a>(&'a self, conversation: &'a ConversationId) -> BoxFuture<'a, Result<Option<Arrival>, Error>> {
        self.0.looks.lock().unwrap().push(conversation.to_string());
        let arrival = self.0.arrival(conversation.as_str());
        async move { Ok(Some(arrival)) }.boxed()
    }
}

/// Listens for a while.
async fn listen(world: &World, script: &Arc<Script>, time: Duration) {
    let (journal, now) = (Arc::clone(&world.journal), world.time());
    let reception = move || {
        Reception::open(Arc::clone(&journal), "https://crm.example/", &secret(), Arc::clone(&now))
            .map(Arc::new)
    };
    let arrivals = Arc::new(Scripted(Arc::clone(script)));
    let intake = Intake::new(arrivals, Arc::new(reception), Arc::new(Notify::new()), world.time());
    let (handle, cancel) = Cancel::pair();
    let ending = async {
        tokio::time::sleep(time).await;
        handle.cancel();
    };
    tokio::join!(intake.run(&cancel), ending);
}

/// The conversations that the CRM is told of.
async fn told(world: &World) -> Vec<String> {
    world.drain.run(&DrainOptions::default(), &Cancel::never(), &Silent).await.unwrap();
    let bodies = world.arrivals("crm.example").into_iter().map(|arrival| arrival.body);
    let mut names: Vec<String> = bodies
        .map(|body| {
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["metadata"]["name"], body["genesys_session_id"]);
            body["genesys_session_id"].as_str().unwrap().to_owned()
        })
        .collect();
    names.sort();
    names
}

#[tokio::test(start_paused = true)]
async fn whatever_becomes_of_a_line_each_guest_is_stored_once() {
    let world = World::new(|_, _| Reply::status(200));
    let script = Arc::new(Script::default());
    let long_ago = world.now().checked_sub(Duration::from_secs(3_600)).unwrap();
    script.began("c-old", long_ago);
    for name in ["c-1", "c-2", "c-3", "c-4"] {
        script.began(name, world.now());
    }
    // The same again and again; one that was there before; and then the line is lost.
    script.say(vec![Say::Told("c-1"), Say::Told("c-old"), Say::Told("c-1"), Say::Lost]);
    // It is announced that the line ends, and the next one tells.
    script.say(vec![Say::Told("c-2"), Say::Closing]);
    script.say(vec![Say::Told("c-2"), Say::Told("c-3")]);
    listen(&world, &script, Duration::from_secs(20)).await;
    // The fourth was not told by any line.
    assert_eq!(told(&world).await, ["c-1", "c-2", "c-3", "c-4"]);
    // Who was told of is not looked at, and nobody is looked at twice.
    let mut looks = script.looks.lock().unwrap().clone();
    looks.sort();
    let all = looks.len();
    looks.dedup();
    assert_eq!(all, looks.len(), "{looks:?}");
    assert!(!looks.contains(&"c-old".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn who_came_while_nobody_listened_is_found_by_whoever_listens_next() {
    let world = World::new(|_, _| Reply::status(200));
    let script = Arc::new(Script::default());
    listen(&world, &script, Duration::from_secs(5)).await;
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    script.began("c-1", world.now());
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    // The first look fails: it is taken up again soon, over the same time.
    let failed = failure().await;
    script.fails.lock().unwrap().push(failed);
    listen(&world, &script, Duration::from_secs(60)).await;
    assert_eq!(told(&world).await, ["c-1"]);
    let ranges = script.ranges.lock().unwrap().clone();
    assert_eq!(ranges.len(), 3, "{ranges:?}");
    assert_eq!(ranges[1].from(), ranges[2].from());
    // What is told later of somebody who is stored is no news, also not to another process.
    script.say(vec![Say::Told("c-1")]);
    listen(&world, &script, Duration::from_secs(400)).await;
    assert_eq!(told(&world).await, ["c-1"]);
    // Of a week ago nobody is told any more.
    tokio::time::sleep(Duration::from_secs(10 * 24 * 3_600)).await;
    script.began("c-2", world.now().checked_sub(Duration::from_secs(8 * 24 * 3_600)).unwrap());
    script.began("c-3", world.now().checked_sub(Duration::from_secs(6 * 24 * 3_600)).unwrap());
    listen(&world, &script, Duration::from_secs(5)).await;
    assert_eq!(told(&world).await, ["c-1", "c-3"]);
}
