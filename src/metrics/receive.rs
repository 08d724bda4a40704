//! Metrics of the stage `receive`.
