//! The rules of `frontdesk-domain`, from outside: cases from files, each area with one snapshot, and properties over
//! generated values.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod snapshot;
mod strategies;

mod address;
mod callback;
mod certificate;
mod closure;
mod conversation;
mod coverage;
mod delivery;
mod event;
mod filter;
mod filter_platform;
mod fold;
mod ids;
mod json;
mod json_splitter;
mod media;
mod message;
mod outbound;
mod payload;
mod pii;
mod pii_rates;
mod query;
mod range;
mod record;
mod retention;
mod search;
mod session;
mod signature;
mod sla;
mod stable;
mod time;
mod tokens;
mod violation;
