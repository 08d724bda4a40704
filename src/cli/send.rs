//! `forebay send`: send the bundled sample.

use std::process::ExitCode;

use super::arguments::{Flush, Send};
use super::flush;
use crate::config::Config;
use crate::listen::Address;
use crate::send::{self, Protocol};
use crate::units::Span;

/// Sends the sample, and says what became of it.
pub(super) fn run(config: &Config, arguments: Send) -> anyhow::Result<ExitCode> {
    let is_ours = arguments.to.is_none();
    let mut reaching = arguments.reaching;
    let to = if let Some(to) = arguments.to {
        to
    } else {
        let protocol = *reaching.protocol.get_or_insert(Protocol::Grpc);
        configured(config, protocol).map_err(anyhow::Error::msg)?
    };
    let receiver = reaching.receiver(to)?;
    let report = super::runtime()?.block_on(send::run(&receiver, arguments.count))?;
    super::print(&format!("to {} ({})\n{report}", receiver.to, receiver.protocol))?;
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
///
/// # Errors
/// If the sample cannot be sent there.
fn configured(config: &Config, protocol: Protocol) -> Result<String, String> {
    let (name, address) = match protocol {
        Protocol::Grpc => ("grpc", &config.receive.grpc),
        Protocol::HttpProtobuf | Protocol::HttpJson => ("http", &config.receive.http),
    };
    let own = config.receive.listeners.get(name);
    let tls = own.map_or(&config.receive.tls, |own| &own.tls);
    let auth = own.map_or(&config.receive.auth, |own| &own.auth);
    let cannot = |why: &str| format!("receive.{name} is {address}, which {why}");
    if tls.is_on() || auth.is_on() {
        return Err(cannot(
            "has TLS or asks for credentials; say how it is reached with --to, --header and --ca-file",
        ));
    }
    let Ok(Address::Tcp(address)) = Address::parse(name, address) else {
        return Err(cannot(
            "is no address of the network; name another listener with --to, or point a client at it",
        ));
    };
    Ok(match address.rsplit_once(':') {
        Some(("0.0.0.0", port)) => format!("http://127.0.0.1:{port}"),
        Some(("[::]", port)) => format!("http://[::1]:{port}"),
        _ => format!("http://{address}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_goes_where_the_configured_forebay_listens() {
        let mut config = Config::default();
        let address = |text: &str| Ok(text.to_owned());
        assert_eq!(configured(&config, Protocol::Grpc), address("http://127.0.0.1:4317"));
        config.receive.http = "0.0.0.0:80".to_owned();
        assert_eq!(configured(&config, Protocol::HttpJson), address("http://127.0.0.1:80"));
        config.receive.http = "[::]:80".to_owned();
        assert_eq!(configured(&config, Protocol::HttpProtobuf), address("http://[::1]:80"));
        config.receive.http = "off".to_owned();
        let error = configured(&config, Protocol::HttpJson).unwrap_err();
        assert!(
            error.starts_with("receive.http is off, which is no address of the network; name another"),
            "{error}"
        );
        config.receive.auth.tokens_file = Some("/tokens".into());
        let error = configured(&config, Protocol::Grpc).unwrap_err();
        assert!(error.starts_with("receive.grpc is 127.0.0.1:4317, which has TLS or asks"), "{error}");
    }
}
