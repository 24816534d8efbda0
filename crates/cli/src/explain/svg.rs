//! A picture as SVG: `layout-rs` says where everything is, and we write it down. Its own writer leaves as many pixels free
//! below as all labels have letters times ten, and writes its styles in random order.

use std::panic::{AssertUnwindSafe, catch_unwind};

use layout::core::base::Orientation;
use layout::core::color::Color;
use layout::core::format::{ClipHandle, RenderBackend};
use layout::core::geometry::Point;
use layout::core::style::{LineStyleKind, StyleAttr};
use layout::std_shapes::shapes::{Arrow, Element, LineEndKind, ShapeKind};
use layout::topo::layout::VisualGraph;

use super::picture::{Kind, Picture, Shape, Stroke, StrokeKind};
use crate::commands::Failure;

/// In pixels.
const FONT: usize = 13;
/// The longest line of a label, in letters.
const LETTERS_MAX: usize = 40;
/// Room for a letter, in pixels: more than most need.
const LETTER: f64 = 7.5;
/// Room for a line, in pixels.
const LINE: f64 = 17.0;
/// Around everything, in pixels.
const MARGIN: f64 = 10.0;

const BLACK: u32 = 0x2222_22ff;
const GREY: u32 = 0x9999_99ff;
const RED: u32 = 0xcc00_00ff;
const WHITE: u32 = 0xffff_ffff;

/// The picture as a document.
///
/// # Errors
/// When the library cannot lay it out.
pub(crate) fn draw(picture: &Picture) -> Result<String, Failure> {
    // The library asserts what it believes of a drawing; that a picture fails must not end the program.
    let drawn = catch_unwind(AssertUnwindSafe(|| {
        let mut graph = VisualGraph::new(Orientation::LeftToRight);
        let handles: Vec<_> = picture.shapes.iter().map(|shape| graph.add_node(element(shape))).collect();
        for line in &picture.lines {
            graph.add_edge(arrow(line), handles[line.from], handles[line.to]);
        }
        let mut sheet = Sheet::default();
        graph.do_it(false, false, false, &mut sheet);
        sheet.document()
    }));
    drawn.map_err(|_| {
        Failure::Fault("the picture cannot be laid out; draw it with Graphviz: --dot | dot -Tsvg".to_owned())
    })
}

fn element(shape: &Shape) -> Element {
    let label = shape.label.iter().map(|line| shortened(line)).collect::<Vec<_>>().join("\n");
    let letters = label.lines().map(|line| line.chars().count()).max().unwrap_or_default();
    let room = if shape.kind == Kind::Sighting { 30.0 } else { 16.0 };
    let size = Point::new(letters as f64 * LETTER + room, shape.label.len().max(1) as f64 * LINE + room);
    let (colour, width) = match shape.kind {
        Kind::Asked => (BLACK, 2),
        Kind::Identifier => (BLACK, 1),
        Kind::Sighting => (GREY, 1),
        Kind::Remark => (WHITE, 0),
    };
    let look = StyleAttr::new(Color::new(colour), width, Some(Color::new(WHITE)), 3, FONT);
    let kind =
        if shape.kind == Kind::Sighting { ShapeKind::new_circle(&label) } else { ShapeKind::new_box(&label) };
    Element::create(kind, look, Orientation::LeftToRight, size)
}

fn arrow(line: &Stroke) -> Arrow {
    let (style, colour, label) = match &line.kind {
        StrokeKind::Joined => (LineStyleKind::Normal, BLACK, ""),
        StrokeKind::Refused(why) => (LineStyleKind::Dashed, RED, why.as_str()),
        StrokeKind::Void => (LineStyleKind::Dashed, GREY, ""),
    };
    let look = StyleAttr::new(Color::new(colour), 1, None, 0, FONT);
    Arrow::new(LineEndKind::None, LineEndKind::None, style, label, &look, &None, &None)
}

fn shortened(line: &str) -> String {
    match line.char_indices().nth(LETTERS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// What was drawn, and how far it reaches.
struct Sheet {
    /// They lie below everything else.
    lines: String,
    shapes: String,
    least: Point,
    greatest: Point,
}

impl Default for Sheet {
    fn default() -> Self {
        Self {
            lines: String::new(),
            shapes: String::new(),
            least: Point::splat(f64::MAX),
            greatest: Point::splat(f64::MIN),
        }
    }
}

impl Sheet {
    fn reach(&mut self, x: f64, y: f64) {
        self.least = Point::new(self.least.x.min(x), self.least.y.min(y));
        self.greatest = Point::new(self.greatest.x.max(x), self.greatest.y.max(y));
    }

    fn add(&mut self, element: std::fmt::Arguments<'_>) {
        self.shapes.push_str(&element.to_string());
        self.shapes.push('\n');
    }

    fn document(mut self) -> String {
        self.reach(0.0, 0.0);
        let (x, y) = (self.least.x - MARGIN, self.least.y - MARGIN);
        let (width, height) = (self.greatest.x - x + MARGIN, self.greatest.y - y + MARGIN);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
             viewBox=\"{x:.0} {y:.0} {width:.0} {height:.0}\" font-family=\"sans-serif\">\n{}{}</svg>",
            self.lines, self.shapes
        )
    }
}

impl RenderBackend for Sheet {
    fn draw_rect(
        &mut self,
        xy: Point,
        size: Point,
        look: &StyleAttr,
        _properties: Option<String>,
        _clip: Option<ClipHandle>,
    ) {
        self.reach(xy.x, xy.y);
        self.reach(xy.x + size.x, xy.y + size.y);
        let (colour, width, round) = (colour(look), look.line_width, look.rounded);
        self.add(format_args!(
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"{round}\" fill=\"#ffffff\" \
             stroke=\"{colour}\" stroke-width=\"{width}\"/>",
            xy.x, xy.y, size.x, size.y
        ));
    }

    fn draw_line(&mut self, start: Point, stop: Point, look: &StyleAttr, _properties: Option<String>) {
        self.reach(start.x, start.y);
        self.reach(stop.x, stop.y);
        let colour = colour(look);
        self.add(format_args!(
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{colour}\"/>",
            start.x, start.y, stop.x, stop.y
        ));
    }

    fn draw_circle(&mut self, xy: Point, size: Point, look: &StyleAttr, _properties: Option<String>) {
        let (rx, ry) = (size.x / 2.0, size.y / 2.0);
        self.reach(xy.x - rx, xy.y - ry);
        self.reach(xy.x + rx, xy.y + ry);
        let (colour, width) = (colour(look), look.line_width);
        self.add(format_args!(
            "<ellipse cx=\"{:.1}\" cy=\"{:.1}\" rx=\"{rx:.1}\" ry=\"{ry:.1}\" fill=\"#ffffff\" stroke=\"{colour}\" \
             stroke-width=\"{width}\"/>",
            xy.x, xy.y
        ));
    }

    fn draw_text(&mut self, xy: Point, text: &str, look: &StyleAttr) {
        let lines: Vec<&str> = text.lines().collect();
        let first = xy.y - (lines.len().saturating_sub(1)) as f64 * LINE / 2.0;
        // The label of a refused edge has its colour, all others are black, whatever the shape.
        let look_colour = colour(look);
        let colour = if look_colour == "#cc0000" { look_colour.as_str() } else { "#222222" };
        for (index, line) in lines.iter().enumerate() {
            let y = first + index as f64 * LINE;
            let half = line.chars().count() as f64 * LETTER / 2.0;
            self.reach(xy.x - half, y - LINE / 2.0);
            self.reach(xy.x + half, y + LINE / 2.0);
            self.add(format_args!(
                "<text x=\"{:.1}\" y=\"{y:.1}\" font-size=\"{}\" text-anchor=\"middle\" dominant-baseline=\"central\" \
                 fill=\"{colour}\" stroke=\"#ffffff\" stroke-width=\"4\" paint-order=\"stroke\">{}</text>",
                xy.x,
                look.font_size,
                escaped(line)
            ));
        }
    }

    fn draw_arrow(
        &mut self,
        path: &[(Point, Point)],
        dashed: bool,
        _head: (bool, bool),
        look: &StyleAttr,
        _properties: Option<String>,
        text: &str,
    ) {
        let mut curve = String::new();
        for (index, (first, second)) in path.iter().enumerate() {
            self.reach(first.x, first.y);
            self.reach(second.x, second.y);
            // A curve begins at its first point, with the second as its handle; each later pair is a handle and an end.
            let (before, between) = match index {
                0 => ("M", "C "),
                1 => ("", ""),
                _ => ("S", ""),
            };
            let points =
                format!("{before} {:.1} {:.1} {between}{:.1} {:.1} ", first.x, first.y, second.x, second.y);
            curve.push_str(&points);
        }
        let dash = if dashed { " stroke-dasharray=\"5,4\"" } else { "" };
        let colour = colour(look);
        self.lines.push_str(&format!(
            "<path d=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{}\"{dash}/>\n",
            curve.trim(),
            look.line_width
        ));
        if let (false, Some((middle, _))) = (text.is_empty(), path.get(path.len() / 2)) {
            self.draw_text(*middle, text, look);
        }
    }

    fn create_clip(&mut self, _xy: Point, _size: Point, _rounded_px: usize) -> ClipHandle {
        0
    }
}

/// As SVG writes it: without the transparency that the library adds.
fn colour(look: &StyleAttr) -> String {
    look.line_color.to_web_color().chars().take(7).collect()
}

/// Text within an element.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
