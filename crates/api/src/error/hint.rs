//! The documents' advice, one place for all of it.

use super::{ErrorKind, Inner};
use crate::endpoint::Endpoint as _;
use crate::gateway::{EndGuest, HistoryRequest, OpenSession, SendMessage};
use crate::platform::GuestHistory;
use crate::transport::TransportKind;

pub(super) fn hint(error: &Inner) -> Option<String> {
    let status = error.answer.status.map(|status| status.as_u16());
    let advice = match &error.kind {
        ErrorKind::Forbidden => {
            let missing = error.answer.permissions.as_deref();
            let needed = || (!error.permissions.is_empty()).then(|| error.permissions.join(" or "));
            if let Some(permission) = missing.map(str::to_owned).or_else(needed) {
                return Some(format!(
                    "Give one of the OAuth client's roles the permission {permission}, in the divisions it is to see, then try \
                     again."
                ));
            }
            return Some(match error.scope {
                Some(scope) => format!("Give the client's role the scope {scope}, then try again."),
                None => "Check what the client's role may do.".to_owned(),
            });
        }
        ErrorKind::Throttled | ErrorKind::Unavailable if error.answer.retry_after.is_some() => {
            "The server named the time it wants. Try again after it; a lower rate helps where other programs use the \
             same client."
        }
        ErrorKind::Throttled if error.answer.limit.is_some() => {
            "The organisation's limit of that key is used up: lower the rate, or ask the vendor to raise the limit."
        }
        ErrorKind::Throttled => {
            "Lower the rate or the number of programs that use the same client; a smaller page size helps where many \
             queries run at once."
        }
        ErrorKind::Unauthorized if error.is_token_call => {
            "Check the client id, the client secret and the base URL. The secret is shown once, when the client is made."
        }
        ErrorKind::Unauthorized if error.operation == GuestHistory::OPERATION => {
            "A guest's token lives for minutes: take a new one from the guest's session (getJwt)."
        }
        ErrorKind::Unauthorized => {
            let scope = error.scope.map(|scope| format!(" and that its role has the scope {scope}"));
            return Some(format!(
                "Check that the client belongs to the organisation behind the base URL{}.",
                scope.unwrap_or_default()
            ));
        }
        _ if error.is_token_call
            && matches!(error.kind, ErrorKind::Rejected | ErrorKind::Malformed { .. }) =>
        {
            "Check the login URL, the client style (basic, form or json) and that the client may use client credentials."
        }
        ErrorKind::Rejected if status == Some(400) && error.operation == HistoryRequest::OPERATION => {
            "Check that organisation, domain and conversation id belong to an active web messaging session, and that the \
             page size is between 1 and 50."
        }
        ErrorKind::Rejected if status == Some(404) && error.operation == HistoryRequest::OPERATION => {
            "The conversation does not exist, its messages are past the retention window, or the three ids are of \
             different organisations. Compare them in the admin console."
        }
        ErrorKind::Rejected if status == Some(400) && error.operation == EndGuest::OPERATION => {
            "Check the closure reason (customer_initiated, agent_initiated, timeout, system_escalation, bot_handoff) and \
             that retainData is true or false."
        }
        ErrorKind::Rejected if error.operation == SendMessage::OPERATION => {
            "Check that the conversation goes on, that the sender takes part in it as an agent, and that its channel takes \
             the type and the attachments."
        }
        ErrorKind::Rejected if status == Some(400) && error.operation == OpenSession::OPERATION => {
            "The gateway has a rule of its own about sessions: compare attributes, language and skills with what it takes."
        }
        ErrorKind::Rejected if status == Some(400) => {
            "Check the filter (operators eq, neq, gt, lt, contains; fields as in the contract), the dates and the page \
             size."
        }
        ErrorKind::Rejected if status == Some(404) => "Check the base URL: nothing is there under this path.",
        ErrorKind::Rejected if error.answer.correlation_id.is_some() => {
            "The server's operators can look the correlation id up."
        }
        ErrorKind::Rejected => return None,
        ErrorKind::Redirected => "Set the base URL to where the API really is.",
        ErrorKind::Unavailable | ErrorKind::BudgetSpent => {
            "The server has trouble. Try again later; nothing that was stored is lost."
        }
        ErrorKind::Transport(TransportKind::Connect) => {
            "Check the base URL and its port, and whether this machine may connect there. A proxy has to be set."
        }
        ErrorKind::Transport(TransportKind::Dns) => "Check the host name in the base URL, or the region.",
        ErrorKind::Transport(TransportKind::Refused) => {
            "Addresses of this machine and its network are called only where the configuration allows it."
        }
        ErrorKind::Transport(TransportKind::Tls) => {
            "Certificates are always checked. Where the server's is signed by an authority of your own, name it with \
             --ca-file."
        }
        ErrorKind::Transport(TransportKind::Protocol) => {
            "Check that the base URL names an HTTP server and the scheme fits (https or http)."
        }
        ErrorKind::Transport(_) => "Check the network; a smaller page size helps where answers are cut.",
        ErrorKind::TooLarge { .. } => "Ask for smaller pages.",
        ErrorKind::Malformed { .. } => {
            "Check the base URL: something else than the API may have answered, such as a login page or a proxy."
        }
        ErrorKind::JobEnded { .. } => {
            "Try again later, or ask without jobs: set details_by to query. Smaller ranges make smaller jobs."
        }
        ErrorKind::LoopingPagination { .. } => {
            "The pages before this one are kept. Start the listing anew later, or over a smaller range."
        }
        ErrorKind::Deadline => "Give the call more time, or ask for smaller pages.",
        ErrorKind::Unsendable { .. } | ErrorKind::Cancelled => return None,
    };
    Some(advice.to_owned())
}
