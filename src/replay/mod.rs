//! Sends what was written to a receiver of OTLP again, in the order in which it was received.
//!
//! Requests go one after the other, and the next one only when the one before it is taken, so that the order holds. They
//! are as large as the receiver may like, for a bucket has many small ones: resources are gathered up to a limit, and never
//! beyond the object they lie in. What is not taken is tried again as OTLP says.
//!
//! A [`State`] keeps on disk how far it has come, by the resource. After a kill at most the request that was under way is
//! sent again, with the same bytes, which a forebay at the other end knows from its resends.

mod error;
mod gathering;
mod options;
mod pace;
mod patience;
mod report;
mod sending;
mod state;

pub use error::Error;
pub use options::Options;
pub use report::{Event, Report};
pub use sending::Replay;
pub use state::{Of, State};
