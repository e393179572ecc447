//! Which endpoint a request is for.

use http::Method;

use crate::problem::Problem;

/// What the sandbox serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Token,
    Details,
}

/// A request's place in the tables.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Route {
    /// Method and path template, as the statistics count it.
    pub(crate) label: String,
    pub(crate) endpoint: Result<Endpoint, Problem>,
    /// Whether it is an API call, so that the rate limit counts it; the token endpoint is the login
    /// host's.
    pub(crate) limited: bool,
}

struct Served {
    method: Method,
    template: &'static str,
    allowed: &'static str,
    endpoint: Endpoint,
}

const SERVED: [Served; 2] = [
    Served { method: Method::POST, template: "/oauth/token", allowed: "POST", endpoint: Endpoint::Token },
    Served {
        method: Method::POST,
        template: "/api/v2/analytics/conversations/details/query",
        allowed: "POST",
        endpoint: Endpoint::Details,
    },
];

impl Route {
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        let served = SERVED.iter().find(|served| served.template == path);
        let endpoint = match served {
            Some(served) if served.method == *method => Ok(served.endpoint),
            Some(served) => Err(Problem::wrong_method(served.allowed)),
            None => Err(Problem::not_found()),
        };
        // Paths that nobody serves are counted together: a scan must not fill the memory.
        let label = format!("{} {}", known(method), served.map_or("*", |served| served.template));
        Self { label, limited: served.is_none_or(|served| served.endpoint != Endpoint::Token), endpoint }
    }
}

fn known(method: &Method) -> &str {
    match *method {
        Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::PATCH | Method::DELETE => {
            method.as_str()
        }
        _ => "*",
    }
}
