//! The first signal asks for an orderly end, the second insists (contract §7, "Stop").

use std::io;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::exit::Exit;

/// Knows whether somebody asked the process to stop. Passed to what must end early; never a global.
///
/// The first Ctrl-C or SIGTERM makes [`Shutdown::requested`] ready everywhere. The second ends the process at
/// once with exit code 130.
#[derive(Debug)]
pub struct Shutdown {
    requested: watch::Receiver<bool>,
    // Owns the listening task: it ends when this value is dropped.
    _listener: JoinSet<()>,
}

impl Shutdown {
    /// Listens for Ctrl-C and SIGTERM from now on. Needs a tokio runtime with I/O.
    ///
    /// # Errors
    /// When the system refuses the signal handler.
    pub fn listen() -> io::Result<Self> {
        let (sender, requested) = watch::channel(false);
        let mut listener = JoinSet::new();
        let mut signals = Signals::install()?;
        listener.spawn(async move {
            signals.next().await;
            let _ = sender.send(true);
            signals.next().await;
            insist();
        });
        Ok(Self { requested, _listener: listener })
    }

    /// Whether a stop was asked for.
    pub fn is_requested(&self) -> bool {
        *self.requested.borrow()
    }

    /// Waits until a stop is asked for; ready at once when it was.
    ///
    /// # Cancel safety
    /// Safe: it only waits.
    pub fn requested(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut requested = self.requested.clone();
        async move {
            if requested.wait_for(|asked| *asked).await.is_err() {
                // The listener is gone, so nobody can ask any more.
                std::future::pending::<()>().await;
            }
        }
    }
}

#[expect(clippy::exit, reason = "a second signal means now: nothing more may run")]
fn insist() {
    std::process::exit(i32::from(Exit::Interrupted.code()));
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn install() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn install() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
