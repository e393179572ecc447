//! The sandbox from outside: by `handle`, and over a socket.
#![expect(clippy::unwrap_used, reason = "tests")]

mod callbacks;
mod corpus;
mod details;
mod door;
mod faults;
mod guests;
mod history;
mod messages;
mod platform_analytics;
mod platform_channels;
mod platform_conversation;
mod platform_end;
mod platform_login;
mod platform_open;
mod platform_recordings;
mod platform_send;
mod platform_socket;
mod rate;
mod sessions;
mod socket;
mod sockets;
mod support;
mod token;
mod webhooks;
