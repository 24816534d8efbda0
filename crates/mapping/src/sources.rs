//! All sources of a deployment. Workers share them, and each record sees those of its moment.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::source::Source;

/// Sources by name.
pub type ByName = BTreeMap<String, Arc<Source>>;

/// The sources in use.
#[derive(Default)]
pub struct Sources {
    current: Mutex<Arc<ByName>>,
}

impl Sources {
    /// Begins with these.
    #[must_use]
    pub fn new(sources: ByName) -> Self {
        Self { current: Mutex::new(Arc::new(sources)) }
    }

    /// Those of now.
    #[must_use]
    pub fn current(&self) -> Arc<ByName> {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The source of a name; `None`: its records are canonical.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<Source>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Uses these from now on.
    pub fn replace(&self, sources: ByName) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(sources);
    }
}
