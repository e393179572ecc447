//! What is known beside the words: facts, metadata, versions, hashes, holds.

use maud::{Markup, html};

use super::super::write::{Form, maybe, pieces, size, time};
use super::turns::{others, state, ticks};
use super::{VIEWINGS, hidden, path};
use crate::desk::{Role, Viewer};
use crate::params::encoded;
use crate::segment::segment;
use crate::view::conversation::{ChangeView, ConversationAsk, ConversationView, MOST_CHANGES};
use crate::view::viewings::ViewingView;

pub(super) fn aside(
    viewer: &Viewer,
    view: &ConversationView,
    ask: &ConversationAsk,
    viewings: Option<&[ViewingView]>,
) -> Markup {
    html! {
        aside .tools aria-label="About this conversation" {
            (facts(view))
            @if !view.matters.is_empty() {
                section .panel {
                    h2 { "Held" }
                    p { "It is not removed while a matter holds it: "
                        @for matter in &view.matters { span .badge.warn { (matter) } " " } }
                }
            }
            @if !view.metadata.is_empty() {
                section .panel {
                    h2 { "Metadata" }
                    dl { @for one in &view.metadata {
                        dt { (one.key) }
                        dd dir="auto" { @for (at, value) in one.values.iter().enumerate() { @if at > 0 { ", " } (pieces(value)) } }
                    } }
                }
            }
            (versions(view, ask))
            @if !view.files.is_empty() {
                section .panel {
                    h2 { "Files of other turns" }
                    ul { @for file in &view.files { li { span .id { (file.message_id) } " " (state(viewer, &view.id, file)) } } }
                }
            }
            (posts(view))
            (records(viewer, view, ask))
            @if let Some(viewings) = viewings { (viewed(&view.id, viewings)) }
        }
    }
}

fn facts(view: &ConversationView) -> Markup {
    html! {
        section .panel {
            h2 { "About" }
            dl {
                dt { "Began" } dd { (maybe(view.started_at.as_deref())) }
                dt { "Ended" } dd { @match &view.ended_at { Some(at) => (time(at, Form::Full)), None => span .quiet { "not that it is known" } } }
                @for (name, value) in [("Medium", &view.media_type), ("Direction", &view.direction), ("Queue", &view.queue), ("Agent", &view.agent), ("Language", &view.language)] {
                    @if let Some(value) = value { dt { (name) } dd { (value) } }
                }
            }
        }
    }
}

fn versions(view: &ConversationView, ask: &ConversationAsk) -> Markup {
    html! {
        @if view.versions.len() > 1 {
            section .panel {
                h2 { "Versions" }
                ul { @for one in &view.versions {
                    li {
                        @let number = one.version.to_string();
                        a href=(path(view, ask, &[("version", &number)])) aria-current=[(one.version == view.version).then_some("true")] { "Version " (number) }
                        ", stored " (time(&one.archived_at, Form::Full))
                    }
                } }
                @if !view.changes.is_empty() { (changes(view.version, &view.changes)) }
            }
        }
    }
}

fn changes(version: u32, changes: &[ChangeView]) -> Markup {
    html! {
        details open {
            summary { "What version " (version) " changed" }
            @for change in changes {
                div .was {
                    code { (change.path) }
                    @if let Some(before) = &change.before { del dir="auto" { (pieces(before)) } }
                    @if let Some(after) = &change.after { ins dir="auto" { (pieces(after)) } }
                }
            }
            @if changes.len() >= MOST_CHANGES { p .quiet.small { "and perhaps more" } }
        }
    }
}

/// Messages of ours that no turn of this page is.
fn posts(view: &ConversationView) -> Markup {
    let others = others(view);
    html! {
        @if !others.is_empty() {
            section .panel #sent data-posts=(others.len()) {
                h2 { "Sent by us" }
                p .small.quiet { "Messages of " code { "frontdesk message send" } " that are no turn on this page: not pulled yet, on another part, or never sent." }
                ul { @for post in others { li data-post=(post.state) {
                    (ticks(post.state)) " begun " (time(&post.begun_at, Form::Full))
                    @if let Some(id) = &post.message_id { br; span .id.quiet { (id) } }
                } } }
            }
        }
    }
}

fn records(viewer: &Viewer, view: &ConversationView, ask: &ConversationAsk) -> Markup {
    html! {
        section .panel {
            h2 { "Proof" }
            p .small.quiet { "Every record was compared with its SHA-256 when this page was made." }
            @for record in &view.records {
                p {
                    strong { (record.kind) } " version " (record.version) ", " (size(record.bytes))
                    code .hash { (record.sha256) }
                    span .hash { (record.segment) ", stored " (time(&record.archived_at, Form::Full)) }
                }
            }
            div .line {
                form method="post" action=(format!("/conversations/{}/verify", segment(&view.id))) {
                    (hidden(viewer, view, ask))
                    button type="submit" { "Verify now" }
                }
                @if viewer.role >= Role::Auditor {
                    a .button href=(format!("/api/v1/conversations/{}/raw", segment(&view.id))) { "Raw JSON" }
                }
            }
        }
    }
}

fn viewed(id: &str, viewings: &[ViewingView]) -> Markup {
    html! {
        section .panel data-viewings=(viewings.len().min(VIEWINGS)) {
            h2 { "Who viewed it" }
            ul { @for one in viewings.iter().take(VIEWINGS) {
                li { strong { (one.who) } " " span .quiet { "(" (one.role) ")" } " " (one.step) " " (time(&one.at, Form::Full))
                    @if let Some(reason) = &one.reason { ": " (reason) } }
            } }
            @if viewings.len() > VIEWINGS { p { a href={"/audit?kind=access&subject=" (encoded(id))} { "Everybody who did" } } }
        }
    }
}

/// The foot of the printed page: what it was, and its hash.
pub(super) fn foot(view: &ConversationView) -> Markup {
    html! {
        div .print-foot {
            @for record in &view.records {
                p { (view.id) " · " (record.kind) " version " (record.version) " · SHA-256 " (record.sha256) }
            }
        }
    }
}
