//! `/api/v1/conversations`: searching, opening, revealing, exact bytes, proof.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use frontdesk_archive::Order;
use frontdesk_domain::audit::AccessStep;
use frontdesk_domain::{RecordId, RecordKey, RecordKind, hex};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Response, StatusCode, Uri};

use super::named::Named;
use crate::desk::{Office, Read, Sent, Viewer, json};
use crate::params::{Params, bad};
use crate::problem::Problem;
use crate::view::Masking;
use crate::view::conversation::{self, ConversationAsk, ConversationView, Opened, Place};
use crate::view::posts::posts;
use crate::view::proof::{self, ProofView};
use crate::view::search::{self, MOST_HITS, SearchAsk, SearchFault, SearchView};

/// Hits on a page, where nobody says how many.
const LIMIT: u64 = 20;
pub(super) const SHA256: HeaderName = HeaderName::from_static("frontdesk-sha256");
const VERSION: HeaderName = HeaderName::from_static("frontdesk-version");

impl From<SearchFault> for Problem {
    fn from(fault: SearchFault) -> Self {
        match fault {
            SearchFault::Query(error) => {
                bad(format!("the query is wrong at column {}: {}", error.column, error.message))
                    .hint(error.hint)
                    .column(error.column)
            }
            SearchFault::Archive(error) => Self::archive(&error),
        }
    }
}

/// Conversations that are found, with the values of their fields counted. What recognisers find is masked.
#[utoipa::path(
    get,
    path = "/api/v1/conversations",
    tag = "conversations",
    params(
        ("q" = Option<String>, Query, description = "in the language of archive search; nothing is everything"),
        ("order" = Option<String>, Query, description = "newest or best; newest"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 200, description = "hits on a page; 20"),
        ("cursor" = Option<String>, Query, description = "next_cursor of the page before"),
        ("facets" = Option<bool>, Query, description = "with the values of the fields"),
        ("count" = Option<bool>, Query, description = "how many there are of all; without it the newest come sooner"),
        ("texts" = Option<bool>, Query, description = "what they say; without it ids and starts come sooner"),
    ),
    responses((status = 200, body = SearchView)),
)]
pub(crate) async fn list(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let mut asked = Params::read(uri.query())?;
    let query = asked.text("q").unwrap_or_default();
    if query.len() > office.limits.term_bytes {
        return Err(bad(format!(
            "q has {} bytes, and {} is the limit",
            query.len(),
            office.limits.term_bytes
        )));
    }
    let ask = SearchAsk {
        query,
        order: match asked.text("order").as_deref() {
            None | Some("newest") => Order::Newest,
            Some("best") => Order::Best,
            Some(_) => return Err(bad("order is newest or best")),
        },
        limit: asked.limit(1..=MOST_HITS as u64, LIMIT)?,
        cursor: asked.text("cursor"),
        facets: asked.flag("facets")?,
        count: asked.flag_or("count", true)?,
        texts: asked.flag_or("texts", true)?,
        masking: Masking::default(),
    };
    asked.finish()?;
    let looked_for = ask.query.clone();
    // Turning a page is the same search.
    let read = Read::new(AccessStep::Searched).with("query", looked_for);
    // Written where it was found: what one thread allocates and another frees costs both a lock.
    office.shown(&viewer, read, move |reader| Ok(json(&search::search(reader, &ask)?))).await
}

/// A conversation: what was said, its versions, its files, its hashes. What recognisers find is masked.
#[utoipa::path(
    get,
    path = "/api/v1/conversations/{id}",
    tag = "conversations",
    params(
        ("id" = String, Path, description = "the conversation's id, percent-encoded"),
        ("version" = Option<u32>, Query, minimum = 1, description = "a version of what was said; the latest"),
        ("find" = Option<String>, Query, description = "a text to look for in it"),
        ("turn" = Option<u64>, Query, minimum = 1, description = "the part with the turn of this number"),
        ("message" = Option<String>, Query, description = "the part with the message of this id"),
    ),
    responses((status = 200, body = ConversationView)),
)]
pub(crate) async fn one(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    Named(id): Named<RecordId>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let mut asked = Params::read(uri.query())?;
    let ask = ask(&mut asked, Masking::default())?;
    asked.finish()?;
    let sought = ask.find.clone();
    let view = opened(&office, id.clone(), ask).await?;
    let read = Read::new(AccessStep::Opened).of(id.as_str());
    office.saw(&viewer, read.finding(sought.as_deref())).await?;
    Ok(json(&view))
}

fn ask(asked: &mut Params, masking: Masking) -> Result<ConversationAsk, Problem> {
    let version = asked.version()?;
    let place = match (asked.number("turn", 1..=u64::from(u32::MAX))?, asked.text("message")) {
        (None, None) => Place::Start,
        (Some(number), None) => Place::Number(number as usize),
        (None, Some(id)) => Place::Message(id),
        (Some(_), Some(_)) => return Err(bad("turn and message name two places")),
    };
    Ok(ConversationAsk { version, place, find: asked.text("find"), masking })
}

async fn opened(office: &Office, id: RecordId, ask: ConversationAsk) -> Result<ConversationView, Problem> {
    let found = office.archive(move |reader| Ok(conversation::open(reader, &id, &ask)?)).await?;
    match found {
        Some(Opened::Kept(mut view)) => {
            let id = view.id.clone();
            view.posts = office.entries(move |journal| Ok(posts(journal, &id)?)).await?;
            Ok(*view)
        }
        Some(Opened::Removed(removed)) => {
            let detail =
                format!("retention removed it at {}, by policy {}", removed.removed_at, removed.policy);
            Err(Problem::new(StatusCode::GONE, "removed", detail))
        }
        Some(Opened::Lost(lost)) if lost.is_there() => {
            let detail = "its bytes are not what was stored";
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "damage", detail)
                .hint("/verify names its records; frontdesk archive repair says what can be saved"))
        }
        Some(Opened::Lost(_)) => {
            let detail = "nothing of it was left when the archive was repaired";
            Err(Problem::new(StatusCode::GONE, "lost", detail)
                .hint("frontdesk archive repair --refetch, or a pull over its day, may bring it back"))
        }
        None => Err(Problem::not_found()),
    }
}

/// Why somebody wants to see what is masked.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "it says in the OpenAPI file what the handler reads by name")]
pub(crate) struct RevealAsk {
    /// Why; it is kept in the audit log.
    reason: String,
    /// A version of what was said; the latest.
    version: Option<u32>,
    /// A text to look for in it.
    find: Option<String>,
    /// The part with the turn of this number.
    turn: Option<u64>,
    /// The part with the message of this id.
    message: Option<String>,
}

/// The same with nothing masked. Who asked, and why, is in the audit log before the answer leaves.
#[utoipa::path(
    post,
    path = "/api/v1/conversations/{id}/reveal",
    tag = "conversations",
    params(("id" = String, Path, description = "the conversation's id, percent-encoded")),
    request_body = RevealAsk,
    responses((status = 200, body = ConversationView)),
)]
pub(crate) async fn reveal(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    Named(id): Named<RecordId>,
    Sent(mut asked): Sent,
) -> Result<Response<Body>, Problem> {
    let (reason, ask) = (asked.reason()?, ask(&mut asked, Masking::Off)?);
    asked.finish()?;
    Ok(json(&revealed(&office, &viewer, id, ask, reason).await?))
}

/// Opens a conversation with nothing masked.
async fn revealed(
    office: &Office,
    viewer: &Viewer,
    id: RecordId,
    ask: ConversationAsk,
    reason: String,
) -> Result<ConversationView, Problem> {
    let view = opened(office, id.clone(), ask).await?;
    office.saw(viewer, Read::new(AccessStep::Revealed).of(id.as_str()).with("reason", reason)).await?;
    Ok(view)
}

/// A record's exact bytes, as they came. They hash to the header `frontdesk-sha256`.
#[utoipa::path(
    get,
    path = "/api/v1/conversations/{id}/raw",
    tag = "conversations",
    params(
        ("id" = String, Path, description = "the conversation's id, percent-encoded"),
        ("kind" = Option<String>, Query, description = "details, history, transcript or media; details"),
        ("version" = Option<u32>, Query, minimum = 1, description = "the latest"),
    ),
    responses((status = 200, description = "the record", body = Object, content_type = "application/json")),
)]
pub(crate) async fn raw(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    Named(id): Named<RecordId>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let mut asked = Params::read(uri.query())?;
    let kind = asked.named::<RecordKind>("kind")?.unwrap_or(RecordKind::Details);
    let version = asked.version()?;
    asked.finish()?;
    let key = RecordKey { kind, id };
    let subject = key.id.as_str().to_owned();
    let found = office.archive(move |reader| Ok(reader.show(&key, version)?)).await?;
    let record = found.ok_or_else(Problem::not_found)?;
    let read = Read::new(AccessStep::Exported).of(subject).with("kind", kind.as_str());
    office.saw(&viewer, read.with("version", record.version.to_string())).await?;
    let mut response = Response::new(Body::from(record.bytes));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"record.json\""));
    headers.insert(VERSION, HeaderValue::from(record.version));
    if let Ok(hash) = HeaderValue::from_str(&hex(&record.sha256)) {
        headers.insert(SHA256, hash);
    }
    Ok(response)
}

/// Every version of every record of it, read now and compared with its hash.
#[utoipa::path(
    get,
    path = "/api/v1/conversations/{id}/verify",
    tag = "conversations",
    params(("id" = String, Path, description = "the conversation's id, percent-encoded")),
    responses((status = 200, body = ProofView)),
)]
pub(crate) async fn verify(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    Named(id): Named<RecordId>,
) -> Result<Response<Body>, Problem> {
    let subject = id.as_str().to_owned();
    let now = office.now();
    let proof = office.archive(move |reader| Ok(proof::prove(reader, &id, now)?)).await?;
    let proof = proof.ok_or_else(Problem::not_found)?;
    office.saw(&viewer, Read::new(AccessStep::Verified).of(subject)).await?;
    Ok(json(&proof))
}
