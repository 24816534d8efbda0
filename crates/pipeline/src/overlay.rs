//! The overlay: what a batch has written so far, above the state that was committed. Nothing uncommitted ever
//! reaches the store.

use std::collections::BTreeMap;
use std::ops::Bound;

use kinfold_model::seam::Entries;
use kinfold_model::{Fault, State};

/// What a batch changes, by key; `None` deletes.
pub type Writes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Committed state, to be read only.
pub trait Base {
    /// The value of a key, or `None`.
    ///
    /// # Errors
    /// [`Fault::State`] when the store cannot be read.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault>;

    /// All entries whose key begins with `prefix`, in the order of keys.
    ///
    /// # Errors
    /// [`Fault::State`] when the store cannot be read.
    fn scan(&self, prefix: &[u8]) -> Result<Entries, Fault>;

    /// The first `most` entries whose key begins with `prefix` and is greater than `after`, in the order of keys.
    ///
    /// # Errors
    /// [`Fault::State`] when the store cannot be read.
    fn page(&self, prefix: &[u8], after: &[u8], most: usize) -> Result<Entries, Fault> {
        let entries = self.scan(prefix)?.into_iter();
        Ok(entries.filter(|(key, _)| key.as_slice() > after).take(most).collect())
    }
}

/// A store: committed state, and the only way to change it.
pub trait Store: Base {
    /// Applies all writes, or none.
    ///
    /// # Errors
    /// [`Fault::State`] when the store cannot be written.
    fn commit(&mut self, writes: Writes) -> Result<(), Fault>;

    /// Shows the entries whose key begins with `prefix`, in the order of keys, without holding them all.
    ///
    /// # Errors
    /// [`Fault::State`] when the store cannot be read.
    fn visit(&self, prefix: &[u8], see: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), Fault>;
}

/// A map in memory is a store too, for tests and simulation.
impl Base for BTreeMap<Vec<u8>, Vec<u8>> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        Ok(BTreeMap::get(self, key).cloned())
    }

    fn scan(&self, prefix: &[u8]) -> Result<Entries, Fault> {
        let entries = self.range(prefix.to_vec()..).take_while(|(key, _)| key.starts_with(prefix));
        Ok(entries.map(|(key, value)| (key.clone(), value.clone())).collect())
    }
}

impl Store for BTreeMap<Vec<u8>, Vec<u8>> {
    fn commit(&mut self, writes: Writes) -> Result<(), Fault> {
        for (key, value) in writes {
            match value {
                Some(value) => self.insert(key, value),
                None => self.remove(&key),
            };
        }
        Ok(())
    }

    fn visit(&self, prefix: &[u8], see: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), Fault> {
        let entries = self.range(prefix.to_vec()..).take_while(|(key, _)| key.starts_with(prefix));
        entries.for_each(|(key, value)| see(key, value));
        Ok(())
    }
}

/// The state as a batch sees it: its own writes first, then what is committed.
pub struct Overlay<'a> {
    base: &'a dyn Base,
    writes: &'a mut Writes,
}

impl<'a> Overlay<'a> {
    /// Puts writes above a base.
    pub fn new(base: &'a dyn Base, writes: &'a mut Writes) -> Self {
        Self { base, writes }
    }
}

impl State for Overlay<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        get(self.base, self.writes, key)
    }

    fn scan(&self, prefix: &[u8]) -> Result<Entries, Fault> {
        scan(self.base, self.writes, prefix)
    }

    fn page(&self, prefix: &[u8], after: &[u8], most: usize) -> Result<Entries, Fault> {
        page(self.base, self.writes, prefix, after, most)
    }

    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.writes.insert(key, Some(value));
    }

    fn delete(&mut self, key: Vec<u8>) {
        self.writes.insert(key, None);
    }
}

/// [`Base::get`] with writes above it.
pub(crate) fn get(base: &dyn Base, writes: &Writes, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
    match writes.get(key) {
        Some(written) => Ok(written.clone()),
        None => base.get(key),
    }
}

/// [`Base::scan`] with writes above it.
pub(crate) fn scan(base: &dyn Base, writes: &Writes, prefix: &[u8]) -> Result<Entries, Fault> {
    let mut written =
        writes.range(prefix.to_vec()..).take_while(|(key, _)| key.starts_with(prefix)).peekable();
    let committed = base.scan(prefix)?;
    if written.peek().is_none() {
        return Ok(committed);
    }
    let mut merged: BTreeMap<Vec<u8>, Vec<u8>> = committed.into_iter().collect();
    for (key, value) in written {
        match value {
            Some(value) => merged.insert(key.clone(), value.clone()),
            None => merged.remove(key),
        };
    }
    Ok(merged.into_iter().collect())
}

/// [`Base::page`] with writes above it.
pub(crate) fn page(
    base: &dyn Base,
    writes: &Writes,
    prefix: &[u8],
    after: &[u8],
    most: usize,
) -> Result<Entries, Fault> {
    let committed = base.page(prefix, after, most)?;
    let begin = Bound::Excluded(prefix.max(after).to_vec());
    // Beyond the last entry of a full page the base may have more that come first.
    let end = committed.last().filter(|_| committed.len() == most).map(|(key, _)| key.clone());
    let mut merged: BTreeMap<Vec<u8>, Option<Vec<u8>>> =
        committed.into_iter().map(|(key, value)| (key, Some(value))).collect();
    let written = writes.range((begin, Bound::Unbounded));
    let within =
        written.take_while(|(key, _)| key.starts_with(prefix) && end.as_ref().is_none_or(|end| *key <= end));
    merged.extend(within.map(|(key, value)| (key.clone(), value.clone())));
    let there: Entries =
        merged.into_iter().filter_map(|(key, value)| Some((key, value?))).take(most).collect();
    match end {
        Some(end) if there.is_empty() => page(base, writes, prefix, &end, most),
        _ => Ok(there),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_sees_its_own_writes_and_the_base_stays_as_it_was() {
        let base: BTreeMap<Vec<u8>, Vec<u8>> = [
            (b"a1".to_vec(), b"old".to_vec()),
            (b"a2".to_vec(), b"old".to_vec()),
            (b"b".to_vec(), b"old".to_vec()),
        ]
        .into();
        let mut writes = Writes::new();
        let mut overlay = Overlay::new(&base, &mut writes);
        overlay.put(b"a3".to_vec(), b"new".to_vec());
        overlay.delete(b"a1".to_vec());
        overlay.put(b"a2".to_vec(), b"new".to_vec());
        let seen = overlay.scan(b"a").expect("memory cannot fail");
        assert_eq!(seen, [(b"a2".to_vec(), b"new".to_vec()), (b"a3".to_vec(), b"new".to_vec())]);
        assert_eq!(overlay.get(b"a1"), Ok(None));
        assert_eq!(overlay.page(b"a", b"", 1), Ok(seen[..1].to_vec()));
        assert_eq!(overlay.page(b"a", b"a2", 2), Ok(seen[1..].to_vec()));
        assert_eq!(overlay.page(b"a", b"a3", 2), Ok(Vec::new()));
        assert_eq!(Base::get(&base, b"a1"), Ok(Some(b"old".to_vec())));
    }
}
