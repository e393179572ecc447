//! Webhooks: where events go, how that goes, and sending them again.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use frontdesk_journal::outbox::{DeliveryFilter, DeliveryState};
use http::{Response, Uri};
use maud::{Markup, html};

use super::page::page;
use super::write::{Form, count, several, time, tone};
use crate::desk::{Office, Read, Role, Sent, Viewer};
use crate::json::{delivery_cursor, replayed};
use crate::params::{Params, encoded};
use crate::problem::Problem;
use crate::view::webhooks::{self, DeliveryView, EndpointView, ReplayedView, WebhooksAsk, WebhooksView};

/// Deliveries on a page.
const DELIVERIES: usize = 50;

pub(super) async fn get(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let mut asked = Params::read(uri.query())?;
    let ask = WebhooksAsk {
        filter: filter(&mut asked)?,
        cursor: delivery_cursor(&mut asked)?,
        limit: DELIVERIES,
        attempts: true,
    };
    asked.finish()?;
    shown(&office, &viewer, ask, None).await
}

/// Makes deliveries due again, and shows what came of it.
pub(super) async fn replay(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    Sent(mut asked): Sent,
) -> Result<Response<Body>, Problem> {
    let filter = filter(&mut asked)?;
    let dry_run = asked.flag("dry_run")?;
    asked.finish()?;
    let came = replayed(&office, &viewer, filter.clone(), dry_run).await?;
    let ask = WebhooksAsk { filter, cursor: None, limit: DELIVERIES, attempts: true };
    shown(&office, &viewer, ask, Some(came)).await
}

fn filter(asked: &mut Params) -> Result<DeliveryFilter, Problem> {
    Ok(DeliveryFilter {
        webhook_id: asked.text("id"),
        endpoint: asked.text("endpoint"),
        state: asked.named("state")?,
        ..DeliveryFilter::default()
    })
}

async fn shown(
    office: &Office,
    viewer: &Viewer,
    ask: WebhooksAsk,
    came: Option<ReplayedView>,
) -> Result<Response<Body>, Problem> {
    let filter = ask.filter.clone();
    let view = office.entries(move |reader| Ok(webhooks::page(reader, &ask)?)).await?;
    office.saw(viewer, Read::list("deliveries")).await?;
    let content = content(viewer, &view, &filter, came);
    Ok(page(Some(viewer), "/webhooks", "Webhooks", &content))
}

fn query(filter: &DeliveryFilter, cursor: Option<&str>) -> String {
    let state = filter.state.map(|state| state.as_str().to_owned());
    let pairs = [
        ("id", filter.webhook_id.clone()),
        ("endpoint", filter.endpoint.clone()),
        ("state", state),
        ("cursor", cursor.map(str::to_owned)),
    ];
    let pairs = pairs.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", encoded(&value?))));
    format!("/webhooks?{}", pairs.collect::<Vec<_>>().join("&"))
}

fn content(
    viewer: &Viewer,
    view: &WebhooksView,
    filter: &DeliveryFilter,
    came: Option<ReplayedView>,
) -> Markup {
    let may_replay = viewer.role >= Role::Operator;
    html! {
        h1 { "Webhooks" }
        @if let Some(came) = came {
            div .note.ok role="status" data-state="replayed" {
                p { @if came.dry_run { (several(came.replayed, "delivery", "deliveries")) " would be made again." }
                    @else { (several(came.replayed, "delivery is", "deliveries are")) " due again. What is pending already is left as it is." } }
            }
        }
        section .panel {
            h2 { "Endpoints" }
            @if view.endpoints.is_empty() { p .quiet { "There are none. " code { "frontdesk webhook endpoints add" } " makes one." } } @else {
                div .scroll tabindex="0" role="region" aria-label="Endpoints" { table {
                    thead { tr { th scope="col" { "Endpoint" } th scope="col" { "Health" } th scope="col" { "Takes" }
                        th .count scope="col" { "Pending" } th .count scope="col" { "Delivered" } th .count scope="col" { "Given up" } } }
                    tbody { @for endpoint in &view.endpoints { (endpoint_row(endpoint)) } }
                } }
            }
        }
        section .panel {
            h2 { "Deliveries" }
            form .line method="get" action="/webhooks" {
                div .field { label for="id" { "Event" } input #id name="id" value=[filter.webhook_id.as_deref()]; }
                div .field { label for="endpoint" { "Endpoint" }
                    select #endpoint name="endpoint" {
                        option value="" { "all" }
                        @for endpoint in &view.endpoints { option value=(endpoint.id) selected[filter.endpoint.as_deref() == Some(&endpoint.id)] { (endpoint.id) } }
                    } }
                div .field { label for="state" { "State" }
                    select #state name="state" {
                        option value="" { "all" }
                        @for state in [DeliveryState::Pending, DeliveryState::Delivered, DeliveryState::Dead] {
                            option value=(state.as_str()) selected[filter.state == Some(state)] { (state.as_str()) }
                        }
                    } }
                button type="submit" { "Filter" }
            }
            p {}
            @if may_replay && *filter != DeliveryFilter::default() && !view.deliveries.is_empty() {
                form .line method="post" action="/webhooks/replay" {
                    input type="hidden" name="csrf" value=(viewer.csrf);
                    @if let Some(id) = &filter.webhook_id { input type="hidden" name="id" value=(id); }
                    @if let Some(endpoint) = &filter.endpoint { input type="hidden" name="endpoint" value=(endpoint); }
                    @if let Some(state) = filter.state { input type="hidden" name="state" value=(state.as_str()); }
                    button type="submit" name="dry_run" value="true" { "How many would be sent again?" }
                    button type="submit" { "Send these again" }
                }
                p {}
            }
            @if view.deliveries.is_empty() { p .quiet { "There are none." } } @else {
                div .scroll tabindex="0" role="region" aria-label="Deliveries" { table {
                    thead { tr { th scope="col" { "Event" } th scope="col" { "State" } th scope="col" { "Stored" }
                        th scope="col" { "Attempts" } @if may_replay { th scope="col" { span .skip { "Send again" } } } } }
                    tbody { @for delivery in &view.deliveries { (delivery_row(viewer, may_replay, delivery)) } }
                } }
            }
            @if let Some(next) = &view.next_cursor {
                div .more { span {} a .button rel="next" href=(query(filter, Some(next))) { "Earlier deliveries" } }
            }
        }
    }
}

fn endpoint_row(endpoint: &EndpointView) -> Markup {
    html! {
        tr {
            td { span .id { (endpoint.id) } br; span .quiet { (endpoint.origin) } }
            td {
                @match (&endpoint.disabled, &endpoint.paused) {
                    (Some(at), _) => { span .badge.bad { "disabled" } " " (time(at, Form::Full)) @if let Some(reason) = &endpoint.reason { br; (reason) } },
                    (None, Some(until)) => { span .badge.warn { "paused" } " until " (time(until, Form::Full)) },
                    (None, None) => span .badge.ok { "in service" },
                }
            }
            td { @for kind in &endpoint.kinds { code { (kind) } " " } }
            td .count { (count(endpoint.pending)) }
            td .count { (count(endpoint.delivered)) }
            td .count { (count(endpoint.dead)) }
        }
    }
}

fn delivery_row(viewer: &Viewer, may_replay: bool, delivery: &DeliveryView) -> Markup {
    html! {
        tr {
            td .id { (delivery.webhook_id) br; span .quiet { (delivery.kind) " to " (delivery.endpoint) } }
            td { span class=(tone(delivery.state)) { (delivery.state) } }
            td { (time(&delivery.stored_at, Form::Full)) }
            td {
                details {
                    summary { (count(delivery.attempts)) @if let Some(status) = delivery.last_status { ", last answered " (status) }
                        @else if let Some(error) = &delivery.last_error { ", last failed: " (error) } }
                    @for attempt in &delivery.log {
                        p .small { (time(&attempt.at, Form::Full)) ", " (count(attempt.took_ms)) " ms"
                            @if let Some(status) = attempt.status { ", " (status) }
                            @if let Some(error) = &attempt.error { ": " (error) } }
                    }
                    @if let Some(due) = &delivery.due { p .small { "Next: " (time(due, Form::Full)) } }
                }
            }
            @if may_replay {
                td {
                    @if delivery.state != "pending" {
                        form method="post" action="/webhooks/replay" {
                            input type="hidden" name="csrf" value=(viewer.csrf);
                            input type="hidden" name="id" value=(delivery.webhook_id);
                            input type="hidden" name="endpoint" value=(delivery.endpoint);
                            button type="submit" aria-label={"Send again: " (delivery.webhook_id)} { "Send again" }
                        }
                    }
                }
            }
        }
    }
}
