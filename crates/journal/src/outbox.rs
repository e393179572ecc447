//! The outbox: what is to be told to webhooks, stored with the change it tells of, and sent afterwards.
//!
//! - An **endpoint** has a URL, secrets, the kinds of events it takes, and headers of its own.
//! - An **event** is stored once, with the bytes that every attempt sends and the `webhook-id` that every attempt
//!   carries; for each endpoint that takes it there is a **delivery**, inserted in the transaction of the change.
//! - Deliveries of one endpoint and one ordering key go out in the order they were stored: the first one that is open
//!   is the only one that is due. Deliveries of other keys, and of other endpoints, do not wait for it.
//! - Every **attempt** is written down. What fails is due again as [`schedule`] says; in the end it is a dead letter,
//!   which somebody may replay.
//! - **Audit batches** are events like any other: [`Change::batch_audit`](crate::Change::batch_audit) makes them out of
//!   the entries an endpoint has not got yet.
//!
//! Sending is no business of this crate. One process at a time delivers ([`Outbox`] holds an advisory lock that ends
//! with its process), so what it works on needs no mark in the database: after a crash everything that was not settled
//! is due again at once, under the same id.

mod apply;
mod batch;
mod change;
mod delivery;
mod endpoint;
mod lock;
mod read;
pub mod schedule;
mod schema;

pub(crate) use self::apply::{OutboxChange, apply, refuses};
pub use self::change::new_webhook_id;
pub use self::delivery::{
    Attempt, Delivery, DeliveryFilter, DeliveryState, DeliveryStatus, Outcome, Settlement,
};
pub use self::endpoint::{Endpoint, EndpointCounts, NewEndpoint};
pub use self::lock::Outbox;
pub(crate) use self::schema::TABLES;
