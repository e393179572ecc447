//! What the archive holds, day by day.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use http::{Response, Uri};
use maud::{Markup, html};

use super::page::page;
use super::write::{Form, count, several, size, time, tone};
use crate::desk::{Office, Viewer};
use crate::params::{Params, encoded};
use crate::problem::Problem;
use crate::view::coverage::{CoverageView, DayView, coverage};

pub(super) async fn get(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let mut asked = Params::read(uri.query())?;
    let chosen = asked.text("day");
    asked.finish()?;
    let now = office.now();
    let view = office.archive(move |reader| Ok(coverage(reader, now)?)).await?;
    let day = chosen.and_then(|chosen| view.calendar.iter().find(|day| day.day == chosen).cloned());
    Ok(page(Some(&viewer), "/coverage", "Coverage", &content(&view, day.as_ref())))
}

fn content(view: &CoverageView, chosen: Option<&DayView>) -> Markup {
    let most = view.calendar.iter().map(|day| day.stored).max().unwrap_or_default();
    let missing = view.calendar.iter().filter(|day| day.missing > 0).count() as u64;
    html! {
        h1 { "Coverage" }
        p .quiet { (several(view.totals.conversations, "conversation", "conversations")) " in "
            (several(view.total_files, "record", "records")) ", " (size(view.totals.raw_bytes)) " kept in " (size(view.totals.packed_bytes))
            @if view.totals.undated > 0 { "; " (count(view.totals.undated)) " state no start, and so are of no day" } "." }
        @if missing > 0 {
            div .note.bad data-state="missing" { p { strong { (several(missing, "day is", "days are")) " not complete. " } "Something was asked for and not taken to the end; go on with " code { "frontdesk archive resume" } "." } }
        } @else if !view.calendar.is_empty() {
            div .note.ok data-state="whole" { p { strong { "Nothing is missing" } " of what was asked for." } }
        }
        @if !view.unreadable_runs.is_empty() {
            div .note.bad { p { "Damaged logs prove nothing here: " @for run in &view.unreadable_runs { code { (run) } " " } } }
        }
        @if let Some(day) = chosen { (about(day)) }
        @if view.calendar.is_empty() { div .blank data-state="empty" { p { "No day has anything yet." } } } @else {
            ul .legend {
                li { i .l1 {} "few stored" } li { i .l4 {} "many stored" }
                li { i .provisional {} "may still change" } li { i .missing {} "something is missing" }
                li { i .held {} "something is held" } li { i .expired {} "something was removed" }
            }
            div .months {
                @for days in view.calendar.chunk_by(|one, other| month(&one.day) == month(&other.day)) { (month_table(days, most)) }
            }
        }
    }
}

fn month(day: &str) -> &str {
    day.get(..7).unwrap_or(day)
}

fn month_table(days: &[DayView], most: u64) -> Markup {
    let name = days.first().map_or("", |day| month(&day.day));
    let first = weekday(&format!("{name}-01"));
    let number =
        |day: &DayView| day.day.get(8..).and_then(|number| number.parse::<usize>().ok()).unwrap_or(1);
    let cells: Vec<Option<&DayView>> =
        (1..=length(name)).map(|wanted| days.iter().find(|day| number(day) == wanted)).collect();
    let slots: Vec<Option<usize>> = (0..first).map(|_| None).chain((1..=cells.len()).map(Some)).collect();
    html! {
        section .month {
            h2 { (name) }
            table {
                caption .skip { "Days of " (name) }
                thead { tr { @for day in ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"] { th scope="col" { (day) } } } }
                tbody {
                    @for week in slots.chunks(7) {
                        tr { @for slot in week { td {
                            @if let Some(number) = slot {
                                @match cells.get(number - 1).copied().flatten() {
                                    Some(day) => (cell(*number, day, most)),
                                    None => span { (number) },
                                }
                            }
                        } } }
                    }
                }
            }
        }
    }
}

fn cell(number: usize, day: &DayView, most: u64) -> Markup {
    let level = match (day.stored * 4).checked_div(most.max(1)) {
        _ if day.stored == 0 => 0,
        Some(part) => part.min(3) + 1,
        None => 1,
    };
    let mut said = format!("{}: {}, {} stored, {} missing", day.day, day.state, day.stored, day.missing);
    let mut marks = String::new();
    for (of, class, word) in [(day.held, " held", "held"), (day.expired, " expired", "removed by retention")]
    {
        if of > 0 {
            // Writing to a string cannot fail.
            let _ = write!(said, ", {of} {word}");
            marks.push_str(class);
        }
    }
    html! {
        a class={"l" (level) " " (day.state) (marks)} href={"/coverage?day=" (encoded(&day.day))} title=(said) aria-label={(number) ", " (said)} { (number) }
    }
}

fn about(day: &DayView) -> Markup {
    html! {
        section .panel #day {
            h2 { (day.day) " " span class=(tone(day.state)) { (day.state) } }
            dl {
                dt { "Stored" } dd { (count(day.stored)) }
                dt { "May still change" } dd { (count(day.provisional)) }
                dt { "Held" } dd { (count(day.held)) }
                dt { "Removed by retention" } dd { (count(day.expired)) }
                dt { "Missing stretches" } dd { (count(day.missing)) }
                @for gap in &day.gaps { dt { "Missing" } dd { (time(&gap.from, Form::Full)) " to " (time(&gap.to, Form::Full)) } }
            }
            p {}
            p { a href={"/?q=" (encoded(&format!("date:{}", day.day)))} { "Its conversations" } " · "
                a href={"/runs?day=" (encoded(&day.day))} { "The runs that asked for it" } }
        }
    }
}

/// The day of the week of a date, Monday being 0 (Zeller's congruence).
fn weekday(date: &str) -> usize {
    let mut parts = date.split('-').filter_map(|part| part.parse::<i64>().ok());
    let (Some(year), Some(month), Some(day)) = (parts.next(), parts.next(), parts.next()) else { return 0 };
    let (year, month) = if month < 3 { (year - 1, month + 12) } else { (year, month) };
    let (century, rest) = (year.div_euclid(100), year.rem_euclid(100));
    let saturday_is_0 = day + (13 * (month + 1)) / 5 + rest + rest / 4 + century / 4 + 5 * century;
    usize::try_from((saturday_is_0 + 5).rem_euclid(7)).unwrap_or_default()
}

/// How many days a month has.
fn length(month: &str) -> usize {
    let mut parts = month.split('-').filter_map(|part| part.parse::<u32>().ok());
    let (year, month) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let leaps = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leaps => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar_is_the_calendar() {
        // 2025-01-01 was a Wednesday, 2024-02-29 a Thursday, 2000-01-01 a Saturday.
        assert_eq!([weekday("2025-01-01"), weekday("2024-02-29"), weekday("2000-01-01")], [2, 3, 5]);
        assert_eq!(
            [length("2024-02"), length("2023-02"), length("1900-02"), length("2025-11")],
            [29, 28, 28, 30]
        );
    }
}
