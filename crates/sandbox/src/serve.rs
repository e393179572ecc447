//! The sandbox on a port.

mod calling;
mod sockets;
mod wire;

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep};

use crate::clock::machine_time;
use crate::problem::Problem;
use crate::reply::{Body, Break, Ending, Reply};
use crate::sandbox::{Contract, Sandbox};
use crate::stats::Ready;

use wire::{Hangup, Wire};

/// No request the contract knows comes near.
const LARGEST_BODY: usize = 4 << 20;
const LARGEST_HEAD: usize = 64 << 10;
/// Also how long a connection may idle; longer than clients keep theirs.
const HEAD_TIMEOUT: Duration = Duration::from_secs(120);
/// How long connections get to finish what they are at.
const GRACE: Duration = Duration::from_secs(2);

/// A sandbox that listens. Dropping it closes everything at once; [`stop`](Self::stop) is kinder.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    platform_address: Option<SocketAddr>,
    ready: Ready,
    stop: watch::Sender<bool>,
    /// Takes connections, and calls those who registered.
    working: JoinSet<()>,
}

impl Running {
    /// Where it listens; with both contracts, where the gateway's is served.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the vendor's published contract is served, where it is.
    #[must_use]
    pub fn platform_address(&self) -> Option<SocketAddr> {
        self.platform_address
    }

    /// What a client needs to know.
    #[must_use]
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Takes no more connections, lets those there are finish what they are at for up to two seconds,
    /// and returns when all are closed.
    ///
    /// # Cancel safety
    /// Dropping the future closes everything at once.
    pub async fn stop(mut self) {
        // Nobody listens when the accept loop has ended; then there is nothing to stop.
        let _ = self.stop.send(true);
        while self.working.join_next().await.is_some() {}
    }
}

/// Where which contract is served; port 0 chooses one.
///
/// ```
/// use frontdesk_sandbox::Addresses;
/// let both = Addresses { platform: Some(([127, 0, 0, 1], 0).into()), ..Addresses::gateway(([127, 0, 0, 1], 0).into()) };
/// assert!(both.gateway.is_some());
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Addresses {
    /// The contract of the design documents.
    pub gateway: Option<SocketAddr>,
    /// The contract that the vendor publishes.
    pub platform: Option<SocketAddr>,
}

impl Addresses {
    /// The gateway contract alone.
    #[must_use]
    pub fn gateway(address: SocketAddr) -> Self {
        Self { gateway: Some(address), platform: None }
    }

    /// The vendor's published contract alone.
    #[must_use]
    pub fn platform(address: SocketAddr) -> Self {
        Self { gateway: None, platform: Some(address) }
    }
}

/// Hosts the sandbox at `address` (port 0 chooses one), over the machine's clock. Call it within a
/// tokio runtime with time and I/O enabled; answers are made on its blocking threads.
///
/// ```
/// use std::sync::Arc;
/// use frontdesk_sandbox::{Config, Sandbox, serve};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let sandbox = Sandbox::new(Config { conversations: Some(10), ..Config::default() })?;
/// let running = serve(Arc::new(sandbox), ([127, 0, 0, 1], 0).into()).await?;
/// assert_eq!(running.ready().base_url, format!("http://{}", running.address()));
/// running.stop().await;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The address cannot be bound.
///
/// # Cancel safety
/// Dropping the future listens nowhere.
pub async fn serve(sandbox: Arc<Sandbox>, address: SocketAddr) -> io::Result<Running> {
    serve_contracts(sandbox, Addresses::gateway(address)).await
}

/// Hosts the sandbox as [`serve`] does, with the contracts that have an address: what is done over one
/// of them is seen over the other. `/_sandbox/` is there on both.
///
/// ```
/// use std::sync::Arc;
/// use frontdesk_sandbox::{Addresses, Config, Sandbox, serve_contracts};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let sandbox = Sandbox::new(Config { conversations: Some(10), ..Config::default() })?;
/// let anywhere = Addresses::platform(([127, 0, 0, 1], 0).into());
/// let running = serve_contracts(Arc::new(sandbox), anywhere).await?;
/// let login = running.ready().platform_login_url.as_deref();
/// assert_eq!(login, Some(format!("http://{}/login", running.address()).as_str()));
/// running.stop().await;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// There is no address, or one cannot be bound.
///
/// # Cancel safety
/// Dropping the future listens nowhere.
pub async fn serve_contracts(sandbox: Arc<Sandbox>, addresses: Addresses) -> io::Result<Running> {
    let gateway = listen(addresses.gateway).await?;
    let platform = listen(addresses.platform).await?;
    let at = |bound: &Option<(TcpListener, SocketAddr)>| bound.as_ref().map(|(_, address)| *address);
    let platform_address = at(&platform);
    let address = at(&gateway).or(platform_address);
    let address =
        address.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no contract is to be served"))?;
    let mut ready = sandbox.ready(&format!("http://{address}"));
    ready.platform_url = platform_address.map(|address| format!("http://{address}"));
    ready.platform_login_url = platform_address.map(|address| format!("http://{address}/login"));
    ready.deployment_id = platform_address.map(|_| sandbox.config().deployment_id.clone());
    if gateway.is_none() {
        ready.login_url = ready.platform_login_url.clone().unwrap_or_default();
    }
    let (stop, stopped) = watch::channel(false);
    let mut working = JoinSet::new();
    working.spawn(calling::call(Arc::clone(&sandbox), stopped.clone()));
    for (bound, contract) in [(gateway, Contract::Gateway), (platform, Contract::Platform)] {
        if let Some((listener, _)) = bound {
            working.spawn(accept(listener, contract, Arc::clone(&sandbox), stopped.clone()));
        }
    }
    Ok(Running { address, platform_address, ready, stop, working })
}

async fn listen(address: Option<SocketAddr>) -> io::Result<Option<(TcpListener, SocketAddr)>> {
    let Some(address) = address else { return Ok(None) };
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok(Some((listener, address)))
}

async fn accept(
    listener: TcpListener,
    contract: Contract,
    sandbox: Arc<Sandbox>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(connection(Arc::clone(&sandbox), contract, stream, peer, stopped.clone()));
                }
                // Out of file descriptors, or the peer gave up: others may do better.
                Err(_) => sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
            () = asked_to_stop(&mut stopped) => break,
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    // What is still open after the grace is closed when the set is dropped.
    let _ = tokio::time::timeout(GRACE, all).await;
}

async fn asked_to_stop(stopped: &mut watch::Receiver<bool>) {
    // An error is a host that is gone, which is reason enough.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn connection(
    sandbox: Arc<Sandbox>,
    contract: Contract,
    stream: TcpStream,
    peer: SocketAddr,
    mut stopped: watch::Receiver<bool>,
) {
    // Answers are written whole; waiting to fill packets only costs.
    let _ = stream.set_nodelay(true);
    let hangup = Hangup::default();
    let wire = TokioIo::new(Wire::new(stream, hangup.clone()));
    let slot = sockets::Slot::default();
    let (served, entered) = (Arc::clone(&sandbox), Arc::clone(&slot));
    let service = service_fn(move |mut request| {
        let (sandbox, hangup, slot) = (Arc::clone(&sandbox), hangup.clone(), Arc::clone(&slot));
        async move {
            if contract == Contract::Platform && sockets::is_wanted(&request) {
                return send(sockets::open(&sandbox, &mut request, &slot), hangup).await;
            }
            let counting = Arc::clone(&sandbox);
            let _under_way = counting.arrived(contract, request.method(), request.uri().path());
            let reply = answer(sandbox, contract, request, peer).await;
            send(reply, hangup).await
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(LARGEST_HEAD);
    let mut connection = std::pin::pin!(builder.serve_connection(wire, service).with_upgrades());
    // A connection that ends in an error is the client's business, or our own fault plan's.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = asked_to_stop(&mut stopped) => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
    sockets::talk(&served, &entered, stopped).await;
}

async fn answer(
    sandbox: Arc<Sandbox>,
    contract: Contract,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Reply {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, LARGEST_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Problem::too_large(LARGEST_BODY).reply(),
        Err(_) => return Problem::bad_request("the request body did not arrive").reply(),
    };
    let request = Request::from_parts(head, body);
    // A page can take a while to write; the runtime has other connections.
    let handled = tokio::task::spawn_blocking(move || match contract {
        Contract::Gateway => sandbox.handle(&request, peer.ip(), machine_time()),
        Contract::Platform => sandbox.handle_platform(&request, peer.ip(), machine_time()),
    });
    handled.await.unwrap_or_else(|_| {
        Problem::new(http::StatusCode::INTERNAL_SERVER_ERROR, "sandbox.bug", "the sandbox failed on this")
            .reply()
    })
}

/// Waits as the reply says and hands it to hyper, or sees to it that the connection breaks.
async fn send(reply: Reply, hangup: Hangup) -> Result<Response<Sending>, io::Error> {
    if !reply.delay.is_zero() {
        sleep(reply.delay).await;
    }
    let limit = match reply.ending {
        Ending::Whole => None,
        Ending::Broken { how, after: None } => {
            hangup.at_drop(how);
            match how {
                Break::Stall => pending().await,
                Break::Reset | Break::Cut => return Err(io::ErrorKind::ConnectionAborted.into()),
            }
        }
        Ending::Broken { how, after: Some(after) } => Some((how, after)),
    };
    let pace = reply.pace.map(Pace::new);
    Ok(reply.response.map(|body| Sending { body, limit, pace, hangup }))
}

/// A body on its way, perhaps not to its end.
struct Sending {
    body: Body,
    /// How it breaks, and after how many more bytes.
    limit: Option<(Break, u64)>,
    pace: Option<Pace>,
    hangup: Hangup,
}

/// A body that arrives byte by byte.
struct Pace {
    every: Duration,
    next: Pin<Box<Sleep>>,
    /// What is left of the chunk at hand.
    rest: Bytes,
}

impl Pace {
    fn new(every: Duration) -> Self {
        Self { every, next: Box::pin(sleep(every)), rest: Bytes::new() }
    }

    /// The next byte of `body`, when it is due.
    fn poll_byte(&mut self, body: &mut Body, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.rest.is_empty() {
            match body.next() {
                Some(chunk) => self.rest = chunk,
                None => return Poll::Ready(None),
            }
        }
        ready!(self.next.as_mut().poll(cx));
        self.next = Box::pin(sleep(self.every));
        Poll::Ready(Some(self.rest.split_to(1)))
    }
}

impl hyper::body::Body for Sending {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        if let Some((how, 0)) = this.limit {
            // Nothing more comes from here, and nobody wakes this task: the wire breaks once all that
            // was sent so far has left, which is its next flush.
            this.hangup.after_flush(how);
            return Poll::Pending;
        }
        let chunk = match &mut this.pace {
            Some(pace) => ready!(pace.poll_byte(&mut this.body, cx)),
            None => this.body.next(),
        };
        let Some(mut chunk) = chunk else { return Poll::Ready(None) };
        if let Some((_, left)) = &mut this.limit {
            chunk.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= chunk.len() as u64;
        }
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }
}
