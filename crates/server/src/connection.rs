//! One connection: hyper over a [`wire`], until either side is done.

mod busy;
mod head;
mod wire;

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderValue, Request, StatusCode};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tower::Service;

pub(crate) use busy::{Busy, Quiet};

use crate::bodies;
use crate::limits::Limits;
use crate::problem::Problem;
use busy::Answering;
use wire::{Refusal, Wire};

/// What a stream of events is.
const EVENTS: &str = "text/event-stream";
/// How long a client that was refused may go on talking, so that it hears why.
const LINGER: Duration = Duration::from_secs(1);

/// Serves one connection to its end.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send>(
    stream: S,
    router: Router,
    limits: Arc<Limits>,
    quiet: Arc<Quiet>,
    mut stopped: watch::Receiver<bool>,
) {
    let busy = Busy::new(quiet);
    let largest_head = limits.url_bytes + limits.header_bytes + (8 << 10);
    let wire = Wire::new(stream, limits, Arc::clone(&busy));
    let own = Arc::clone(&busy);
    let asked = stopped.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let answering = own.begin(body_length(&request));
        let (answer, own) = (router.clone().call(request.map(Body::new)), Arc::clone(&own));
        let mut asked = asked.clone();
        Box::pin(async move {
            let Ok(mut answer) = answer.await;
            // Where the next request begins is only known where the whole body was read.
            if own.body_left() > 0 {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            if answer.headers().get(CONNECTION).is_some_and(|value| value == "close") {
                own.ends();
            }
            // A stream of events has no end of its own, and nothing that would be lost.
            let is_stream = answer.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == EVENTS);
            let until: Option<Until> = is_stream.then(|| -> Until {
                Box::pin(async move {
                    let _ = asked.wait_for(|stopped| *stopped).await;
                })
            });
            Ok::<_, Infallible>(answer.map(|body| Tracked { body, until, _answering: answering }))
        })
    });
    let mut connection = http1::Builder::new()
        // The wire has its own clock for heads, which knows silence, too.
        .header_read_timeout(None)
        .max_buf_size(largest_head)
        .serve_connection(TokioIo::new(wire), service);
    let asked_to_stop = async {
        // An error is a server that is gone, which is reason enough.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    let ended = tokio::select! {
        ended = poll_fn(|cx| connection.poll_without_shutdown(cx)) => ended,
        // Somebody who has something to say needs the place.
        () = busy.evicted() => return,
        () = asked_to_stop => {
            Pin::new(&mut connection).graceful_shutdown();
            poll_fn(|cx| connection.poll_without_shutdown(cx)).await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
        return;
    }
    let wire = connection.into_parts().io.into_inner();
    match wire.refused() {
        Some(Refusal::Silent) => {}
        Some(refusal) => wire.close(&problem(refusal).raw(), LINGER).await,
        // After an answer that ended the connection, such as a refused body.
        None => wire.close(&[], LINGER).await,
    }
}

/// How long a request's body is, for the wire; nothing where none is taken.
fn body_length(request: &Request<Incoming>) -> u64 {
    if !bodies::takes_body(request.method(), request.uri()) {
        return 0;
    }
    if request.headers().contains_key(TRANSFER_ENCODING) {
        return u64::MAX;
    }
    // Hyper refuses lengths that are no number, or contradict each other.
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    length.unwrap_or(0)
}

fn problem(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Silent | Refusal::HeadTooSlow => Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "too_slow",
            "the head of the request did not come in time",
        ),
        Refusal::UrlTooLong => {
            Problem::new(StatusCode::URI_TOO_LONG, "url_too_long", "the request line is too long")
        }
        Refusal::HeadersTooLarge => Problem::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "headers_too_large",
            "the header fields are too many or too long",
        ),
    }
}

/// When somebody asks the server to stop.
type Until = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A body that says when it was handed over.
struct Tracked {
    body: Body,
    /// It ends then, wherever it is.
    until: Option<Until>,
    _answering: Answering,
}

impl http_body::Body for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.until.as_mut().is_some_and(|until| until.as_mut().poll(cx).is_ready()) {
            self.until = None;
            self.body = Body::empty();
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
