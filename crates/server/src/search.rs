//! `GET /api/v1/archive/search?q=term` (contract §5): a JSON array that is written while it is read.

mod body;
mod item;

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use bytes::Bytes;
use frontdesk_archive::{ErrorKind, Match};
use http::header::{CONTENT_TYPE, TRAILER};
use http::{HeaderName, HeaderValue, Response, StatusCode, Uri};
use tokio::sync::mpsc::{Sender, channel};
use tokio::time::timeout;

use crate::app::App;
use crate::gate::Place;
use crate::problem::Problem;
use crate::source::Source;
use crate::term::term;
use body::Answer;

/// Conversations that could not be read, and may belong to the answer or not (contract §5).
const INCOMPLETE: HeaderName = HeaderName::from_static("frontdesk-incomplete");

/// So much of an answer is handed over at once; one conversation may be longer.
const PIECE: usize = 32 << 10;
/// Pieces that wait for a client to read them. With the one in the making they are the memory of an answer.
const PIECES: usize = 4;

/// What a search says while it runs.
enum Said {
    Piece { bytes: Bytes, incomplete: u64 },
    End { incomplete: u64 },
    Failed(Problem),
}

/// The same without an answer: whether it would be tried.
pub(crate) async fn head(State(app): State<Arc<App>>, uri: Uri) -> Response<Body> {
    match term(uri.query(), &app.limits) {
        Ok(_) => streamed(Body::empty(), 0),
        Err(problem) => problem.into_response(),
    }
}

pub(crate) async fn get(State(app): State<Arc<App>>, uri: Uri) -> Response<Body> {
    match answer(&app, &uri).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn answer(app: &Arc<App>, uri: &Uri) -> Result<Response<Body>, Problem> {
    let term = term(uri.query(), &app.limits)?;
    let place = app.work.gate.enter().await?;
    let (sender, mut said) = channel(PIECES);
    let source = Arc::clone(&app.source);
    // It ends by itself: with its last word, or when nobody listens to the next.
    drop(app.work.workers.run(move || search(&*source, &term, &sender, place)));
    match timeout(app.limits.first_byte, said.recv()).await {
        Ok(Some(Said::Piece { bytes, incomplete })) => {
            Ok(streamed(Body::new(Answer::new(bytes, said, app.limits.answer, incomplete)), incomplete))
        }
        Ok(Some(Said::End { incomplete })) => Ok(response(Body::from("[]"), incomplete)),
        Ok(Some(Said::Failed(problem))) => Err(problem),
        Ok(None) => Err(Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "unexpected",
            "the search ended without a word",
        )),
        Err(_) => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "deadline", "the search took too long")
            .hint("look for a longer text")
            .retry_after(10)),
    }
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
fn search(source: &dyn Source, term: &str, said: &Sender<Said>, place: Place) {
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
        let bytes = Bytes::from(std::mem::take(&mut piece));
        match said.blocking_send(Said::Piece { bytes, incomplete: found.so_far.incomplete }) {
            Ok(()) => ControlFlow::Continue(()),
            // Nobody listens any more.
            Err(_) => ControlFlow::Break(()),
        }
    });
    let last = match found {
        Ok(searched) => {
            if !first {
                piece.push(b']');
                let bytes = Bytes::from(piece);
                let _ = said.blocking_send(Said::Piece { bytes, incomplete: searched.incomplete });
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
    };
    // The place is free before the client hears the end: its next request must find it so.
    drop(place);
    let _ = said.blocking_send(last);
}
