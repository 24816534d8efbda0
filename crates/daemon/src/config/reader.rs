//! Typed reading of a tree of settings. In: the tree. Out: values that were checked, and every fault on the way:
//! a faulty setting is noted and its default used, so that the rest is still read.
//! What nobody asked for is a fault too, so the keys that exist are the keys that are read.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use super::faults::{Fault, Origin, nearest};
use super::tree::{Node, Table, Value};

/// Collects what is found while sections are read.
#[derive(Default)]
pub(super) struct Reader {
    faults: RefCell<Vec<Fault>>,
    known: RefCell<BTreeSet<String>>,
}

/// What is wrong with a text, and the remedy.
pub(super) type Check = Result<(), (&'static str, String)>;

impl Reader {
    /// The whole tree as a section.
    pub(super) fn root(&self, tree: Table) -> Section<'_> {
        Section {
            reader: self,
            path: String::new(),
            origin: Origin::Whole,
            left: tree,
            taken: BTreeMap::new(),
        }
    }

    pub(super) fn note(&self, fault: Fault) {
        self.faults.borrow_mut().push(fault);
    }

    /// Every setting and section that was asked for, by its full name, and all faults.
    pub(super) fn into_parts(self) -> (BTreeSet<String>, Vec<Fault>) {
        (self.known.into_inner(), self.faults.into_inner())
    }
}

/// One table of the configuration while it is read.
pub(super) struct Section<'r> {
    reader: &'r Reader,
    path: String,
    origin: Origin,
    left: Table,
    taken: BTreeMap<String, Origin>,
}

impl<'r> Section<'r> {
    /// A text that passes the check.
    pub(super) fn text(&mut self, key: &str, default: &str, check: impl Fn(&str) -> Check) -> String {
        let text = match self.take(key) {
            None => return default.to_owned(),
            Some(Node { value: Value::Text(text) | Value::Loose(text), .. }) => text,
            Some(node) => {
                self.fault(key, format!("is {}", node.value.kind()), "write a text in quotes");
                return default.to_owned();
            }
        };
        match check(&text) {
            Ok(()) => text,
            Err((what, remedy)) => {
                self.fault(key, what, remedy);
                default.to_owned()
            }
        }
    }

    /// A number of a range.
    pub(super) fn number<N: TryFrom<i64>>(&mut self, key: &str, default: N, range: RangeInclusive<i64>) -> N {
        self.given_number(key, range).unwrap_or(default)
    }

    /// A number of a range, if one was given.
    pub(super) fn given_number<N: TryFrom<i64>>(
        &mut self,
        key: &str,
        range: RangeInclusive<i64>,
    ) -> Option<N> {
        let node = self.take(key)?;
        let number = match &node.value {
            Value::Integer(number) => Some(*number),
            Value::Loose(text) => text.trim().parse().ok(),
            _ => None,
        };
        let remedy = format!("write a number from {} to {}", range.start(), range.end());
        let Some(number) = number else {
            let kind = if matches!(node.value, Value::Loose(_)) { "no number" } else { node.value.kind() };
            self.fault(key, format!("is {kind}"), remedy);
            return None;
        };
        let checked = N::try_from(number).ok().filter(|_| range.contains(&number));
        if checked.is_none() {
            self.fault(key, format!("is {number}"), remedy);
        }
        checked
    }

    /// A part of a whole: 0 or more, and less than 1.
    pub(super) fn ratio(&mut self, key: &str, default: f64) -> f64 {
        let Some(node) = self.take(key) else { return default };
        let number = match &node.value {
            Value::Integer(0) => Some(0.0),
            Value::Integer(_) => Some(f64::INFINITY),
            Value::Float(number) => Some(*number),
            Value::Loose(text) => text.trim().parse().ok(),
            _ => None,
        };
        match number {
            Some(number) if (0.0..1.0).contains(&number) => number,
            _ => {
                self.fault(key, "is no part of a whole", "write a number from 0 to below 1, for example 0.5");
                default
            }
        }
    }

    /// Yes or no, if it was said.
    pub(super) fn given_boolean(&mut self, key: &str) -> Option<bool> {
        let node = self.take(key)?;
        let yes = match &node.value {
            Value::Boolean(yes) => Some(*yes),
            Value::Loose(text) => text.trim().parse().ok(),
            _ => None,
        };
        if yes.is_none() {
            self.fault(key, format!("is {}", node.value.kind()), "write true or false");
        }
        yes
    }

    /// One of a closed set of names, if one was given.
    pub(super) fn given_choice<T: Copy>(
        &mut self,
        key: &str,
        all: &[T],
        name: fn(T) -> &'static str,
    ) -> Option<T> {
        if !self.left.contains_key(key) {
            self.know(key);
            return None;
        }
        let text = self.text(key, "", |_| Ok(()));
        let found = all.iter().copied().find(|one| name(*one) == text);
        if found.is_none() && !self.has_fault(key) {
            let names: Vec<String> = all.iter().map(|one| format!("\"{}\"", name(*one))).collect();
            let meant = nearest(&text, all.iter().map(|one| name(*one)));
            let what = meant.map_or("is none of its choices".to_owned(), |meant| {
                format!("is none of its choices (did you mean \"{meant}\"?)")
            });
            self.fault(key, what, format!("write one of {}", names.join(", ")));
        }
        found
    }

    /// A list of texts, of which each passes the check. In a variable they stand with commas between them.
    pub(super) fn list(&mut self, key: &str, default: &[&str], check: impl Fn(&str) -> Check) -> Vec<String> {
        let default = || default.iter().map(|&item| item.to_owned()).collect();
        let items: Vec<(Origin, String)> = match self.take(key) {
            None => return default(),
            Some(Node { origin, value: Value::Loose(text) }) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                parts.map(|part| (origin.clone(), part.to_owned())).collect()
            }
            Some(Node { value: Value::List(nodes), .. }) => {
                nodes.into_iter().filter_map(|node| self.item(key, node)).collect()
            }
            Some(node) => {
                self.fault(key, format!("is {}", node.value.kind()), "write a list: [\"one\", \"two\"]");
                return default();
            }
        };
        for (origin, item) in &items {
            if let Err((what, remedy)) = check(item) {
                self.fault_at(origin.clone(), key, format!("holds an entry that {what}"), remedy);
            }
        }
        items.into_iter().map(|(_, item)| item).collect()
    }

    /// A list of texts, of which each passes the check, if one was given.
    pub(super) fn given_list(&mut self, key: &str, check: impl Fn(&str) -> Check) -> Option<Vec<String>> {
        if self.left.contains_key(key) {
            return Some(self.list(key, &[], check));
        }
        self.know(key);
        None
    }

    /// Some of a closed set of names; none when the setting was not given.
    pub(super) fn choices<T: Copy>(&mut self, key: &str, all: &[T], name: fn(T) -> &'static str) -> Vec<T> {
        let named = |text: &str| all.iter().copied().find(|one| name(*one) == text);
        let texts = self.list(key, &[], |text| {
            if named(text).is_some() {
                return Ok(());
            }
            let names = || all.iter().copied().map(name);
            let remedy = match nearest(text, names()) {
                Some(meant) => format!("did you mean \"{meant}\"?"),
                None => {
                    let names: Vec<String> = names().map(|name| format!("\"{name}\"")).collect();
                    format!("write some of {}", names.join(", "))
                }
            };
            Err(("is none of its choices", remedy))
        });
        texts.iter().filter_map(|text| named(text)).collect()
    }

    /// Numbers of a range; none when the setting was not given. In a variable they stand with commas between them.
    pub(super) fn numbers<N: TryFrom<i64>>(&mut self, key: &str, range: RangeInclusive<i64>) -> Vec<N> {
        let entries: Vec<(Origin, Option<i64>)> = match self.take(key) {
            None => return Vec::new(),
            Some(Node { origin, value: Value::Loose(text) }) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                parts.map(|part| (origin.clone(), part.parse().ok())).collect()
            }
            Some(Node { value: Value::List(nodes), .. }) => {
                let number =
                    |value: Value| if let Value::Integer(number) = value { Some(number) } else { None };
                nodes.into_iter().map(|Node { origin, value }| (origin, number(value))).collect()
            }
            Some(node) => {
                self.fault(key, format!("is {}", node.value.kind()), "write a list: [1, 2]");
                return Vec::new();
            }
        };
        let mut numbers = Vec::new();
        for (origin, number) in entries {
            let number = number.filter(|number| range.contains(number));
            match number.and_then(|number| N::try_from(number).ok()) {
                Some(number) => numbers.push(number),
                None => {
                    let remedy = format!("write numbers from {} to {}", range.start(), range.end());
                    self.fault_at(origin, key, "holds an entry that is none of its numbers", remedy);
                }
            }
        }
        numbers
    }

    /// The section of this name, if it was given.
    pub(super) fn given_section(&mut self, key: &str) -> Option<Section<'r>> {
        if self.left.contains_key(key) {
            return Some(self.section(key));
        }
        self.know(key);
        None
    }

    /// The sections of a list `[[name]]`, in their order, if one was given.
    pub(super) fn given_sections(&mut self, key: &str) -> Option<Vec<Section<'r>>> {
        let path = self.full(key);
        let node = self.take(key)?;
        let Value::List(nodes) = node.value else {
            let remedy = format!("write a section for each in the file: [[{path}]]");
            self.fault(key, format!("is {}", node.value.kind()), remedy);
            return None;
        };
        let section = |Node { origin, value }| match value {
            Value::Table(left) => Some(Section {
                reader: self.reader,
                path: path.clone(),
                origin,
                left,
                taken: BTreeMap::new(),
            }),
            other => {
                let what = format!("holds {} as an entry", other.kind());
                self.fault_at(origin, key, what, format!("write sections: [[{path}]]"));
                None
            }
        };
        Some(nodes.into_iter().filter_map(section).collect())
    }

    /// The section of this name; empty when it was not given.
    pub(super) fn section(&mut self, key: &str) -> Section<'r> {
        let path = self.full(key);
        let (origin, left) = match self.take(key) {
            None => (self.origin.clone(), Table::new()),
            Some(Node { origin, value: Value::Table(table) }) => (origin, table),
            Some(node) => {
                let remedy = format!("write a section: [{path}]");
                self.fault(key, format!("is {} and not a section", node.value.kind()), remedy);
                (node.origin, Table::new())
            }
        };
        Section { reader: self.reader, path, origin, left, taken: BTreeMap::new() }
    }

    /// Whether the setting is a table.
    pub(super) fn is_table(&self, key: &str) -> bool {
        matches!(self.left.get(key), Some(Node { value: Value::Table(_), .. }))
    }

    /// The keys that were given and not yet read.
    pub(super) fn given(&self) -> Vec<String> {
        self.left.keys().cloned().collect()
    }

    /// Notes a fault of a setting of this section, at the place where the setting was made.
    pub(super) fn fault(&self, key: &str, what: impl Into<String>, remedy: impl Into<String>) {
        let origin = self.taken.get(key).or_else(|| self.left.get(key).map(|node| &node.origin));
        self.fault_at(origin.unwrap_or(&self.origin).clone(), key, what, remedy);
    }

    /// Notes a fault of this section as a whole.
    pub(super) fn fault_here(&self, what: impl Into<String>, remedy: impl Into<String>) {
        let (origin, key) = (self.origin.clone(), self.path.clone());
        self.reader.note(Fault { origin, key, what: what.into(), remedy: remedy.into() });
    }

    /// Whether nothing was found wrong with a setting of this section so far, nor with what is below it.
    pub(super) fn is_sound(&self, key: &str) -> bool {
        let full = self.full(key);
        let below = format!("{full}.");
        let faults = self.reader.faults.borrow();
        !faults.iter().any(|fault| fault.key == full || fault.key.starts_with(&below))
    }

    /// Ends the reading: what is left was never asked for.
    pub(super) fn finish(self) {
        let prefix = if self.path.is_empty() { String::new() } else { format!("{}.", self.path) };
        let known = self.reader.known.borrow();
        let here: Vec<&str> = known
            .iter()
            .filter_map(|name| name.strip_prefix(&prefix))
            .filter(|name| !name.contains('.'))
            .collect();
        let noun = if self.path.is_empty() { "section" } else { "setting" };
        for key in self.left.keys() {
            let remedy = match nearest(key, here.iter().copied()) {
                Some(meant) => format!("did you mean {prefix}{meant}?"),
                None => format!("the {noun}s here are {}", here.join(", ")),
            };
            self.fault(key, format!("is no {noun}"), remedy);
        }
    }

    fn take(&mut self, key: &str) -> Option<Node> {
        self.know(key);
        let node = self.left.remove(key)?;
        self.taken.insert(key.to_owned(), node.origin.clone());
        Some(node)
    }

    fn know(&self, key: &str) {
        self.reader.known.borrow_mut().insert(self.full(key));
    }

    fn item(&self, key: &str, node: Node) -> Option<(Origin, String)> {
        match node.value {
            Value::Text(text) => Some((node.origin, text)),
            other => {
                let what = format!("holds {} as an entry", other.kind());
                self.fault_at(node.origin, key, what, "write texts in quotes");
                None
            }
        }
    }

    fn has_fault(&self, key: &str) -> bool {
        let full = self.full(key);
        self.reader.faults.borrow().iter().any(|fault| fault.key == full)
    }

    fn fault_at(&self, origin: Origin, key: &str, what: impl Into<String>, remedy: impl Into<String>) {
        self.reader.note(Fault { origin, key: self.full(key), what: what.into(), remedy: remedy.into() });
    }

    fn full(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}
