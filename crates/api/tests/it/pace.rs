//! Rows S8, S9 and R23: the pace against servers that count, in virtual time.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use frontdesk_api::transport::memory::{MemoryTransport, Reply};
use frontdesk_api::{CallOptions, Client, Rate};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::{Dice, Read, builder, now, with_token};

/// How the server counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A fixed window of 60 s that opens with the first request.
    Window,
    /// A window that the server's own clock opens on the minute; this many seconds of it are over at the start.
    Minute(u64),
    /// A bucket that holds one second's worth.
    Bucket,
}

/// A server that allows so many requests a minute and says so, or does not.
pub(crate) struct Server {
    mode: Mode,
    states_limit: bool,
    state: Mutex<State>,
    accepted: AtomicU64,
    refused: AtomicU64,
}

struct State {
    per_minute: u64,
    opened: Instant,
    used: u64,
    full_at: Instant,
}

const MINUTE: Duration = Duration::from_secs(60);

impl Server {
    pub(crate) fn new(per_minute: u64, mode: Mode) -> Self {
        let opened = match mode {
            Mode::Minute(over) => now() + MINUTE - Duration::from_secs(over),
            Mode::Window | Mode::Bucket => now() - MINUTE,
        };
        let state = State { per_minute, opened, used: 0, full_at: now() };
        Self {
            mode,
            states_limit: true,
            state: Mutex::new(state),
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    pub(crate) fn change(&self, per_minute: u64) {
        self.state.lock().unwrap().per_minute = per_minute;
    }

    fn answer(&self) -> Reply {
        self.answer_with(|| Reply::status(200))
    }

    /// The same, where what is let through is answered so.
    pub(crate) fn answer_with(&self, taken: impl FnOnce() -> Reply) -> Reply {
        let state = &mut *self.state.lock().unwrap();
        let now = now();
        let left = match self.mode {
            Mode::Minute(_) => {
                while state.opened <= now {
                    state.opened += MINUTE;
                    state.used = 0;
                }
                state.opened - now
            }
            Mode::Window | Mode::Bucket => {
                if now >= state.opened + MINUTE {
                    (state.opened, state.used) = (now, 0);
                }
                state.opened + MINUTE - now
            }
        };
        let wait = match self.mode {
            Mode::Bucket => {
                let one = MINUTE / u32::try_from(state.per_minute).unwrap();
                let burst = one * u32::try_from((state.per_minute / 60).max(1)).unwrap();
                let full_at = state.full_at.max(now) + one;
                if full_at > now + burst {
                    Some(full_at - now - burst)
                } else {
                    state.full_at = full_at;
                    None
                }
            }
            Mode::Window | Mode::Minute(_) => (state.used >= state.per_minute).then_some(left),
        };
        let seconds = |time: Duration| (time.as_millis().div_ceil(1_000)).to_string();
        let mut reply = match wait {
            None => {
                state.used += 1;
                self.accepted.fetch_add(1, Ordering::Relaxed);
                taken()
            }
            Some(wait) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                Reply::status(429).header("retry-after", &seconds(wait))
            }
        };
        if self.states_limit {
            reply = reply
                .header("inin-ratelimit-allowed", &state.per_minute.to_string())
                .header("inin-ratelimit-count", &state.used.min(state.per_minute).to_string())
                .header("inin-ratelimit-reset", &seconds(left));
        }
        reply
    }

    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.accepted.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed))
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Latency(pub(crate) u64, pub(crate) u64);

/// Answers by this, as long as the latency has it later.
pub(crate) fn transport(
    latency: Latency,
    answer: impl Fn(&http::Request<bytes::Bytes>) -> Reply + Send + Sync + 'static,
) -> MemoryTransport {
    let dice = Arc::new(Dice::new(42));
    let up = Arc::clone(&dice);
    // Half of the latency on each way, each way by itself.
    let way = move |dice: &Dice| Duration::from_micros(dice.between(latency.0 * 500, latency.1 * 500));
    with_token(move |request| answer(request).after(way(&dice))).uplink(move || way(&up))
}

fn client(server: &Arc<Server>, latency: Latency, rate: Option<Rate>) -> Client {
    let answering = Arc::clone(server);
    let transport = transport(latency, move |_| answering.answer());
    let (builder, _) = builder();
    match rate {
        Some(rate) => builder.rate(rate),
        None => builder,
    }
    .build(Arc::new(transport))
}

/// Callers that ask again and again until the time is up.
fn workers(client: &Client, count: usize, until: Instant) -> JoinSet<u64> {
    let mut workers = JoinSet::new();
    for _ in 0..count {
        let client = client.clone();
        workers.spawn(async move {
            let (mut done, options) = (0, CallOptions::default());
            while now() < until {
                let call = client.send(&Read {}, &options);
                if let Ok(Ok(_)) = tokio::time::timeout_at(until, call).await {
                    done += 1;
                }
            }
            done
        });
    }
    workers
}

/// How much of its rate each run used.
pub(crate) struct Usage {
    table: String,
    worst: f64,
    refusals: u64,
}

impl Usage {
    pub(crate) fn new() -> Self {
        Self { table: String::new(), worst: 1.0, refusals: 0 }
    }

    /// A run of [`RUN`] against a server that allows so many requests a second.
    pub(crate) fn note(&mut self, per_second: u64, server: &Server, what: &str) {
        let (accepted, refused) = server.counts();
        let used = accepted as f64 / (per_second as f64 * RUN.as_secs_f64());
        let _ = writeln!(self.table, "{per_second:>3}/s {what}: used {used:.4}, refused {refused}");
        self.worst = self.worst.min(used);
        self.refusals += refused;
    }

    /// Fails unless all of them used it up to a hundredth, and never passed it.
    pub(crate) fn is_whole(&self) {
        assert_eq!(self.refusals, 0, "\n{}", self.table);
        assert!(self.worst >= 0.99, "\n{}", self.table);
    }
}

pub(crate) const RUN: Duration = Duration::from_secs(240);

async fn run(server: &Arc<Server>, latency: Latency, rate: Option<Rate>, callers: usize) -> Vec<u64> {
    let client = client(server, latency, rate);
    workers(&client, callers, now() + RUN).join_all().await
}

#[tokio::test(start_paused = true)]
async fn a_stated_rate_is_used_up_to_a_hundredth_and_never_passed() {
    let mut usage = Usage::new();
    for per_second in [5_u64, 10, 25, 100] {
        for mode in [Mode::Window, Mode::Minute(0), Mode::Minute(37), Mode::Bucket] {
            for latency in [Latency(10, 10), Latency(10, 500), Latency(500, 500)] {
                let server = Arc::new(Server::new(per_second * 60, mode));
                run(&server, latency, None, 100).await;
                usage.note(per_second, &server, &format!("{mode:?} {latency:?}"));
            }
        }
    }
    usage.is_whole();
}

#[tokio::test(start_paused = true)]
async fn a_rate_that_is_set_is_kept_where_the_server_allows_more() {
    let server = Arc::new(Server::new(6_000, Mode::Window));
    run(&server, Latency(10, 500), Some(Rate::per_second(5.0).unwrap()), 20).await;
    let (accepted, refused) = server.counts();
    assert_eq!(refused, 0);
    assert!((1_188..=1_200).contains(&accepted), "{accepted} in 240 s at 5 a second");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_states_nothing_is_found_out() {
    let mut server = Server::new(25 * 60, Mode::Bucket);
    server.states_limit = false;
    let server = Arc::new(server);
    run(&server, Latency(10, 50), None, 50).await;
    let (accepted, refused) = server.counts();
    // Nothing is promised here but good manners: few refusals, and no standing still.
    assert!(refused <= 40, "{refused} refused");
    assert!(accepted >= 25 * 240 / 2, "{accepted} accepted");

    let mut server = Server::new(60, Mode::Window);
    server.states_limit = false;
    server.change(u64::from(u32::MAX));
    let server = Arc::new(server);
    run(&server, Latency(10, 10), None, 10).await;
    let (accepted, refused) = server.counts();
    assert_eq!(refused, 0);
    assert!(accepted > 100_000, "a server without a limit is not held to the starting rate: {accepted}");
}

#[tokio::test(start_paused = true)]
async fn a_rate_that_changes_costs_at_most_one_refusal_a_change() {
    let mut table = String::new();
    let mut fine = true;
    for mode in [Mode::Window, Mode::Bucket] {
        for (before, after) in [(25, 10), (10, 25), (10, 5), (5, 10), (25, 5), (5, 25)] {
            let server = Arc::new(Server::new(before * 60, mode));
            let client = client(&server, Latency(10, 30), None);
            let half = RUN / 2;
            let start = now();
            // Two callers: what is in flight when the limit falls is refused whoever sends it.
            let mut callers = workers(&client, 2, start + RUN);
            tokio::time::sleep_until(start + half).await;
            let (at_change, _) = server.counts();
            server.change(after * 60);
            while callers.join_next().await.is_some() {}
            let (accepted, refused) = server.counts();
            let used = [
                at_change as f64 / (before as f64 * half.as_secs_f64()),
                (accepted - at_change) as f64 / (after as f64 * half.as_secs_f64()),
            ];
            let _ = writeln!(table, "{mode:?} {before} -> {after}: used {used:.4?}, refused {refused}");
            fine &= refused <= 1 && used.iter().all(|used| *used >= 0.98);
        }
    }
    println!("{table}");
    assert!(fine, "\n{table}");
}

#[tokio::test(start_paused = true)]
async fn two_hundred_callers_share_evenly_and_lose_nothing_to_a_storm() {
    // Four times as much is wanted as is allowed, and another program uses a third of the limit.
    let server = Arc::new(Server::new(50 * 60, Mode::Window));
    let stranger = Arc::clone(&server);
    let mut others = JoinSet::new();
    others.spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(60)).await;
            let _ = stranger.answer();
        }
    });
    let done = run(&server, Latency(10, 500), None, 200).await;
    others.abort_all();
    let (accepted, refused) = server.counts();
    let (most, least) = (*done.iter().max().unwrap(), *done.iter().min().unwrap());
    println!("accepted {accepted}, refused {refused}, most {most}, least {least}");
    assert!(accepted as f64 >= 0.95 * 50.0 * RUN.as_secs_f64(), "{accepted}");
    assert!(refused as f64 <= 0.05 * accepted as f64, "{refused}");
    assert!(least > 0 && most <= least * 5, "{most} and {least}");
}
