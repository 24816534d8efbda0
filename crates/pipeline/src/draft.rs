//! A draft: what would become of a store, while the store stays as it is.

use std::collections::BTreeMap;

use kinfold_model::Fault;
use kinfold_model::seam::Entries;

use crate::overlay::{Base, Store, Writes, get, page, scan};

/// A store whose commits stay in memory, above another one that is only read.
pub struct Draft<'s, S> {
    store: &'s S,
    writes: Writes,
}

impl<'s, S: Store> Draft<'s, S> {
    /// Begins with what the store holds.
    #[must_use]
    pub fn new(store: &'s S) -> Self {
        Self { store, writes: BTreeMap::new() }
    }
}

impl<S: Store> Base for Draft<'_, S> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        get(self.store, &self.writes, key)
    }

    fn scan(&self, prefix: &[u8]) -> Result<Entries, Fault> {
        scan(self.store, &self.writes, prefix)
    }

    fn page(&self, prefix: &[u8], after: &[u8], most: usize) -> Result<Entries, Fault> {
        page(self.store, &self.writes, prefix, after, most)
    }
}

impl<S: Store> Store for Draft<'_, S> {
    fn commit(&mut self, writes: Writes) -> Result<(), Fault> {
        self.writes.extend(writes);
        Ok(())
    }

    fn visit(&self, prefix: &[u8], see: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), Fault> {
        let within = self.writes.range(prefix.to_vec()..).take_while(|(key, _)| key.starts_with(prefix));
        let mut written = within.peekable();
        self.store.visit(prefix, &mut |key, value| {
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

#[cfg(test)]
mod tests {
    use super::*;

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
        let mut draft = Draft::new(&before);
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
        assert_eq!(Base::get(&before, b"a1"), Ok(Some(b"1".to_vec())));
    }
}
