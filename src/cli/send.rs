//! `forebay send`: send the bundled sample.

use std::process::ExitCode;

use super::arguments::{Flush, Send};
use super::flush;
use crate::config::Config;
use crate::send::{self, Options, Protocol};
use crate::units::Span;

/// Sends the sample, and says what became of it.
pub(super) fn run(config: &Config, arguments: Send) -> anyhow::Result<ExitCode> {
    let protocol = arguments.protocol;
    let is_ours = arguments.to.is_none();
    let to = arguments.to.unwrap_or_else(|| configured(config, protocol));
    let options = Options { to, protocol, count: arguments.count, timeout: arguments.timeout.duration() };
    let report = super::runtime()?.block_on(send::run(&options))?;
    super::print(&format!("to {} ({protocol})\n{report}", options.to))?;
    if !report.is_complete() {
        return Ok(ExitCode::FAILURE);
    }
    if is_ours && !arguments.no_flush {
        // Without it, the objects would appear only when the segment is old enough.
        return flush::run(config, &Flush { admin: None, wait: Span::seconds(60) });
    }
    Ok(ExitCode::SUCCESS)
}

/// The address at which a forebay with this configuration listens, as it is reached from the same machine.
fn configured(config: &Config, protocol: Protocol) -> String {
    let address = match protocol {
        Protocol::Grpc => &config.receive.grpc,
        Protocol::HttpProtobuf | Protocol::HttpJson => &config.receive.http,
    };
    match address.rsplit_once(':') {
        Some(("0.0.0.0", port)) => format!("http://127.0.0.1:{port}"),
        Some(("[::]", port)) => format!("http://[::1]:{port}"),
        _ => format!("http://{address}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_goes_where_the_configured_forebay_listens() {
        let mut config = Config::default();
        assert_eq!(configured(&config, Protocol::Grpc), "http://127.0.0.1:4317");
        config.receive.http = "0.0.0.0:80".to_owned();
        assert_eq!(configured(&config, Protocol::HttpJson), "http://127.0.0.1:80");
        config.receive.http = "[::]:80".to_owned();
        assert_eq!(configured(&config, Protocol::HttpProtobuf), "http://[::1]:80");
    }
}
