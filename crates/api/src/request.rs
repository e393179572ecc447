//! The requests that calls have in common: JSON is wanted, and sent where there is a body.

use bytes::Bytes;
use http::{Method, header};

use crate::base_url::BaseUrl;
use crate::endpoint::EncodeError;

const JSON: &str = "application/json";

/// A GET. `what` names the value in the path that HTTP may not carry.
pub(crate) fn get(
    base: &BaseUrl,
    path: &str,
    what: &'static str,
) -> Result<http::Request<Bytes>, EncodeError> {
    bare(Method::GET, base, path, what)
}

/// A request without a body.
pub(crate) fn bare(
    method: Method,
    base: &BaseUrl,
    path: &str,
    what: &'static str,
) -> Result<http::Request<Bytes>, EncodeError> {
    builder(method, base, path, what)?.body(Bytes::new()).map_err(|_| EncodeError::new(what))
}

/// A request with a JSON body.
pub(crate) fn json(
    method: Method,
    base: &BaseUrl,
    path: &str,
    body: impl Into<Bytes>,
    what: &'static str,
) -> Result<http::Request<Bytes>, EncodeError> {
    builder(method, base, path, what)?
        .header(header::CONTENT_TYPE, JSON)
        .body(body.into())
        .map_err(|_| EncodeError::new(what))
}

fn builder(
    method: Method,
    base: &BaseUrl,
    path: &str,
    what: &'static str,
) -> Result<http::request::Builder, EncodeError> {
    let uri = base.join(path).map_err(|_| EncodeError::new(what))?;
    Ok(http::Request::builder().method(method).uri(uri).header(header::ACCEPT, JSON))
}
