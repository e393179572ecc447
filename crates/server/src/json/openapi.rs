//! The OpenAPI file, out of the handlers and the views themselves.

use axum::body::Body;
use http::HeaderValue;
use http::Response;
use http::header::CONTENT_TYPE;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi, ToSchema};

/// A refusal (RFC 9457).
#[derive(ToSchema)]
#[expect(dead_code, reason = "it says in the OpenAPI file what problem.rs writes")]
struct ProblemView {
    /// Always `about:blank`.
    #[schema(rename = "type")]
    about: String,
    /// The status in words.
    title: String,
    /// The status.
    status: u16,
    /// For scripts; stable.
    kind: String,
    /// One sentence for people. It never repeats what was looked for.
    detail: String,
    /// What to do about it.
    hint: Option<String>,
    /// The character of a query that is wrong, from 1.
    column: Option<u64>,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Frontdesk",
        description = "The archive's HTTP API. What a token's role may not see answers 404, like what is not there.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
        contact(),
    ),
    paths(
        super::conversations::list,
        super::conversations::one,
        super::conversations::reveal,
        super::conversations::raw,
        super::conversations::verify,
        super::files::file,
        super::runs::list,
        super::runs::one,
        super::runs::schedules,
        super::runs::late,
        super::runs::coverage,
        super::availability::report,
        super::reports::sla,
        super::reports::holds,
        super::reports::effect,
        super::reports::preview,
        super::sessions::list,
        super::sessions::terminations,
        super::sessions::plans,
        super::sessions::plan,
        super::webhooks::deliveries,
        super::webhooks::replay,
        super::audit::list,
        super::audit::verify,
    ),
    components(schemas(ProblemView)),
    modifiers(&Refusals),
)]
struct Api;

/// Every route may refuse, and takes a token where one is asked for.
struct Refusals;

impl Modify for Refusals {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let token = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        api.components.get_or_insert_with(Components::new).add_security_scheme("token", token);
        // On this machine none is asked for.
        api.security = Some(vec![
            SecurityRequirement::new("token", Vec::<String>::new()),
            SecurityRequirement::default(),
        ]);
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("ProblemView"))).build();
        let refusal = ResponseBuilder::new()
            .description("a refusal")
            .content("application/problem+json", content)
            .build();
        for (route, path) in &mut api.paths.paths {
            for (method, operation) in [("get", &mut path.get), ("post", &mut path.post)] {
                let Some(operation) = operation else { continue };
                operation.operation_id = Some(format!("{method}{}", name(route)));
                for response in operation.responses.responses.values_mut() {
                    if let RefOr::T(response) = response
                        && response.description.is_empty()
                    {
                        "the answer".clone_into(&mut response.description);
                    }
                }
                operation.responses.responses.insert("default".to_owned(), refusal.clone().into());
                super::links::add(operation);
            }
        }
    }
}

/// A route as a name: `/api/v1/runs/{id}` is `_runs_id`.
fn name(route: &str) -> String {
    let rest = route.strip_prefix("/api/v1").unwrap_or(route);
    rest.chars()
        .filter(|character| !matches!(character, '{' | '}'))
        .map(|c| if c == '/' { '_' } else { c })
        .collect()
}

/// The OpenAPI file of the HTTP API, as `docs/openapi.json` has it.
#[must_use]
pub fn openapi() -> String {
    // What was made a moment ago is JSON.
    let written = Api::openapi().to_pretty_json().unwrap_or_default() + "\n";
    // utoipa 5 writes this member of a link as Rust spells it; no other member is called so.
    written.replace("\"operation_id\":", "\"operationId\":")
}

/// `GET /api/v1/openapi.json`
pub(crate) async fn file() -> Response<Body> {
    let mut response = Response::new(Body::from(openapi()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
