//! Messages sent to the sandbox, in process and in virtual time: each once, whatever is lost on the way.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod support;

mod agentless;
mod delivery;
mod leg_support;
mod legs;
mod lost_reply;
mod pace;
mod rules;
