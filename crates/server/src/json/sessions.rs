//! `/api/v1/sessions` and `/api/v1/terminations`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use http::{Response, Uri};

use crate::desk::{Office, json};
use crate::params::Params;
use crate::problem::Problem;
use crate::view::sessions::{self, SessionsView, TerminationsView};

/// Sessions that were opened, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/sessions",
    tag = "sessions",
    params(
        ("open" = Option<bool>, Query, description = "only those that we have not ended"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 500, description = "sessions on a page; 50"),
        ("cursor" = Option<String>, Query, description = "next_cursor of the page before"),
    ),
    responses((status = 200, body = SessionsView)),
)]
pub(crate) async fn list(State(office): State<Arc<Office>>, uri: Uri) -> Result<Response<Body>, Problem> {
    let mut asked = Params::read(uri.query())?;
    let only_open = asked.flag("open")?;
    let limit = asked.number("limit", 1..=500)?.unwrap_or(50) as usize;
    let before = asked.cursor("cursor")?;
    asked.finish()?;
    let page = office.entries(move |reader| Ok(sessions::page(reader, before, only_open, limit)?));
    Ok(json(&page.await?))
}

/// Attempts to end sessions, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/terminations",
    tag = "sessions",
    params(
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 500, description = "attempts on a page; 50"),
        ("cursor" = Option<String>, Query, description = "next_cursor of the page before"),
    ),
    responses((status = 200, body = TerminationsView)),
)]
pub(crate) async fn terminations(
    State(office): State<Arc<Office>>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let mut asked = Params::read(uri.query())?;
    let limit = asked.number("limit", 1..=500)?.unwrap_or(50) as usize;
    let before = asked.cursor("cursor")?;
    asked.finish()?;
    let page = office.entries(move |reader| Ok(sessions::terminations(reader, before, limit)?));
    Ok(json(&page.await?))
}
