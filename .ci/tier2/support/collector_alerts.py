"""The alerts that people have for the OpenTelemetry Collector, as they stand, with the rates of these tests.

helm: charts/opentelemetry-collector/templates/prometheusrule.yaml of open-telemetry/opentelemetry-helm-charts.
alloy: operations/alloy-mixin/alerts/opentelemetry.libsonnet of grafana/alloy.
documentation: content/en/docs/collector/internal-telemetry.md of open-telemetry/opentelemetry.io, in whose words queue
size and capacity, refused items, and ingress and egress are what is to be watched.
"""

from .monitoring import RATES

SIGNALS = ["spans", "metric_points", "log_records"]

SUCCESS = "(1 - (rate({failed}[RANGE]) / (rate({failed}[RANGE]) + rate({good}[RANGE])))) < 0.95"

COUNTERS = {
    "ReceiverDropped": "otelcol_receiver_refused",
    "ExporterDropped": "otelcol_exporter_send_failed",
    "SendQueueFailed": "otelcol_exporter_enqueue_failed",
}

EXPRESSIONS = {
    **{
        f"helm: {alert} {signal}": f"rate({counter}_{signal}_total[RANGE]) > 0"
        for alert, counter in COUNTERS.items()
        for signal in SIGNALS
    },
    "helm: ExporterQueueSize": "otelcol_exporter_queue_size > otelcol_exporter_queue_capacity * 0.8",
    "alloy: OtelcolReceiverRefusedSpans": SUCCESS.format(
        failed="otelcol_receiver_refused_spans_total", good="otelcol_receiver_accepted_spans_total"
    ),
    "alloy, of logs: OtelcolReceiverRefusedSpans": SUCCESS.format(
        failed="otelcol_receiver_refused_log_records_total", good="otelcol_receiver_accepted_log_records_total"
    ),
    "alloy: OtelcolExporterFailedSpans": SUCCESS.format(
        failed="otelcol_exporter_send_failed_spans_total", good="otelcol_exporter_sent_spans_total"
    ),
    "documentation: ingress without egress": (
        "sum by (instance) (rate(otelcol_receiver_accepted_log_records_total[RANGE])) > 0"
        " and sum by (instance) (rate(otelcol_exporter_sent_log_records_total[RANGE])) == 0"
    ),
}


def verdicts(prometheus):
    """Which of them are true, and for which instance."""
    return {
        (name, labels["instance"])
        for name, expression in EXPRESSIONS.items()
        for labels, _ in prometheus.query(expression.replace("RANGE", RATES))
    }
