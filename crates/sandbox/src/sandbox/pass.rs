//! How a request gets in and its answer out, whichever contract it is for: counting, the rate limit,
//! the fault plan.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::DATE;
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, StatusCode};

use super::Sandbox;
use crate::fault::{Effect, Fired, Question};
use crate::moment::Moment;
use crate::rate::{Budget, Caller};
use crate::reply::{Body, Reply};
use crate::route::Endpoint;
use crate::token::bearer;

/// Which of the two contracts a listener speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contract {
    /// The one of the design documents.
    Gateway,
    /// The one that the vendor publishes.
    Platform,
}

/// A request that has arrived.
pub(crate) struct Arrival<'a> {
    pub(crate) contract: Contract,
    /// Method and path template, as the statistics count it.
    pub(crate) label: &'a str,
    /// What it is for; of the platform's operations the one of the gateway that it is most like, as far
    /// as faults differ.
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) page: Option<u64>,
    /// Whether the rate limit counts it.
    pub(crate) limited: bool,
}

/// What was decided about a request when it came in.
pub(crate) struct Pass {
    /// The how many-eth request it is.
    pub(crate) number: u64,
    pub(crate) now: Moment,
    /// The host's time, by which calls are made.
    pub(crate) host: Moment,
    /// Whether only the head is wanted.
    head: bool,
    pub(crate) budget: Option<Budget>,
    fault: Option<Fired>,
}

impl Pass {
    /// What the fault plan does to the request, if anything.
    pub(crate) fn effect(&self) -> Option<&Effect> {
        self.fault.as_ref().and_then(|fault| fault.effect.as_ref())
    }
}

impl Sandbox {
    /// Counts the request, asks the rate limit and, if that lets it through, the fault plan.
    pub(crate) fn admit(
        &self,
        arrival: &Arrival<'_>,
        request: &Request<Bytes>,
        peer: IpAddr,
        host: Moment,
    ) -> Pass {
        let target = request.uri().path_and_query().map_or("", PathAndQuery::as_str);
        let mut state = self.state();
        state.requests += 1;
        let number = state.requests;
        *state.stats.requests.entry(arrival.label.to_owned()).or_default() += 1;
        let now = state.clock.now(host);
        let budget = if arrival.limited {
            let known = |token: &&str| match arrival.contract {
                Contract::Gateway => state.tokens.knows(token),
                Contract::Platform => state.platform.grants.knows(token),
            };
            let token = bearer(request.headers()).filter(known);
            let caller = token.map_or(Caller::Address(peer), |token| Caller::Token(token.to_owned()));
            state.limiter.take(caller, now)
        } else {
            None
        };
        let throttled = budget.is_some_and(|budget| budget.wait_seconds.is_some());
        let question = Question {
            number,
            method: request.method(),
            label: arrival.label,
            endpoint: arrival.endpoint,
            page: arrival.page,
            target,
            now,
            body: request.body(),
        };
        let fault = if throttled { None } else { state.faults.decide(&question) };
        if let Some(fault) = &fault {
            *state.stats.faults.entry(fault.name()).or_default() += 1;
        }
        let head = *request.method() == Method::HEAD;
        Pass { number, now, host, head, budget, fault }
    }

    /// Adds what every answer has, and what the fault does to its way back.
    pub(crate) fn send_off(&self, pass: &Pass, reply: &mut Reply) {
        if let Some(budget) = pass.budget {
            budget.state(reply);
        }
        let date = pass.now.timestamp().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        if let Ok(date) = HeaderValue::from_str(&date) {
            reply.headers_mut().insert(DATE, date);
        }
        if pass.head {
            *reply.response.body_mut() = Body::default();
        }
        reply.delay = self.config().latency;
        if let Some(fault) = &pass.fault {
            reply.delay += Duration::from_millis(fault.delay_ms);
            if let Some(effect) = &fault.effect {
                effect.break_off(reply, fault.chance);
            }
        }
        if reply.status() == StatusCode::TOO_MANY_REQUESTS {
            self.state().stats.throttled += 1;
        }
    }
}
