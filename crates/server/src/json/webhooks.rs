//! `/api/v1/webhooks/deliveries` and their replay.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use frontdesk_domain::audit::AccessStep;
use frontdesk_journal::outbox::DeliveryFilter;
use http::{Response, Uri};

use crate::desk::{Office, Read, Sent, Viewer, json};
use crate::params::{Params, bad};
use crate::problem::Problem;
use crate::view::webhooks::{self, ReplayedView, WebhooksAsk, WebhooksView};

/// Deliveries on a page, where nobody says how many.
const LIMIT: u64 = 50;

/// The endpoints, and deliveries to them, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/webhooks/deliveries",
    tag = "webhooks",
    params(
        ("id" = Option<String>, Query, description = "of this event"),
        ("endpoint" = Option<String>, Query, description = "to this endpoint"),
        ("state" = Option<String>, Query, description = "pending, delivered or dead"),
        ("kind" = Option<String>, Query, description = "of events of this kind"),
        ("from" = Option<String>, Query, description = "of events stored then or later: a date or a time"),
        ("to" = Option<String>, Query, description = "of events stored before then"),
        ("attempts" = Option<bool>, Query, description = "with every attempt"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 500, description = "deliveries on a page; 50"),
        ("cursor" = Option<String>, Query, description = "next_cursor of the page before"),
    ),
    responses((status = 200, body = WebhooksView)),
)]
pub(crate) async fn deliveries(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let mut asked = Params::read(uri.query())?;
    let ask = WebhooksAsk {
        filter: filter(&mut asked)?,
        cursor: cursor(&mut asked)?,
        limit: asked.limit(1..=500, LIMIT)?,
        attempts: asked.flag("attempts")?,
    };
    asked.finish()?;
    let page = office.entries(move |reader| Ok(webhooks::page(reader, &ask)?)).await?;
    office.saw(&viewer, Read::list("deliveries")).await?;
    Ok(json(&page))
}

/// Where the page before ended; for the console, too.
pub(crate) fn cursor(asked: &mut Params) -> Result<Option<(u64, String)>, Problem> {
    let Some(text) = asked.text("cursor") else { return Ok(None) };
    webhooks::cursor(&text).map(Some).ok_or_else(|| bad("cursor is none of ours"))
}

fn filter(asked: &mut Params) -> Result<DeliveryFilter, Problem> {
    Ok(DeliveryFilter {
        webhook_id: asked.text("id"),
        endpoint: asked.text("endpoint"),
        state: asked.named("state")?,
        kind: asked.named("kind")?,
        from: asked.time("from")?,
        to: asked.time("to")?,
    })
}

/// Which deliveries are to be made again.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "it says in the OpenAPI file what the handler reads by name")]
pub(crate) struct ReplayAsk {
    /// Of this event.
    id: Option<String>,
    /// To this endpoint.
    endpoint: Option<String>,
    /// `delivered` or `dead`; what is pending needs no replay.
    state: Option<String>,
    /// Of events of this kind.
    kind: Option<String>,
    /// Of events stored then or later.
    from: Option<String>,
    /// Of events stored before then.
    to: Option<String>,
    /// Only say how many.
    dry_run: Option<bool>,
}

/// Makes deliveries due again that were made or given up. At least one of the members says which.
#[utoipa::path(
    post,
    path = "/api/v1/webhooks/deliveries/replay",
    tag = "webhooks",
    request_body = ReplayAsk,
    responses((status = 200, body = ReplayedView)),
)]
pub(crate) async fn replay(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    Sent(mut asked): Sent,
) -> Result<Response<Body>, Problem> {
    let (dry_run, filter) = (asked.flag("dry_run")?, filter(&mut asked)?);
    asked.finish()?;
    Ok(json(&replayed(&office, &viewer, filter, dry_run).await?))
}

/// The same, for the console.
pub(crate) async fn replayed(
    office: &Office,
    viewer: &Viewer,
    filter: DeliveryFilter,
    dry_run: bool,
) -> Result<ReplayedView, Problem> {
    if filter == DeliveryFilter::default() {
        return Err(
            bad("nothing says which deliveries").hint("name an event, an endpoint, a state or a time")
        );
    }
    let id = filter.webhook_id.clone();
    let chosen = office.entries(move |reader| Ok(webhooks::replayable(reader, &filter)?.unwrap_or_default()));
    let chosen = chosen.await?;
    if !dry_run && !chosen.is_empty() {
        let mut read = Read::new(AccessStep::Replayed).with("deliveries", chosen.len().to_string());
        if let Some(id) = id {
            read = read.of(id);
        }
        office.saw(viewer, read).await?;
        for change in webhooks::replay(&chosen, office.now()) {
            office.record(change).await?;
        }
    }
    Ok(ReplayedView { replayed: chosen.len() as u64, dry_run })
}
