//! Where in a record we are: `identifiers[2].value`. Built on the stack, written out only for a refusal.

use std::fmt;

/// A place in a record.
pub(crate) struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
    depth: usize,
}

enum Step<'p> {
    Root,
    Member(&'p str),
    Element(usize),
}

impl<'p> Path<'p> {
    /// The record itself.
    pub(crate) const ROOT: Self = Self { parent: None, step: Step::Root, depth: 0 };

    /// A member of the object at this place.
    pub(crate) fn member<'q>(&'q self, name: &'q str) -> Path<'q> {
        Path { parent: Some(self), step: Step::Member(name), depth: self.depth + 1 }
    }

    /// An element of the list at this place.
    pub(crate) fn element(&self, index: usize) -> Path<'_> {
        Path { parent: Some(self), step: Step::Element(index), depth: self.depth + 1 }
    }

    /// How many objects and lists surround this place.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// The name of a member of the record itself, `None` elsewhere.
    pub(crate) fn top_level(&self) -> Option<&str> {
        match self.step {
            Step::Member(name) if self.depth == 1 => Some(name),
            _ => None,
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        let name = match self.step {
            Step::Root => return Ok(()),
            Step::Element(index) => return write!(f, "[{index}]"),
            Step::Member(name) if is_name(name) => name,
            Step::Member(_) => "<unprintable name>",
        };
        if self.depth > 1 { write!(f, ".{name}") } else { f.write_str(name) }
    }
}

/// Some systems use addresses or numbers of people as names of members; those must not reach a refusal.
fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= 64
        && bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':' | b'$'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_in_javascript() {
        let list = Path::ROOT.member("identifiers");
        let element = list.element(2);
        assert_eq!(element.member("value").to_string(), "identifiers[2].value");
        assert_eq!(Path::ROOT.to_string(), "");
    }

    #[test]
    fn a_member_named_after_a_person_is_not_written_out() {
        for name in ["ann@example.org", "+493511234567", "Ann Lee", "", "é"] {
            assert_eq!(Path::ROOT.member(name).to_string(), "<unprintable name>");
        }
    }
}
