//! The HTTP API: handlers that read what is asked for, ask a view, and give it as JSON.

mod audit;
mod availability;
mod conversations;
mod files;
mod links;
mod named;
mod openapi;
mod reports;
mod runs;
mod sessions;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::middleware::map_request;
use axum::routing::{get, post};

use crate::desk::{Office, Role, at_least};

pub(crate) use audit::{audited, choice as audit_choice};
pub use openapi::openapi;
pub(crate) use webhooks::{cursor as delivery_cursor, replayed};

/// What there is below `/api/v1`, by who may see it.
pub(crate) fn routes() -> Router<Arc<Office>> {
    let viewer = Router::new()
        .route("/api/v1/conversations", get(conversations::list))
        .route("/api/v1/conversations/{id}", get(conversations::one))
        .route("/api/v1/conversations/{id}/verify", get(conversations::verify))
        .route("/api/v1/runs", get(runs::list))
        .route("/api/v1/runs/{id}", get(runs::one))
        .route("/api/v1/schedules", get(runs::schedules))
        .route("/api/v1/late", get(runs::late))
        .route("/api/v1/coverage", get(runs::coverage))
        .route("/api/v1/reports/availability", get(availability::report))
        .route("/api/v1/reports/sla", get(reports::sla))
        .route("/api/v1/retention/preview", get(reports::preview))
        .route("/api/v1/openapi.json", get(openapi::file));
    // Names of guests and matters, what others looked at, and what nobody masks.
    let auditor = Router::new()
        .route("/api/v1/conversations/{id}/raw", get(conversations::raw))
        .route("/api/v1/conversations/{id}/files/{sha256}", get(files::file))
        .route("/api/v1/conversations/{id}/reveal", post(conversations::reveal))
        .route("/api/v1/sessions", get(sessions::list))
        .route("/api/v1/terminations", get(sessions::terminations))
        .route("/api/v1/plans", get(sessions::plans))
        .route("/api/v1/plans/{id}", get(sessions::plan))
        .route("/api/v1/webhooks/deliveries", get(webhooks::deliveries))
        .route("/api/v1/audit", get(audit::list))
        .route("/api/v1/audit/verify", get(audit::verify))
        .route("/api/v1/holds", get(reports::holds))
        .route("/api/v1/holds/effect", get(reports::effect))
        .route_layer(map_request(at_least(Role::Auditor)));
    let operator = Router::new()
        .route("/api/v1/webhooks/deliveries/replay", post(webhooks::replay))
        .route_layer(map_request(at_least(Role::Operator)));
    viewer.merge(auditor).merge(operator)
}
