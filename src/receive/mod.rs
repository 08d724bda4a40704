//! The first stage: OTLP over gRPC and HTTP becomes an [`Export`], and the answer to its client.
//!
//! An OK is built only from a proof that the export is on disk ([`Intake::Durable`]); this stage does not know who
//! gives it.

mod export;
mod intake;

pub use export::Export;
pub use intake::{Intake, Refusal};
