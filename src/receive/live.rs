//! What requests go by, and what may be changed for those that come later.

use std::sync::{Arc, PoisonError, RwLock};

/// Something that is replaced as a whole; who has it keeps what it was.
#[derive(Debug)]
pub(super) struct Live<T>(RwLock<Arc<T>>);

impl<T> Live<T> {
    pub(super) fn new(first: T) -> Self {
        Self(RwLock::new(Arc::new(first)))
    }

    /// What it is now.
    pub(super) fn get(&self) -> Arc<T> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes it another one.
    pub(super) fn set(&self, other: T) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(other);
    }
}
