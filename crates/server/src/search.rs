//! `GET /api/v1/archive/search?q=term` (contract §5): a JSON array that is written while it is read.

mod item;

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use frontdesk_archive::{ErrorKind, Match};
use frontdesk_domain::audit::AccessStep;
use http::header::{CONTENT_TYPE, TRAILER};
use http::{HeaderValue, Response, Uri};

use crate::app::App;
use crate::desk::{Read, Viewer};
use crate::problem::Problem;
use crate::source::Source;
use crate::stream::{self, Begun, Deaf, INCOMPLETE, PIECE, Said, Speaker};
use crate::term::term;

/// The same without an answer: whether it would be tried.
pub(crate) async fn head(State(app): State<Arc<App>>, uri: Uri) -> Response<Body> {
    match term(uri.query(), &app.limits) {
        Ok(_) => streamed(Body::empty(), 0),
        Err(problem) => problem.into_response(),
    }
}

pub(crate) async fn get(
    State(app): State<Arc<App>>,
    viewer: Option<Extension<Viewer>>,
    uri: Uri,
) -> Response<Body> {
    match answer(&app, viewer.as_deref(), &uri).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn answer(app: &Arc<App>, viewer: Option<&Viewer>, uri: &Uri) -> Result<Response<Body>, Problem> {
    let term = term(uri.query(), &app.limits)?;
    if let Some(office) = &app.office {
        // Whoever stands behind a desk was let in by it.
        let viewer = viewer.ok_or_else(Problem::unexpected)?;
        // Before the place of a search is taken, since writing it down takes one, too.
        office.saw(viewer, Read::new(AccessStep::Searched).with("term", term.as_str())).await?;
    }
    let source = Arc::clone(&app.source);
    let begun =
        stream::begin(&app.work, &app.limits, move |speaker| search(&*source, &term, speaker)).await?;
    Ok(match begun {
        Begun::Going { body, incomplete } => streamed(body, incomplete),
        Begun::Empty { incomplete } => response(Body::from("[]"), incomplete),
    })
}

/// An answer of which more than the beginning is to come: a trailer is announced, since what cannot be read may turn up
/// at the end.
fn streamed(body: Body, incomplete: u64) -> Response<Body> {
    let mut response = response(body, incomplete);
    response.headers_mut().insert(TRAILER, HeaderValue::from_name(INCOMPLETE));
    response
}

fn response(body: Body, incomplete: u64) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if incomplete > 0 {
        response.headers_mut().insert(INCOMPLETE, HeaderValue::from(incomplete));
    }
    response
}

/// The work, on a thread of its own.
fn search(source: &dyn Source, term: &str, speaker: &Speaker) -> Said {
    let mut piece = Vec::new();
    let mut first = true;
    let found = source.search_each(term, &mut |found: Match| {
        piece.push(if first { b'[' } else { b',' });
        item::write(&mut piece, &found.record);
        // The first one goes alone: somebody waits for it.
        if !first && piece.len() < PIECE {
            return ControlFlow::Continue(());
        }
        first = false;
        match speaker.piece(std::mem::take(&mut piece), found.so_far.incomplete) {
            Ok(()) => ControlFlow::Continue(()),
            Err(Deaf) => ControlFlow::Break(()),
        }
    });
    match found {
        Ok(searched) => {
            if !first {
                piece.push(b']');
                // Whoever does not listen any more misses the end, too.
                let _ = speaker.piece(piece, searched.incomplete);
            }
            Said::End { incomplete: searched.incomplete }
        }
        Err(error) => {
            // Whoever starts the server before the first pull need not be told at every request.
            if *error.kind() != ErrorKind::NotAnArchive {
                tracing::warn!(%error, "a search failed");
            }
            Said::Failed(Problem::archive(&error))
        }
    }
}
