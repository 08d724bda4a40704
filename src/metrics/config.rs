//! Metrics of the configuration.

use metrics::{counter, gauge};

/// Makes the metrics show up before anything happens, so that a first failure is a change that alerts see.
pub fn register() {
    for result in ["taken", "refused"] {
        counter!("forebay_config_reloads_total", "result" => result).increment(0);
    }
    gauge!("forebay_config_last_reload_failed").set(0.0);
}

/// `forebay_config_reloads_total`: the configuration was read again and `taken`, or `refused` because it is wrong.
/// `forebay_config_last_reload_failed` is 1 until a later one is taken: the settings in force are not those in the file;
/// `forebay check` says what is wrong with that.
pub fn reloaded(is_taken: bool) {
    let result = if is_taken { "taken" } else { "refused" };
    counter!("forebay_config_reloads_total", "result" => result).increment(1);
    gauge!("forebay_config_last_reload_failed").set(if is_taken { 0.0 } else { 1.0 });
}
