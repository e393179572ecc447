//! What keeps conversations, and what the next sweep would remove.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use frontdesk_domain::MatterName;
use http::{Response, Uri};
use maud::{Markup, html};

use super::page::page;
use super::write::{Form, count, maybe, several, time};
use crate::desk::{Office, Viewer};
use crate::params::{Params, encoded};
use crate::problem::Problem;
use crate::view::holds::{self, HoldsView, RetentionView};

/// Holds on a page.
const HOLDS: usize = 100;

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
        Ok((holds::page(reader, wanted.as_ref(), from, HOLDS)?, holds::preview(reader, &desk.policies, now)?))
    });
    let (kept, sweep) = views.await?;
    let content = content(&kept, &sweep, matter.as_ref().map(MatterName::as_str));
    Ok(page(Some(&viewer), "/holds", "Holds", &content))
}

fn content(kept: &HoldsView, sweep: &RetentionView, matter: Option<&str>) -> Markup {
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
                @for (policy, due) in &sweep.due { dt { "Removed by " (policy) } dd { (count(*due)) } }
                dt { "Kept by holds" } dd { (count(sweep.held)) }
                dt { "Not due" } dd { (count(sweep.kept)) }
                dt { "Without a policy" } dd { (count(sweep.without_policy)) }
                dt { "Without a date to count from" } dd { (count(sweep.undated)) }
                @if sweep.unreadable > 0 { dt { "Not readable" } dd { (count(sweep.unreadable)) } }
                dt { "The oldest that is due" } dd { (maybe(sweep.oldest.as_deref())) }
            }
        }
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
                        td .id { a href={"/conversations/" (encoded(&hold.id))} { (hold.id) } }
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
