//! Charts as SVG, without fonts or scripts. Colours are attributes, so that the page can change them by CSS.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::engine::{EngineError, Result};

/// Colours of the series of a bar chart, in order.
pub const SERIES: [RGBColor; 3] = [RGBColor(0x8a, 0xa0, 0xb8), RGBColor(0x1f, 0x6f, 0xb4), RGBColor(0xc7, 0x7c, 0x11)];
/// The colour of the strongest association.
pub const STRONG: RGBColor = RGBColor(0x1f, 0x6f, 0xb4);
const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);

/// Pixels.
const WIDTH: u32 = 520;
/// Width of a character of a label, and maximum width of labels.
const CHARACTER: i32 = 7;
const MAX_LABELS: i32 = 230;
const BAR: i32 = 8;
const GAP: i32 = 6;
const CELL: i32 = 22;
const FONT: i32 = 12;
/// Maximum characters of a label.
const LONGEST: usize = 34;

/// A label with one share per series.
pub struct Bar {
    pub label: String,
    pub shares: Vec<f64>,
}

/// A chart of horizontal bars, one group per label.
///
/// # Errors
/// `Internal` if it cannot be drawn.
pub fn bars(bars: &[Bar]) -> Result<String> {
    let series = bars.first().map_or(0, |bar| bar.shares.len()) as i32;
    let height = bars.len() as i32 * (BAR * series + GAP).max(FONT + 2) + GAP;
    let largest = bars.iter().flat_map(|bar| &bar.shares).copied().fold(f64::MIN_POSITIVE, f64::max);
    let left = room_for(bars.iter().map(|bar| bar.label.as_str()));
    draw(WIDTH, height as u32, |area| {
        let room = f64::from(WIDTH as i32 - left - 60);
        for (place, bar) in bars.iter().enumerate() {
            let top = GAP + place as i32 * (BAR * series + GAP).max(FONT + 2);
            let middle = top + BAR * series / 2;
            text(area, &shortened(&bar.label), (left - 8, middle), Pos::new(HPos::Right, VPos::Center))?;
            let mut end = left;
            for (number, share) in bar.shares.iter().enumerate() {
                let (from, length) = (top + BAR * number as i32, (share / largest * room).round().max(0.0) as i32);
                let colour = SERIES[number % SERIES.len()].filled();
                area.draw(&Rectangle::new([(left, from), (left + length, from + BAR - 1)], colour))?;
                end = end.max(left + length);
            }
            let last = bar.shares.last().copied().unwrap_or(0.0);
            text(area, &format!("{:.1} %", 100.0 * last), (end + 5, middle), Pos::new(HPos::Left, VPos::Center))?;
        }
        Ok(())
    })
}

/// A square of associations between 0 and 1, row by row, with the names of the rows.
///
/// # Errors
/// `Internal` if it cannot be drawn.
pub fn heat(names: &[String], values: &[Vec<f64>]) -> Result<String> {
    let side = names.len() as i32 * CELL;
    // A number follows each name.
    let room = room_for(names.iter().map(String::as_str)) + 4 * CHARACTER;
    draw((room + side) as u32, (side + CELL) as u32, |area| {
        for (row, (name, values)) in names.iter().zip(values).enumerate() {
            let top = row as i32 * CELL;
            let label = format!("{} {}", shortened(name), row + 1);
            text(area, &label, (room - 8, top + CELL / 2), Pos::new(HPos::Right, VPos::Center))?;
            let number = (row + 1).to_string();
            text(area, &number, (room + top + CELL / 2, side + CELL / 2), Pos::new(HPos::Center, VPos::Center))?;
            for (column, value) in values.iter().enumerate() {
                let left = room + column as i32 * CELL;
                let colour = STRONG.mix(0.06 + 0.94 * value.clamp(0.0, 1.0)).filled();
                area.draw(&Rectangle::new([(left, top), (left + CELL - 2, top + CELL - 2)], colour))?;
            }
        }
        Ok(())
    })
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Drawn = std::result::Result<(), DrawingAreaErrorKind<std::io::Error>>;

fn draw(width: u32, height: u32, paint: impl FnOnce(&Area) -> Drawn) -> Result<String> {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
    let drawn = paint(&area).and_then(|()| area.present());
    drop(area);
    drawn.map_err(|_| EngineError::Internal("a chart could not be drawn"))?;
    Ok(svg)
}

fn text(area: &Area, text: &str, at: (i32, i32), anchor: Pos) -> Drawn {
    let style = TextStyle::from(("sans-serif", FONT).into_font()).color(&INK).pos(anchor);
    area.draw(&Text::new(text.to_owned(), at, style))
}

/// Width of the labels in pixels.
fn room_for<'a>(labels: impl Iterator<Item = &'a str>) -> i32 {
    let longest = labels.map(|label| label.chars().count().min(LONGEST)).max().unwrap_or(0);
    (longest as i32 * CHARACTER + 12).min(MAX_LABELS)
}

fn shortened(label: &str) -> String {
    if label.chars().count() <= LONGEST {
        return label.to_owned();
    }
    label.chars().take(LONGEST - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_text_and_nothing_else() {
        let label = "<script>\"&' and so much more that it has to end".to_owned();
        let svg = bars(&[Bar { label, shares: vec![0.5, 0.25, 0.125] }]).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>") && !svg.contains("<script"));
        assert!(svg.contains("&lt;script&gt;") && svg.contains("…") && svg.contains("12.5 %"));
        assert_eq!(svg.matches("<rect").count(), 3);
    }

    #[test]
    fn a_square_has_every_cell() {
        let names = ["a", "b", "c"].map(str::to_owned);
        let svg = heat(&names, &vec![vec![1.0, 0.5, 0.0]; 3]).unwrap();
        assert_eq!(svg.matches("<rect").count(), 9);
    }
}
