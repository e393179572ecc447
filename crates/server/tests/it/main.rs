//! The server as its clients meet it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod answers;
mod archive;
mod callbacks;
mod console;
mod data;
mod defences;
mod desk;
mod files;
mod integrity;
mod keeping;
mod openapi;
mod routes;
mod runs;
mod stop;
mod support;
mod views;
mod wire;
