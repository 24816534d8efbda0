//! An explanation as a picture: identifiers are boxes, sightings are circles between them.

use std::collections::{BTreeMap, VecDeque};

use kinfold_model::NodeId;
use kinfold_stitch::explain::{LineKind, Name, Path, Sighting, Sketch};

use super::names::Names;
use super::sentences::{last, minute, reason, source};

/// How many identifiers and sightings of a person are drawn: more than that nobody can read.
pub(crate) const SHAPES_MAX: usize = 60;

/// What is drawn. A line leads from the left to the right.
#[derive(Default)]
pub(crate) struct Picture {
    pub(crate) shapes: Vec<Shape>,
    pub(crate) lines: Vec<Stroke>,
    index: BTreeMap<NodeId, usize>,
}

/// A box or a circle.
pub(crate) struct Shape {
    pub(crate) label: Vec<String>,
    pub(crate) kind: Kind,
}

/// What a shape stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An identifier that was asked about.
    Asked,
    /// Another identifier.
    Identifier,
    /// A sighting, or a steward's link.
    Sighting,
    /// A remark.
    Remark,
}

/// A line between two shapes, given as places in the list of shapes.
pub(crate) struct Stroke {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) kind: StrokeKind,
}

/// How a line looks.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum StrokeKind {
    /// One person.
    Joined,
    /// Refused, with the reason.
    Refused(String),
    /// It links nobody.
    Void,
}

impl Picture {
    /// Step by step from the one to the other.
    pub(crate) fn of_path(path: &Path, names: &Names<'_>) -> Self {
        let mut picture = Self::default();
        picture.identifier(&path.from, names, Kind::Asked);
        for step in &path.steps {
            let from = picture.identifier(&step.from, names, Kind::Identifier);
            let sighting = picture.sighting(&step.sighting);
            let kind = if step.to == path.to { Kind::Asked } else { Kind::Identifier };
            let to = picture.identifier(&step.to, names, kind);
            let stroke = |name: &Name| {
                let refused = step.refused.iter().find(|dispute| dispute.identifier == *name);
                let plain = if step.sighting.counts { StrokeKind::Joined } else { StrokeKind::Void };
                refused.map_or(plain, |dispute| StrokeKind::Refused(reason(&dispute.why)))
            };
            picture.lines.push(Stroke { from, to: sighting, kind: stroke(&step.from) });
            picture.lines.push(Stroke { from: sighting, to, kind: stroke(&step.to) });
        }
        picture.identifier(&path.to, names, Kind::Asked);
        picture
    }

    /// The person of an identifier.
    pub(crate) fn of_person(sketch: &Sketch, names: &Names<'_>) -> Self {
        let mut picture = Self::default();
        for (index, name) in sketch.identifiers.iter().enumerate() {
            picture.identifier(name, names, if index == 0 { Kind::Asked } else { Kind::Identifier });
        }
        for sighting in &sketch.sightings {
            picture.sighting(sighting);
        }
        for line in &sketch.lines {
            let kind = match &line.kind {
                LineKind::Joined => StrokeKind::Joined,
                LineKind::Refused(why) => StrokeKind::Refused(reason(why)),
                LineKind::Void => StrokeKind::Void,
            };
            if let (Some(from), Some(to)) =
                (picture.index.get(&line.edge.identifier), picture.index.get(&line.edge.sighting))
            {
                picture.lines.push(Stroke { from: *from, to: *to, kind });
            }
        }
        picture.lead_away();
        if sketch.left_out > 0 {
            let label = vec![format!("{} more are not drawn", sketch.left_out)];
            picture.shapes.push(Shape { label, kind: Kind::Remark });
        }
        picture
    }

    fn identifier(&mut self, name: &Name, names: &Names<'_>, kind: Kind) -> usize {
        self.place(name.node, || Shape { label: vec![names.label(name)], kind })
    }

    fn sighting(&mut self, sighting: &Sighting) -> usize {
        self.place(sighting.node, || Shape { label: circle(sighting), kind: Kind::Sighting })
    }

    fn place(&mut self, node: NodeId, shape: impl FnOnce() -> Shape) -> usize {
        *self.index.entry(node).or_insert_with(|| {
            self.shapes.push(shape());
            self.shapes.len() - 1
        })
    }

    /// Turns each line so that it leads away from the first shape.
    fn lead_away(&mut self) {
        let mut next: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for line in &self.lines {
            next.entry(line.from).or_default().push(line.to);
            next.entry(line.to).or_default().push(line.from);
        }
        let mut distance = BTreeMap::from([(0_usize, 0_usize)]);
        let mut open = VecDeque::from([0]);
        while let Some(shape) = open.pop_front() {
            let steps = distance.get(&shape).map_or(0, |steps| steps + 1);
            for other in next.get(&shape).into_iter().flatten() {
                if !distance.contains_key(other) {
                    distance.insert(*other, steps);
                    open.push_back(*other);
                }
            }
        }
        for line in &mut self.lines {
            if distance.get(&line.from) > distance.get(&line.to) {
                std::mem::swap(&mut line.from, &mut line.to);
            }
        }
    }
}

/// Sources, and the first and the last day.
fn circle(sighting: &Sighting) -> Vec<String> {
    if sighting.bond {
        return vec!["a steward's link".to_owned()];
    }
    let sources: Vec<String> = sighting.said.iter().map(source).collect();
    let first = sighting.said.iter().map(|said| said.evidence.first_seen).min();
    let newest = sighting.said.iter().map(last).max();
    let times = [first, newest].into_iter().flatten().map(|time| minute(time).chars().take(10).collect());
    let mut days: Vec<String> = times.collect();
    days.dedup();
    vec![sources.join(", "), days.join(" – ")]
}
