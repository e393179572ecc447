//! The console: pages for people, made here, over the views.

use std::sync::Arc;

use axum::Router;

use crate::desk::Office;

/// The pages there are.
pub(crate) fn routes() -> Router<Arc<Office>> {
    Router::new()
}
