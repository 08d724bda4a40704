//! What scenarios play in.

pub(crate) mod admin;
pub(crate) mod audit;
pub(crate) mod bucket;
pub(crate) mod cases;
pub(crate) mod clients;
pub(crate) mod damaged;
pub(crate) mod ledger;
pub(crate) mod outputs;
pub(crate) mod random;
pub(crate) mod remains;
pub(crate) mod scene;
pub(crate) mod seaweedfs;
pub(crate) mod segment;
pub(crate) mod telemetry;
pub(crate) mod witness;
