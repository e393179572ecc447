//! The HTTP API: handlers that read what is asked for, ask a view, and give it as JSON.

mod runs;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::middleware::map_request;
use axum::routing::{get, post};

use crate::desk::{Office, Role, at_least};

pub(crate) use webhooks::replayed;

/// What there is below `/api/v1`.
pub(crate) fn routes() -> Router<Arc<Office>> {
    let viewer = Router::new()
        .route("/api/v1/runs", get(runs::list))
        .route("/api/v1/runs/{id}", get(runs::one))
        .route("/api/v1/coverage", get(runs::coverage));
    let auditor = Router::new()
        .route("/api/v1/webhooks/deliveries", get(webhooks::deliveries))
        .route_layer(map_request(at_least(Role::Auditor)));
    let operator = Router::new()
        .route("/api/v1/webhooks/deliveries/replay", post(webhooks::replay))
        .route_layer(map_request(at_least(Role::Operator)));
    viewer.merge(auditor).merge(operator)
}
