//! `/api/v1/sessions`, `/api/v1/terminations` and `/api/v1/plans`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use http::{Response, Uri};

use super::named::Named;
use crate::desk::{Office, Read, Viewer, json};
use crate::params::Params;
use crate::problem::Problem;
use crate::view::plans::{self, PlanGuestsView, PlansView};
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
pub(crate) async fn list(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let mut asked = Params::read(uri.query())?;
    let only_open = asked.flag("open")?;
    let limit = asked.limit(1..=500, 50)?;
    let before = asked.cursor("cursor")?;
    asked.finish()?;
    let page = office.entries(move |reader| Ok(sessions::page(reader, before, only_open, limit)?)).await?;
    office.saw(&viewer, Read::list("sessions")).await?;
    Ok(json(&page))
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
    viewer: Viewer,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let mut asked = Params::read(uri.query())?;
    let limit = asked.limit(1..=500, 50)?;
    let before = asked.cursor("cursor")?;
    asked.finish()?;
    let page = office.entries(move |reader| Ok(sessions::terminations(reader, before, limit)?)).await?;
    office.saw(&viewer, Read::list("terminations")).await?;
    Ok(json(&page))
}

/// Plans of endings, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/plans",
    tag = "sessions",
    params(("limit" = Option<u64>, Query, minimum = 1, maximum = 500, description = "the newest so many; 50")),
    responses((status = 200, body = PlansView)),
)]
pub(crate) async fn plans(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let mut asked = Params::read(uri.query())?;
    let limit = asked.limit(1..=500, 50)?;
    asked.finish()?;
    let page = office.entries(move |reader| Ok(plans::page(reader, limit)?)).await?;
    office.saw(&viewer, Read::list("plans")).await?;
    Ok(json(&page))
}

/// A plan of endings: what it is to do, and what became of each guest, in the order of the plan.
#[utoipa::path(
    get,
    path = "/api/v1/plans/{id}",
    tag = "sessions",
    params(
        ("id" = String, Path, description = "the first 32 digits of its hash"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000, description = "guests on a page; 100"),
        ("cursor" = Option<String>, Query, description = "next_cursor of the page before"),
    ),
    responses((status = 200, body = PlanGuestsView)),
)]
pub(crate) async fn plan(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    Named(id): Named<String>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let mut asked = Params::read(uri.query())?;
    let limit = asked.limit(1..=1_000, 100)?;
    let from = asked.cursor("cursor")?.unwrap_or(0);
    asked.finish()?;
    let wanted = id.clone();
    let view = office.entries(move |reader| Ok(plans::guests(reader, &wanted, from, limit)?)).await?;
    let view = view.ok_or_else(Problem::not_found)?;
    office.saw(&viewer, Read::list(&format!("plans/{id}"))).await?;
    Ok(json(&view))
}
