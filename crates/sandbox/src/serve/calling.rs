//! The calls to those who registered, made over real sockets. Plain HTTP only: who develops against a
//! tenant on the own machine listens there.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderName, HeaderValue, Request, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::asked_to_stop;
use crate::clock::machine_time;
use crate::sandbox::Sandbox;
use crate::subscriptions::{Answer, Outgoing};

/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Makes the calls that are due, until it is asked to stop; calls under way are then given up.
pub(super) async fn call(sandbox: Arc<Sandbox>, mut stopped: watch::Receiver<bool>) {
    let mut under_way = JoinSet::new();
    loop {
        let (due, next) = sandbox.calls_due(machine_time());
        for outgoing in due {
            let sandbox = Arc::clone(&sandbox);
            under_way.spawn(async move {
                let number = outgoing.number;
                let answer = match timeout(PATIENCE, attempt(outgoing)).await {
                    Ok(answer) => answer.unwrap_or_else(|error| Answer::Error(error.to_string())),
                    Err(_) => Answer::Error("no answer in time".to_owned()),
                };
                sandbox.call_done(number, answer, machine_time());
            });
        }
        // Whatever is due later, a new call or the end of one of these wakes it.
        let later = sleep(next.unwrap_or(Duration::from_secs(3_600)));
        tokio::select! {
            () = sandbox.call_wanted() => {}
            Some(_) = under_way.join_next() => {}
            () = later => {}
            () = asked_to_stop(&mut stopped) => break,
        }
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn attempt(outgoing: Outgoing) -> Result<Answer, Failure> {
    let uri: Uri = outgoing.uri.parse()?;
    if uri.scheme_str() != Some("http") {
        return Err("only http is called".into());
    }
    let authority = uri.authority().ok_or("the URI has no host")?;
    let host = authority.host().trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, authority.port_u16().unwrap_or(80))).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let mut request =
        Request::post(target).header(HOST, authority.as_str()).body(Full::new(outgoing.body))?;
    for (name, value) in &outgoing.headers {
        request.headers_mut().insert(name.parse::<HeaderName>()?, HeaderValue::from_str(value)?);
    }
    request.headers_mut().entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    let answer = async {
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        // Its body is of no interest, but who is not listened to may take it amiss.
        let _: Bytes = response.into_body().collect().await?.to_bytes();
        Ok::<_, hyper::Error>(status)
    };
    tokio::select! {
        status = answer => Ok(Answer::Status(status?)),
        ended = connection => Err(ended.err().map_or_else(|| "the connection was closed".into(), Into::into)),
    }
}
