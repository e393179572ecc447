//! `/api/v1/audit` and its check.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use frontdesk_domain::audit::AccessStep;
use http::{Response, Uri};

use crate::desk::{Office, Read, Viewer, json};
use crate::params::Params;
use crate::problem::Problem;
use crate::view::audit::{self, AuditVerifiedView, AuditView};

/// The audit log, the newest entry first.
#[utoipa::path(
    get,
    path = "/api/v1/audit",
    tag = "audit",
    params(
        ("kind" = Option<String>, Query, description = "of this kind: access, change, termination and so on"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 500, description = "entries on a page; 50"),
        ("cursor" = Option<String>, Query, description = "next_cursor of the page before"),
    ),
    responses((status = 200, body = AuditView)),
)]
pub(crate) async fn list(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let mut asked = Params::read(uri.query())?;
    let kind = asked.named("kind")?;
    let limit = asked.number("limit", 1..=500)?.unwrap_or(50) as usize;
    let before = asked.cursor("cursor")?;
    asked.finish()?;
    let page = office.entries(move |reader| Ok(audit::page(reader, before, kind, limit)?)).await?;
    office.saw(&viewer, Read::new(AccessStep::Audited)).await?;
    Ok(json(&page))
}

/// Checks every entry of the journal against the chain.
#[utoipa::path(
    get,
    path = "/api/v1/audit/verify",
    tag = "audit",
    responses((status = 200, body = AuditVerifiedView)),
)]
pub(crate) async fn verify(State(office): State<Arc<Office>>) -> Result<Response<Body>, Problem> {
    let desk = Arc::clone(&office.desk);
    let verified = office.journal(move |reader| {
        // Where nothing was ever written down there is nothing to check.
        let reader = reader.ok_or_else(Problem::not_found)?;
        Ok(audit::verify(reader, &desk.key_file())?)
    });
    Ok(json(&verified.await?))
}
