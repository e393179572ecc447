//! The console: pages for people, made here, over the views.
//!
//! | module | what it is |
//! |---|---|
//! | `page` | what every page has: head, navigation, errors |
//! | `assets` | the stylesheet and the script |
//! | `write` | customer text, times and sizes in markup |
//! | `schedules` | what is done by itself, on the page of runs |
//! | `search`, `conversation`, `coverage`, `runs`, `late`, `sessions`, `plans`, `sla`, `webhooks`, `audit`, `holds`, `login` | one screen each |
//!
//! The markup escapes whatever it is given, and nothing here goes around that. Each page works without its script.

mod assets;
mod audit;
mod conversation;
mod coverage;
mod holds;
mod late;
mod login;
mod page;
mod plans;
mod runs;
mod schedules;
mod search;
mod sessions;
mod sla;
mod webhooks;
mod write;

use std::sync::Arc;

use axum::Router;
use axum::middleware::map_request;
use axum::routing::{get, post};

use crate::desk::{Office, Role, at_least};

pub(crate) use page::dressed;

/// The pages there are.
pub(crate) fn routes() -> Router<Arc<Office>> {
    let viewer = Router::new()
        .route("/", get(search::get))
        .route("/conversations/{id}", get(conversation::get))
        .route("/conversations/{id}/verify", post(conversation::verify))
        .route("/coverage", get(coverage::get))
        .route("/sla", get(sla::get))
        .route("/runs", get(runs::get))
        .route("/runs/events", get(runs::events))
        .route("/runs/late", get(late::get))
        .route("/runs/{id}", get(runs::one));
    let auditor = Router::new()
        .route("/conversations/{id}/reveal", post(conversation::reveal))
        .route("/sessions", get(sessions::get))
        .route("/sessions/plans/{id}", get(plans::get))
        .route("/webhooks", get(webhooks::get))
        .route("/audit", get(audit::get))
        .route("/holds", get(holds::get))
        .route_layer(map_request(at_least(Role::Auditor)));
    let operator = Router::new()
        .route("/webhooks/replay", post(webhooks::replay))
        .route_layer(map_request(at_least(Role::Operator)));
    Router::new()
        .merge(viewer)
        .merge(auditor)
        .merge(operator)
        .route("/login", get(login::get))
        .route("/assets/{name}", get(assets::get))
}
