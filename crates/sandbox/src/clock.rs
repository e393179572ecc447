//! What time it is: the sandbox's clock, which can be set, advanced and stopped, and the one place
//! that asks the machine.

use std::time::SystemTime;

use jiff::SignedDuration;

use crate::config::ClockMode;
use crate::moment::Moment;

/// The machine's time: what a host passes to [`Sandbox::handle`](crate::Sandbox::handle) as `now`
/// unless it keeps a virtual clock of its own.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the sandbox's one door to the machine's clock")]
pub fn machine_time() -> Moment {
    Moment::from(SystemTime::now())
}

/// The sandbox's clock, as a function of the host's.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Clock {
    /// Runs with the host's clock, so far ahead of it.
    Running { ahead: SignedDuration },
    /// Stands still.
    Frozen { at: Moment },
}

impl Clock {
    pub(crate) fn new(mode: ClockMode) -> Self {
        match mode {
            ClockMode::Real => Clock::Running { ahead: SignedDuration::ZERO },
            ClockMode::Fixed(at) => Clock::Frozen { at },
        }
    }

    pub(crate) fn now(self, host: Moment) -> Moment {
        match self {
            Clock::Running { ahead } => host.shifted(ahead),
            Clock::Frozen { at } => at,
        }
    }

    pub(crate) fn is_frozen(self) -> bool {
        matches!(self, Clock::Frozen { .. })
    }

    /// Goes to `moment`; a running clock runs on from there.
    pub(crate) fn set(&mut self, host: Moment, moment: Moment) {
        *self = match self {
            Clock::Running { .. } => Clock::Running { ahead: moment.since(host) },
            Clock::Frozen { .. } => Clock::Frozen { at: moment },
        };
    }

    pub(crate) fn freeze(&mut self, host: Moment) {
        *self = Clock::Frozen { at: self.now(host) };
    }

    pub(crate) fn run(&mut self, host: Moment) {
        *self = Clock::Running { ahead: self.now(host).since(host) };
    }
}
