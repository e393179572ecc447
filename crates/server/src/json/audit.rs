//! `/api/v1/audit` and its check.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use frontdesk_domain::audit::{AccessStep, AuditKind};
use http::{Response, Uri};

use crate::desk::{Office, Read, Viewer, json};
use crate::params::{Params, bad};
use crate::problem::Problem;
use crate::view::audit::{self, AuditVerifiedView, AuditView, Choice};

/// The audit log, the newest entry first.
#[utoipa::path(
    get,
    path = "/api/v1/audit",
    tag = "audit",
    params(
        ("kind" = Option<String>, Query, description = "of this kind: access, change, termination and so on"),
        ("subject" = Option<String>, Query, description = "who looked at this conversation, delivery or list; with kind access or none"),
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
    let choice = choice(&mut asked)?;
    let limit = asked.limit(1..=500, 50)?;
    let before = asked.cursor("cursor")?;
    asked.finish()?;
    let read = audited(&choice, false);
    let page = office.entries(move |reader| Ok(audit::page(reader, before, &choice, limit)?)).await?;
    office.saw(&viewer, read).await?;
    Ok(json(&page))
}

/// Which entries are asked for; for the console, too.
pub(crate) fn choice(asked: &mut Params) -> Result<Choice, Problem> {
    match (asked.named("kind")?, asked.text("subject")) {
        (kind, None) => Ok(Choice { kind, subject: None }),
        (None | Some(AuditKind::Access), Some(subject)) => {
            Ok(Choice { kind: Some(AuditKind::Access), subject: Some(subject) })
        }
        (Some(_), Some(_)) => Err(bad("only entries of kind access have a subject")),
    }
}

/// A look at the audit log as it is written down; for the console, too.
pub(crate) fn audited(choice: &Choice, verified: bool) -> Read {
    let mut read = Read::new(AccessStep::Audited);
    if let Some(subject) = &choice.subject {
        // Who looks who looked at something has not looked at it, so that is no subject of this look.
        read = read.with("subject", subject.as_str());
    }
    if verified { read.with("chain", "verified") } else { read }
}

/// Checks every entry of the journal against the chain.
#[utoipa::path(
    get,
    path = "/api/v1/audit/verify",
    tag = "audit",
    responses((status = 200, body = AuditVerifiedView)),
)]
pub(crate) async fn verify(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
) -> Result<Response<Body>, Problem> {
    let desk = Arc::clone(&office.desk);
    let verified = office.journal(move |reader| {
        // Where nothing was ever written down there is nothing to check.
        let reader = reader.ok_or_else(Problem::not_found)?;
        Ok(audit::verify(reader, &desk.key_file())?)
    });
    let verified = verified.await?;
    office.saw(&viewer, audited(&Choice::default(), true)).await?;
    Ok(json(&verified))
}
