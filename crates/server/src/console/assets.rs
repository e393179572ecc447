//! The stylesheet and the script, part of the program. Their names have a hash of what they are, so that a browser keeps
//! them for good.

use std::sync::LazyLock;

use axum::body::Body;
use axum::extract::Path;
use frontdesk_domain::hex;
use frontdesk_durable::sha256;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};

use crate::problem::Problem;

/// A file that pages load.
pub(super) struct Asset {
    /// Its name below `/assets/`.
    pub(super) name: String,
    media_type: &'static str,
    text: &'static str,
}

pub(super) static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("css", "text/css; charset=utf-8", include_str!("assets/console.css")));
pub(super) static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("js", "text/javascript; charset=utf-8", include_str!("assets/console.js")));
pub(super) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("svg", "image/svg+xml", include_str!("assets/icon.svg")));

impl Asset {
    fn new(extension: &str, media_type: &'static str, text: &'static str) -> Self {
        let hash = hex(&sha256(text.as_bytes()));
        Self { name: format!("{}.{extension}", &hash[..16]), media_type, text }
    }

    /// Where pages find it.
    pub(super) fn path(&self) -> String {
        format!("/assets/{}", self.name)
    }
}

pub(super) async fn get(Path(name): Path<String>) -> Result<Response<Body>, Problem> {
    let asset = [&STYLE, &SCRIPT, &ICON].into_iter().find(|asset| asset.name == name);
    let asset = asset.ok_or_else(Problem::not_found)?;
    let mut response = Response::new(Body::from(asset.text));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    Ok(response)
}
