//! One attempt: auth, throttle, trace, transport, and what the answer says.

use std::error::Error as StdError;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::{HeaderMap, StatusCode, header, response};
use tokio::time::timeout;
use tracing::debug;

use super::Inner;
use super::body::{BodyError, correlation_id, read, read_error};
use crate::auth::cache::Token;
use crate::base_url::BaseUrl;
use crate::clock::instant;
use crate::endpoint::{Auth, Endpoint};
use crate::error::{Answer, Error, ErrorKind, Inner as ErrorInner};
use crate::retry::classify::{self, Fault};
use crate::retry::retry_after;
use crate::retry::run::{AttemptError, Call, Failure};
use crate::throttle::{Limit, Permit};
use crate::transport::{Body, TransportError, TransportKind};

impl Inner {
    pub(super) async fn attempt<E: Endpoint>(
        &self,
        endpoint: &E,
        base: &BaseUrl,
        call: &Call<'_>,
    ) -> Result<E::Output, AttemptError> {
        let (token, permit) = self.admit(endpoint.auth(), call).await?;
        let mut request = endpoint
            .request(base)
            .map_err(|error| AttemptError::Final(unsendable(call, error.to_string())))?;
        // An endpoint that built another origin's URI would carry the token there.
        if request.uri().authority().is_none_or(|authority| authority.as_str() != base.authority()) {
            return Err(AttemptError::Final(unsendable(call, "its URI left the base URL".to_owned())));
        }
        request.headers_mut().insert(header::USER_AGENT, self.user_agent.clone());
        if let Some(token) = &token {
            request.headers_mut().insert(header::AUTHORIZATION, token.header.clone());
        }

        let started = instant();
        let number = call.sent.fetch_add(1, Ordering::Relaxed) + 1;
        call.in_flight.store(true, Ordering::Relaxed);
        self.counters.sent(call.is_token_call);
        let limit = endpoint.head_timeout().unwrap_or(if call.is_token_call {
            self.timeouts.token_head
        } else {
            self.timeouts.head
        });
        let generation = token.as_ref().map(|token| token.generation);
        let sent = timeout(limit, self.transport.send(request)).await;
        let response = match sent.unwrap_or_else(|_| Err(TransportError::new(TransportKind::Timeout))) {
            Ok(response) => response,
            Err(error) => {
                permit.into_iter().for_each(Permit::failed);
                return Err(failed_transport(error, Answer::default(), generation));
            }
        };
        let (head, body) = response.into_parts();
        let token_text = token.as_ref().map_or("", |token| token.reveal());
        let secrets = [self.credentials.secret.reveal(), token_text, endpoint.secret()];
        let answer = self.note(&head, permit, &secrets);
        debug!(
            operation = call.operation,
            attempt = number,
            status = head.status.as_u16(),
            correlation_id = answer.correlation_id.as_deref(),
            elapsed_ms = (instant() - started).as_millis(),
            "answered"
        );
        let fault = classify::status(head.status).filter(|_| !endpoint.answers(head.status));
        match fault {
            Some(fault) => {
                let answer = read_error(body, &secrets, answer).await;
                Err(failed_status(fault, answer, generation))
            }
            None => {
                let output = self.decode(endpoint, &head, body, answer, generation).await?;
                let took = (instant() - started).as_micros();
                call.took_us.store(u64::try_from(took).unwrap_or(u64::MAX), Ordering::Relaxed);
                Ok(output)
            }
        }
    }

    /// A token and a turn. The token is had first: see the module above.
    async fn admit<'c>(
        &self,
        auth: Auth,
        call: &'c Call<'_>,
    ) -> Result<(Option<Arc<Token>>, Option<Permit<'c>>), AttemptError> {
        match auth {
            Auth::Bearer => {}
            Auth::Guest => {
                let permit = call.host.throttle.acquire(call.deadline).await.map_err(AttemptError::Closed)?;
                return Ok((None, Some(permit)));
            }
            Auth::None => {
                call.host.throttle.pass_gate(call.deadline).await.map_err(AttemptError::Closed)?;
                return Ok((None, None));
            }
        }
        let login = self.login(call);
        let mut token = self.tokens.get(&login).await.map_err(AttemptError::Final)?;
        let permit = call.host.throttle.acquire(call.deadline).await.map_err(AttemptError::Closed)?;
        while !token.is_alive(&*self.clock) {
            token = self.tokens.get(&login).await.map_err(AttemptError::Final)?;
        }
        Ok((Some(token), Some(permit)))
    }

    /// Learns from an answer's head.
    fn note(&self, head: &response::Parts, permit: Option<Permit<'_>>, secrets: &[&str]) -> Answer {
        let throttled = classify::status(head.status) == Some(Fault::Throttled);
        // On a good answer whose body is then lost the header says nothing about repeating.
        let retry_after =
            if head.status.is_success() { None } else { retry_after::read(&head.headers, self.clock.now()) };
        if throttled {
            self.counters.throttled();
        }
        if let Some(permit) = permit {
            // A token that was not accepted was not counted: these figures are somebody else's.
            let counted = head.status != StatusCode::UNAUTHORIZED;
            let limit = Limit::read(&head.headers).filter(|_| counted);
            permit.answered(limit, throttled, retry_after);
        }
        Answer {
            status: Some(head.status),
            correlation_id: correlation_id(head, secrets),
            retry_after,
            ..Answer::default()
        }
    }

    async fn decode<E: Endpoint>(
        &self,
        endpoint: &E,
        head: &response::Parts,
        body: Body,
        answer: Answer,
        generation: Option<u64>,
    ) -> Result<E::Output, AttemptError> {
        let malformed = |what: String| {
            let kind = ErrorKind::Malformed { what };
            failed(Fault::Malformed, kind, answer.clone(), generation)
        };
        if is_encoded(&head.headers) {
            return Err(malformed("it is compressed in a way that was not asked for".to_owned()));
        }
        let reader = endpoint.reader(head).map_err(|error| malformed(explain(head, error.into_text())))?;
        read(reader, body, self.timeouts.idle, self.body_cap).await.map_err(|error| match error {
            BodyError::Transport(error) => failed_transport(error, answer.clone(), generation),
            BodyError::TooLarge => {
                let kind = ErrorKind::TooLarge { limit: self.body_cap };
                failed(Fault::Transport(TransportKind::TooLarge), kind, answer.clone(), generation)
            }
            BodyError::Decode(error) if error.is_truncated() => {
                let error = TransportError::new(TransportKind::CutBody).caused_by(error);
                failed_transport(error, answer.clone(), generation)
            }
            BodyError::Decode(error) => malformed(explain(head, error.into_text())),
        })
    }
}

/// Whether the body is still compressed after the transport took off what it asked for.
fn is_encoded(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .any(|value| !value.as_bytes().is_empty() && !value.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// Says that an HTML page came, since that tells what happened.
fn explain(head: &response::Parts, what: String) -> String {
    let content_type = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_html =
        content_type.is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("text/html"));
    if is_html { format!("{what}; it is an HTML page") } else { what }
}

fn unsendable(call: &Call<'_>, what: String) -> Error {
    Error::new(ErrorInner {
        operation: call.operation,
        kind: ErrorKind::Unsendable { what },
        attempts: call.sent.load(Ordering::Relaxed),
        elapsed: instant() - call.started,
        answer: Answer::default(),
        fault: None,
        unknown_outcome: false,
        is_token_call: call.is_token_call,
        scope: call.scope,
        permissions: call.permissions,
        source: None,
    })
}

/// A 2xx answer that cannot be used. Whatever it says, the request was not refused.
fn failed(fault: Fault, kind: ErrorKind, answer: Answer, generation: Option<u64>) -> AttemptError {
    AttemptError::Failed(Box::new(Failure {
        fault,
        kind,
        answer,
        generation,
        may_have_been_processed: true,
        source: None,
    }))
}

fn failed_status(fault: Fault, answer: Answer, generation: Option<u64>) -> AttemptError {
    let kind = match fault {
        Fault::Unauthorized => ErrorKind::Unauthorized,
        Fault::Forbidden => ErrorKind::Forbidden,
        Fault::Redirected => ErrorKind::Redirected,
        Fault::Throttled => ErrorKind::Throttled,
        Fault::RequestTimeout | Fault::Unavailable => ErrorKind::Unavailable,
        Fault::Rejected | Fault::Malformed | Fault::Transport(_) => ErrorKind::Rejected,
    };
    // A gateway that answers 5xx may have passed the request on.
    let may_have_been_processed = matches!(fault, Fault::RequestTimeout | Fault::Unavailable);
    AttemptError::Failed(Box::new(Failure {
        fault,
        kind,
        answer,
        generation,
        may_have_been_processed,
        source: None,
    }))
}

fn failed_transport(error: TransportError, answer: Answer, generation: Option<u64>) -> AttemptError {
    let kind = error.kind();
    let may_have_been_processed = error.may_have_been_processed();
    // The kind is our sentence already; only what lies under it adds something.
    let source = error.into_source().map(|source| Arc::from(source) as Arc<dyn StdError + Send + Sync>);
    AttemptError::Failed(Box::new(Failure {
        fault: Fault::Transport(kind),
        kind: ErrorKind::Transport(kind),
        answer,
        generation,
        may_have_been_processed,
        source,
    }))
}
