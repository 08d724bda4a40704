// Sends numbered items of all signals with OpenTelemetry's SDK for Node.js.
// node send.js ENDPOINT grpc|http-protobuf|http-json COUNT none|gzip
"use strict";

const { BatchLogRecordProcessor, LoggerProvider } = require("@opentelemetry/sdk-logs");
const { AggregationTemporality, MeterProvider, PeriodicExportingMetricReader } = require("@opentelemetry/sdk-metrics");
const { BasicTracerProvider, BatchSpanProcessor } = require("@opentelemetry/sdk-trace-base");

const [endpoint, protocol, count, compression] = [process.argv[2], process.argv[3], Number(process.argv[4]), process.argv[5]];
const kind = { grpc: "grpc", "http-protobuf": "proto", "http-json": "http" }[protocol];
const { OTLPLogExporter } = require(`@opentelemetry/exporter-logs-otlp-${kind}`);
const { OTLPMetricExporter } = require(`@opentelemetry/exporter-metrics-otlp-${kind}`);
const { OTLPTraceExporter } = require(`@opentelemetry/exporter-trace-otlp-${kind}`);
const to = (signal) => ({ url: protocol === "grpc" ? endpoint : `${endpoint}/v1/${signal}`, compression });
const attributes = (number) => ({ number, text: "grüße, 世界", double: 0.1 + 0.2, truth: true, texts: ["a", ""] });

async function main() {
  // No larger than the batches, so that nothing is dropped before it is sent.
  const batches = { maxQueueSize: 2 * count, maxExportBatchSize: 100 };
  const logs = new LoggerProvider({
    processors: [new BatchLogRecordProcessor({ exporter: new OTLPLogExporter(to("logs")), ...batches })],
  });
  const traces = new BasicTracerProvider({
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter(to("traces")), batches)],
  });
  // As Claude Code, which is written with this SDK, sends its sums.
  const exporter = new OTLPMetricExporter({ ...to("metrics"), temporalityPreference: AggregationTemporality.DELTA });
  const metrics = new MeterProvider({
    readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })],
  });
  const counter = metrics.getMeter("tier2").createCounter("tokens");
  for (let number = 0; number < count; number++) {
    logs.getLogger("tier2").emit({ body: `record ${number}`, severityNumber: 9, attributes: attributes(number) });
    traces.getTracer("tier2").startSpan(`span ${number}`, { attributes: attributes(number) }).end();
    counter.add(number, attributes(number));
  }
  await Promise.all([logs.forceFlush(), traces.forceFlush()]);
  await Promise.all([logs.shutdown(), traces.shutdown(), metrics.shutdown()]);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
