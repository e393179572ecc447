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
/// Of half, of 95 and of 99 of 100 messages. They stand out from a page in either theme.
const SHARES: [RGBColor; 3] = [RGBColor(47, 134, 201), RGBColor(199, 119, 0), RGBColor(176, 82, 159)];
/// Text and lines; the stylesheet puts the theme's in its place.
const INK: RGBColor = RGBColor(70, 78, 88);

/// So many groups are drawn; of hours the newest.
const MOST_GROUPS: usize = 96;
/// Places there are at least, so that the bar of a single group is one.
const LEAST_PLACES: usize = 12;
/// Numbers beside the bars.
const NUMBERS: f64 = 5.0;
/// Characters of a channel's name that fit below its bar.
const MOST_CHARACTERS: usize = 10;

/// What the groups of a plot are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Hour,
    Channel,
}

impl By {
    /// What stands below a bar.
    fn label(self, name: &str) -> String {
        match self {
            Self::Hour => name.get(5..13).map(|part| part.replace('T', " ") + "h").unwrap_or_default(),
            Self::Channel if name.chars().count() <= MOST_CHARACTERS => name.to_owned(),
            Self::Channel => name.chars().take(MOST_CHARACTERS - 1).chain(['…']).collect(),
        }
    }
}

/// A bar: its sides within the place of its group, from 0 to 1, where it begins and ends, and its colour.
type Bar = ((f64, f64), (f64, f64), RGBColor);

/// What became of the messages of each group, one upon the other: in time, late, not known yet. Nothing where there is
/// nothing to draw.
pub(super) fn outcomes(groups: &[SlaGroupView], by: By) -> Option<Markup> {
    plot(groups, by, |group| {
        let mut floor = 0.0;
        let parts = [(group.met, IN_TIME), (group.missed, LATE), (group.pending + group.unknown, OPEN)];
        let stacked = parts.map(|(part, colour)| {
            let begin = floor;
            floor += part as f64;
            ((0.1, 0.9), (begin, floor), colour)
        });
        stacked.into_iter().collect()
    })
}

/// How long messages of each group took to arrive, beside each other: half of them, 95 and 99 of 100, in seconds. Nothing
/// where none arrived.
pub(super) fn percentiles(groups: &[SlaGroupView], by: By) -> Option<Markup> {
    plot(groups, by, |group| {
        let shares = group.elapsed_sec.map(|took| [took.p50, took.p95, took.p99]).into_iter().flatten();
        let sides = [(0.1, 0.35), (0.375, 0.625), (0.65, 0.9)];
        shares.zip(sides).zip(SHARES).map(|((took, side), colour)| (side, (0.0, took), colour)).collect()
    })
}

fn plot(groups: &[SlaGroupView], by: By, bars: impl Fn(&SlaGroupView) -> Vec<Bar>) -> Option<Markup> {
    let groups = groups.get(groups.len().saturating_sub(MOST_GROUPS)..)?;
    let bars: Vec<Vec<Bar>> = groups.iter().map(bars).collect();
    let most = bars.iter().flatten().map(|(_, (_, end), _)| *end).fold(0.0, f64::max);
    let mut drawn = String::new();
    (most > 0.0).then(|| draw(groups, by, &bars, most, &mut drawn))??;
    Some(PreEscaped(drawn))
}

fn draw(groups: &[SlaGroupView], by: By, bars: &[Vec<Bar>], most: f64, drawn: &mut String) -> Option<()> {
    let area = SVGBackend::with_string(drawn, SIZE).into_drawing_area();
    let text = TextStyle::from(("sans-serif", 13).into_font()).color(&INK);
    let places = groups.len().max(LEAST_PLACES);
    let mut chart = ChartBuilder::on(&area)
        .margin(8)
        .x_label_area_size(24)
        .y_label_area_size(44)
        .build_cartesian_2d(0.0..places as f64, 0.0..most * 1.05)
        .ok()?;
    let label = |at: &f64| groups.get(*at as usize).map(|group| by.label(&group.name)).unwrap_or_default();
    // Messages are counted; seconds have parts, as many as tell two numbers apart.
    let has_parts = bars.iter().flatten().any(|(_, (_, end), _)| end.fract() > 0.0);
    let digits = if has_parts { (-(most / NUMBERS).log10()).ceil().max(0.0) as usize } else { 0 };
    let numbers = if has_parts { NUMBERS } else { (most + 1.0).min(NUMBERS) };
    chart
        .configure_mesh()
        .disable_x_mesh()
        .axis_style(INK.mix(0.6))
        .light_line_style(INK.mix(0.0))
        .bold_line_style(INK.mix(0.15))
        .x_labels(if by == By::Hour { places.min(10) } else { places + 1 })
        .y_labels(numbers as usize)
        .x_label_formatter(&label)
        .y_label_formatter(&|value: &f64| format!("{value:.digits$}"))
        .label_style(text)
        .draw()
        .ok()?;
    for (at, bars) in bars.iter().enumerate() {
        for ((left, right), (begin, end), colour) in bars {
            let corners = [(at as f64 + left, *begin), (at as f64 + right, *end)];
            chart.draw_series(std::iter::once(Rectangle::new(corners, colour.filled()))).ok()?;
        }
    }
    area.present().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sla::ElapsedView;

    fn group(name: &str, met: u64, missed: u64, p50: Option<f64>) -> SlaGroupView {
        SlaGroupView {
            name: name.to_owned(),
            messages: met + missed,
            met,
            missed,
            elapsed_sec: p50.map(|p50| ElapsedView {
                count: met,
                p50,
                p95: p50 * 2.0,
                p99: p50 * 3.0,
                max: p50 * 4.0,
            }),
            ..SlaGroupView::default()
        }
    }

    fn written(drawn: Option<Markup>) -> String {
        let drawn = drawn.map(Markup::into_string).unwrap_or_default();
        assert!(drawn.starts_with("<svg"), "{drawn}");
        assert!(
            !drawn.contains("style=") && !drawn.contains("<script"),
            "the policy forbids what stands in the page"
        );
        drawn
    }

    #[test]
    fn what_became_of_messages_is_a_bar_for_each_hour() {
        let hours = [group("2025-03-01T10:00:00Z", 5, 1, None), group("2025-03-01T11:00:00Z", 2, 0, None)];
        let drawn = written(outcomes(&hours, By::Hour));
        assert!(
            drawn.contains("#1F8A4C") && drawn.contains("#C83C32") && drawn.contains("03-01 10h"),
            "{drawn}"
        );
        assert!(outcomes(&[], By::Hour).is_none());
        assert!(percentiles(&hours, By::Hour).is_none(), "none arrived");
    }

    #[test]
    fn how_long_messages_took_is_three_bars_for_each_group() {
        let hours =
            [group("2025-03-01T10:00:00Z", 5, 1, Some(0.4)), group("2025-03-01T11:00:00Z", 1, 0, None)];
        let drawn = written(percentiles(&hours, By::Hour));
        for colour in ["#2F86C9", "#C77700", "#B0529F"] {
            assert_eq!(drawn.matches(colour).count(), 1, "{colour} in {drawn}");
        }
        assert!(drawn.contains("0.5"), "parts of a second: {drawn}");
        let quick = written(percentiles(&[group("2025-03-01T10:00:00Z", 1, 0, Some(0.004))], By::Hour));
        assert!(quick.contains("0.005"), "and thousandths of it: {quick}");
    }

    #[test]
    fn the_stylesheet_knows_the_ink() {
        let RGBColor(red, green, blue) = INK;
        let ink = format!("#{red:02X}{green:02X}{blue:02X}");
        let css = include_str!("../assets/console.css");
        for paints in ["fill", "stroke"] {
            assert!(css.contains(&format!("[{paints}=\"{ink}\"]")), "{paints} {ink}");
        }
    }

    #[test]
    fn a_channel_is_named_and_its_name_is_text() {
        let drawn = written(outcomes(
            &[group("<b>&\"x", 1, 0, None), group("a-very-long-channel", 1, 0, None)],
            By::Channel,
        ));
        assert!(drawn.contains("&lt;b&gt;&amp;") && !drawn.contains("<b>"), "{drawn}");
        assert!(drawn.contains("a-very-lo…"), "{drawn}");
    }
}
