//! The server as its clients meet it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod answers;
mod archive;
mod callbacks;
mod console;
mod desk;
mod openapi;
mod routes;
mod stop;
mod support;
mod views;
mod wire;
