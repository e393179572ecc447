//! The archive, from outside: what is put comes back, whatever happens in between.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod basics;
mod behind;
mod crash;
mod damage;
mod documents;
mod exporting;
mod facets;
mod failures;
mod golden;
mod ids;
mod indexing;
mod integrity;
mod media;
mod queries;
mod repairing;
mod reporting;
mod retain_model;
mod retaining;
mod searching;
mod sharing;
mod support;
mod trouble;
mod world;
