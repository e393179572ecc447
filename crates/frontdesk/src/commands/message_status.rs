//! `frontdesk message status`: looking again at messages that wait for a receipt.

use frontdesk_messages::{Counts, Stop};
use frontdesk_shell::printer::printable;
use frontdesk_shell::quantity::show_count;
use frontdesk_shell::{Exit, Failure};
use serde::Serialize;

use super::effort::{Effort, Last};
use super::message_send::lines::Told;
use super::message_send::post::{self, Post};
use crate::args::MessageStatusArgs;
use crate::clock::WallClock;
use crate::context::Context;
use crate::outbox;

#[derive(Serialize)]
struct Summary {
    #[serde(flatten)]
    counts: Counts,
    looks: u64,
    unread: u64,
    #[serde(flatten)]
    effort: Effort,
}

impl Summary {
    fn text(&self) -> String {
        let Counts { delivered, failed, timeout, pending, unknown, .. } = self.counts;
        format!(
            "{} arrived, {} failed, {} wait ({} given up before), {} unknown\n{} conversations looked at, {} could not be; {}",
            show_count(delivered),
            show_count(failed),
            show_count(pending + timeout),
            show_count(timeout),
            show_count(unknown),
            show_count(self.looks),
            show_count(self.unread),
            self.effort.text(),
        )
    }
}

pub(crate) async fn run(context: &Context<'_>, arguments: &MessageStatusArgs) -> Result<Exit, Failure> {
    let clock = WallClock::of(context).await?;
    outbox::policy(context)?;
    let post = Post::open(context, "message status", post::watching(context, true)?, &clock)?;
    let told = Told::new(context);
    let looked = post.courier().look_again(arguments.all, &told).await;
    told.done()?;
    let report = looked.map_err(|error| post::failed(&error));
    let delivered = post.tell(context, &clock).await;
    let effort = post.effort();
    let closed = post.close();
    let report = report?;
    delivered.and(closed)?;
    let summary = Summary { counts: report.counts, looks: report.looks, unread: report.unread, effort };
    context.printer.data(&Last { summary }, |last| last.summary.text())?;
    if report.stop == Some(Stop::Interrupted) {
        return Ok(Exit::Interrupted);
    }
    if let Some(why) = report.why.filter(|_| report.looks == 0) {
        use frontdesk_domain::WhyKind::{Forbidden, Unauthorized};
        let exit = if matches!(why.kind, Unauthorized | Forbidden) { Exit::Auth } else { Exit::Unavailable };
        return Err(Failure::new(exit, "not_looked_at", printable(&why.to_string()))
            .hint("nothing was lost: look again later"));
    }
    let Counts { failed, unknown, timeout, .. } = report.counts;
    Ok(if failed + unknown + timeout + report.unread == 0 { Exit::Done } else { Exit::Partial })
}
