//! What makes faults.

pub(crate) mod interposer;
pub(crate) mod proxy;
