//! The journal as its callers see it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod keys;
mod once;
mod outbox;
mod primitives;
mod pruning;
mod readonly;
mod recording;
mod shredding;
mod support;
mod tampering;
