//! forebay is a durable edge buffer for OpenTelemetry.
//!
//! It takes OTLP over gRPC and HTTP, writes every export to an on-disk log *before* it acknowledges it, and delivers
//! every acknowledged export exactly once to a bucket, as compressed objects that analysts' tools read.
//!
//! ```text
//! client --OTLP--> receive --> log ==seal==> pack --> upload --> bucket
//!                     ^         |              |         |
//!                     +--ack----+              +-- catalog (ledger) --> status, metrics, resume
//! ```
//!
//! Each stage turns one noun into the next: an **Export** comes in, is a **Record** in the log, which fills a
//! **Segment**, which becomes **Objects**, each confirmed by a **Receipt**. A stage knows the stages before it and
//! never those after it; only `app` knows all of them.

pub mod admin;
pub mod app;
pub mod archive;
pub mod catalog;
pub mod cli;
pub mod collector;
pub mod config;
pub mod disk;
pub mod listen;
pub mod load;
pub mod log;
pub mod metrics;
pub mod notify;
pub mod otlp;
pub mod pack;
pub mod process;
pub mod receive;
pub mod replay;
pub mod rows;
pub mod secret;
pub mod send;
pub mod telemetry;
pub mod thread;
pub mod units;
pub mod upload;
mod words;
