//! What keeps conversations, and what the next sweep would remove.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use frontdesk_domain::MatterName;
use http::{Response, Uri};
use maud::{Markup, html};

use super::page::page;
use super::write::{Form, count, maybe, several, time};
use crate::desk::{Office, Read, Viewer};
use crate::params::{Params, encoded};
use crate::problem::Problem;
use crate::segment::segment;
use crate::view::holds::{self, EffectView, HoldsView, RetentionView};

/// Holds on a page.
const HOLDS: usize = 100;
/// Conversations that are named of those that a release would free.
const FREED: usize = 20;

pub(super) async fn get(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let mut asked = Params::read(uri.query())?;
    let matter = asked.matter()?;
    let from = asked.cursor("cursor")?.unwrap_or_default();
    asked.finish()?;
    let (now, desk, wanted) = (office.now(), Arc::clone(&office.desk), matter.clone());
    let views = office.archive(move |reader| {
        let effect = wanted.as_ref().map(|matter| holds::effect(reader, &desk.policies, matter, now, FREED));
        Ok((
            holds::page(reader, wanted.as_ref(), from, HOLDS)?,
            holds::preview(reader, &desk.policies, &desk.timetable, now)?,
            effect.transpose()?,
        ))
    });
    let (kept, sweep, effect) = views.await?;
    office.saw(&viewer, Read::list("holds")).await?;
    let content = content(&kept, &sweep, effect.as_ref(), matter.as_ref().map(MatterName::as_str));
    Ok(page(Some(&viewer), "/holds", "Holds", &content))
}

fn content(
    kept: &HoldsView,
    sweep: &RetentionView,
    effect: Option<&EffectView>,
    matter: Option<&str>,
) -> Markup {
    html! {
        h1 { "Holds and retention" }
        section .panel {
            h2 { "The next sweep" }
            @if sweep.policies == 0 {
                p data-state="no-policy" { "No policy says what is removed when, so nothing is." }
            } @else {
                p { "Were retention applied now, by " (several(sweep.policies, "policy", "policies")) ":" }
            }
            dl {
                @if let Some(next) = &sweep.next_at { dt { "This server sweeps next" } dd { (time(next, Form::Full)) } }
                @for (policy, due) in &sweep.due { dt { "Removed by " (policy) } dd { (count(*due)) } }
                dt { "Kept by holds" } dd { (count(sweep.held)) }
                dt { "Not due" } dd { (count(sweep.kept)) }
                dt { "Without a policy" } dd { (count(sweep.without_policy)) }
                dt { "Without a date to count from" } dd { (count(sweep.undated)) }
                @if sweep.unreadable > 0 { dt { "Not readable" } dd { (count(sweep.unreadable)) } }
                dt { "The oldest that is due" } dd { (maybe(sweep.oldest.as_deref())) }
            }
        }
        @if let Some(effect) = effect { (release(effect)) }
        section .panel {
            h2 { "Holds" }
            @if kept.matters.is_empty() { p .quiet { "No matter holds anything. " code { "frontdesk archive hold add" } " puts conversations under one." } } @else {
                p {
                    @if matter.is_some() { a href="/holds" { "All matters" } " " }
                    @for one in &kept.matters {
                        a .badge.warn href={"/holds?matter=" (encoded(&one.matter))} aria-current=[(matter == Some(&one.matter)).then_some("true")] { (one.matter) ": " (count(one.holds)) } " "
                    }
                }
                p .quiet.small { "A conversation may be removed when no matter holds it any more." }
                div .scroll tabindex="0" role="region" aria-label="Holds" { table {
                    thead { tr { th scope="col" { "Conversation" } th scope="col" { "Matter" } th scope="col" { "Since" } th scope="col" { "By" } th scope="col" { "Why" } } }
                    tbody { @for hold in &kept.holds { tr {
                        td .id { a href={"/conversations/" (segment(&hold.id))} { (hold.id) } }
                        td { (hold.matter) }
                        td { (time(&hold.at, Form::Full)) }
                        td { (hold.actor) }
                        td { (hold.reason) @if let Some(query) = &hold.query { br; code { (query) } } }
                    } } }
                } }
            }
            @if let Some(next) = &kept.next_cursor {
                div .more { span {} a .button rel="next" href={"/holds?cursor=" (next) @if let Some(matter) = matter { "&matter=" (encoded(matter)) }} { "More" } }
            }
        }
    }
}

/// What would become of the conversations of a matter.
fn release(effect: &EffectView) -> Markup {
    let due: u64 = effect.due.values().sum();
    html! {
        section .panel #effect {
            h2 { "If " (effect.matter) " let go" }
            @if effect.held == 0 { p .quiet { "It holds nothing." } } @else {
                p { @if due == 0 { "The next sweep would remove nothing more." } @else {
                    strong { "The next sweep would remove " (several(due, "conversation", "conversations")) " of the " (count(effect.held)) " it holds." } } }
                dl {
                    @for (policy, due) in &effect.due { dt { "Removed by " (policy) } dd { (count(*due)) } }
                    dt { "Kept by other matters" } dd { (count(effect.held_by_others)) }
                    dt { "Not due yet" } dd { (count(effect.kept)) @if let Some(next) = &effect.next_due { ", the first on " (time(next, Form::Full)) } }
                    @if effect.without_policy > 0 { dt { "Without a policy" } dd { (count(effect.without_policy)) } }
                    @if effect.undated > 0 { dt { "Without a date to count from" } dd { (count(effect.undated)) } }
                    @if effect.unreadable > 0 { dt { "Not readable" } dd { (count(effect.unreadable)) } }
                    @if effect.missing > 0 { dt { "Without details" } dd { (count(effect.missing)) } }
                }
                @if !effect.conversations.is_empty() {
                    div .scroll tabindex="0" role="region" aria-label="Conversations that would be removed" { table {
                        thead { tr { th scope="col" { "Would be removed" } th scope="col" { "By" } th scope="col" { "Due since" } } }
                        tbody { @for one in &effect.conversations { tr {
                            td .id { a href={"/conversations/" (segment(&one.id))} { (one.id) } }
                            td { (one.policy) }
                            td { (time(&one.due_at, Form::Full)) }
                        } } }
                    } }
                    @if due > effect.conversations.len() as u64 { p .quiet.small { "The first " (count(effect.conversations.len() as u64)) " of " (count(due)) "." } }
                }
            }
        }
    }
}
