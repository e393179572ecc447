//! Builds what the settings name: which contract is spoken, where, as whom, how fast, how patiently.
//!
//! | file | what it is |
//! |---|---|
//! | `contract` | which contract the settings mean, and what they lack for it |
//! | `platform` | the published contract: its hosts, what it does not serve |
//! | `histories` | where histories come from: the gateway, the platform's staff, its guests |
//! | `writes` | what changes something there: sending, ending, triggers |
//!
//! A command asks for the port it works through and does not know which contract is behind it.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use frontdesk_api::media::MediaDoor;
use frontdesk_api::transport::reqwest::{ReqwestOptions, ReqwestTransport};
use frontdesk_api::{
    BaseUrl, CallOptions, Cancel, Client, ClientBuilder, ClientStyle, ConversationSource, Credentials,
    EventSubscriptions, Gateway, GuestSessions, HistorySource, MessageChannel, OwnEnd, Platform, Rate,
    SessionOpenings, Timeouts, TranscriptSource, Transport,
};
use frontdesk_domain::{Secret, Timestamp};
use frontdesk_shell::{Exit, Failure};
use futures_util::StreamExt;
use serde::Deserialize;
use uuid::Uuid;

use self::contract::{Contract, require};
use crate::clock::WallClock;
use crate::context::Context;
use crate::outbox;

mod contract;
mod histories;
mod platform;
mod writes;

pub(crate) use self::contract::missing;
pub(crate) use self::histories::{Eyes, histories};
pub(crate) use self::writes::{arrivals, triggers};

/// What the archive's calls need (contract §1, scopes).
const SCOPES: [&str; 2] = ["analytics:query", "conversation:view"];

/// What ending sessions needs.
const GUEST_SCOPES: [&str; 2] = ["webchat:guest:read", "webchat:guest:manage"];

/// What opening sessions needs.
const OPENING_SCOPES: [&str; 2] = ["webchat:conversation:write", "conversation:read"];
/// What registering for callbacks needs.
const WEBHOOK_SCOPES: [&str; 1] = ["platformadmin:webhook:write"];
/// What sending messages and looking for their receipts needs.
const MESSAGE_SCOPES: [&str; 2] = ["conversation:read", "conversation:send"];

/// Where conversations are pulled from.
#[derive(Clone)]
pub(crate) struct Source {
    /// The conversations of a range.
    pub(crate) conversations: Arc<dyn ConversationSource>,
    /// Their texts, where a listing does not bring them: on the platform contract.
    pub(crate) transcripts: Option<Arc<dyn TranscriptSource>>,
}

/// What answers, by the contract of the settings.
pub(crate) enum Api {
    /// The gateway contract.
    Gateway(Gateway),
    /// The published contract.
    Platform(Platform),
}

/// What answers, with the scopes that the gateway wants for it. Its calls end on the signal.
fn api(context: &Context<'_>, clock: &WallClock, cancel: Cancel, scopes: &[&str]) -> Result<Api, Failure> {
    match Contract::of(context)? {
        Contract::Gateway => {
            let credentials = credentials(context, &require(context)?, scopes)?;
            build(context, clock, cancel, |base| Client::builder(base, credentials)).map(Api::Gateway)
        }
        Contract::Platform => platform::platform(context, clock, cancel).map(Api::Platform),
    }
}

/// What answers questions about conversations, for checks of its settings.
pub(crate) fn reading(context: &Context<'_>, clock: &WallClock) -> Result<Api, Failure> {
    api(context, clock, Cancel::never(), &SCOPES)
}

/// The conversations of the settings, and their texts.
pub(crate) fn source(context: &Context<'_>, clock: &WallClock) -> Result<Source, Failure> {
    Ok(match reading(context, clock)? {
        Api::Gateway(gateway) => Source { conversations: Arc::new(gateway), transcripts: None },
        Api::Platform(platform) => {
            let platform = Arc::new(platform);
            Source { conversations: Arc::<Platform>::clone(&platform), transcripts: Some(platform) }
        }
    })
}

/// Everything a process works through that does more than one job.
pub(crate) struct Doors {
    pub(crate) source: Source,
    pub(crate) histories: Arc<dyn HistorySource>,
    pub(crate) openings: Arc<dyn SessionOpenings>,
    pub(crate) messages: Arc<dyn MessageChannel>,
    pub(crate) guests: Arc<dyn GuestSessions>,
}

/// As whom a session is ended.
pub(crate) enum EndedBy {
    /// As the staff does.
    Staff,
    /// By the emergency tear-down of the platform contract.
    Emergency,
    /// On the platform contract as the guest, by the session's own token.
    Guest(Uuid),
}

/// All doors of the settings; calls that change something end on the signal. On the platform contract they are of one client,
/// with one token and one pace; on the gateway each has the scopes of its job, and so a token of its own.
pub(crate) fn doors(context: &Context<'_>, clock: &WallClock, cancel: &Cancel) -> Result<Doors, Failure> {
    if Contract::of(context)? == Contract::Gateway {
        return Ok(Doors {
            source: source(context, clock)?,
            histories: histories(context, clock, &Eyes::Plain)?,
            openings: openings(context, clock, cancel.clone())?,
            messages: messages(context, clock, cancel.clone())?,
            guests: guests(context, clock, cancel.clone(), &EndedBy::Staff)?,
        });
    }
    let reading = Arc::new(platform::platform(context, clock, Cancel::never())?);
    let writing = reading.as_ref().clone().cancel(cancel.clone());
    Ok(Doors {
        source: Source {
            conversations: Arc::<Platform>::clone(&reading),
            transcripts: Some(reading.clone()),
        },
        histories: reading,
        openings: writes::openings(context, writing.clone())?,
        messages: Arc::new(writes::messages(context, clock, writing.clone())?),
        guests: Arc::new(writes::guests(context, writing, false)?),
    })
}

/// Guests' sessions; its calls end on the signal. Only the platform contract knows other ways than the staff's.
pub(crate) fn guests(
    context: &Context<'_>,
    clock: &WallClock,
    cancel: Cancel,
    by: &EndedBy,
) -> Result<Arc<dyn GuestSessions>, Failure> {
    match api(context, clock, cancel, &GUEST_SCOPES)? {
        Api::Gateway(gateway) => match by {
            EndedBy::Staff => Ok(Arc::new(gateway)),
            EndedBy::Emergency => Err(writes::not_at_the_gateway("--emergency")),
            EndedBy::Guest(_) => Err(writes::not_at_the_gateway("--guest-session-file")),
        },
        Api::Platform(platform) => match by {
            EndedBy::Staff | EndedBy::Emergency => {
                Ok(Arc::new(writes::guests(context, platform, matches!(by, EndedBy::Emergency))?))
            }
            EndedBy::Guest(token) => {
                Ok(Arc::new(OwnEnd::new(writes::at_deployment(context, platform)?, *token)))
            }
        },
    }
}

/// What opens sessions; its calls end on the signal.
pub(crate) fn openings(
    context: &Context<'_>,
    clock: &WallClock,
    cancel: Cancel,
) -> Result<Arc<dyn SessionOpenings>, Failure> {
    match api(context, clock, cancel, &OPENING_SCOPES)? {
        Api::Gateway(gateway) => Ok(Arc::new(gateway)),
        Api::Platform(platform) => writes::openings(context, platform),
    }
}

/// What registers for callbacks; its calls end on the signal.
pub(crate) fn subscriptions(
    context: &Context<'_>,
    clock: &WallClock,
    cancel: Cancel,
) -> Result<Arc<dyn EventSubscriptions>, Failure> {
    match api(context, clock, cancel, &WEBHOOK_SCOPES)? {
        Api::Gateway(gateway) => Ok(Arc::new(gateway)),
        Api::Platform(_) => Err(platform::unserved("registering for callbacks")),
    }
}

/// What sends messages; its calls end on the signal.
pub(crate) fn messages(
    context: &Context<'_>,
    clock: &WallClock,
    cancel: Cancel,
) -> Result<Arc<dyn MessageChannel>, Failure> {
    match api(context, clock, cancel, &MESSAGE_SCOPES)? {
        Api::Gateway(gateway) => Ok(Arc::new(gateway)),
        Api::Platform(platform) => Ok(Arc::new(writes::messages(context, clock, platform)?)),
    }
}

fn build(
    context: &Context<'_>,
    clock: &WallClock,
    cancel: Cancel,
    builder: impl FnOnce(BaseUrl) -> ClientBuilder,
) -> Result<Gateway, Failure> {
    let settings = &context.settings;
    let base: BaseUrl = match settings.parsed("base_url", str::parse)? {
        Some(base) => base,
        None => settings.parsed("region", BaseUrl::from_region)?.ok_or_else(|| missing(&["base_url"]))?,
    };
    let mut builder = builder(base);
    if let Some(login) = settings.parsed("login_url", str::parse::<BaseUrl>)? {
        builder = builder.login(login);
    }
    let (client, calls) = client(context, clock, cancel, builder)?;
    Ok(Gateway::new(client).options(calls))
}

/// A client with the settings that both contracts share, and the options of its calls.
fn client(
    context: &Context<'_>,
    clock: &WallClock,
    cancel: Cancel,
    builder: ClientBuilder,
) -> Result<(Client, CallOptions), Failure> {
    let settings = &context.settings;
    let mut builder = builder.clock(clock.client_clock()).timeouts(timeouts(context)?);
    let deadline = call_deadline(context)?;
    if let Some(rate) = settings.parsed("rate", str::parse::<Rate>)? {
        builder = builder.rate(within(rate, deadline)?);
    }
    let calls = CallOptions::default().cancel(cancel).deadline(deadline);
    Ok((builder.build(transport(&network(context)?)?), calls))
}

/// How the network is reached.
fn network(context: &Context<'_>) -> Result<ReqwestOptions, Failure> {
    let settings = &context.settings;
    let mut options = ReqwestOptions::default();
    options.proxy = settings.text("proxy").map(str::to_owned);
    options.connect_timeout = settings.duration("timeout_connect")?.unwrap_or(options.connect_timeout);
    options.extra_roots = settings.parsed("ca_file", |path| fs::read(path))?;
    Ok(options)
}

/// Time for one call, all its attempts and waits.
pub(crate) fn call_deadline(context: &Context<'_>) -> Result<Duration, Failure> {
    Ok(context.settings.duration("timeout_call")?.unwrap_or(CallOptions::DEADLINE))
}

/// A rate with which a call comes to its turn in its time: the wait for it is part of the call (contract §7).
fn within(rate: Rate, deadline: Duration) -> Result<Rate, Failure> {
    if 1.0 / rate.get() < deadline.as_secs_f64() {
        return Ok(rate);
    }
    let message = format!(
        "the rate {rate} is one request in {:.0} s, and a call may take {:.0} s with all its waits",
        1.0 / rate.get(),
        deadline.as_secs_f64()
    );
    Err(Failure::new(Exit::Usage, "bad_setting", message)
        .hint("give a larger --rate, or a longer timeout_call"))
}

/// The door through which the files of messages are asked for: public addresses, unless the setting
/// `local_addresses` allows more.
pub(crate) fn media_door(context: &Context<'_>, clock: &WallClock) -> Result<MediaDoor, Failure> {
    Ok(MediaDoor::new(Arc::new(outbox::outward(context)?), clock.client_clock()))
}

/// The credentials of the settings.
fn credentials(
    context: &Context<'_>,
    (id, secret): &(&str, &str),
    default_scopes: &[&str],
) -> Result<Credentials, Failure> {
    let unusable = |error: &dyn std::error::Error| {
        Failure::new(Exit::Usage, "bad_setting", "the credentials cannot be used").caused_by(error)
    };
    let settings = &context.settings;
    let scopes = settings.text("scopes").map_or_else(
        || default_scopes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        |scopes| scopes.split_whitespace().map(str::to_owned).collect(),
    );
    Credentials::new(*id, Secret::new(*secret))
        .map_err(|error| unusable(&error))?
        .style(settings.parsed("client_style", str::parse::<ClientStyle>)?.unwrap_or_default())
        .scopes(scopes)
        .map_err(|error| unusable(&error))
}

fn transport(options: &ReqwestOptions) -> Result<Arc<dyn Transport>, Failure> {
    let transport = ReqwestTransport::new(options).map_err(|error| {
        Failure::from_error(Exit::Usage, "transport", &error).hint("check --ca-file and the proxy setting")
    })?;
    Ok(Arc::new(transport))
}

fn timeouts(context: &Context<'_>) -> Result<Timeouts, Failure> {
    let mut timeouts = Timeouts::default();
    timeouts.head = context.settings.duration("timeout_head")?.unwrap_or(timeouts.head);
    timeouts.token_head = context.settings.duration("timeout_token")?.unwrap_or(timeouts.token_head);
    timeouts.idle = context.settings.duration("timeout_idle")?.unwrap_or(timeouts.idle);
    Ok(timeouts)
}

/// Asks a sandbox what time it is.
pub(crate) struct SandboxClock {
    transport: Arc<dyn Transport>,
    url: http::Uri,
}

impl SandboxClock {
    pub(crate) fn new(base: &str) -> Result<Self, Failure> {
        let url = format!("{}/_sandbox/clock", base.trim_end_matches('/'));
        let url = url.parse().map_err(|error| {
            Failure::new(Exit::Usage, "test_clock", "the clock's address is no URL")
                .caused_by(&error as &http::uri::InvalidUri)
        })?;
        Ok(Self { transport: transport(&ReqwestOptions::default())?, url })
    }

    pub(crate) async fn now(&self) -> Result<Timestamp, Box<dyn std::error::Error + Send + Sync>> {
        #[derive(Deserialize)]
        struct Clock {
            now: Timestamp,
        }
        const LONGEST: usize = 4 << 10;
        let request = http::Request::get(self.url.clone()).body(Bytes::new())?;
        let mut body = self.transport.send(request).await?.into_body();
        let mut text = Vec::new();
        while let Some(chunk) = body.next().await {
            text.extend_from_slice(&chunk?);
            if text.len() > LONGEST {
                return Err("the answer is too long for a time".into());
            }
        }
        let clock: Clock = serde_json::from_slice(&text)?;
        Ok(clock.now)
    }
}

#[cfg(test)]
mod tests {
    use frontdesk_api::Singles;
    use frontdesk_domain::ConversationId;
    use frontdesk_sandbox::{Addresses, Config, Sandbox, serve_contracts};
    use frontdesk_shell::{Environment, Format, Printer};

    use super::*;
    use crate::args::GlobalArgs;

    #[tokio::test]
    async fn all_doors_of_the_platform_are_of_one_client() {
        let sandbox = Arc::new(Sandbox::new(Config::default()).unwrap());
        let free = Some(([127, 0, 0, 1], 0).into());
        let addresses = Addresses { gateway: free, platform: free };
        let running = serve_contracts(Arc::clone(&sandbox), addresses).await.unwrap();
        let ready = running.ready().clone();
        let text = |value: Option<String>| value.unwrap_or_default();
        let environment = Environment::from_iter([
            ("FRONTDESK_CONTRACT", "platform".to_owned()),
            ("FRONTDESK_BASE_URL", text(ready.platform_url)),
            ("FRONTDESK_LOGIN_URL", text(ready.platform_login_url)),
            ("FRONTDESK_DEPLOYMENT_ID", text(ready.deployment_id)),
            ("FRONTDESK_CLIENT_ID", ready.client_id),
            ("FRONTDESK_CLIENT_SECRET", ready.client_secret),
        ]);
        let printer = Printer::new(Format::Text, true);
        let global = GlobalArgs::default();
        let context = Context::new(&global, None, Vec::new(), environment, &printer).unwrap();
        let doors = doors(&context, &WallClock::system(), &Cancel::never()).unwrap();
        let id = ConversationId::new(text(ready.conversation_id)).unwrap();
        doors.messages.conversation(&id).await.unwrap();
        doors.openings.conversation(&id).await.unwrap();
        doors.source.transcripts.as_ref().unwrap().transcript(&id, Singles::All).await.unwrap();
        let requests = sandbox.stats().requests;
        running.stop().await;
        let of =
            |name: &str| requests.iter().filter(|(what, _)| what.contains(name)).map(|(_, n)| n).sum::<u64>();
        assert_eq!(
            (of("/oauth/token"), of("GET /api/v2/conversations/{conversationId}")),
            (1, 3),
            "{requests:?}"
        );
        assert_eq!(
            doors.histories.counters().requests,
            doors.guests.counters().requests,
            "one count for all"
        );
    }
}
