//! The job from outside: a tenant in this process, a real journal, virtual time.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod apply;
mod crash;
mod doubt;
mod lobby;
mod opening;
mod opening_crash;
mod pace;
mod plan;
mod selection;
mod support;
mod together;
