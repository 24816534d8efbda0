//! A picture as Graphviz text.

use super::picture::{Kind, Picture, StrokeKind};

/// The text, ready for `dot -Tsvg`.
pub(crate) fn draw(picture: &Picture) -> String {
    let mut lines = vec![
        "graph kinfold {".to_owned(),
        "  graph [rankdir=LR];".to_owned(),
        "  node [fontname=\"sans-serif\", fontsize=11];".to_owned(),
        "  edge [fontname=\"sans-serif\", fontsize=9];".to_owned(),
    ];
    for (index, shape) in picture.shapes.iter().enumerate() {
        let look = match shape.kind {
            Kind::Asked => "shape=box, penwidth=2",
            Kind::Identifier => "shape=box",
            Kind::Sighting => "shape=ellipse, fontsize=9, color=gray50",
            Kind::Remark => "shape=plaintext",
        };
        lines.push(format!("  n{index} [label={}, {look}];", quoted(&shape.label)));
    }
    for line in &picture.lines {
        let look = match &line.kind {
            StrokeKind::Joined => String::new(),
            StrokeKind::Refused(why) => {
                format!(
                    " [style=dashed, color=red, fontcolor=red, label={}]",
                    quoted(std::slice::from_ref(why))
                )
            }
            StrokeKind::Void => " [style=dotted, color=gray50]".to_owned(),
        };
        lines.push(format!("  n{} -- n{}{look};", line.from, line.to));
    }
    lines.push("}".to_owned());
    lines.join("\n")
}

/// A label. Graphviz reads character references in it, so that `&` is written as one.
fn quoted(lines: &[String]) -> String {
    let escape = |line: &String| line.replace('\\', "\\\\").replace('"', "\\\"").replace('&', "&amp;");
    let lines: Vec<String> = lines.iter().map(escape).collect();
    format!("\"{}\"", lines.join("\\n"))
}
