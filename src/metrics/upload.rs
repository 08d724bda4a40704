//! Metrics of the stage `upload`.
