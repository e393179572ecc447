//! Plans of endings: what they would do, and what became of each guest.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use http::{Response, Uri};
use maud::{Markup, html};

use super::page::page;
use super::write::{Form, count, several, time, tone};
use crate::desk::{Office, Read, Viewer};
use crate::params::Params;
use crate::problem::Problem;
use crate::view::plans::{self, PlanGuestView, PlanGuestsView, PlanView, PlansView};

/// Guests on a page.
const ROWS: usize = 100;

pub(super) async fn get(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let mut asked = Params::read(uri.query())?;
    let from = asked.cursor("cursor")?.unwrap_or_default();
    asked.finish()?;
    let wanted = id.clone();
    let view = office.entries(move |reader| Ok(plans::guests(reader, &wanted, from, ROWS)?)).await?;
    let view = view.ok_or_else(Problem::not_found)?;
    office.saw(&viewer, Read::list(&format!("plans/{id}"))).await?;
    Ok(page(Some(&viewer), "/sessions", "Plan of endings", &content(&view)))
}

/// What the page of sessions says of them.
pub(super) fn panel(view: &PlansView) -> Markup {
    html! {
        section .panel #plans {
            h2 { "Plans of endings" }
            @if view.plans.is_empty() {
                p .quiet { "There are none. " code { "frontdesk session close --from FILE --plan OUT" } " makes one and ends nobody." }
            } @else {
                div .scroll tabindex="0" role="region" aria-label="Plans of endings" { table {
                    thead { tr { th scope="col" { "Plan" } th scope="col" { "State" } th .count scope="col" { "Guests" } th .count scope="col" { "To end" } th .count scope="col" { "Over" } th .count scope="col" { "Failed" } th .count scope="col" { "Unknown" } th .count scope="col" { "To do" } } }
                    tbody { @for plan in &view.plans { tr data-state=(plan.state) {
                        td { a href={"/sessions/plans/" (plan.id)} { (time(&plan.made_at, Form::Full)) } br; span .id.quiet { (plan.id.get(..12).unwrap_or(&plan.id)) } }
                        td { (state(plan)) }
                        td .count { (count(plan.planned.guests)) }
                        td .count { (count(plan.planned.end)) }
                        td .count { (count(plan.results.ended + plan.results.duplicate)) }
                        td .count { (count(plan.results.failed)) }
                        td .count { (count(plan.results.unknown)) }
                        td .count { (count(plan.results.not_reached)) }
                    } } }
                } }
                @if view.total > view.plans.len() as u64 { p .quiet.small { "The newest of " (count(view.total)) "." } }
            }
        }
    }
}

fn state(plan: &PlanView) -> Markup {
    html! {
        @match &plan.applied_at {
            None => { span .badge.warn { "made" } " " span .quiet { "not carried out" } },
            Some(at) => { @if plan.results.not_reached == 0 { span .badge.ok { "carried out" } } @else { span .badge.warn { "not at its end" } } " " (time(at, Form::Full)) },
        }
    }
}

fn content(view: &PlanGuestsView) -> Markup {
    let PlanGuestsView { plan, file, guests, next_cursor } = view;
    html! {
        h1 { "Plan of endings " span .id { (plan.id.get(..12).unwrap_or(&plan.id)) } }
        p { (state(plan)) }
        section .panel {
            h2 { "What it is to do" }
            dl {
                dt { "Made" } dd { (time(&plan.made_at, Form::Full)) " for " (plan.host) " by " (plan.client_id) }
                dt { "File" } dd { code { (plan.path) } }
                dt { "SHA-256" } dd .id { (plan.sha256) }
                dt { "Guests" } dd { (count(plan.planned.guests)) @if plan.planned.repeated > 0 { ", " (several(plan.planned.repeated, "line", "lines")) " named one again" } }
                dt { "To be ended" } dd { (count(plan.planned.end)) }
                dt { "Had ended before" } dd { (count(plan.planned.duplicate)) }
                @for (state, number) in &plan.planned.skipped { dt { "Left alone: " (state) } dd { (count(*number)) } }
                @if plan.planned.failed > 0 { dt { "Could not be looked at" } dd { (count(plan.planned.failed)) } }
            }
        }
        section .panel {
            h2 { "What became of it" }
            dl {
                dt { "Ended" } dd { (count(plan.results.ended)) }
                dt { "Ended by somebody else" } dd { (count(plan.results.duplicate)) }
                dt { "Left alone by then" } dd { (count(plan.results.skipped)) }
                dt { "Failed" } dd { (count(plan.results.failed)) }
                dt { "Unknown" } dd { (count(plan.results.unknown)) }
                dt { "Not dealt with yet" } dd { (count(plan.results.not_reached)) }
            }
            @if plan.applied_at.is_none() { p .quiet { code { "frontdesk session close --apply" } " carries it out; nobody has." } }
        }
        section .panel {
            h2 { "Guests" }
            @match *file {
                "gone" => p .note.warn data-state="gone" { "The plan's file is not there any more, or cannot be read from here, so nobody is named: these are the outcomes by their places in it." },
                "changed" => p .note.warn data-state="changed" { "The plan's file is not what it was, so nobody is named: these are the outcomes by their places in it." },
                _ => {},
            }
            @if guests.is_empty() { p .quiet { "There are none here." } } @else {
                div .scroll tabindex="0" role="region" aria-label="Guests of the plan" { table {
                    thead { tr { th .count scope="col" { "No." } th scope="col" { "Guest" } th scope="col" { "Planned" } th scope="col" { "Outcome" } th scope="col" { "When" } th .count scope="col" { "Took" } } }
                    tbody { @for guest in guests { (row(guest)) } }
                } }
            }
            @if let Some(next) = next_cursor {
                div .more { span {} a .button rel="next" href={"/sessions/plans/" (plan.id) "?cursor=" (next)} { "More" } }
            }
        }
        p { a href="/sessions" { "Sessions and endings" } }
    }
}

fn row(guest: &PlanGuestView) -> Markup {
    html! {
        tr data-state=[guest.outcome] {
            td .count { (count(guest.number)) }
            td .id { @match &guest.guest_id { Some(id) => (id), None => span .quiet { "not named" } }
                @if let Some(reason) = &guest.reason { br; span .quiet { (reason) @if guest.retain_data == Some(false) { ", messages forgotten" } } } }
            td { @if let Some(planned) = guest.planned { (planned) } }
            td {
                @match guest.outcome {
                    Some(outcome) => { span class=(tone(outcome)) { (outcome) } @if guest.read_back { " " span .quiet { "seen to be over" } } },
                    None => @if guest.planned == Some("end") { span .quiet { "not yet" } },
                }
                @if let Some(why) = &guest.why { div .small { (why) } }
                @if let Some(kept) = &guest.kept { div .small { "not forgotten: " (kept) } }
            }
            td { @if let Some(at) = &guest.at { (time(at, Form::Full)) } }
            td .count { @if let Some(took) = guest.latency_ms { (count(took)) " ms" } }
        }
    }
}
