//! `POST /webhook/callback`: the platform says that a conversation was created (contract §3).
//!
//! Read whole, verified, understood, handed to a [`CallbackDesk`], answered. What happens to it then is the desk's.

mod verified;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::IntoResponse;
use axum::routing::post;
use frontdesk_domain::Timestamp;
use frontdesk_domain::callback::{CallbackError, CallbackKey, SessionCallback};
use frontdesk_domain::signature::SigningSecret;
use http::header::ORIGIN;
use http::{Response, StatusCode, Uri};

use crate::bodies::{self, Room};
use crate::limits::Limits;
use crate::problem::Problem;
use verified::{Unverified, key};

/// Where callbacks are sent.
const PATH: &str = "/webhook/callback";
const METHODS: &str = "POST";

/// A callback that was verified and understood.
#[derive(Debug, Clone)]
pub struct Callback {
    /// What it says.
    pub content: SessionCallback,
    /// What makes it one with others.
    pub key: CallbackKey,
}

/// Why a callback was not taken as it was meant to be. Both ask the platform to send it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Untaken {
    /// It could not be stored.
    NotStored,
    /// It is stored, and who it is for has not got it; somebody wanted to know before answering.
    NotDelivered,
}

/// What a [`CallbackDesk`] gives.
pub type Taking<'a> = Pin<Box<dyn Future<Output = Result<(), Untaken>> + Send + 'a>>;

/// Takes callbacks. The server has verified and understood them; storing and forwarding is this one's.
pub trait CallbackDesk: fmt::Debug + Send + Sync + 'static {
    /// Takes a callback. What it gives is answered: success says that the callback is on the disk.
    fn take(&self, callback: Callback) -> Taking<'_>;
}

/// How callbacks are taken.
#[derive(Clone)]
pub struct Callbacks {
    desk: Arc<dyn CallbackDesk>,
    secrets: Vec<SigningSecret>,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Callbacks {
    /// Callbacks for a desk. With secrets only those count that are signed with one of them, and no longer ago than five
    /// minutes; without any everything does that comes from this machine.
    pub fn new(
        desk: Arc<dyn CallbackDesk>,
        secrets: Vec<SigningSecret>,
        now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    ) -> Self {
        Self { desk, secrets, now }
    }

    /// Whether a stranger could not make them up.
    pub(crate) fn are_signed(&self) -> bool {
        !self.secrets.is_empty()
    }
}

impl fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callbacks").field("desk", &self.desk).finish_non_exhaustive()
    }
}

/// Whether a request is one for the callback listener. The platform reaches it under a name of the proxy in front.
pub(crate) fn is_callback(uri: &Uri) -> bool {
    uri.path() == PATH
}

/// What a request has at hand.
#[derive(Debug)]
struct Listener {
    callbacks: Callbacks,
    limits: Arc<Limits>,
    room: Room,
}

/// The listener's only route.
pub(crate) fn routes(callbacks: Callbacks, limits: &Arc<Limits>, room: Room) -> Router {
    let listener = Arc::new(Listener { callbacks, limits: Arc::clone(limits), room });
    Router::new().route(PATH, post(take).fallback(other_method)).with_state(listener)
}

/// Every method but POST.
async fn other_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", "callbacks are sent with POST").allow(METHODS)
}

async fn take(State(listener): State<Arc<Listener>>, request: Request) -> Response<Body> {
    match taken(&listener, request).await {
        Ok(()) => Response::new(Body::empty()),
        Err(response) => response,
    }
}

async fn taken(listener: &Listener, request: Request) -> Result<(), Response<Body>> {
    let refused = |problem: Problem| problem.into_response();
    let Listener { callbacks, limits, room } = listener;
    let (head, body) = request.into_parts();
    // A page in somebody's browser is not the platform, wherever it was loaded from.
    if head.headers.contains_key(ORIGIN) {
        let detail = "callbacks are not taken from web pages";
        return Err(refused(Problem::new(StatusCode::FORBIDDEN, "from_a_page", detail)));
    }
    let body = bodies::read(&head.headers, body, limits, room).await.map_err(refused)?;
    let now = (callbacks.now)();
    let key = key(&callbacks.secrets, &head.headers, &body, now).map_err(|why| match why {
        Unverified::Forged => {
            tracing::warn!("a callback was refused: it is not signed as it should be");
            unauthorized()
        }
        Unverified::Unusable(detail) => {
            refused(Problem::new(StatusCode::BAD_REQUEST, "bad_webhook_id", detail))
        }
    })?;
    let content = SessionCallback::parse(&body).map_err(|error| {
        let kind = match error {
            CallbackError::ConversationId => "bad_conversation_id",
            _ => "not_an_object",
        };
        refused(Problem::new(StatusCode::BAD_REQUEST, kind, error.to_string()))
    })?;
    // What is on its way to the disk needs neither the bytes nor their place.
    drop(body);
    callbacks.desk.take(Callback { content, key }).await.map_err(|why| {
        refused(match why {
            Untaken::NotStored => {
                let detail = "the callback could not be stored";
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_stored", detail).retry_after(5)
            }
            Untaken::NotDelivered => {
                let detail = "the callback is stored, and the CRM has not taken it yet";
                Problem::new(StatusCode::BAD_GATEWAY, "not_delivered", detail)
            }
        })
    })
}

/// 401 with nothing else in it, whatever was wrong: who guesses learns nothing (contract §3).
fn unauthorized() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    response
}
