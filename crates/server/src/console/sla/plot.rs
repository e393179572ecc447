//! Plots, drawn here as SVG.

use maud::{Markup, PreEscaped};
use plotters::prelude::{
    ChartBuilder, Color, IntoDrawingArea, IntoFont, RGBColor, Rectangle, SVGBackend, TextStyle,
};

use crate::view::sla::SlaGroupView;

const SIZE: (u32, u32) = (960, 260);
const IN_TIME: RGBColor = RGBColor(31, 138, 76);
const LATE: RGBColor = RGBColor(200, 60, 50);
const OPEN: RGBColor = RGBColor(150, 158, 168);
const INK: RGBColor = RGBColor(70, 78, 88);

/// So many hours are drawn; the newest.
const MOST_HOURS: usize = 96;
/// Places there are at least, so that the bar of a single hour is one.
const LEAST_PLACES: usize = 12;
/// Numbers beside the bars.
const NUMBERS: f64 = 5.0;

/// Bars of the hours: in time, late, not known yet. Nothing where there is nothing to draw. What stands in it are hours and
/// numbers of ours, no text of anybody.
pub(super) fn by_hour(hours: &[SlaGroupView]) -> Option<Markup> {
    let hours = hours.get(hours.len().saturating_sub(MOST_HOURS)..)?;
    let most = hours.iter().map(|hour| hour.messages).max().filter(|most| *most > 0)?;
    let mut drawn = String::new();
    draw(hours, most as f64, &mut drawn)?;
    Some(PreEscaped(drawn))
}

fn draw(hours: &[SlaGroupView], most: f64, drawn: &mut String) -> Option<()> {
    let area = SVGBackend::with_string(drawn, SIZE).into_drawing_area();
    let text = TextStyle::from(("sans-serif", 13).into_font()).color(&INK);
    let mut chart = ChartBuilder::on(&area)
        .margin(8)
        .x_label_area_size(24)
        .y_label_area_size(44)
        .build_cartesian_2d(0.0..hours.len().max(LEAST_PLACES) as f64, 0.0..most * 1.05)
        .ok()?;
    let hour = |at: &f64| {
        let name = hours.get(*at as usize).map(|hour| hour.name.as_str()).unwrap_or_default();
        name.get(5..13).map(|part| part.replace('T', " ") + "h").unwrap_or_default()
    };
    chart
        .configure_mesh()
        .disable_x_mesh()
        .axis_style(INK.mix(0.6))
        .light_line_style(INK.mix(0.0))
        .bold_line_style(INK.mix(0.15))
        .x_labels(hours.len().max(LEAST_PLACES).min(10))
        .y_labels((most + 1.0).min(NUMBERS) as usize)
        .x_label_formatter(&hour)
        .y_label_formatter(&|value: &f64| format!("{value:.0}"))
        .label_style(text)
        .draw()
        .ok()?;
    for (at, group) in hours.iter().enumerate() {
        let (left, right) = (at as f64 + 0.1, at as f64 + 0.9);
        let mut floor = 0.0;
        for (part, colour) in
            [(group.met, IN_TIME), (group.missed, LATE), (group.pending + group.unknown, OPEN)]
        {
            let top = floor + part as f64;
            let bar = Rectangle::new([(left, floor), (right, top)], colour.filled());
            chart.draw_series(std::iter::once(bar)).ok()?;
            floor = top;
        }
    }
    area.present().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_bars() {
        let hour = |name: &str, met, missed| SlaGroupView {
            name: name.to_owned(),
            messages: met + missed,
            met,
            missed,
            ..SlaGroupView::default()
        };
        let drawn = by_hour(&[hour("2025-03-01T10:00:00Z", 5, 1), hour("2025-03-01T11:00:00Z", 2, 0)]);
        let drawn = drawn.map(Markup::into_string).unwrap_or_default();
        assert!(
            drawn.starts_with("<svg") && drawn.contains("#1F8A4C") && drawn.contains("03-01 10h"),
            "{drawn}"
        );
        assert!(
            !drawn.contains("style=") && !drawn.contains("<script"),
            "the policy forbids what stands in the page"
        );
        assert!(by_hour(&[]).is_none());
    }
}
