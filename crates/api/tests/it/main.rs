//! The client core and the gateway adapter from outside: against scripts in paused time, and over real sockets.
#![expect(clippy::unwrap_used, reason = "tests")]

mod budget;
mod cancel;
mod conversation;
mod errors;
mod gateway;
mod guests;
mod history;
mod json_classes;
mod logs;
mod malformed;
mod media;
mod messages;
mod outward;
mod pace;
mod platform_arrivals;
mod platform_details;
mod platform_errors;
mod platform_guest_view;
mod platform_history;
mod platform_live;
mod platform_malformed;
#[cfg(feature = "reqwest")]
mod platform_open_messaging;
mod platform_openings;
mod platform_own_end;
mod platform_pace;
mod platform_pages;
mod platform_sandbox;
mod platform_tokens;
mod platform_transcripts;
mod platform_writes;
mod retry_after;
mod sandbox;
#[cfg(feature = "reqwest")]
mod sockets;
mod subscriptions;
mod support;
#[cfg(feature = "reqwest")]
mod tls;
mod tokens;
