//! What a path names.

use std::str::FromStr;

use axum::extract::{FromRequestParts, Path};
use axum::response::{IntoResponse, Response};
use http::request::Parts;

use crate::problem::Problem;
use crate::segment::of_segment;

/// The thing that the path's only parameter names. What cannot be a name of one is not there.
#[derive(Debug)]
pub(crate) struct Named<T>(pub(crate) T);

impl<T: FromStr, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let named = text.ok().and_then(|Path(text)| of_segment(&text).parse().ok());
        named.map(Self).ok_or_else(|| Problem::not_found().into_response())
    }
}
