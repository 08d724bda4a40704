//! What makes faults.

pub(crate) mod interposer;
