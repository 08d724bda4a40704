//! What makes faults.

pub(crate) mod damage;
pub(crate) mod interposer;
pub(crate) mod mount;
pub(crate) mod proxy;
