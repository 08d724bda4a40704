//! OTLP as it lies on the wire: the signals, the schema of their messages, and what is done with encoded messages
//! without ever building an object tree of them.

mod signal;

pub use signal::Signal;
