//! Metrics of the stage `pack`.
