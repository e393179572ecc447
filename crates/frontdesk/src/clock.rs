//! The wall clock of this process: the system's, or the sandbox's when a test says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use frontdesk_api::clock::Clock;
use frontdesk_domain::Timestamp;
use frontdesk_shell::clock::wall_now;
use frontdesk_shell::{Exit, Failure};
use tokio::task::JoinSet;

use crate::connect;
use crate::context::Context;

/// Names a sandbox whose clock this process follows (design, sandbox). For tests only.
pub(crate) const TEST_CLOCK_VARIABLE: &str = "FRONTDESK_TEST_CLOCK";
/// How often the sandbox is asked.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// Says what time it is.
#[derive(Debug)]
pub(crate) struct WallClock {
    offset: Arc<Offset>,
    // Owns the task that asks the sandbox.
    _following: JoinSet<()>,
}

/// How far the sandbox's clock is ahead of the system's, in microseconds; zero without one.
#[derive(Debug, Default)]
struct Offset(AtomicI64);

impl Offset {
    fn set(&self, sandbox_now: Timestamp) {
        self.0.store(sandbox_now.as_micros().saturating_sub(wall_now().as_micros()), Ordering::Relaxed);
    }
}

impl Clock for Offset {
    fn now(&self) -> Timestamp {
        let system = wall_now();
        match self.0.load(Ordering::Relaxed) {
            0 => system,
            offset => Timestamp::from_micros(system.as_micros().saturating_add(offset)).unwrap_or(system),
        }
    }
}

impl WallClock {
    /// The system's clock.
    pub(crate) fn system() -> Self {
        Self { offset: Arc::new(Offset::default()), _following: JoinSet::new() }
    }

    /// The clock the environment asks for. Says so when it is not the system's.
    pub(crate) async fn of(context: &Context<'_>) -> Result<Self, Failure> {
        let Some(url) = context.environment.get(TEST_CLOCK_VARIABLE) else { return Ok(Self::system()) };
        context.printer.talk(format_args!("the clock follows {TEST_CLOCK_VARIABLE}"));
        let failed = |error: &dyn std::error::Error| {
            Failure::new(Exit::Usage, "test_clock", format!("{TEST_CLOCK_VARIABLE} does not answer"))
                .caused_by(error)
        };
        let remote = connect::SandboxClock::new(url)?;
        let offset = Arc::new(Offset::default());
        offset.set(remote.now().await.map_err(|error| failed(&*error))?);
        let mut following = JoinSet::new();
        let followed = Arc::clone(&offset);
        following.spawn(async move {
            loop {
                tokio::time::sleep(ASK_EVERY).await;
                // A sandbox that went away leaves the clock as it was.
                if let Ok(now) = remote.now().await {
                    followed.set(now);
                }
            }
        });
        Ok(Self { offset, _following: following })
    }

    /// The time now.
    pub(crate) fn now(&self) -> Timestamp {
        self.offset.now()
    }

    /// The clock as rooms that take a function want it.
    pub(crate) fn source(&self) -> Arc<dyn Fn() -> Timestamp + Send + Sync> {
        let offset = Arc::clone(&self.offset);
        Arc::new(move || offset.now())
    }

    /// The clock as the client core wants it.
    pub(crate) fn client_clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.offset) as Arc<dyn Clock>
    }
}
