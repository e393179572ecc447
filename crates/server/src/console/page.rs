//! What every page has: head, navigation, foot; and what is shown in the place of one that is not to be had.

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use http::header::{ACCEPT, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};
use maud::{DOCTYPE, Markup, html};

use super::assets::{ICON, SCRIPT, STYLE};
use crate::desk::{LOCAL, Role, Viewer};
use crate::problem::Problem;

/// What a page may load and do: what comes from here, and nothing that stands in the page itself.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The screens, as the navigation has them, and who may open them.
const SCREENS: [(&str, &str, Role); 8] = [
    ("/", "Search", Role::Viewer),
    ("/coverage", "Coverage", Role::Viewer),
    ("/runs", "Runs", Role::Viewer),
    ("/sessions", "Sessions", Role::Auditor),
    ("/sla", "Messages", Role::Viewer),
    ("/webhooks", "Webhooks", Role::Auditor),
    ("/audit", "Audit", Role::Auditor),
    ("/holds", "Holds", Role::Auditor),
];

/// A page with its title; `here` is the path of the screen it belongs to.
pub(super) fn page(viewer: Option<&Viewer>, here: &str, title: &str, content: &Markup) -> Response<Body> {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · Frontdesk" }
                link rel="icon" type="image/svg+xml" href=(ICON.path());
                link rel="stylesheet" href=(STYLE.path());
                script src=(SCRIPT.path()) defer {}
            }
            body {
                a .skip href="#content" { "To the content" }
                header .top {
                    a .name href="/" { "Frontdesk" }
                    nav aria-label="Screens" {
                        @if let Some(viewer) = viewer { ul { (screens(viewer, here)) } }
                    }
                    div .who {
                        button #zone .link type="button" hidden aria-pressed="false" { "UTC times" }
                        button #keys-open .link type="button" hidden { "Keys" }
                        @if let Some(viewer) = viewer { (who(viewer)) }
                    }
                }
                main #content { (content) }
                (keys())
            }
        }
    };
    let mut response = Response::new(Body::from(markup.into_string()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

fn screens(viewer: &Viewer, here: &str) -> Markup {
    html! {
        @for (path, name, role) in SCREENS.iter().filter(|(_, _, role)| viewer.role >= *role) {
            @let _ = role;
            li { a href=(path) aria-current=[(*path == here).then_some("page")] { (name) } }
        }
    }
}

fn who(viewer: &Viewer) -> Markup {
    html! {
        span { (viewer.name) " (" (viewer.role) ")" }
        // Where nobody is asked for a token there is nothing to leave.
        @if &*viewer.name != LOCAL {
            form method="post" action="/logout" { button .link type="submit" { "Log out" } }
        }
    }
}

fn keys() -> Markup {
    html! {
        dialog #keys aria-labelledby="keys-title" {
            h2 #keys-title { "Keys" }
            dl {
                dt { kbd { "/" } } dd { "to the search box" }
                dt { kbd { "j" } " " kbd { "k" } } dd { "next and previous hit" }
                dt { kbd { "Enter" } } dd { "open it" }
                dt { kbd { "?" } } dd { "these keys" }
            }
            p {}
            form method="dialog" { button type="submit" autofocus { "Close" } }
        }
    }
}

/// The layer that shows people a page where programs are told a [`Problem`].
pub(crate) async fn dressed(request: Request, next: Next) -> Response<Body> {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::POST);
    let path = request.uri().path();
    let for_programs = path.starts_with("/api/") || path == "/metrics" || path.ends_with("z");
    let accepts = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let wanted = is_safe && !for_programs && accepts.contains("text/html");
    let viewer = request.extensions().get::<Viewer>().cloned();
    let response = next.run(request).await;
    if !wanted {
        return response;
    }
    let Some(problem) = response.extensions().get::<Problem>().cloned() else { return response };
    let mut page = page(viewer.as_ref(), "", title(&problem), &about(&problem));
    *page.status_mut() = response.status();
    for (name, value) in response.headers() {
        if !page.headers().contains_key(name) && *name != http::header::CONTENT_LENGTH {
            page.headers_mut().insert(name, value.clone());
        }
    }
    page
}

fn title(problem: &Problem) -> &'static str {
    match problem.status {
        StatusCode::NOT_FOUND => "Not here",
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => "Not allowed",
        StatusCode::SERVICE_UNAVAILABLE => "Not now",
        status if status.is_client_error() => "Not understood",
        _ => "Failed",
    }
}

/// What a problem says, for people.
pub(super) fn about(problem: &Problem) -> Markup {
    html! {
        div .note.bad role="alert" data-problem=(problem.kind) {
            h1 { (title(problem)) }
            p { (sentence(&problem.detail)) }
            @if let Some(hint) = problem.advice() { p .quiet { (sentence(hint)) } }
            @if problem.status == StatusCode::NOT_FOUND {
                p .quiet { "What you may not see looks the same as what is not there." }
            }
            p { a href="/" { "Back to the search" } }
        }
    }
}

/// A fragment as a sentence.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", characters.as_str())
}
