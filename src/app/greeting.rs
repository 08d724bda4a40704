//! What forebay says when it has started.

use crate::admin::Listener;
use crate::config::Config;

/// Where it listens, where the objects go, and how a client is pointed at it.
pub fn greeting(config: &Config, listeners: &[Listener]) -> String {
    let (admin, otlp): (Vec<_>, Vec<_>) = listeners.iter().partition(|listener| listener.name == "admin");
    let admin = admin.first().map_or_else(
        || "off".to_owned(),
        |listener| format!("{}: the status page, /metrics, /readyz, /status", listener.address),
    );
    let (version, to, data_dir) = (env!("CARGO_PKG_VERSION"), &config.upload.to, config.data_dir.display());
    let seal_after = config.log.seal_after;
    let budget = config.log.disk_budget;
    let (addresses, client) = (addresses(&otlp), client(&otlp));
    format!(
        "\
forebay {version}
  OTLP      {addresses}
  objects   {to}
            one per signal when a segment is full or {seal_after} old; now: forebay flush
  data      {data_dir}, up to {budget}
  admin     {admin}

{client}and without a client at hand: forebay send

"
    )
}

/// The addresses for telemetry, and what is spoken there.
fn addresses(otlp: &[&Listener]) -> String {
    let address = |listener: &&Listener| {
        let tls = if listener.tls { " (TLS)" } else { "" };
        format!("{}{tls}", listener.address)
    };
    let addresses: Vec<_> = otlp.iter().map(address).collect();
    match addresses.as_slice() {
        [one] => format!("{one}, gRPC and HTTP"),
        [one, other] => format!("{one} and {other}, gRPC and HTTP on both"),
        all => format!("{}, gRPC and HTTP on all", all.join(", ")),
    }
}

/// How Claude Code is pointed at the first address of the network.
fn client(otlp: &[&Listener]) -> String {
    let Some(listener) = otlp.iter().find(|listener| !listener.address.starts_with("unix:")) else {
        return String::new();
    };
    let scheme = if listener.tls { "https" } else { "http" };
    let address = &listener.address;
    let mut client = format!(
        "\
Claude Code sends its telemetry here with
  export CLAUDE_CODE_ENABLE_TELEMETRY=1
  export OTEL_METRICS_EXPORTER=otlp OTEL_LOGS_EXPORTER=otlp
  export OTEL_EXPORTER_OTLP_PROTOCOL=grpc
  export OTEL_EXPORTER_OTLP_ENDPOINT={scheme}://{address}
"
    );
    if listener.auth {
        client.push_str("  export OTEL_EXPORTER_OTLP_HEADERS=\"Authorization=Bearer <its token>\"\n");
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(name: &str, address: &str, tls: bool) -> Listener {
        Listener { name: name.to_owned(), address: address.to_owned(), tls, auth: tls }
    }

    #[test]
    fn every_listener_is_named_and_a_client_is_pointed_at_one_that_it_can_reach() {
        let config = Config::default();
        let both = [
            listener("grpc", "127.0.0.1:4317", false),
            listener("http", "127.0.0.1:4318", false),
            listener("admin", "127.0.0.1:13133", false),
        ];
        let said = greeting(&config, &both);
        for line in [
            "  OTLP      127.0.0.1:4317 and 127.0.0.1:4318, gRPC and HTTP on both\n",
            "  admin     127.0.0.1:13133: the status page, /metrics",
            "ENDPOINT=http://127.0.0.1:4317\nand without",
        ] {
            assert!(said.contains(line), "{said}");
        }
        let others = [
            listener("grpc", "unix:/run/f.sock", false),
            listener("http", "0.0.0.0:4318", true),
            listener("inside", "127.0.0.1:9", false),
        ];
        let said = greeting(&config, &others);
        for line in [
            "  OTLP      unix:/run/f.sock, 0.0.0.0:4318 (TLS), 127.0.0.1:9, gRPC and HTTP on all\n",
            "  admin     off\n",
            "ENDPOINT=https://0.0.0.0:4318\n  export OTEL_EXPORTER_OTLP_HEADERS=\"Authorization=Bearer <its token>\"\n",
        ] {
            assert!(said.contains(line), "{said}");
        }
    }
}
