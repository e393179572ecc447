//! `frontdesk message sla`: how many messages arrived in time.

use frontdesk_domain::Timestamp;
use frontdesk_domain::conversation::ChannelType;
use frontdesk_domain::delivery::{Seconds, Sla};
use frontdesk_messages::sla::ElapsedPercentiles;
use frontdesk_messages::{SlaReport, SlaSummary};
use frontdesk_shell::printer::printable;
use frontdesk_shell::quantity::show_count;
use frontdesk_shell::{Exit, Failure};
use serde::Serialize;

use super::message_send::post;
use crate::args::MessageSlaArgs;
use crate::clock::WallClock;
use crate::context::Context;
use crate::{failures, journal};

/// A group's line.
#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    summary: SlaSummary,
    sla_threshold: Seconds,
}

/// A message's line: the contract's object, with its channel.
#[derive(Serialize)]
struct MessageRow<'a> {
    #[serde(flatten)]
    sla: &'a Sla,
    channel: Option<&'a ChannelType>,
}

pub(crate) async fn run(context: &Context<'_>, arguments: &MessageSlaArgs) -> Result<Exit, Failure> {
    let clock = WallClock::of(context).await?;
    let threshold = post::threshold(context)?;
    let time = |flag: &str, text: &Option<String>| {
        text.as_deref().map(Timestamp::from_date_or_time).transpose().map_err(|error| {
            Failure::new(Exit::Usage, "bad_argument", format!("{flag} is no time"))
                .caused_by(&error)
                .hint("write a date, which is midnight UTC, or a time: 2025-03-01 or 2025-03-01T10:00:00Z")
        })
    };
    let range = (time("--since", &arguments.since)?, time("--until", &arguments.until)?);
    let reader = journal::reader(&journal::root(context)?)?;
    let mut failure = None;
    let report = SlaReport::read(&reader, clock.now(), threshold, range, &mut |sla, channel| {
        if arguments.messages && failure.is_none() {
            failure = context.printer.data(&MessageRow { sla, channel }, message_text).err();
        }
    })
    .map_err(|error| failures::journal(&error))?;
    failure.map_or(Ok(()), Err)?;
    let sla_threshold = Seconds::from(threshold);
    let rows: Vec<Row> =
        report.summaries().into_iter().map(|summary| Row { summary, sla_threshold }).collect();
    if arguments.csv {
        let head = "group,name,messages,met,missed,pending,unknown,met_share,arrived,p50_sec,p95_sec,p99_sec,max_sec\n";
        let lines: String = rows.iter().map(csv).collect();
        context.printer.raw(format!("{head}{lines}").as_bytes())?;
    } else {
        for row in &rows {
            context.printer.data(row, text)?;
        }
    }
    Ok(Exit::Done)
}

fn message_text(row: &MessageRow<'_>) -> String {
    let elapsed =
        row.sla.elapsed_time_sec.map_or_else(|| "?".to_owned(), |sec| format!("{:.1} s", sec.as_f64()));
    let channel = row.channel.map_or("unknown", ChannelType::as_str);
    format!(
        "{}: {} after {elapsed} ({})",
        printable(row.sla.message_id.as_str()),
        row.sla.state.as_str(),
        printable(channel)
    )
}

fn text(row: &Row) -> String {
    let Row { summary, sla_threshold } = row;
    let name = match summary.group {
        "all" => "all messages".to_owned(),
        kind => format!("{kind} {}", printable(&summary.name)),
    };
    let mut text = format!(
        "{name}: {} of {} within {} s, {} missed, {} pending, {} unknown",
        show_count(summary.met),
        show_count(summary.messages),
        sla_threshold.as_f64(),
        show_count(summary.missed),
        show_count(summary.pending),
        show_count(summary.unknown),
    );
    if let Some(ElapsedPercentiles { count, p50, p95, p99, max }) = summary.elapsed_sec {
        let count = show_count(count);
        text.push_str(&format!(
            "\n    {count} arrived: p50 {p50:.2} s, p95 {p95:.2} s, p99 {p99:.2} s, max {max:.2} s"
        ));
    }
    text
}

/// A line of CSV (RFC 4180, but for the line ends). Only a channel's name comes from outside; a sheet takes a leading `=` for
/// a formula, so such a name gets a quote in front.
fn csv(row: &Row) -> String {
    let row = &row.summary;
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value}"));
    let name =
        if row.name.starts_with(['=', '+', '-', '@']) { format!("'{}", row.name) } else { row.name.clone() };
    let name = printable(&name);
    let name = if name.contains([',', '"']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name };
    let elapsed = |of: fn(&ElapsedPercentiles) -> f64| number(row.elapsed_sec.as_ref().map(of));
    format!(
        "{},{name},{},{},{},{},{},{},{},{},{},{},{}\n",
        row.group,
        row.messages,
        row.met,
        row.missed,
        row.pending,
        row.unknown,
        number(row.met_share),
        row.elapsed_sec.map_or(0, |elapsed| elapsed.count),
        elapsed(|elapsed| elapsed.p50),
        elapsed(|elapsed| elapsed.p95),
        elapsed(|elapsed| elapsed.p99),
        elapsed(|elapsed| elapsed.max),
    )
}
