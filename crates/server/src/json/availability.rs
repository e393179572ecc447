//! `/api/v1/reports/availability`, written while it is read.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use frontdesk_archive::Error;
use frontdesk_domain::Timestamp;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, Uri};
use utoipa::ToSchema;

use crate::desk::{Desk, Office, Read, Viewer};
use crate::params::Params;
use crate::problem::Problem;
use crate::stream::{Begun, Deaf, PIECE, Said, Speaker};
use crate::view::availability;

/// Every record of the archive (contract §5).
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it says in the OpenAPI file what view/availability.rs writes")]
pub(super) struct AvailabilityView {
    /// When it was begun to be read, RFC 3339.
    generated_at: String,
    /// How many records there are.
    total_files: u64,
    /// Each of them, in the order of storing.
    records: Vec<AvailableView>,
}

/// A record.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it says in the OpenAPI file what view/availability.rs writes")]
pub(super) struct AvailableView {
    /// The name it is exported under.
    filename: String,
    /// Its bytes.
    size_bytes: u64,
    /// When it was stored, RFC 3339.
    last_modified: String,
}

/// Every record with its name, size and time: `archive report`.
#[utoipa::path(
    get,
    path = "/api/v1/reports/availability",
    tag = "reports",
    responses((status = 200, body = AvailabilityView)),
)]
pub(crate) async fn report(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    Params::read(uri.query())?.finish()?;
    // Before it is begun: it goes out while it is read.
    office.saw(&viewer, Read::list("availability")).await?;
    let (desk, now) = (Arc::clone(&office.desk), office.now());
    let begun = office.stream(move |speaker| tell(&desk, now, speaker)).await?;
    // Its first piece always comes, be it that of an empty archive.
    let Begun::Going { body, .. } = begun else { return Err(Problem::unexpected()) };
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// Why it is not written to its end.
enum Stopped {
    Archive(Error),
    Deaf,
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Archive(error)
    }
}

impl From<Deaf> for Stopped {
    fn from(_: Deaf) -> Self {
        Self::Deaf
    }
}

/// The work, on a thread of its own.
fn tell(desk: &Desk, now: Timestamp, speaker: &Speaker) -> Said {
    // A report holds its reader's catalog to its end, however slowly it is read.
    let written = desk.archive.another().map_err(Stopped::from).and_then(|reader| {
        availability::write(&reader, now, PIECE, &mut |piece| Ok(speaker.piece(piece, 0)?))
    });
    match written {
        Ok(()) | Err(Stopped::Deaf) => Said::End { incomplete: 0 },
        Err(Stopped::Archive(error)) => Said::Failed(Problem::archive(&error)),
    }
}
