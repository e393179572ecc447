//! What was said, as bubbles.

use maud::{Markup, html};

use super::super::write::{Form, pieces, size, time, tone};
use super::{parts, path};
use crate::view::conversation::{ConversationAsk, ConversationView, FileView, TurnView};

pub(super) fn said(view: &ConversationView, ask: &ConversationAsk) -> Markup {
    let mut last = None;
    // Whether a turn is the first of its day; one without a time is of the day before it.
    let begins_day: Vec<bool> = view
        .turns
        .iter()
        .map(|turn| {
            let today = turn.sent_at.as_deref().and_then(|at| at.split('T').next());
            let begins = today.is_some() && today != last;
            last = today.or(last);
            begins
        })
        .collect();
    html! {
        (parts(view, ask))
        @if view.turns.is_empty() { div .blank { p { "Nothing was said in this conversation." } } }
        ol .said {
            @for (turn, begins) in view.turns.iter().zip(begins_day) {
                @if begins {
                    li .day { @if let Some(at) = &turn.sent_at { (time(at, Form::Day)) } }
                }
                (bubble(view, ask, turn))
            }
        }
        (parts(view, ask))
    }
}

fn bubble(view: &ConversationView, ask: &ConversationAsk, turn: &TurnView) -> Markup {
    let number = turn.number.to_string();
    // A message has a link of its own that survives new versions; a line of a transcript only its number.
    let link = match &turn.id {
        Some(id) => path(view, ask, &[("message", id), ("find", "")]),
        None => path(view, ask, &[("at", &number), ("find", "")]),
    };
    html! {
        li #{"t-" (number)} class={"turn " (turn.speaker)} {
            @if !turn.text.is_empty() { p dir="auto" { (pieces(&turn.text)) } }
            @if turn.file_name.is_some() || turn.file.is_some() { (attachment(turn)) }
            div .meta {
                span .speaker { (turn.speaker) }
                a href={(link) "#t-" (number)} title="Link to this turn" {
                    @match &turn.sent_at { Some(at) => (time(at, Form::Clock)), None => { "#" (number) } }
                }
                @if let Some(status) = &turn.status { (ticks(status)) }
            }
        }
    }
}

/// What became of a message: the sign that people know, and the platform's word for it.
fn ticks(status: &str) -> Markup {
    let is = |parts: &[&str]| parts.iter().any(|part| status.to_ascii_lowercase().contains(part));
    let (sign, class) = match () {
        () if is(&["fail", "reject", "undeliver", "dead"]) => ("✗", "tick failed"),
        () if is(&["read"]) => ("✓✓", "tick read"),
        () if is(&["deliver", "received"]) => ("✓✓", "tick"),
        () if is(&["sent", "published"]) => ("✓", "tick"),
        () => ("·", "tick"),
    };
    html! { span class=(class) { span aria-hidden="true" { (sign) } " " (status) } }
}

fn attachment(turn: &TurnView) -> Markup {
    html! {
        span .file {
            span aria-hidden="true" { "📎" }
            @match &turn.file_name {
                Some(name) if !name.is_empty() => span dir="auto" { (pieces(name)) },
                _ => span { "a file" },
            }
            @match &turn.file {
                Some(file) => (state(file)),
                None => span .badge { "not looked at" },
            }
        }
    }
}

/// What became of a file.
pub(super) fn state(file: &FileView) -> Markup {
    html! {
        span class=(tone(file.state)) { (file.state.replace('_', " ")) }
        @if let Some(bytes) = file.bytes { span .quiet { (size(bytes)) } }
        @if let Some(kind) = &file.content_type { span .quiet { (kind) } }
    }
}
