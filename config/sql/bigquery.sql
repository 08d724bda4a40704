-- Forebay's Parquet objects in BigQuery, as external tables on Cloud Storage.
--
-- Put in your bucket and prefix for gs://BUCKET/PREFIX (what upload.to and objects.prefix say together; without a prefix
-- gs://BUCKET), and your data set for DATASET. The keys are those of the default objects.key.
--
-- date and hour come from the folders and say when the data was received, in UTC; timestamp says when it happened. A
-- question about the last days is cheap if it names date.
--
-- The maps are lists of pairs here: (SELECT value FROM UNNEST(attributes.key_value) WHERE key = 'query_source').
--
-- Columns of objects.columns come behind extra, by their names: STRING, INT64 (int), FLOAT64 (double) or BOOL (bool).

CREATE EXTERNAL TABLE IF NOT EXISTS DATASET.logs (
  `id` STRING,
  `timestamp` TIMESTAMP,
  `time_unix_nano` INT64,
  `received_at` TIMESTAMP,
  `service_name` STRING,
  `service_version` STRING,
  `scope_name` STRING,
  `scope_version` STRING,
  `session_id` STRING,
  `user_id` STRING,
  `user_email` STRING,
  `user_account_uuid` STRING,
  `organization_id` STRING,
  `terminal_type` STRING,
  `app_version` STRING,
  `model` STRING,
  `attributes` STRUCT<key_value ARRAY<STRUCT<key STRING, value STRING>>>,
  `resource_attributes` STRUCT<key_value ARRAY<STRUCT<key STRING, value STRING>>>,
  `observed_timestamp` TIMESTAMP,
  `event_name` STRING,
  `event_sequence` INT64,
  `prompt_id` STRING,
  `severity_number` INT64,
  `severity_text` STRING,
  `body` STRING,
  `trace_id` STRING,
  `span_id` STRING,
  `tool_name` STRING,
  `decision` STRING,
  `success` BOOL,
  `error` STRING,
  `status_code` STRING,
  `cost_usd` FLOAT64,
  `duration_ms` FLOAT64,
  `input_tokens` INT64,
  `output_tokens` INT64,
  `cache_read_tokens` INT64,
  `cache_creation_tokens` INT64,
  `extra` STRING
)
WITH PARTITION COLUMNS (`date` DATE, `hour` STRING)
OPTIONS (
  format = 'PARQUET',
  enable_list_inference = TRUE,
  hive_partition_uri_prefix = 'gs://BUCKET/PREFIX/logs',
  uris = ['gs://BUCKET/PREFIX/logs/*.parquet']
);

CREATE EXTERNAL TABLE IF NOT EXISTS DATASET.metrics (
  `id` STRING,
  `timestamp` TIMESTAMP,
  `time_unix_nano` INT64,
  `received_at` TIMESTAMP,
  `service_name` STRING,
  `service_version` STRING,
  `scope_name` STRING,
  `scope_version` STRING,
  `session_id` STRING,
  `user_id` STRING,
  `user_email` STRING,
  `user_account_uuid` STRING,
  `organization_id` STRING,
  `terminal_type` STRING,
  `app_version` STRING,
  `model` STRING,
  `attributes` STRUCT<key_value ARRAY<STRUCT<key STRING, value STRING>>>,
  `resource_attributes` STRUCT<key_value ARRAY<STRUCT<key STRING, value STRING>>>,
  `start_timestamp` TIMESTAMP,
  `metric_name` STRING,
  `metric_unit` STRING,
  `metric_type` STRING,
  `temporality` STRING,
  `is_monotonic` BOOL,
  `value` FLOAT64,
  `value_int` INT64,
  `attr_type` STRING,
  `count` INT64,
  `sum` FLOAT64,
  `min` FLOAT64,
  `max` FLOAT64,
  `bucket_counts` ARRAY<INT64>,
  `explicit_bounds` ARRAY<FLOAT64>,
  `flags` INT64,
  `extra` STRING
)
WITH PARTITION COLUMNS (`date` DATE, `hour` STRING)
OPTIONS (
  format = 'PARQUET',
  enable_list_inference = TRUE,
  hive_partition_uri_prefix = 'gs://BUCKET/PREFIX/metrics',
  uris = ['gs://BUCKET/PREFIX/metrics/*.parquet']
);

CREATE EXTERNAL TABLE IF NOT EXISTS DATASET.traces (
  `id` STRING,
  `timestamp` TIMESTAMP,
  `time_unix_nano` INT64,
  `received_at` TIMESTAMP,
  `service_name` STRING,
  `service_version` STRING,
  `scope_name` STRING,
  `scope_version` STRING,
  `session_id` STRING,
  `user_id` STRING,
  `user_email` STRING,
  `user_account_uuid` STRING,
  `organization_id` STRING,
  `terminal_type` STRING,
  `app_version` STRING,
  `model` STRING,
  `attributes` STRUCT<key_value ARRAY<STRUCT<key STRING, value STRING>>>,
  `resource_attributes` STRUCT<key_value ARRAY<STRUCT<key STRING, value STRING>>>,
  `end_timestamp` TIMESTAMP,
  `duration_ns` INT64,
  `trace_id` STRING,
  `span_id` STRING,
  `parent_span_id` STRING,
  `trace_state` STRING,
  `span_name` STRING,
  `span_kind` INT64,
  `status_code` INT64,
  `status_message` STRING,
  `events` STRING,
  `links` STRING,
  `extra` STRING
)
WITH PARTITION COLUMNS (`date` DATE, `hour` STRING)
OPTIONS (
  format = 'PARQUET',
  enable_list_inference = TRUE,
  hive_partition_uri_prefix = 'gs://BUCKET/PREFIX/traces',
  uris = ['gs://BUCKET/PREFIX/traces/*.parquet']
);

-- Cost per user and day.
SELECT user_id, DATE(timestamp) AS day, SUM(value) AS cost_usd
FROM DATASET.metrics
WHERE metric_name = 'claude_code.cost.usage'
GROUP BY 1, 2
ORDER BY 2, 1;

-- Tokens per session and type, of what was received in the last seven days.
SELECT session_id, attr_type AS type, SUM(value) AS tokens
FROM DATASET.metrics
WHERE metric_name = 'claude_code.token.usage'
  AND date >= DATE_SUB(CURRENT_DATE(), INTERVAL 7 DAY)
GROUP BY 1, 2
ORDER BY 1, 2;

-- The rate of failed requests per model.
SELECT model, AVG(IF(event_name = 'api_error', 1.0, 0.0)) AS error_rate
FROM DATASET.logs
WHERE event_name IN ('api_request', 'api_error')
GROUP BY 1
ORDER BY 1;
