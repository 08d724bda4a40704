//! What the exporter and the libraries below it have to say is written to the standard error and never exported: it would be
//! the reason for the next export.
//!
//! What the exporter's own tasks say is known by the task. Libraries have tasks of their own for their connections, and what
//! these say is known by where it comes from.

use std::future::Future;

tokio::task_local! {
    static QUIET: ();
}

/// Crates that carry an export over the network; nothing of what they say is exported, for whomever they say it.
const CARRIERS: [&str; 10] = [
    "h2",
    "hyper",
    "hyper_util",
    "hyper_rustls",
    "reqwest",
    "rustls",
    "rustls_platform_verifier",
    "tokio_rustls",
    "tonic",
    "tower",
];

/// Runs something of which nothing is exported.
pub(super) async fn quietly<F: Future>(future: F) -> F::Output {
    QUIET.scope((), future).await
}

/// The same for what waits.
pub(super) fn quietly_blocking<T>(work: impl FnOnce() -> T) -> T {
    QUIET.sync_scope((), work)
}

/// Whether what is said here and now, by this part of the code, may be exported.
pub(in crate::telemetry) fn may_be_exported(target: &str) -> bool {
    let carrier = target.split("::").next().unwrap_or_default();
    let is_own = target.starts_with("forebay::telemetry::export");
    !is_own && !CARRIERS.contains(&carrier) && QUIET.try_with(|()| ()).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_the_exporter_and_its_carriers_say_is_not_exported() {
        for target in
            ["h2::client", "hyper_util::client::legacy", "reqwest", "forebay::telemetry::export::carrier"]
        {
            assert!(!may_be_exported(target), "{target}");
        }
        for target in ["forebay::upload", "forebay::telemetry::logs", "sled", "h2o"] {
            assert!(may_be_exported(target), "{target}");
            assert!(!quietly(async { may_be_exported(target) }).await, "{target}");
            assert!(!quietly_blocking(|| may_be_exported(target)), "{target}");
            let elsewhere = quietly(async { tokio::spawn(async move { may_be_exported(target) }).await });
            assert!(elsewhere.await.unwrap(), "only what the task itself says is known by the task");
        }
    }
}
