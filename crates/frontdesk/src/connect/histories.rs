//! Where histories come from: the gateway, the platform's staff, its guests.

use std::sync::Arc;

use frontdesk_api::{Cancel, Client, GuestView, HistorySource};
use frontdesk_domain::Secret;
use frontdesk_shell::{Exit, Failure};
use http::HeaderValue;

use super::contract::{Contract, require, require_address};
use super::{build, client, credentials, platform};
use crate::clock::WallClock;
use crate::context::Context;

/// What histories need where the token goes along.
const HISTORY_SCOPES: [&str; 1] = ["webmessaging:view"];

/// As whom a history is looked at.
pub(crate) enum Eyes {
    /// As the contract does by itself: on the gateway without a token, on the platform as the staff.
    Plain,
    /// On the gateway with the bearer token; on the platform that is how it is anyway.
    Bearer,
    /// On the platform as a guest, by the guest's own token.
    Guest(Secret),
}

/// The histories of conversations. Credentials are asked for only where the client's token is to go along.
pub(crate) fn histories(
    context: &Context<'_>,
    clock: &WallClock,
    eyes: &Eyes,
) -> Result<Arc<dyn HistorySource>, Failure> {
    match (Contract::of(context)?, eyes) {
        (Contract::Platform, Eyes::Guest(token)) => guest_view(context, clock, token),
        (Contract::Platform, Eyes::Plain | Eyes::Bearer) => {
            Ok(Arc::new(platform::platform(context, clock, Cancel::never())?))
        }
        (Contract::Gateway, Eyes::Guest(_)) => {
            let message = "a guest's token is the platform contract's, and the contract is gateway";
            Err(Failure::new(Exit::Usage, "contract", message)
                .hint("leave --guest-token-file out: the gateway shows histories by their three ids"))
        }
        (Contract::Gateway, Eyes::Bearer) => {
            let credentials = credentials(context, &require(context)?, &HISTORY_SCOPES)?;
            let gateway = build(context, clock, Cancel::never(), |base| Client::builder(base, credentials))?;
            Ok(Arc::new(gateway.history_bearer(true)))
        }
        (Contract::Gateway, Eyes::Plain) => {
            require_address(context)?;
            Ok(Arc::new(build(context, clock, Cancel::never(), Client::without_token)?))
        }
    }
}

/// What a guest is shown. Neither client nor login host has a part in it.
fn guest_view(
    context: &Context<'_>,
    clock: &WallClock,
    token: &Secret,
) -> Result<Arc<dyn HistorySource>, Failure> {
    let base = platform::api_host(context)?;
    let (client, calls) = client(context, clock, Cancel::never(), Client::without_token(base))?;
    let origin = context.settings.parsed("guest_origin", str::parse::<HeaderValue>)?;
    let view = GuestView::new(client, token.reveal(), origin).map_err(|_| {
        Failure::new(Exit::Usage, "bad_input", "the guest's token is none: it has characters no header takes")
            .hint("--guest-token-file holds the JWT alone, as getJwt of the guest's session gave it")
    })?;
    Ok(Arc::new(view.options(calls)))
}

#[cfg(test)]
mod tests {
    use frontdesk_api::{HistoryQuery, SeenIds};
    use frontdesk_domain::message::HistoryTarget;
    use frontdesk_domain::{HistoryPageSize, MaxDepth};
    use frontdesk_sandbox::{Config, Sandbox, serve};
    use frontdesk_shell::{Environment, Format, Printer};
    use futures_util::StreamExt as _;

    use super::*;
    use crate::args::GlobalArgs;

    /// The first page of a history, asked for with the token of a client that has these scopes.
    async fn page_with_bearer(scopes: Option<&str>) -> Result<usize, frontdesk_api::Error> {
        let sandbox = Arc::new(Sandbox::new(Config::default()).unwrap());
        let running = serve(sandbox, ([127, 0, 0, 1], 0).into()).await.unwrap();
        let ready = running.ready().clone();
        let mut environment = vec![
            ("FRONTDESK_CONTRACT", "gateway"),
            ("FRONTDESK_BASE_URL", &*ready.base_url),
            ("FRONTDESK_CLIENT_ID", &*ready.client_id),
            ("FRONTDESK_CLIENT_SECRET", &*ready.client_secret),
        ];
        environment.extend(scopes.map(|scopes| ("FRONTDESK_SCOPES", scopes)));
        let environment = Environment::from_iter(environment);
        let printer = Printer::new(Format::Text, true);
        let global = GlobalArgs::default();
        let context = Context::new(&global, None, Vec::new(), environment, &printer).unwrap();
        let gateway = histories(&context, &WallClock::system(), &Eyes::Bearer).unwrap();
        let conversation = ready.conversation_id.clone().unwrap();
        let target = HistoryTarget::new(&ready.organization_id, &ready.domain_id, conversation).unwrap();
        let query = HistoryQuery {
            target,
            size: HistoryPageSize::default(),
            resume: None,
            depth: MaxDepth::default(),
            seen: SeenIds::default(),
        };
        let mut pages = gateway.history(query);
        let page = pages.next().await.unwrap().map(|page| page.messages.len());
        running.stop().await;
        page
    }

    #[tokio::test]
    async fn the_token_of_a_history_has_the_scope_that_histories_need() {
        assert!(page_with_bearer(None).await.unwrap() > 0);
        // The settings say otherwise, and the platform's answer names what is missing.
        let refused = page_with_bearer(Some("analytics:query")).await.unwrap_err();
        assert!(refused.is_auth());
        let hint = refused.hint().unwrap_or_default();
        assert!(hint.contains("webmessaging:view"), "{hint}");
    }
}
