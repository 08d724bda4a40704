//! Metrics of listeners: TLS and credentials.

use metrics::{counter, gauge};

/// `forebay_tls_reload_failures_total`: new certificates, keys or authorities of a listener that were not taken because
/// they are broken; the old ones stay in use until they expire. The log says which file it is, and what is wrong.
pub fn reload_failures(listener: &str, by: u64) {
    counter!("forebay_tls_reload_failures_total", "listener" => listener.to_owned()).increment(by);
}

/// `forebay_tls_certificate_expiry_seconds`: how long a listener's certificate is still good for; less than 0 once it is
/// not. Alert before it is a few days, and see why nobody has put a new one into its file.
pub fn certificate_expiry(listener: &str, seconds: f64) {
    gauge!("forebay_tls_certificate_expiry_seconds", "listener" => listener.to_owned()).set(seconds);
}

/// `forebay_tls_handshake_failures_total`: connections that ended before they were encrypted. Clients that speak no TLS, do
/// not trust the certificate or have none to show; the log says which, at the level debug.
pub fn handshake_failures(listener: &str, by: u64) {
    counter!("forebay_tls_handshake_failures_total", "listener" => listener.to_owned()).increment(by);
}

/// `forebay_auth_reload_failures_total`: new files of tokens or users that were not taken because they are broken or gone;
/// what was known stays known. The log says which file it is, and what is wrong.
pub fn auth_reload_failures(listener: &str, by: u64) {
    counter!("forebay_auth_reload_failures_total", "listener" => listener.to_owned()).increment(by);
}

/// `forebay_auth_failures_total`: requests without credentials that are known, by reason. `missing` and `malformed`: a
/// client is not set up. `unknown_token` and `wrong_password`: its credentials are old, or somebody guesses. `forbidden`: it
/// names a tenant that is not its own.
pub fn auth_failures(listener: &str, reason: &'static str, by: u64) {
    counter!("forebay_auth_failures_total", "listener" => listener.to_owned(), "reason" => reason)
        .increment(by);
}
