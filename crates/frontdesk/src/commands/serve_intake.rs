//! What `serve` and `webhook listen` hear over a notification channel of the platform: guests who come in.

use std::sync::Arc;

use frontdesk_api::{Arrivals, Cancel, CancelHandle};
use frontdesk_deliveries::{Intake, OpenReception};
use frontdesk_shell::Failure;
use tokio::sync::Notify;

use crate::clock::WallClock;
use crate::connect;
use crate::context::Context;
use crate::interruption::heeding;

/// Listens in the background, where the settings name queues to listen to.
pub(crate) struct Listening {
    arrivals: Arc<dyn Arrivals>,
    handle: CancelHandle,
    cancel: Cancel,
}

impl Listening {
    pub(crate) fn of(context: &Context<'_>, clock: &WallClock) -> Result<Option<Self>, Failure> {
        let (handle, cancel) = Cancel::pair();
        let arrivals = connect::arrivals(context, clock, cancel.clone())?;
        Ok(arrivals.map(|arrivals| Self { arrivals, handle, cancel }))
    }

    /// Listens until `stop`; what was heard is stored in `reception`, and `stored` notified.
    pub(crate) fn run(
        self,
        reception: Arc<OpenReception>,
        stored: Arc<Notify>,
        clock: &WallClock,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> impl Future<Output = ()> + Send + 'static {
        let Self { arrivals, handle, cancel } = self;
        let intake = Intake::new(arrivals, reception, stored, clock.source());
        async move { heeding(stop, &handle, intake.run(&cancel)).await }
    }
}
