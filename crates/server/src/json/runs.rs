//! `/api/v1/runs`, `/api/v1/runs/{id}`, `/api/v1/schedules`, `/api/v1/late`, `/api/v1/coverage`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use frontdesk_domain::RunId;
use http::{Response, Uri};

use super::named::Named;
use crate::desk::{Office, Read, Viewer, json};
use crate::params::Params;
use crate::problem::Problem;
use crate::view::coverage::{self, CoverageView};
use crate::view::late::{self, LateView};
use crate::view::runs::{self, RunView, RunsView};
use crate::view::schedules::{self, SchedulesView};

/// Runs, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/runs",
    tag = "runs",
    params(
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 100, description = "runs on a page; 20"),
        ("cursor" = Option<String>, Query, description = "next_cursor of the page before"),
    ),
    responses((status = 200, body = RunsView)),
)]
pub(crate) async fn list(State(office): State<Arc<Office>>, uri: Uri) -> Result<Response<Body>, Problem> {
    let mut asked = Params::read(uri.query())?;
    let limit = asked.limit(1..=100, 20)?;
    let cursor = asked.text("cursor");
    asked.finish()?;
    let memory = Arc::clone(&office.runs);
    let page = office.archive(move |reader| Ok(runs::page(&memory, reader, cursor.as_deref(), limit)?));
    Ok(json(&page.await?))
}

/// One run, with its certificate.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{id}",
    tag = "runs",
    params(("id" = String, Path, description = "the run's id")),
    responses((status = 200, body = RunView)),
)]
pub(crate) async fn one(
    State(office): State<Arc<Office>>,
    Named(id): Named<RunId>,
) -> Result<Response<Body>, Problem> {
    let run = office.archive(move |reader| Ok(runs::run(reader, &id)?));
    Ok(json(&run.await?.ok_or_else(Problem::not_found)?))
}

/// What this server does by itself at its times, and how it went.
#[utoipa::path(
    get,
    path = "/api/v1/schedules",
    tag = "runs",
    responses((status = 200, body = SchedulesView)),
)]
pub(crate) async fn schedules(
    State(office): State<Arc<Office>>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    Params::read(uri.query())?.finish()?;
    Ok(json(&schedules::schedules(&office.desk.timetable)))
}

/// Conversations whose texts pulls look at again, those that are due first.
#[utoipa::path(
    get,
    path = "/api/v1/late",
    tag = "runs",
    params(
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000, description = "conversations on a page; 100"),
        ("cursor" = Option<String>, Query, description = "next_cursor of the page before"),
    ),
    responses((status = 200, body = LateView)),
)]
pub(crate) async fn late(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let mut asked = Params::read(uri.query())?;
    let limit = asked.limit(1..=1_000, 100)?;
    let from = asked.cursor("cursor")?.unwrap_or(0);
    asked.finish()?;
    let now = office.now();
    let queue = Arc::clone(&office.late);
    let page = office.archive(move |reader| Ok(late::late(&queue, reader, now, from, limit)?)).await?;
    office.saw(&viewer, Read::list("late")).await?;
    Ok(json(&page))
}

/// Totals, and each day with what is stored, may still change, is missing, held or removed.
#[utoipa::path(
    get,
    path = "/api/v1/coverage",
    tag = "runs",
    responses((status = 200, body = CoverageView)),
)]
pub(crate) async fn coverage(State(office): State<Arc<Office>>, uri: Uri) -> Result<Response<Body>, Problem> {
    Params::read(uri.query())?.finish()?;
    let now = office.now();
    Ok(json(&office.archive(move |reader| Ok(coverage::coverage(reader, now)?)).await?))
}
