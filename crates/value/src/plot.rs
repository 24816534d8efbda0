//! A picture of a forecast. In: a [`Tracking`]. Out: SVG, the same bytes for the same figures.

use std::fmt::Write as _;

use crate::tracking::{Tracking, Week};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 48.0;

/// Cumulative repeat purchases by week: a full line for those that were made, a broken one for those that were expected.
#[must_use]
pub fn svg(tracking: &Tracking) -> String {
    let weeks = tracking.weeks.last().map_or(1, |week| week.number);
    let most =
        tracking.weeks.iter().fold(1.0, |most: f64, week| most.max(week.expected).max(week.made as f64));
    let (step, top) = scale(most);
    let x = |week: u32| LEFT + (WIDTH - LEFT - RIGHT) * f64::from(week) / f64::from(weeks);
    let y = |purchases: f64| HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * purchases / top;
    let line = |of: &dyn Fn(&Week) -> f64| {
        let points = tracking.weeks.iter().map(|week| format!(" {:.1},{:.1}", x(week.number), y(of(week))));
        format!("{:.1},{:.1}{}", x(0), y(0.0), points.collect::<String>())
    };
    let mut page = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n"
    );
    let mut tick = 0.0;
    while tick <= top {
        let at = y(tick);
        line_of(&mut page, [LEFT, at, WIDTH - RIGHT, at], "#ddd");
        text(&mut page, [LEFT - 8.0, at + 4.0], "end", &format!("{tick:.0}"));
        tick += step;
    }
    let every = (weeks / 8).max(1);
    for week in (0..=weeks).step_by(every as usize) {
        text(&mut page, [x(week), HEIGHT - BOTTOM + 18.0], "middle", &week.to_string());
    }
    let fitted = x(tracking.fitted_weeks);
    line_of(&mut page, [fitted, TOP, fitted, HEIGHT - BOTTOM], "#888");
    text(&mut page, [fitted - 6.0, TOP + 12.0], "end", "fitted");
    text(&mut page, [fitted + 6.0, TOP + 12.0], "start", "forecast");
    for (points, style) in [
        (line(&|week| week.made as f64), "stroke=\"#000\" stroke-width=\"2\""),
        (line(&|week| week.expected), "stroke=\"#c30\" stroke-width=\"2\" stroke-dasharray=\"6 4\""),
    ] {
        put(&mut page, format_args!("<polyline fill=\"none\" {style} points=\"{points}\"/>"));
    }
    text(
        &mut page,
        [LEFT, 22.0],
        "start",
        "Cumulative repeat purchases: made (full line), expected (broken line)",
    );
    text(&mut page, [WIDTH - RIGHT, HEIGHT - 10.0], "end", "week");
    page.push_str("</svg>\n");
    page
}

/// The step of the lines across, and the number at the top: about five steps of 1, 2 or 5 times a power of ten.
fn scale(most: f64) -> (f64, f64) {
    let mut step = 1.0;
    let mut factors = [2.0, 2.5, 2.0].into_iter().cycle();
    while most / step > 6.0 {
        step *= factors.next().unwrap_or(10.0);
    }
    (step, libm::ceil(most / step) * step)
}

fn line_of(page: &mut String, [x1, y1, x2, y2]: [f64; 4], colour: &str) {
    put(page, format_args!("<path d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\" stroke=\"{colour}\"/>"));
}

fn text(page: &mut String, [x, y]: [f64; 2], anchor: &str, words: &str) {
    put(page, format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>"));
}

fn put(page: &mut String, line: std::fmt::Arguments<'_>) {
    // A String takes whatever is written to it.
    let _ = writeln!(page, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_across_have_round_numbers() {
        for (most, expected) in
            [(1.0, (1.0, 1.0)), (7.0, (2.0, 8.0)), (4_600.0, (1_000.0, 5_000.0)), (13.0, (5.0, 15.0))]
        {
            assert_eq!(scale(most), expected);
        }
    }

    #[test]
    fn a_picture_of_little_is_a_picture() {
        let week = Week { number: 1, made: 0, expected: 0.0 };
        let tracking =
            Tracking { weeks: vec![week], fitted_weeks: 0, customers: 0, later_made: 0, later_expected: 0.0 };
        let picture = svg(&tracking);
        assert!(picture.ends_with("</svg>\n") && !picture.contains("NaN"), "{picture}");
    }
}
