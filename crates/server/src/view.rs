//! Read models: what the console shows and what `/api/v1` answers with, as plain values filled from the rooms below.
//!
//! Nothing is decided twice: a screen and its JSON are two ways to write the same view. Customer text comes in
//! [`Piece`]s, masked unless somebody may see it.

pub mod audit;
pub mod availability;
pub mod conversation;
pub mod coverage;
pub mod holds;
pub mod late;
pub mod passage;
pub mod plans;
pub mod posts;
pub mod proof;
pub mod runs;
pub mod schedules;
pub mod search;
pub mod sessions;
pub mod sla;
pub mod viewings;
pub mod webhooks;

pub use passage::{Masking, Piece};
