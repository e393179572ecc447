//! A Genesys Cloud tenant on one's own machine.
//!
//! The sandbox serves the gateway contract: tokens (§1), histories and what their media links lead to
//! (§2), sessions that are opened (§3), messages and their receipts (§4), conversation details with
//! pages, filter and rate limit (§5), guests and the end of their sessions (§6), errors (§7). It is a function, [`Sandbox::handle`], hosted two ways: in process,
//! and on a port by [`serve`]. It has a clock that can be set, faults that can be planned
//! ([`FaultPlan`]), and a door, `/_sandbox/`, behind which the truth is:
//!
//! | request | does |
//! |---|---|
//! | `GET /_sandbox/stats` | counts: [`Stats`] |
//! | `POST /_sandbox/reset` | everything but the clock as at the start |
//! | `GET /_sandbox/clock` | `{"now", "frozen"}` |
//! | `POST /_sandbox/clock` | `{"set"?, "advance_seconds"?, "freeze"?, "run"?}` |
//! | `POST /_sandbox/rate` | `{"per_min", "mode"?: "window" or "bucket"}` |
//! | `POST /_sandbox/faults` | a new [`FaultPlan`] |
//! | `POST /_sandbox/revise` | `{"k"}` or `{"id"}`: that conversation gets one more message |
//! | `GET /_sandbox/conversations?from&to&filter` | `{"count"}` |
//! | `GET /_sandbox/conversations/K` | conversation K as a page holds it |
//! | `GET /_sandbox/history?from&to` | what is in the histories: messages, duplicates, disorder, types, media |
//! | `GET /_sandbox/history/ID` | the same for one conversation |
//! | `POST /_sandbox/untidy` | how messages of histories are odd from now on: [`Untidy`] |
//! | `GET /_sandbox/guests?after&limit` | lines of JSON, one a guest: state, and how often it was ended with what |
//! | `GET /_sandbox/guests/totals` | counts over all guests |
//! | `GET /_sandbox/guests/ID` | one guest |
//! | `POST /_sandbox/guests` | which guests do something by themselves from now on: [`GuestPlan`] |
//! | `GET /_sandbox/talks?channel&after&limit` | lines: who takes part in which conversation over which channel |
//! | `GET /_sandbox/sessions?after&limit` | lines: the sessions that were opened |
//! | `GET /_sandbox/sessions/totals`, `…/sessions/ID` | counts over all of them; one of them |
//! | `POST /_sandbox/sessions` | how queues move from now on: [`SessionPlan`] |
//! | `GET /_sandbox/messages?after&limit` | lines: the messages that were taken |
//! | `GET /_sandbox/messages/totals`, `…/messages/ID` | counts over all of them; one of them |
//! | `POST /_sandbox/receipts` | when receipts come, of messages taken from now on: [`ReceiptPlan`] |
//! | `POST /_sandbox/say` | `{"conversation_id", "text"}`: the guest of a conversation says something |
//! | `POST /_sandbox/webhooks/NAME` | is a receiver of webhooks, whatever the name |
//! | `POST /_sandbox/webhooks/NAME/plan` | how it fails from now on: [`ReceiverPlan`] |
//! | `GET /_sandbox/webhooks/NAME?after&limit` | lines of JSON, one for each request it got: headers, body, what it was answered |
//! | `DELETE /_sandbox/webhooks/NAME` | forgets it all |
//! | `GET /_sandbox/webhooks` | counts for each receiver: taken, duplicates, equal bodies under different ids |
//! | `POST /_sandbox/callbacks` | how those who registered are called from now on: [`CallbackPlan`] |
//! | `GET /_sandbox/callbacks` | who registered, and what was answered to each call |
//! | `GET /_sandbox/ids?from&to&after&limit` | lines `K ID` |
//! | `GET`, `POST /_sandbox/channels` | how badly notifications are delivered: [`ChannelPlan`] |
//! | `POST /_sandbox/channels/closing`, `…/drop` | all their sockets are told that they will be closed; break off |
//! | `GET`, `POST /_sandbox/workflows` | `{"id", "uri", "headers"?}`: what the flow with this id calls when a trigger runs it |
//! | `GET`, `POST /_sandbox/deployment` | how guests come in by WebSocket: [`DeploymentPlan`] |
//! | `POST /_sandbox/guest_jwt` | `{"conversation_id"}`: a token for the guest of a conversation, which reads its history |
//! | `GET`, `POST /_sandbox/platform` | how the vendor's published contract is served: [`PlatformPlan`] |
//! | `GET /_sandbox/platform/totals?from&to` | what can be read of it: conversations, messages, those whose text comes late or never |
//! | `POST /_sandbox/rethread` | `{"k"}`, `{"id"}` or `{"share"}`, `"after_seconds"?`: guests write again into conversations that are over |
//!
//! The contract that the vendor publishes is served too, by [`Sandbox::handle_platform`] and, on a port of
//! its own, by [`serve_contracts`], from the same state.
//!
//! It shares no code with the client it is there to contradict: it reads times, filters and forms
//! with its own parsers, and sees none of our crates.

mod clock;
mod config;
mod conversation;
mod details;
mod door;
mod error;
mod fault;
mod filter;
mod form;
mod guests;
mod history;
mod media;
mod messages;
mod moment;
mod page_token;
mod platform;
mod problem;
mod random;
mod rate;
mod reply;
mod route;
mod sandbox;
mod serve;
mod sessions;
mod stats;
mod subscriptions;
mod tenant;
mod token;
mod webhooks;

pub use clock::machine_time;
pub use config::{ClockMode, Config, RateMode};
pub use error::Error;
pub use fault::{DateForm, Effect, FaultPlan, Point, Rates, RetryAfter, Rule, When};
pub use guests::GuestPlan;
pub use history::Untidy;
pub use messages::ReceiptPlan;
pub use moment::{Moment, MomentError};
pub use platform::{ChannelPlan, DeploymentPlan, PlatformPlan};
pub use reply::{Body, Break, Ending, Reply};
pub use sandbox::Sandbox;
pub use serve::{Addresses, Running, serve, serve_contracts};
pub use sessions::SessionPlan;
pub use stats::{Ready, Stats, Talk};
pub use subscriptions::CallbackPlan;
pub use webhooks::ReceiverPlan;
