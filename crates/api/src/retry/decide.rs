//! Whether a failed attempt is repeated, and when: one total, pure table (contract §7).
//!
//! [`rule`] is the table; [`decide`] adds what depends on the call so far. Both are snapshot whole in the tests,
//! so a change of one cell is read in review.

use std::time::Duration;

use super::backoff::Base;
use super::classify::Fault;
use crate::endpoint::Repeat;
use crate::transport::TransportKind;

/// What the kind of failure and the kind of call say by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Never repeated.
    Stop,
    /// Repeated once, at once, with a fresh token.
    Refresh,
    /// Repeated after a wait.
    Repeat(Base),
}

/// The table.
///
/// A call that may be sent [only once](Repeat::Once) is repeated only when it surely was not processed: no
/// connection, or a 429. A 401 is an answer of the door, before any processing, so it is repeated for every call.
pub(crate) fn rule(fault: Fault, repeat: Repeat) -> Rule {
    let harmless = match repeat {
        Repeat::Safe | Repeat::Idempotent | Repeat::Keyed => true,
        Repeat::Once => false,
    };
    match fault {
        Fault::Transport(TransportKind::Connect | TransportKind::Dns) => Rule::Repeat(Base::Other),
        Fault::Transport(TransportKind::Timeout | TransportKind::Reset | TransportKind::CutBody)
        | Fault::RequestTimeout
        | Fault::Unavailable => {
            if harmless {
                Rule::Repeat(Base::Other)
            } else {
                Rule::Stop
            }
        }
        Fault::Throttled => Rule::Repeat(Base::Throttled),
        Fault::Unauthorized => Rule::Refresh,
        Fault::Transport(
            TransportKind::Refused
            | TransportKind::Tls
            | TransportKind::TooLarge
            | TransportKind::Protocol
            | TransportKind::Other,
        )
        | Fault::Forbidden
        | Fault::Redirected
        | Fault::Rejected
        | Fault::Malformed => Rule::Stop,
    }
}

/// The call so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct State {
    /// Failed attempts that count, this one included: those whose answer named no wait.
    pub(crate) counted: u32,
    /// Counted attempts there may be.
    pub(crate) limit: u32,
    /// The wait this answer asks for.
    pub(crate) named: Option<Duration>,
    /// Answers just before this one that asked for a wait of nothing.
    pub(crate) zeroes: u32,
    /// Whether a fresh token can be had: the call carries one, and was not repeated for it before.
    pub(crate) refreshable: bool,
    /// Whether the host's budget has a repeat left.
    pub(crate) in_budget: bool,
    /// Time to the deadline.
    pub(crate) remaining: Duration,
    /// The random number that places a back-off between nothing and its ceiling.
    pub(crate) draw: u64,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Drop the token and repeat at once.
    Refresh,
    /// Repeat after this time.
    Wait {
        /// How long.
        length: Duration,
        /// Whether the server asked for it: then it costs no budget.
        named: bool,
    },
    /// Give up.
    Stop(Stop),
}

/// Why a call is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// This failure is not repeated.
    Final,
    /// All attempts are used.
    Attempts,
    /// The host's retry budget is used.
    Budget,
    /// The wait would pass the deadline. It is never shortened.
    Time,
}

/// The verdict on an attempt that failed with `fault`.
pub(crate) fn decide(fault: Fault, repeat: Repeat, state: &State) -> Verdict {
    let base = match rule(fault, repeat) {
        Rule::Stop => return Verdict::Stop(Stop::Final),
        Rule::Refresh if state.refreshable => return Verdict::Refresh,
        Rule::Refresh => return Verdict::Stop(Stop::Final),
        Rule::Repeat(base) => base,
    };
    let (length, named) = match state.named {
        // "At once" is believed the first time. A server that goes on saying so is not ready, and must not be
        // hammered until the deadline: waiting longer than asked is allowed.
        Some(Duration::ZERO) if state.zeroes > 0 => (base.wait(state.zeroes - 1, state.draw), true),
        Some(length) => (length, true),
        None if state.counted >= state.limit => return Verdict::Stop(Stop::Attempts),
        None if !state.in_budget => return Verdict::Stop(Stop::Budget),
        None => (base.wait(state.counted.saturating_sub(1), state.draw), false),
    };
    if length >= state.remaining { Verdict::Stop(Stop::Time) } else { Verdict::Wait { length, named } }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    const REPEATS: [Repeat; 4] = [Repeat::Safe, Repeat::Idempotent, Repeat::Keyed, Repeat::Once];

    fn fresh() -> State {
        State {
            counted: 1,
            limit: 5,
            named: None,
            zeroes: 0,
            refreshable: true,
            in_budget: true,
            remaining: Duration::from_secs(120),
            draw: u64::MAX,
        }
    }

    fn cell(verdict: Verdict) -> String {
        match verdict {
            Verdict::Refresh => "refresh".to_owned(),
            Verdict::Wait { length, named: false } => format!("<= {length:?}"),
            Verdict::Wait { length, named: true } => format!("= {length:?}"),
            Verdict::Stop(stop) => format!("{stop:?}").to_lowercase(),
        }
    }

    #[test]
    fn the_whole_table() {
        let seconds = Duration::from_secs;
        let columns: [(&str, State); 9] = [
            ("first", fresh()),
            ("fourth", State { counted: 4, ..fresh() }),
            ("fifth", State { counted: 5, ..fresh() }),
            ("asked 7s", State { named: Some(seconds(7)), ..fresh() }),
            ("asked 7s, fifth", State { named: Some(seconds(7)), counted: 5, in_budget: false, ..fresh() }),
            ("asked 0s", State { named: Some(Duration::ZERO), ..fresh() }),
            ("asked 0s x4", State { named: Some(Duration::ZERO), zeroes: 3, ..fresh() }),
            ("asked 120s", State { named: Some(seconds(120)), ..fresh() }),
            ("no budget, replayed", State { in_budget: false, refreshable: false, ..fresh() }),
        ];
        let mut table = String::new();
        for repeat in REPEATS {
            let _ = write!(table, "{:<24}", format!("{repeat:?}"));
            for (name, _) in &columns {
                let _ = write!(table, "| {name:<20}");
            }
            table.push('\n');
            for fault in Fault::ALL {
                let _ = write!(table, "{:<24}", format!("{fault:?}"));
                for (_, state) in &columns {
                    let _ = write!(table, "| {:<20}", cell(decide(fault, repeat, state)));
                }
                table.push('\n');
            }
            table.push('\n');
        }
        let table: Vec<&str> = table.lines().map(str::trim_end).collect();
        insta::assert_snapshot!(table.join("\n"));
    }

    fn states() -> impl Strategy<Value = State> {
        let named = proptest::option::of((0_u64..400).prop_map(Duration::from_secs));
        (0_u32..9, named, 0_u32..9, any::<bool>(), any::<bool>(), 0_u64..200, any::<u64>()).prop_map(
            |(counted, named, zeroes, refreshable, in_budget, remaining, draw)| State {
                counted,
                limit: 5,
                named,
                zeroes,
                refreshable,
                in_budget,
                remaining: Duration::from_secs(remaining),
                draw,
            },
        )
    }

    fn any_fault() -> impl Strategy<Value = Fault> {
        proptest::sample::select(Fault::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn what_may_have_been_processed_is_never_sent_twice(fault in any_fault(), state in states()) {
            let surely_unprocessed = matches!(
                fault,
                Fault::Transport(TransportKind::Connect | TransportKind::Dns) | Fault::Throttled | Fault::Unauthorized
            );
            if !surely_unprocessed {
                prop_assert_eq!(decide(fault, Repeat::Once, &state), Verdict::Stop(Stop::Final));
            }
        }

        #[test]
        fn a_named_wait_is_never_undercut_and_no_wait_passes_the_deadline(fault in any_fault(), state in states()) {
            if let Verdict::Wait { length, .. } = decide(fault, Repeat::Safe, &state) {
                prop_assert!(length >= state.named.unwrap_or_default());
                prop_assert!(length < state.remaining);
            }
        }

        #[test]
        fn attempts_and_budget_bound_what_named_no_wait(fault in any_fault(), state in states()) {
            if let Verdict::Wait { named: false, .. } = decide(fault, Repeat::Safe, &state) {
                prop_assert!(state.counted < state.limit && state.in_budget);
            }
        }
    }
}
