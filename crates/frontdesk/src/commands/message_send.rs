//! `frontdesk message send`: one message, or many from lines.
//!
//! | file | what it is |
//! |---|---|
//! | `asked` | what was typed, checked |
//! | `post` | everything that is open while messages are sent: shared with `simulate` and `status` |
//! | `lines` | a line for each message, and the progress |
//! | `summary` | what it came to, and the exit code |

mod asked;
pub(super) mod lines;
pub(super) mod post;
mod summary;

use frontdesk_messages::Lines;
use frontdesk_shell::{Exit, Failure};

use self::asked::Asked;
use self::post::Post;
use crate::args::MessageSendArgs;
use crate::clock::WallClock;
use crate::context::Context;
use crate::outbox;

pub(crate) async fn run(context: &Context<'_>, arguments: &MessageSendArgs) -> Result<Exit, Failure> {
    let asked = Asked::check(context, arguments)?;
    send(context, asked).await
}

/// Sends, waits, delivers events, closes.
pub(super) async fn send(context: &Context<'_>, asked: Asked) -> Result<Exit, Failure> {
    let clock = WallClock::of(context).await?;
    // Said before a message is sent, not when its event is to be delivered.
    outbox::policy(context)?;
    let Asked { lines, watching, concurrency, one } = asked;
    let post = Post::open(context, "message send", watching, &clock)?;
    let done = work(context, &post, lines, concurrency, one).await;
    let told = post.tell(context, &clock).await;
    let closed = post.close();
    let exit = done?;
    told.and(closed).map(|()| exit)
}

async fn work(
    context: &Context<'_>,
    post: &Post,
    lines: Lines,
    concurrency: std::num::NonZeroUsize,
    one: bool,
) -> Result<Exit, Failure> {
    let told = lines::Told::new(context);
    let sent = post.courier().send_all(lines, concurrency, &told).await;
    told.done()?;
    let report = sent.map_err(|error| post::failed(&error))?;
    summary::sent(context, &report, &post.effort(), one)
}

pub(super) use asked::simulated;
