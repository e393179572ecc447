//! One call to somebody who registered, and what was answered.

use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;

use super::CallbackPlan;
use crate::moment::Moment;
use crate::random::write_id;
use crate::webhooks::signature;

/// A call, made as often as it takes.
#[derive(Debug, Serialize)]
pub(crate) struct Call {
    n: u64,
    uri: String,
    /// `webhook-id`, equal in every attempt; sent when calls are signed.
    id: String,
    body: String,
    /// What was answered, attempt by attempt.
    answers: Vec<Answer>,
    /// It is under way now.
    under_way: bool,
    #[serde(skip)]
    headers: Vec<(String, String)>,
    /// When the next attempt is due, by the host's clock.
    #[serde(skip)]
    next: Option<Moment>,
}

/// What was answered to an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    Status(u16),
    /// Why there was none.
    Error(String),
}

/// An attempt that is to be made.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) number: u64,
    pub(crate) uri: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Call {
    pub(super) fn new(
        n: u64,
        hash: u64,
        uri: &str,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
        host: Moment,
    ) -> Self {
        let mut id = Vec::from(*b"msg_");
        write_id(&mut id, hash, n);
        Self {
            n,
            uri: uri.to_owned(),
            id: String::from_utf8_lossy(&id).into_owned(),
            body: String::from_utf8_lossy(&body).into_owned(),
            answers: Vec::new(),
            under_way: false,
            headers,
            next: Some(host),
        }
    }

    /// When it is to be made next.
    pub(super) fn next(&self) -> Option<Moment> {
        self.next
    }

    /// Makes an attempt of it when one is due.
    pub(super) fn start(&mut self, plan: &CallbackPlan, host: Moment, now: Moment) -> Option<Outgoing> {
        self.next.filter(|next| *next <= host)?;
        self.next = None;
        self.under_way = true;
        let mut headers = self.headers.clone();
        if let Some(key) = plan.secret.as_deref().and_then(signature::key) {
            let timestamp = now.as_nanos().div_euclid(1_000_000_000).to_string();
            let signature = signature::sign(&key, &self.id, &timestamp, self.body.as_bytes());
            headers.push(("webhook-id".to_owned(), self.id.clone()));
            headers.push(("webhook-timestamp".to_owned(), timestamp));
            headers.push(("webhook-signature".to_owned(), signature));
        }
        let body = Bytes::from(self.body.clone());
        Some(Outgoing { number: self.n, uri: self.uri.clone(), headers, body })
    }

    /// Notes what was answered, and when it is to be made again.
    pub(super) fn done(&mut self, plan: &CallbackPlan, answer: Answer, host: Moment) {
        self.under_way = false;
        self.answers.push(answer);
        let taken = self.answers.iter().filter(|answer| answer.is_good()).count();
        let failed = u32::try_from(self.answers.len() - taken).unwrap_or(u32::MAX);
        let taken = u32::try_from(taken).unwrap_or(u32::MAX);
        let again = if taken > 0 { taken < plan.repeat } else { failed < plan.attempts };
        let wait =
            if taken > 0 { 0 } else { plan.retry_ms.saturating_mul(1 << failed.saturating_sub(1).min(20)) };
        self.next = again.then(|| host.plus(Duration::from_millis(wait)));
    }
}

impl Answer {
    fn is_good(&self) -> bool {
        matches!(self, Answer::Status(200..=299))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::UNIX_EPOCH.plus(Duration::from_millis(millis))
    }

    #[test]
    fn a_call_is_made_until_it_is_taken_and_then_as_often_as_the_plan_says() {
        let plan = CallbackPlan { retry_ms: 100, repeat: 2, attempts: 3, ..CallbackPlan::default() };
        let mut call = Call::new(0, 7, "http://a/b", Vec::new(), Vec::new(), at(0));
        assert!(call.start(&plan, at(0), at(0)).unwrap().headers.is_empty());
        assert!(call.start(&plan, at(9), at(9)).is_none(), "it is under way");
        call.done(&plan, Answer::Status(503), at(10));
        assert_eq!(call.next(), Some(at(110)));
        assert!(call.start(&plan, at(109), at(109)).is_none());
        assert!(call.start(&plan, at(110), at(110)).is_some());
        call.done(&plan, Answer::Error("reset".to_owned()), at(120));
        assert_eq!(call.next(), Some(at(320)));
        call.done(&plan, Answer::Status(200), at(330));
        assert_eq!(call.next(), Some(at(330)));
        call.done(&plan, Answer::Status(200), at(340));
        assert_eq!(call.next(), None);
        let mut hopeless = Call::new(0, 7, "http://a/b", Vec::new(), Vec::new(), at(0));
        (0..3).for_each(|_| hopeless.done(&plan, Answer::Status(500), at(0)));
        assert_eq!(hopeless.next(), None);
    }

    #[test]
    fn a_signed_call_has_the_signature_that_a_receiver_expects() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let plan = CallbackPlan { secret: Some(secret.to_owned()), ..CallbackPlan::default() };
        let mut call = Call::new(3, 7, "http://a/b", Vec::new(), b"{}".to_vec(), at(0));
        let outgoing = call.start(&plan, at(5), at(1_000)).unwrap();
        let mut request = http::Request::post("/");
        for (name, value) in &outgoing.headers {
            request = request.header(name, value);
        }
        let request = request.body(outgoing.body).unwrap();
        assert!(signature::is_good(&[signature::key(secret).unwrap()], &request));
        assert_eq!(request.headers()["webhook-timestamp"], "1");
    }
}
