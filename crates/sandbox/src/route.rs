//! Which endpoint a request is for.

use http::Method;

use crate::form;
use crate::problem::Problem;

/// What the sandbox serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Token,
    Details,
    History,
    Media,
    GuestRead,
    GuestEnd,
    SessionOpen,
    ConversationRead,
    MessageSend,
    WebhookRegister,
}

/// A request's place in the tables.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Route {
    /// Method and path template, as the statistics count it.
    pub(crate) label: String,
    pub(crate) endpoint: Result<Endpoint, Problem>,
    /// What stands in the path where the template has braces, decoded.
    pub(crate) ids: Vec<String>,
    /// Whether it is an API call, so that the rate limit counts it; the token endpoint is the login
    /// host's, and media are somebody else's.
    pub(crate) limited: bool,
}

struct Served {
    /// Segments in braces match any one segment that is not empty.
    template: &'static str,
    allowed: &'static str,
    endpoints: &'static [(Method, Endpoint)],
}

const SERVED: [Served; 9] = [
    Served { template: "/oauth/token", allowed: "POST", endpoints: &[(Method::POST, Endpoint::Token)] },
    Served {
        template: "/api/v2/analytics/conversations/details/query",
        allowed: "POST",
        endpoints: &[(Method::POST, Endpoint::Details)],
    },
    Served {
        template: "/api/v2/public/messaging/{organizationId}/{domainId}/{conversationId}/messages",
        allowed: "GET",
        endpoints: &[(Method::GET, Endpoint::History)],
    },
    Served {
        template: "/api/v2/webmessaging/guests/{guestId}",
        allowed: "GET, DELETE",
        endpoints: &[(Method::GET, Endpoint::GuestRead), (Method::DELETE, Endpoint::GuestEnd)],
    },
    Served {
        template: "/api/v2/conversations/webchat",
        allowed: "POST",
        endpoints: &[(Method::POST, Endpoint::SessionOpen)],
    },
    Served {
        template: "/api/v2/conversations/{conversationId}",
        allowed: "GET",
        endpoints: &[(Method::GET, Endpoint::ConversationRead)],
    },
    Served {
        template: "/api/v2/conversations/{conversationId}/messages",
        allowed: "POST",
        endpoints: &[(Method::POST, Endpoint::MessageSend)],
    },
    Served {
        template: "/api/v2/platform/webhooks",
        allowed: "POST",
        endpoints: &[(Method::POST, Endpoint::WebhookRegister)],
    },
    Served {
        template: "/media/{conversation}/{media}/{name}",
        allowed: "GET, HEAD",
        endpoints: &[(Method::GET, Endpoint::Media), (Method::HEAD, Endpoint::Media)],
    },
];

impl Route {
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        let found = SERVED.iter().find_map(|served| Some((served, form::ids(served.template, path)?)));
        // Paths that nobody serves are counted together: a scan must not fill the memory.
        let label =
            format!("{} {}", known(method), found.as_ref().map_or("*", |(served, _)| served.template));
        let Some((served, ids)) = found else {
            return Self { label, endpoint: Err(Problem::not_found()), ids: Vec::new(), limited: true };
        };
        let endpoint = served.endpoints.iter().find(|(serves, _)| serves == method);
        let limited = endpoint.is_none_or(|(_, e)| !matches!(e, Endpoint::Token | Endpoint::Media));
        let (endpoint, ids) = match (endpoint, ids) {
            (None, _) => (Err(Problem::wrong_method(served.allowed)), Vec::new()),
            (Some(_), None) => {
                (Err(Problem::bad_request("an id in the path is not fit for one")), Vec::new())
            }
            (Some((_, endpoint)), Some(ids)) => (Ok(*endpoint), ids),
        };
        Self { label, endpoint, ids, limited }
    }
}

/// The method, where it is one that anybody serves.
pub(crate) fn known(method: &Method) -> &str {
    match *method {
        Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::PATCH | Method::DELETE => {
            method.as_str()
        }
        _ => "*",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_take_one_decoded_segment_a_brace() {
        let of = |path: &str| Route::of(&Method::GET, path);
        let history = of("/api/v2/public/messaging/o/d%20e/c+%2F/messages");
        assert_eq!((history.endpoint, history.limited), (Ok(Endpoint::History), true));
        assert_eq!(history.ids, ["o", "d e", "c+/"]);
        assert_eq!(
            history.label,
            "GET /api/v2/public/messaging/{organizationId}/{domainId}/{conversationId}/messages"
        );
        for bad in ["..", ".", "%2e%2E", "%2", "%ff"] {
            let route = of(&format!("/api/v2/public/messaging/o/d/{bad}/messages"));
            assert_eq!(route.endpoint.unwrap_err().status, 400, "{bad}");
        }
        for unknown in ["o//c/messages", "o/d/c/d/messages", "o/d/messages", "o/d/c/messages/"] {
            let route = of(&format!("/api/v2/public/messaging/{unknown}"));
            assert_eq!((route.endpoint.unwrap_err().status.as_u16(), route.label.as_str()), (404, "GET *"));
        }
        let wrong = Route::of(&Method::POST, "/media/1/2/3");
        assert_eq!((wrong.endpoint.unwrap_err().status.as_u16(), wrong.limited), (405, true));
        assert!(!Route::of(&Method::HEAD, "/media/1/2/3").limited);
    }
}
