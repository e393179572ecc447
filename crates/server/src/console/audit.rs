//! The audit log: who did what, and whether the chain holds.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use frontdesk_domain::audit::AuditKind;
use http::{Response, Uri};
use maud::{Markup, html};
use serde_json::Value;

use super::page::page;
use super::write::{Form, count, several, time};
use crate::desk::{Office, Viewer};
use crate::json::{audit_choice, audited};
use crate::params::{Params, encoded};
use crate::problem::Problem;
use crate::view::audit::{self, AuditVerifiedView, AuditView, Choice};

/// Entries on a page.
const ENTRIES: usize = 50;

pub(super) async fn get(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let mut asked = Params::read(uri.query())?;
    let choice = audit_choice(&mut asked)?;
    let before = asked.cursor("cursor")?;
    let verify = asked.flag("verify")?;
    asked.finish()?;
    let (desk, wanted) = (Arc::clone(&office.desk), choice.clone());
    let views = office.entries(move |reader| {
        let verified = if verify { Some(audit::verify(reader, &desk.key_file())?) } else { None };
        Ok((audit::page(reader, before, &wanted, ENTRIES)?, verified))
    });
    let (view, verified) = views.await?;
    office.saw(&viewer, audited(&choice, verify)).await?;
    Ok(page(Some(&viewer), "/audit", "Audit", &content(&view, verified.as_ref(), &choice)))
}

fn content(view: &AuditView, verified: Option<&AuditVerifiedView>, choice: &Choice) -> Markup {
    html! {
        h1 { "Audit" }
        p .quiet { (several(view.entries_total, "entry", "entries")) ", each bound to the one before it by its hash."
            @if let Some(head) = &view.head { " The last one is " code { (head) } "." } }
        @if let Some(verified) = verified { (verdict(verified)) }
        form .line method="get" action="/audit" {
            div .field { label for="kind" { "Kind" }
                select #kind name="kind" {
                    option value="" { "all" }
                    @for one in AuditKind::ALL { option value=(one.as_str()) selected[choice.kind == Some(one)] { (one.as_str()) } }
                } }
            div .field.grow { label for="subject" { "Who looked at" }
                input #subject name="subject" value=[choice.subject.as_deref()] placeholder="a conversation's id" autocomplete="off" spellcheck="false"; }
            button type="submit" { "Filter" }
            button type="submit" name="verify" value="true" { "Verify the chain" }
        }
        p {}
        @if view.entries.is_empty() { div .blank data-state="empty" { p { "There are no entries." } } } @else {
            div .panel.scroll tabindex="0" role="region" aria-label="Entries" { table {
                thead { tr { th .count scope="col" { "No." } th scope="col" { "When" } th scope="col" { "Kind" } th scope="col" { "What" } } }
                tbody { @for entry in &view.entries { (row(entry)) } }
            } }
        }
        @if let Some(next) = &view.next_cursor {
            div .more { span {} a .button rel="next" href={"/audit?cursor=" (next) (kept(choice))} { "Earlier entries" } }
        }
    }
}

/// What is kept of the choice from page to page.
fn kept(choice: &Choice) -> String {
    let kind = choice.kind.map(|kind| format!("&kind={}", encoded(kind.as_str())));
    let subject = choice.subject.as_deref().map(|subject| format!("&subject={}", encoded(subject)));
    [kind, subject].into_iter().flatten().collect()
}

fn verdict(verified: &AuditVerifiedView) -> Markup {
    html! {
        @if verified.sound {
            div .note.ok role="status" data-state="sound" { p { strong { "The chain holds. " } (several(verified.entries, "entry is", "entries are")) " there, what they were, and in their order; signatures: " (verified.signatures.replace('_', " ")) "." } }
        } @else {
            div .note.bad role="alert" data-state="broken" {
                p { strong { "The chain does not hold." } @if let Some(bad) = verified.first_bad { " The first bad entry is " (count(bad)) "." } }
                ul { @for finding in &verified.findings { li { @if let Some(entry) = finding.entry { "Entry " (count(entry)) ": " } (finding.what) } } }
                @if verified.more_findings > 0 { p { "and " (count(verified.more_findings)) " more" } }
            }
        }
    }
}

fn row(entry: &Value) -> Markup {
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    let record = entry.get("record").and_then(Value::as_object);
    let said = |name: &str| record?.get(name)?.as_str();
    html! {
        tr {
            td .count { @if let Some(number) = entry.get("number").and_then(Value::as_u64) { (count(number)) } }
            td { @if let Some(at) = text("at") { (time(at, Form::Full)) } }
            td { span .badge { (text("kind").unwrap_or("unknown")) } }
            td .what {
                @if let Some(who) = said("who") { strong { (who) } " " }
                @for name in ["step", "subject", "outcome", "reason"] { @if let Some(value) = said(name) { (value) " " } }
                details .small {
                    summary { "Record" }
                    @if let Some(command) = text("command") { p .quiet { "by " code { (command) } @if let Some(actor) = text("actor") { ", " (actor) } } }
                    dl { @for (name, value) in record.into_iter().flatten() { dt { (name) } dd { @match value.as_str() { Some(text) => (text), None => code { (value) } } } } }
                }
            }
        }
    }
}
