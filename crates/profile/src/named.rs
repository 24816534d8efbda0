//! What is kept by name, of a bounded number of names: the least, whatever came first.
//!
//! A name that is left out once never comes in again, for those that are less stay. So nothing of the names that are kept was
//! missed, and two that are combined keep what one would have kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Of so many names at most. A company has a dozen channels, and a few times as many types of touchpoints.
pub(crate) const NAMES_MAX: usize = 64;

/// Values by name.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Named<V>(BTreeMap<String, V>);

impl<V> std::fmt::Debug for Named<V> {
    /// How many names there are: a source made them up.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} names", self.0.len())
    }
}

impl<V> Default for Named<V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<V> Named<V> {
    /// Keeps a value for a name that has none; says whether that is news.
    pub(crate) fn enter(&mut self, name: &str, value: V) -> bool {
        let has_room = self.0.len() < NAMES_MAX;
        let is_last = || self.0.last_key_value().is_some_and(|(last, _)| last.as_str() < name);
        if self.0.contains_key(name) || (!has_room && is_last()) {
            return false;
        }
        self.0.insert(name.to_owned(), value);
        if !has_room {
            self.0.pop_last();
        }
        true
    }

    /// What is kept of a name.
    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut V> {
        self.0.get_mut(name)
    }

    /// Whether there is no room for a name more.
    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= NAMES_MAX
    }

    /// Takes in what the other has; `combine` puts two values of one name together.
    pub(crate) fn merge(&mut self, other: Self, combine: impl Fn(&mut V, V)) {
        for (name, value) in other.0 {
            match self.0.get_mut(&name) {
                Some(known) => combine(known, value),
                None => _ = self.enter(&name, value),
            }
        }
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.0.values()
    }

    /// By name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &V)> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_names_the_least_stay_whatever_came_first() {
        let names: Vec<String> = (0..NAMES_MAX + 9).map(|number| format!("n{number:03}")).collect();
        let of = |names: &mut dyn Iterator<Item = &String>| {
            let mut named = Named::default();
            let news = names.filter(|name| named.enter(name, ())).count();
            assert!(named.is_full() && news >= NAMES_MAX);
            named
        };
        let kept = of(&mut names.iter());
        assert!(kept == of(&mut names.iter().rev()));
        assert!(kept.iter().map(|(name, ())| name).eq(names.iter().take(NAMES_MAX)));
        let (mut one, other) = (of(&mut names.iter().skip(9)), of(&mut names.iter().take(NAMES_MAX)));
        one.merge(other, |(), ()| ());
        assert!(one == kept, "those of two are those of both");
    }

    #[test]
    fn names_are_counted_and_not_printed() {
        let mut named = Named::default();
        named.enter("Extraordinary", "Extraordinary");
        assert_eq!(format!("{named:?}, {named:#?}"), "1 names, 1 names");
    }
}
