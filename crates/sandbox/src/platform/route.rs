//! Which operation a request is for. Every table of operations is named here once.

use bytes::Bytes;
use http::{Method, Request};

use super::refusal::Refusal;
use super::visit::Call;
use super::{
    analytics, conversation, limits, login, media, message_data, organization, recordings, threading,
};
use crate::form;
use crate::reply::Reply;
use crate::route::Endpoint;

/// The tables of what is read.
const READS: &[&[Operation]] = &[
    login::ROUTES,
    organization::ROUTES,
    conversation::ROUTES,
    message_data::ROUTES,
    media::ROUTES,
    analytics::ROUTES[0],
    analytics::ROUTES[1],
    analytics::ROUTES[2],
    recordings::ROUTES[0],
    recordings::ROUTES[1],
    recordings::ROUTES[2],
    recordings::ROUTES[3],
    limits::ROUTES,
    threading::ROUTES,
];

/// The tables of what is done, and of what guests do.
const WRITES: &[&[Operation]] = &[
    super::channels::ROUTES,
    super::deployments::ROUTES,
    super::ending::ROUTES,
    super::gdpr::ROUTES,
    super::guest::HISTORY,
    super::guest::UPLOADS,
    super::open::INBOUND,
    super::open::ROUTES,
    super::outbound::ROUTES,
    super::sending::ROUTES,
    super::triggers::ROUTES,
    super::uploads::ROUTES,
    super::wrap_up::ROUTES,
];

fn operations() -> impl Iterator<Item = &'static Operation> {
    READS.iter().chain(WRITES).copied().flatten()
}

/// One operation of the contract.
pub(crate) struct Operation {
    pub(crate) method: Method,
    /// Segments in braces match any one segment that is not empty.
    pub(crate) template: &'static str,
    pub(crate) access: Access,
    pub(crate) answer: fn(&Call<'_>) -> Result<Reply, Refusal>,
}

/// Who may call an operation.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Access {
    /// Whoever has an access token and one of these permissions, if there are any.
    Client(&'static [&'static str]),
    /// Anybody: the operation looks for itself.
    Open,
}

/// A request's place in the tables.
pub(super) struct Route {
    /// Method and path template, as the statistics count it.
    pub(super) label: String,
    pub(super) operation: Result<&'static Operation, Refusal>,
    /// What stands in the path where the template has braces, decoded.
    pub(super) ids: Vec<String>,
    /// Whether it is an API call, so that the rate limit counts it.
    pub(super) limited: bool,
    /// What of the gateway's it is most like, as far as faults differ.
    pub(super) resembles: Option<Endpoint>,
}

impl Route {
    pub(super) fn of(method: &Method, path: &str) -> Self {
        let mut found: Option<(&'static Operation, Option<Vec<String>>)> = None;
        let mut elsewhere = false;
        for operation in operations() {
            let Some(ids) = form::ids(operation.template, path) else { continue };
            if operation.method != *method {
                elsewhere = true;
                continue;
            }
            // What is named in the path wins against what is in braces.
            if found.as_ref().is_none_or(|(best, _)| braces(operation) < braces(best)) {
                found = Some((operation, ids));
            }
        }
        let limited = path.starts_with("/api/");
        let template = found.as_ref().map_or("*", |(operation, _)| operation.template);
        let label = format!("{} {template}", crate::route::known(method));
        let resembles = resembles(template);
        let (operation, ids) = match found {
            Some((operation, Some(ids))) => (Ok(operation), ids),
            Some((_, None)) => (Err(Refusal::bad_request("An id in the path is not valid.")), Vec::new()),
            None if elsewhere => (Err(Refusal::wrong_method()), Vec::new()),
            None => (Err(Refusal::no_such_path()), Vec::new()),
        };
        Self { label, operation, ids, limited, resembles }
    }
}

/// Method and path template of a request, as the statistics count it.
pub(crate) fn label(method: &Method, path: &str) -> String {
    Route::of(method, path).label
}

fn braces(operation: &Operation) -> usize {
    operation.template.matches('{').count()
}

/// The page that a request asks for, where its operation has pages.
pub(super) fn page_of(label: &str, request: &Request<Bytes>) -> Option<u64> {
    match label.split_once(' ')?.1 {
        analytics::QUERY => Some(analytics::page_of_query(request.body())),
        analytics::RESULTS => Some(analytics::page_of_results(request.uri().query().unwrap_or_default())),
        _ => None,
    }
}

/// Faults of tokens fit the login host, faults of pages what has pages.
fn resembles(template: &str) -> Option<Endpoint> {
    match template {
        login::TOKEN => Some(Endpoint::Token),
        media::MEDIA => Some(Endpoint::Media),
        analytics::QUERY | analytics::RESULTS => Some(Endpoint::Details),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_operation_is_there_twice_and_each_is_found_by_its_template() {
        let mut seen = HashSet::new();
        for operation in operations() {
            assert!(seen.insert((operation.method.clone(), operation.template)), "{}", operation.template);
            let path = operation.template.replace(['{', '}'], "");
            let route = Route::of(&operation.method, &path);
            assert_eq!(route.label, format!("{} {}", operation.method, operation.template));
            assert_eq!(route.ids.len(), braces(operation));
        }
    }

    #[test]
    fn paths_and_methods_that_nobody_serves_are_told_apart() {
        let status = |method, path: &str| {
            let refusal = Route::of(&method, path).operation.err().unwrap();
            refusal.reply("").status().as_u16()
        };
        assert_eq!(status(Method::GET, "/oauth/token"), 404, "the login host is another");
        assert_eq!(status(Method::GET, "/login/oauth/token"), 405);
        assert_eq!(status(Method::GET, "/api/v2/webmessaging/guests/1"), 404);
    }
}
