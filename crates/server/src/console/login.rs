//! The way in: a token for a cookie.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use http::{Response, Uri};
use maud::html;

use super::page::page;
use crate::desk::Office;
use crate::params::Params;
use crate::problem::Problem;

pub(super) async fn get(State(office): State<Arc<Office>>, uri: Uri) -> Result<Response<Body>, Problem> {
    let mut asked = Params::read(uri.query())?;
    let (failed, next) = (asked.flag("failed")?, asked.text("next"));
    asked.finish()?;
    let needed = office.desk.tokens.is_some();
    let content = html! {
        div .entry.panel {
            h1 { "Log in" }
            @if failed { div .note.bad role="alert" { p { "This token is not known, or does not count any more." } } }
            @if needed {
                form method="post" action="/login" {
                    div .field {
                        label for="token" { "Token" }
                        input #token name="token" type="password" required autocomplete="current-password" autofocus
                            aria-describedby="token-help";
                        span #token-help .quiet.small { "Made by an administrator with " code { "frontdesk token create" } "." }
                    }
                    @if let Some(next) = next { input type="hidden" name="next" value=(next); }
                    button .main type="submit" { "Log in" }
                }
            } @else {
                p { "Nobody is asked for a token here." }
                p { a href="/" { "To the search" } }
            }
        }
    };
    Ok(page(None, "", "Log in", &content))
}
