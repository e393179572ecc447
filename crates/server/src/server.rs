//! Listens, accepts, and stops when it is asked to.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::app::{Faces, router};
use crate::connection::{self, Quiet};
use crate::limits::Limits;
use crate::source::Source;
use crate::tls::Tls;
use crate::warnings::Warnings;

/// What the system keeps of an answer that its client does not read. The default grows to megabytes, so that a slow
/// reader would look like a fast one until they are full.
const SEND_BUFFER: u32 = 64 << 10;
const BACKLOG: u32 = 1024;

/// Why nobody listens.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The address is not one of this machine's own.
    #[error("{0} is reached from other machines, and they are not asked who they are")]
    NotLoopback(SocketAddr),
    /// The system refuses.
    #[error("cannot listen on {address}")]
    Refused {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
}

/// A server that listens.
///
/// ```
/// use std::sync::Arc;
/// use frontdesk_archive::ReadOptions;
/// use frontdesk_server::{ArchiveSource, Limits, Server, Warnings};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let folder = tempfile::tempdir()?;
/// let source = ArchiveSource::new(folder.path().join("archive"), ReadOptions::default());
/// let address = ([127, 0, 0, 1], 0).into();
/// let server = Server::bind(address, Arc::new(source), Limits::default(), Warnings::default())?;
/// println!("http://{}", server.address());
/// let stop = async {}; // a program waits for a signal here
/// server.run(stop).await;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
    limits: Arc<Limits>,
    tls: Option<Tls>,
}

impl Server {
    /// Listens at `address`, which must be one that only this machine reaches; port 0 takes a free one. Call it within a tokio
    /// runtime with time and I/O enabled.
    ///
    /// # Errors
    /// [`BindError`].
    pub fn bind(
        address: SocketAddr,
        source: Arc<dyn Source>,
        limits: Limits,
        warnings: Warnings,
    ) -> Result<Self, BindError> {
        Self::serving(Faces::default().archive(source), address, limits, warnings)
    }

    /// The same for whatever is to be served. Where everybody is asked for a token or a signature, that
    /// may be any address.
    ///
    /// # Errors
    /// [`BindError`].
    pub fn serving(
        faces: Faces,
        address: SocketAddr,
        limits: Limits,
        warnings: Warnings,
    ) -> Result<Self, BindError> {
        if !address.ip().is_loopback() && !faces.ask_who_it_is() {
            return Err(BindError::NotLoopback(address));
        }
        let bound = || {
            let listener = listen(address)?;
            let address = listener.local_addr()?;
            let router = router(faces, &limits, &warnings)?;
            Ok(Self { listener, address, router, limits: Arc::new(limits), tls: None })
        };
        bound().map_err(|source| BindError::Refused { address, source })
    }

    /// Speaks TLS, and nothing else.
    #[must_use]
    pub fn encrypted(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is ready; then accepts nothing more, lets requests end for up to [`Limits::grace`], and
    /// returns when all connections are closed.
    ///
    /// # Cancel safety
    /// Dropping the future closes everything at once.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let Self { listener, router, limits, tls, .. } = self;
        let tls = tls.as_ref().map(Tls::acceptor);
        let (stopping, stopped) = watch::channel(false);
        let places = Arc::new(Semaphore::new(limits.connections));
        let quiet = Arc::new(Quiet::default());
        let mut connections = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.as_mut() => break,
                Some(_) = connections.join_next() => continue,
                accepted = accept(&listener) => accepted,
            };
            let Some(place) = place(&places, &quiet).await else { continue };
            let (router, limits, quiet) = (router.clone(), Arc::clone(&limits), Arc::clone(&quiet));
            let (stopped, tls) = (stopped.clone(), tls.clone());
            connections.spawn(async move {
                // Answers are written in large pieces; waiting to fill packets only costs.
                let _ = accepted.set_nodelay(true);
                match tls {
                    None => connection::serve(accepted, router, limits, quiet, stopped).await,
                    Some(tls) => {
                        // Whoever does not shake hands in time has nothing to say.
                        let shaken = tokio::time::timeout(limits.head, tls.accept(accepted)).await;
                        if let Ok(Ok(stream)) = shaken {
                            connection::serve(Box::new(stream), router, limits, quiet, stopped).await;
                        }
                    }
                }
                drop(place);
            });
        }
        drop(listener);
        // Nobody listens when all connections have ended; then there is nothing to stop.
        let _ = stopping.send(true);
        let all = async { while connections.join_next().await.is_some() {} };
        // What is still open after the grace is closed when the set is dropped.
        let _ = tokio::time::timeout(limits.grace, all).await;
    }
}

/// A place for one more connection; where there is none, the one that has been quiet for longest leaves its own. `None`
/// when all are busy, and stay so.
async fn place(places: &Arc<Semaphore>, quiet: &Quiet) -> Option<OwnedSemaphorePermit> {
    const LEAVES_WITHIN: Duration = Duration::from_millis(250);
    if let Ok(place) = Arc::clone(places).try_acquire_owned() {
        return Some(place);
    }
    quiet.evict();
    let left = tokio::time::timeout(LEAVES_WITHIN, Arc::clone(places).acquire_owned());
    left.await.ok()?.ok()
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A port that a server left a moment ago can be taken again.
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            // Out of file descriptors, or the peer gave up: others may do better.
            Err(error) => {
                tracing::debug!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}
