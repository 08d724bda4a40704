//! What forebay says when it has started.

use crate::admin::Listener;
use crate::config::Config;

/// Where it listens, where the objects go, and how a client is pointed at it.
pub fn greeting(config: &Config, listeners: &[Listener]) -> String {
    let address = |name: &str| {
        let found = listeners.iter().find(|listener| listener.name == name);
        found.map_or_else(|| "off".to_owned(), |listener| listener.address.clone())
    };
    let (grpc, http, admin) = (address("grpc"), address("http"), address("admin"));
    let (version, to, data_dir) = (env!("CARGO_PKG_VERSION"), &config.upload.to, config.data_dir.display());
    let seal_after = config.log.seal_after;
    let budget = config.log.disk_budget;
    format!(
        "\
forebay {version}
  OTLP      {grpc} and {http}, gRPC and HTTP on both
  objects   {to}
            one per signal when a segment is full or {seal_after} old; now: forebay flush
  data      {data_dir}, up to {budget}
  admin     {admin}: /metrics, /readyz, /status

Claude Code sends its telemetry here with
  export CLAUDE_CODE_ENABLE_TELEMETRY=1
  export OTEL_METRICS_EXPORTER=otlp OTEL_LOGS_EXPORTER=otlp
  export OTEL_EXPORTER_OTLP_PROTOCOL=grpc
  export OTEL_EXPORTER_OTLP_ENDPOINT=http://{grpc}
and without a client at hand: forebay send

"
    )
}
