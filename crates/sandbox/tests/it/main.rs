//! The sandbox from outside: by `handle`, and over a socket.
#![expect(clippy::unwrap_used, reason = "tests")]

mod corpus;
mod details;
mod door;
mod faults;
mod guests;
mod history;
mod rate;
mod socket;
mod support;
mod token;
mod webhooks;
