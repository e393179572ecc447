//! `frontdesk message simulate`: a reproducible sequence of messages, printed or sent.

use frontdesk_domain::outbound::Simulator;
use frontdesk_shell::{Exit, Failure};
use serde::Serialize;

use super::message_send;
use crate::args::MessageSimulateArgs;
use crate::context::Context;

/// A message as a line of `message send --from` has it; conversation and sender where they were named.
#[derive(Serialize)]
struct SimulatedLine<'a, M> {
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    #[serde(flatten)]
    message: M,
}

pub(crate) async fn run(context: &Context<'_>, arguments: &MessageSimulateArgs) -> Result<Exit, Failure> {
    if arguments.send {
        return message_send::send(context, message_send::simulated(context, arguments)?).await;
    }
    let simulator = Simulator::new(arguments.seed);
    for k in 0..arguments.count {
        let line = SimulatedLine {
            conversation_id: arguments.conversation_id.as_deref(),
            from: arguments.sender.as_deref(),
            message: simulator.message(k),
        };
        // A line of JSON in text as well: it is what the sequence is for.
        context.printer.data(&line, |line| serde_json::to_string(line).unwrap_or_default())?;
    }
    Ok(Exit::Done)
}
