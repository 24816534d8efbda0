//! The overlay: what a batch has written so far, above the state that was committed. Nothing uncommitted ever
//! reaches the store.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::ops::Bound;

use kinfold_model::seam::Entries;
use kinfold_model::{Fault, State, View};

/// What a batch changes, by key; `None` deletes.
pub type Writes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// A store: committed state, and the only way to change it.
pub trait Store: View {
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

/// The state as a batch sees it: its own writes first, then what is committed. It can be written to when it has the only
/// reference to the writes.
pub struct Overlay<'a, W, B: ?Sized = dyn View + 'a> {
    base: &'a B,
    writes: W,
}

impl<'a, W, B: ?Sized> Overlay<'a, W, B> {
    /// Puts writes above a base.
    pub fn new(base: &'a B, writes: W) -> Self {
        Self { base, writes }
    }
}

impl<W: Borrow<Writes>, B: View + ?Sized> View for Overlay<'_, W, B> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        match self.writes.borrow().get(key) {
            Some(written) => Ok(written.clone()),
            None => self.base.get(key),
        }
    }

    fn scan(&self, prefix: &[u8]) -> Result<Entries, Fault> {
        let mut written = within(self.writes.borrow(), prefix).peekable();
        let committed = self.base.scan(prefix)?;
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

    fn page(&self, prefix: &[u8], after: &[u8], most: usize) -> Result<Entries, Fault> {
        let committed = self.base.page(prefix, after, most)?;
        let begin = Bound::Excluded(prefix.max(after).to_vec());
        // Beyond the last entry of a full page the base may have more that come first.
        let end = committed.last().filter(|_| committed.len() == most).map(|(key, _)| key.clone());
        let mut merged: BTreeMap<Vec<u8>, Option<Vec<u8>>> =
            committed.into_iter().map(|(key, value)| (key, Some(value))).collect();
        let written = self.writes.borrow().range((begin, Bound::Unbounded));
        let within = written
            .take_while(|(key, _)| key.starts_with(prefix) && end.as_ref().is_none_or(|end| *key <= end));
        merged.extend(within.map(|(key, value)| (key.clone(), value.clone())));
        let there: Entries =
            merged.into_iter().filter_map(|(key, value)| Some((key, value?))).take(most).collect();
        match end {
            Some(end) if there.is_empty() => self.page(prefix, &end, most),
            _ => Ok(there),
        }
    }
}

impl<B: View + ?Sized> State for Overlay<'_, &mut Writes, B> {
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.writes.insert(key, Some(value));
    }

    fn delete(&mut self, key: Vec<u8>) {
        self.writes.insert(key, None);
    }
}

/// An overlay with writes of its own is a draft: what would become of a store, while the store stays as it is.
pub type Draft<'s, S> = Overlay<'s, Writes, S>;

impl<S: Store> Store for Draft<'_, S> {
    fn commit(&mut self, writes: Writes) -> Result<(), Fault> {
        self.writes.extend(writes);
        Ok(())
    }

    fn visit(&self, prefix: &[u8], see: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), Fault> {
        let mut written = within(&self.writes, prefix).peekable();
        self.base.visit(prefix, &mut |key, value| {
            while let Some((new, put)) = written.next_if(|(new, _)| new.as_slice() < key) {
                put.iter().for_each(|put| see(new, put));
            }
            match written.next_if(|(new, _)| new.as_slice() == key) {
                Some((_, put)) => put.iter().for_each(|put| see(key, put)),
                None => see(key, value),
            }
        })?;
        written.for_each(|(new, put)| put.iter().for_each(|put| see(new, put)));
        Ok(())
    }
}

/// The writes to keys that begin with `prefix`, in the order of keys.
fn within<'w>(writes: &'w Writes, prefix: &[u8]) -> impl Iterator<Item = (&'w Vec<u8>, &'w Option<Vec<u8>>)> {
    writes.range(prefix.to_vec()..).take_while(move |(key, _)| key.starts_with(prefix))
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
        assert_eq!(View::get(&base, b"a1"), Ok(Some(b"old".to_vec())));
    }

    fn entry(key: &str, value: Option<&str>) -> (Vec<u8>, Option<Vec<u8>>) {
        (key.as_bytes().to_vec(), value.map(|value| value.as_bytes().to_vec()))
    }

    #[test]
    fn a_draft_reads_as_the_store_would_after_the_same_commits_and_the_store_stays_as_it_was() {
        let first =
            [entry("a1", Some("1")), entry("a3", Some("3")), entry("a5", Some("5")), entry("b", Some("6"))];
        let second = [
            entry("a0", Some("new")),
            entry("a1", None),
            entry("a2", None),
            entry("a3", Some("other")),
            entry("a6", Some("new")),
        ];
        let mut store = BTreeMap::new();
        store.commit(first.into()).expect("memory cannot fail");
        let before = store.clone();
        let mut draft = Draft::new(&before, Writes::new());
        draft.commit(second.clone().into()).expect("memory cannot fail");
        store.commit(second.into()).expect("memory cannot fail");
        for prefix in [&b""[..], b"a", b"b", b"c"] {
            let (mut seen, expected) = (Vec::new(), store.scan(prefix).expect("memory cannot fail"));
            let see = &mut |key: &[u8], value: &[u8]| seen.push((key.to_vec(), value.to_vec()));
            draft.visit(prefix, see).expect("memory cannot fail");
            assert_eq!(seen, expected);
            assert_eq!(draft.scan(prefix), Ok(expected));
            assert_eq!(draft.page(prefix, b"a1", 2), store.page(prefix, b"a1", 2));
        }
        assert_eq!(draft.get(b"a1"), Ok(None));
        assert_eq!(View::get(&before, b"a1"), Ok(Some(b"1".to_vec())));
    }
}
