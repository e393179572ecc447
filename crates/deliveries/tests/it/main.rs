//! The drain, against receivers in memory and in virtual time.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod draining;
mod intake;
mod reception;
mod support;
