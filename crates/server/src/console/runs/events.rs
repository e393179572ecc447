//! How far runs are, told to a page that is open: a stream of events, of which there are few and none for long.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use frontdesk_domain::RunId;
use http::{Response, Uri};

use super::RUNS;
use crate::clock;
use crate::desk::{Office, Viewer};
use crate::params::Params;
use crate::problem::Problem;
use crate::view::runs;

/// How often an open page is told how far its runs are.
const EVERY: Duration = Duration::from_secs(2);
/// How long a browser waits before it opens a stream again that ended.
const AGAIN: Duration = Duration::from_secs(5);

/// How far the newest runs are, or the one that is named, again and again, until nobody listens or
/// [`Limits::stream_life`](crate::Limits::stream_life) is over: a reader that is gone without a word keeps no place.
pub(crate) async fn events(
    State(office): State<Arc<Office>>,
    _: Viewer,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let mut asked = Params::read(uri.query())?;
    let one = asked.named::<RunId>("run")?;
    asked.finish()?;
    let place = office.stream_place()?;
    let until = clock::monotonic() + office.limits.stream_life;
    let events = futures_util::stream::unfold((true, Some(place)), move |(first, place)| {
        let (office, one) = (Arc::clone(&office), one.clone());
        async move {
            // Without a place it was told for the last time.
            let place = place?;
            if !first {
                tokio::time::sleep(EVERY).await;
            }
            let memory = Arc::clone(&office.runs);
            let runs = office.archive(move |reader| {
                Ok(match one {
                    Some(id) => runs::progress(&memory, reader, &id)?.into_iter().collect(),
                    None => runs::page(&memory, reader, None, RUNS)?.runs,
                })
            });
            let data = serde_json::to_string(&runs.await.ok()?).unwrap_or_default();
            let event = Event::default().event("runs").retry(AGAIN).data(data);
            let next = (clock::monotonic() < until).then_some(place);
            Some((Ok::<_, Infallible>(event), (false, next)))
        }
    });
    Ok(Sse::new(events).into_response())
}
