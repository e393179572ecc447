//! One conversation as it was, and what proves it.

mod aside;
mod turns;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use frontdesk_domain::RecordId;
use frontdesk_domain::audit::AccessStep;
use http::{Response, Uri};
use maud::{Markup, html};

use super::page::page;
use super::write::{Form, maybe, several, time};
use crate::desk::{Office, Read, Role, Sent, Viewer};
use crate::params::{LONGEST_REASON, Params, encoded};
use crate::problem::Problem;
use crate::segment::{of_segment, segment};
use crate::view::Masking;
use crate::view::conversation::{
    ConversationAsk, ConversationView, DamageView, LostView, Opened, Place, RemovedView, WINDOW, open,
};
use crate::view::posts::posts;
use crate::view::proof::{ProofView, prove};
use crate::view::viewings::{ViewingView, viewings};

/// Looks at a conversation that are shown beside it; the audit log has them all.
const VIEWINGS: usize = 10;

/// What is special about this showing of the page.
#[derive(Default)]
struct Extra {
    /// The reason for which nothing is masked.
    revealed: Option<String>,
    /// What came of it when every version of its records was verified just now, at the click of somebody.
    verified: Option<ProofView>,
    /// Who looked at it, for who may see that; with one more than is shown where there are others.
    viewings: Option<Vec<ViewingView>>,
}

fn ask_of(asked: &mut Params) -> Result<ConversationAsk, Problem> {
    let version = asked.version()?;
    let find = asked.text("find");
    let number = asked.number("at", 1..=u64::from(u32::MAX))?.and_then(|number| usize::try_from(number).ok());
    let place = match (number, asked.text("message")) {
        (Some(number), _) => Place::Number(number),
        (None, Some(message)) => Place::Message(message),
        (None, None) => Place::Start,
    };
    Ok(ConversationAsk { version, place, find, masking: Masking::default() })
}

pub(super) async fn get(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let mut asked = Params::read(uri.query())?;
    let ask = ask_of(&mut asked)?;
    asked.finish()?;
    shown(&office, &viewer, &id, ask, Extra::default()).await
}

/// Reads all its records anew and compares their hashes.
pub(super) async fn verify(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    Path(id): Path<String>,
    Sent(mut asked): Sent,
) -> Result<Response<Body>, Problem> {
    let ask = ask_of(&mut asked)?;
    asked.finish()?;
    let wanted = RecordId::new(of_segment(&id)).map_err(|_| Problem::not_found())?;
    let now = office.now();
    let proof = office.archive(move |reader| Ok(prove(reader, &wanted, now)?)).await?;
    let verified = Some(proof.ok_or_else(Problem::not_found)?);
    shown(&office, &viewer, &id, ask, Extra { verified, ..Extra::default() }).await
}

/// Shows what is masked, to who may see it and says why. It is an answer and no page to come back to: who loads it again
/// is asked again.
pub(super) async fn reveal(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    Path(id): Path<String>,
    Sent(mut asked): Sent,
) -> Result<Response<Body>, Problem> {
    let ask = ConversationAsk { masking: Masking::Off, ..ask_of(&mut asked)? };
    let reason = asked.reason()?;
    asked.finish()?;
    shown(&office, &viewer, &id, ask, Extra { revealed: Some(reason), ..Extra::default() }).await
}

async fn shown(
    office: &Office,
    viewer: &Viewer,
    id: &str,
    ask: ConversationAsk,
    mut extra: Extra,
) -> Result<Response<Body>, Problem> {
    let id = RecordId::new(of_segment(id)).map_err(|_| Problem::not_found())?;
    let (wanted, sought) = (id.clone(), ask.clone());
    let opened = office.archive(move |reader| Ok(open(reader, &wanted, &sought)?)).await?;
    let mut opened = opened.ok_or_else(Problem::not_found)?;
    if let Opened::Kept(view) = &mut opened {
        let id = view.id.clone();
        view.posts = office.entries(move |journal| Ok(posts(journal, &id)?)).await?;
    }
    let read = match &extra.revealed {
        Some(reason) => Read::new(AccessStep::Revealed).with("reason", reason.as_str()),
        None if extra.verified.is_some() => Read::new(AccessStep::Opened).with("records", "verified"),
        None => Read::new(AccessStep::Opened),
    };
    office.saw(viewer, read.of(id.as_str()).finding(ask.find.as_deref())).await?;
    if viewer.role >= Role::Auditor {
        let id = id.as_str().to_owned();
        let viewings = office.entries(move |reader| Ok(viewings(reader, &id, VIEWINGS + 1)?)).await?;
        extra.viewings = Some(viewings);
    }
    let content = match &opened {
        Opened::Kept(view) => content(viewer, view, &ask, &extra),
        Opened::Removed(view) => removed(view),
        Opened::Lost(view) => lost(view, &extra),
    };
    Ok(page(Some(viewer), "/", "Conversation", &content))
}

/// The address of a conversation, with the state that is kept from one part to another.
fn path(view: &ConversationView, ask: &ConversationAsk, change: &[(&str, &str)]) -> String {
    let mut state: Vec<(&str, String)> = Vec::new();
    if let Some(version) = ask.version {
        state.push(("version", version.to_string()));
    }
    if let Some(find) = &ask.find {
        state.push(("find", find.clone()));
    }
    state.retain(|(name, _)| !change.iter().any(|(changed, _)| changed == name));
    let change = change.iter().filter(|(_, value)| !value.is_empty());
    state.extend(change.map(|(name, value)| (*name, (*value).to_owned())));
    let query: Vec<String> = state.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    format!("/conversations/{}{query}", segment(&view.id))
}

/// The state as fields of a form.
fn hidden(viewer: &Viewer, view: &ConversationView, ask: &ConversationAsk) -> Markup {
    html! {
        input type="hidden" name="csrf" value=(viewer.csrf);
        @if let Some(version) = ask.version { input type="hidden" name="version" value=(version); }
        @if let Some(find) = &ask.find { input type="hidden" name="find" value=(find); }
        @if view.first > 1 { input type="hidden" name="at" value=(view.first); }
    }
}

fn content(viewer: &Viewer, view: &ConversationView, ask: &ConversationAsk, extra: &Extra) -> Markup {
    let masked = ask.masking != Masking::Off;
    html! {
        header {
            h1 { "Conversation of " (maybe(view.started_at.as_deref())) }
            p .quiet { span .id { (view.id) } " · " (several(view.total as u64, "turn", "turns"))
                @if let Some(queue) = &view.queue { " · " (queue) }
                @if let Some(agent) = &view.agent { " · " (agent) } }
        }
        @if let Some(reason) = &extra.revealed {
            div .note.warn role="status" data-state="revealed" {
                p { strong { "Nothing is masked on this page. " } "It was written down that " (viewer.name) " saw it, and why: " (reason) }
            }
        }
        @if let Some(proof) = &extra.verified { (verdict(proof)) }
        @if !view.damage.is_empty() {
            div .note.bad role="status" data-state="integrity" {
                p { strong { "Not all that was stored of it is there. " } "What is shown was compared with its hashes." }
                (faults(&view.damage))
            }
        }
        @if view.versions.first().is_some_and(|newest| newest.version != view.version) {
            div .note.warn role="status" {
                p { "This is version " (view.version) ", which was replaced. " a href=(path(view, ask, &[("version", "")])) { "To the latest" } }
            }
        }
        (tools(viewer, view, ask, masked))
        div .talk {
            section aria-label="What was said" { (turns::said(viewer, view, ask)) }
            (aside::aside(viewer, view, ask, extra.viewings.as_deref()))
        }
        (aside::foot(view))
    }
}

fn verdict(proof: &ProofView) -> Markup {
    let records = proof.records.len() as u64;
    html! {
        @if proof.sound {
            div .note.ok role="status" data-state="verified" {
                p { strong { "Verified. " } "Every version of every record was read from the disk just now, "
                    (several(records, "record", "records")) " in all, and each has the bytes it was stored with." }
            }
        } @else {
            div .note.bad role="alert" data-state="damaged" {
                p { strong { "Not all of it is what was stored." } }
                ul { @for record in proof.records.iter().filter(|record| record.fault.is_some()) {
                    li { (record.kind) " version " (record.version) ": " (record.fault.as_deref().unwrap_or_default()) }
                } }
                p .quiet { code { "frontdesk archive repair" } " says what can be saved." }
            }
        }
    }
}

fn tools(viewer: &Viewer, view: &ConversationView, ask: &ConversationAsk, masked: bool) -> Markup {
    html! {
        div .line.tools {
            form .line.grow method="get" action=(format!("/conversations/{}", segment(&view.id))) role="search" {
                @if let Some(version) = ask.version { input type="hidden" name="version" value=(version); }
                div .grow { input name="find" type="search" data-box value=[ask.find.as_deref()] aria-label="Find in this conversation"
                    placeholder="Find in this conversation"; }
                button type="submit" { "Find" }
            }
            button type="button" data-print hidden { "Print" }
        }
        @if let Some(found) = &view.found {
            p .quiet role="status" data-found=(found.turns) {
                @if found.turns == 0 { "Nobody said that." } @else { (several(found.turns as u64, "turn has it", "turns have it")) "." }
                @if let Some(at) = found.previous { " " a href=(format!("{}#t-{at}", path(view, ask, &[("at", &at.to_string())]))) { "The one before these" } }
                @if let Some(at) = found.next { " " a href=(format!("{}#t-{at}", path(view, ask, &[("at", &at.to_string())]))) { "The next one behind these" } }
            }
        }
        @if masked && viewer.role >= Role::Auditor {
            details .reveal.small {
                summary { "Show what is masked" }
                form .line method="post" action=(format!("/conversations/{}/reveal", segment(&view.id))) {
                    (hidden(viewer, view, ask))
                    div .field.grow {
                        label for="reason" { "Why you need to see it; it is written down with your name" }
                        input #reason name="reason" required maxlength=(LONGEST_REASON) autocomplete="off";
                    }
                    button type="submit" { "Show" }
                }
            }
        }
    }
}

/// Links to the parts around the one that is shown.
fn parts(view: &ConversationView, ask: &ConversationAsk) -> Markup {
    let last = view.first + view.turns.len();
    html! {
        @if view.total > view.turns.len() {
            nav .more aria-label="Parts of the conversation" {
                @if view.first > 1 {
                    a .button rel="prev" href=(path(view, ask, &[("at", &view.first.saturating_sub(WINDOW).max(1).to_string())])) { "Earlier" }
                } @else { span {} }
                span .quiet { (view.first) " to " (last - 1) " of " (view.total) }
                @if last <= view.total {
                    a .button rel="next" href=(path(view, ask, &[("at", &last.to_string())])) { "Later" }
                } @else { span {} }
            }
        }
    }
}

/// What is damaged or lost, one by one.
fn faults(damage: &[DamageView]) -> Markup {
    html! {
        ul { @for one in damage {
            li {
                (one.kind) " version " (one.version) ": "
                @match one.state {
                    "damaged" => { "its bytes are not what was stored" },
                    "replaced" => { "damaged or lost; a later version was stored since" },
                    _ => { "lost when the archive was repaired" },
                }
                @if let Some(what) = &one.what { span .quiet { " (" (what) ")" } }
                @if let Some(since) = &one.since { ", known since " (time(since, Form::Full)) }
            }
        } }
    }
}

fn lost(view: &LostView, extra: &Extra) -> Markup {
    html! {
        h1 { @if view.is_there() { "Damaged conversation" } @else { "Lost conversation" } }
        p .id { (view.id) }
        @if let Some(at) = &view.started_at { p .quiet { "It began " (time(at, Form::Full)) "." } }
        @if let Some(proof) = &extra.verified { (verdict(proof)) }
        div .note.bad role="status" data-state="lost" {
            p { strong { "Nothing is left of it that could be shown." } }
            (faults(&view.damage))
            p .quiet {
                @if view.is_there() { code { "frontdesk archive repair" } " says what can be saved; " }
                code { "frontdesk archive repair --refetch" } ", a pull over its day, or an import from a copy may bring it back."
            }
        }
        @if !view.matters.is_empty() {
            p { "Held by " @for matter in &view.matters { span .badge.warn { (matter) } " " } }
        }
    }
}

fn removed(view: &RemovedView) -> Markup {
    html! {
        h1 { "Removed conversation" }
        p .id { (view.id) }
        div .note data-state="removed" {
            p { "Retention removed it " (time(&view.removed_at, Form::Full)) ", by the policy " strong { (view.policy) } ". "
                "Its age was counted from " (time(&view.since, Form::Full)) "; "
                (several(view.records, "record was", "records were")) " removed." }
        }
    }
}
