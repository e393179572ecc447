//! `frontdesk session list`: what we opened, and how it stands.

use std::collections::{HashSet, VecDeque};
use std::ops::ControlFlow;

use frontdesk_api::{Cancel, GuestLook, id_hash};
use frontdesk_domain::{GuestId, Timestamp};
use frontdesk_sessions::{OpenRequest, Receipt, Standing, open_requests, receipts};
use frontdesk_shell::printer::printable;
use frontdesk_shell::quantity::show_count;
use frontdesk_shell::{Exit, Failure};
use futures_util::stream::{self, StreamExt as _};
use serde::Serialize;

use super::effort::Last;
use crate::args::SessionListArgs;
use crate::clock::WallClock;
use crate::context::Context;
use crate::{connect, failures, journal};

/// Guests that are looked at at once.
const LOOKS: usize = 5;

/// A session's line.
#[derive(Serialize)]
struct SessionLine<'a> {
    guest_id: &'a str,
    session_id: &'a str,
    opened_at: Timestamp,
    #[serde(flatten)]
    standing: Standing,
    /// What the platform says of the guest now: a state, `missing`, or `unseen`.
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<&'a str>,
    marketing: bool,
    /// The number of the receipt's entry in the audit log.
    entry: u64,
}

impl<'a> SessionLine<'a> {
    fn new(receipt: &'a Receipt, platform: Option<&'a str>) -> Self {
        let Receipt { entry, record, standing } = receipt;
        Self {
            guest_id: &record.guest_id,
            session_id: &record.session_id,
            opened_at: record.timestamp,
            standing: *standing,
            platform,
            marketing: record.marketing,
            entry: *entry,
        }
    }

    fn text(&self) -> String {
        let stands = match self.standing {
            Standing::Open => "open".to_owned(),
            Standing::Ended { ended_at } => format!("ended {ended_at}"),
        };
        let platform = self
            .platform
            .map_or_else(String::new, |state| format!(", the platform says {}", printable(state)));
        let (guest, session) = (printable(self.guest_id), printable(self.session_id));
        format!("{}  {guest}  {session}  {stands}{platform}", self.opened_at)
    }
}

/// The line of a request of which it is not known whether it opened a session.
#[derive(Serialize)]
struct UnknownLine<'a> {
    guest_id: &'a str,
    standing: &'static str,
    asked_at: Timestamp,
}

#[derive(Default, Serialize)]
struct Summary {
    sessions: u64,
    open: u64,
    ended: u64,
    unknown: u64,
    /// Sessions whose guest was destroyed in the audit log: not listed.
    destroyed: u64,
}

impl Summary {
    fn text(&self) -> String {
        let mut text = format!(
            "{} sessions: {} open, {} ended; {} requests unknown",
            show_count(self.sessions),
            show_count(self.open),
            show_count(self.ended),
            show_count(self.unknown),
        );
        if self.unknown > 0 {
            text.push_str(" (the next session open settles them)");
        }
        if self.destroyed > 0 {
            text.push_str(&format!(
                "; {} not listed, their guests were destroyed",
                show_count(self.destroyed)
            ));
        }
        text
    }
}

pub(crate) async fn run(context: &Context<'_>, arguments: &SessionListArgs) -> Result<Exit, Failure> {
    let limit = match &arguments.limit {
        Some(text) => Some(text.parse::<usize>().ok().filter(|limit| *limit > 0).ok_or_else(|| {
            Failure::new(Exit::Usage, "bad_argument", "--limit: write a number above 0")
                .hint("see frontdesk session list --help")
        })?),
        None => None,
    };
    let guest = arguments.guest_id.as_deref();
    let reader = journal::reader(&journal::root(context)?)?;
    let mut summary = Summary::default();
    let mut kept = VecDeque::new();
    // A session that was asked for again has a receipt for each time, and is one session: 8 bytes for each.
    let mut told = HashSet::new();
    let mut failure = None;
    // What is neither looked at nor the end of a list goes out at once.
    let hold = arguments.look || limit.is_some();
    let read = tokio::task::block_in_place(|| {
        receipts(&reader, guest, |receipt| {
            if !told.insert(id_hash(&receipt.record.session_id))
                || (arguments.open && receipt.standing != Standing::Open)
            {
                return ControlFlow::Continue(());
            }
            summary.sessions += 1;
            *match receipt.standing {
                Standing::Open => &mut summary.open,
                Standing::Ended { .. } => &mut summary.ended,
            } += 1;
            if !hold {
                failure = context.printer.data(&SessionLine::new(&receipt, None), SessionLine::text).err();
                return if failure.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
            }
            kept.push_back(receipt);
            if limit.is_some_and(|limit| kept.len() > limit) {
                kept.pop_front();
            }
            ControlFlow::Continue(())
        })
    });
    summary.destroyed = read.map_err(|error| failures::journal(&error))?;
    if let Some(failure) = failure {
        return Err(failure);
    }
    let unseen = show(context, arguments.look, kept).await?;
    let unknown = open_requests(&reader).map_err(|error| failures::journal(&error))?;
    for OpenRequest { guest_id, asked_at } in &unknown {
        if guest.is_none_or(|guest| guest == guest_id) {
            summary.unknown += 1;
            let line = UnknownLine { guest_id, standing: "unknown", asked_at: *asked_at };
            context
                .printer
                .data(&line, |line| format!("{}  {}  unknown", line.asked_at, printable(line.guest_id)))?;
        }
    }
    context.printer.data(&Last { summary }, |last| last.summary.text())?;
    Ok(if unseen { Exit::Partial } else { Exit::Done })
}

/// Shows the sessions that were held back, looked at or not. Whether one could not be looked at.
async fn show(context: &Context<'_>, look: bool, kept: VecDeque<Receipt>) -> Result<bool, Failure> {
    if !look {
        for receipt in &kept {
            context.printer.data(&SessionLine::new(receipt, None), SessionLine::text)?;
        }
        return Ok(false);
    }
    let clock = WallClock::of(context).await?;
    let guests = connect::guests(context, &clock, Cancel::never(), &connect::EndedBy::Staff)?;
    // On the platform contract a guest is named by its conversation.
    let by_session = guests.describe().contract == "platform";
    let looks = stream::iter(kept).map(|receipt| async {
        let record = &receipt.record;
        let name = if by_session { &record.session_id } else { &record.guest_id };
        let guest = GuestId::new(name.as_str()).ok();
        let state = match guest {
            Some(guest) => guests.guest(&guest).await,
            None => Ok(GuestLook::Missing),
        };
        (receipt, state)
    });
    let mut looks = std::pin::pin!(looks.buffered(LOOKS));
    let mut unseen = false;
    while let Some((receipt, state)) = looks.next().await {
        let state = match &state {
            Ok(GuestLook::Found(found)) => found.state.as_str(),
            Ok(GuestLook::Missing) => "missing",
            // Whoever is not let in will not be for the next guest either.
            Err(error) if error.is_auth() => return Err(failures::remote(error)),
            Err(error) => {
                unseen = true;
                context.printer.talk(error);
                "unseen"
            }
        };
        context.printer.data(&SessionLine::new(&receipt, Some(state)), SessionLine::text)?;
    }
    Ok(unseen)
}
