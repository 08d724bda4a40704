//! Metrics of the stage `log`.
