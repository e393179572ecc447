//! `/api/v1/reports/sla`, `/api/v1/holds`, `/api/v1/holds/effect`, `/api/v1/retention/preview`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use http::{Response, Uri};

use crate::desk::{Office, Read, Viewer, json};
use crate::params::{Params, bad};
use crate::problem::Problem;
use crate::view::holds::{self, EffectView, HoldsView, RetentionView};
use crate::view::sla::{self, SlaView};

/// How many messages arrived in time: all, by channel, by the hour.
#[utoipa::path(
    get,
    path = "/api/v1/reports/sla",
    tag = "reports",
    params(
        ("from" = Option<String>, Query, description = "made then or later: a date or a time"),
        ("to" = Option<String>, Query, description = "made before then"),
    ),
    responses((status = 200, body = SlaView)),
)]
pub(crate) async fn sla(State(office): State<Arc<Office>>, uri: Uri) -> Result<Response<Body>, Problem> {
    let mut asked = Params::read(uri.query())?;
    let range = (asked.time("from")?, asked.time("to")?);
    asked.finish()?;
    let (now, threshold) = (office.now(), office.desk.sla);
    let report = office.journal(move |reader| Ok(sla::report(reader, now, threshold, range)?));
    Ok(json(&report.await?))
}

/// Conversations that are held, and by which matters.
#[utoipa::path(
    get,
    path = "/api/v1/holds",
    tag = "retention",
    params(
        ("matter" = Option<String>, Query, description = "only of this matter"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000, description = "holds on a page; 100"),
        ("cursor" = Option<String>, Query, description = "next_cursor of the page before"),
    ),
    responses((status = 200, body = HoldsView)),
)]
pub(crate) async fn holds(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let mut asked = Params::read(uri.query())?;
    let matter = asked.matter()?;
    let limit = asked.limit(1..=1_000, 100)?;
    let from = asked.cursor("cursor")?.unwrap_or(0);
    asked.finish()?;
    let page = office.archive(move |reader| Ok(holds::page(reader, matter.as_ref(), from, limit)?)).await?;
    office.saw(&viewer, Read::list("holds")).await?;
    Ok(json(&page))
}

/// What the release of a matter would come to: what the next sweep would then remove. Nothing is released.
#[utoipa::path(
    get,
    path = "/api/v1/holds/effect",
    tag = "retention",
    params(
        ("matter" = String, Query, description = "the matter"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000, description = "conversations that are named; 100"),
    ),
    responses((status = 200, body = EffectView)),
)]
pub(crate) async fn effect(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let mut asked = Params::read(uri.query())?;
    let matter = asked.matter()?.ok_or_else(|| bad("matter is missing"))?;
    let limit = asked.limit(1..=1_000, 100)?;
    asked.finish()?;
    let (now, desk) = (office.now(), Arc::clone(&office.desk));
    let found =
        office.archive(move |reader| Ok(holds::effect(reader, &desk.policies, &matter, now, limit)?)).await?;
    office.saw(&viewer, Read::list("holds")).await?;
    Ok(json(&found))
}

/// What retention would remove now, by the policies of the server's profile. Nothing is removed.
#[utoipa::path(
    get,
    path = "/api/v1/retention/preview",
    tag = "retention",
    responses((status = 200, body = RetentionView)),
)]
pub(crate) async fn preview(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    Params::read(uri.query())?.finish()?;
    let (now, desk) = (office.now(), Arc::clone(&office.desk));
    let preview = office
        .archive(move |reader| Ok(holds::preview(reader, &desk.policies, &desk.timetable, now)?))
        .await?;
    office.saw(&viewer, Read::list("retention")).await?;
    Ok(json(&preview))
}
