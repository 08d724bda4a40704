//! Every metric has one function here, documented by what an operator should do when it moves.
//!
//! The modules follow the stages. `otelcol_*` names are the OpenTelemetry Collector's, so that its alerts and
//! dashboards work unchanged.

pub mod catalog;
pub mod config;
mod descriptions;
pub mod disk;
pub mod listen;
pub mod log;
pub mod pack;
pub mod process;
pub mod queue;
pub mod receive;
pub mod telemetry;
pub mod upload;

pub use descriptions::describe;
