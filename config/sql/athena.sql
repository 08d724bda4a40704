-- Forebay's Parquet objects in Amazon Athena, engine version 3.
--
-- Put in your bucket and prefix for s3://BUCKET/PREFIX (what upload.to and objects.prefix say together; without a prefix
-- s3://BUCKET), and run the statements one by one. The keys are those of the default objects.key.
--
-- No crawler and no MSCK REPAIR TABLE is needed: Athena works the folders out by itself (partition projection). date and
-- hour say when the data was received, in UTC; timestamp says when it happened. A question about the last days is cheap if
-- it names date. Folders before projection.date.range are not seen: move its beginning if you have older data.
--
-- Columns of objects.columns come behind extra, by their names: STRING, BIGINT (int), DOUBLE or BOOLEAN (bool). Objects
-- that were made before such a column was configured show it as null.

CREATE EXTERNAL TABLE IF NOT EXISTS logs (
  `id` STRING,
  `timestamp` TIMESTAMP,
  `time_unix_nano` BIGINT,
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
  `attributes` MAP<STRING, STRING>,
  `resource_attributes` MAP<STRING, STRING>,
  `observed_timestamp` TIMESTAMP,
  `event_name` STRING,
  `event_sequence` BIGINT,
  `prompt_id` STRING,
  `severity_number` INT,
  `severity_text` STRING,
  `body` STRING,
  `trace_id` STRING,
  `span_id` STRING,
  `tool_name` STRING,
  `decision` STRING,
  `success` BOOLEAN,
  `error` STRING,
  `status_code` STRING,
  `cost_usd` DOUBLE,
  `duration_ms` DOUBLE,
  `input_tokens` BIGINT,
  `output_tokens` BIGINT,
  `cache_read_tokens` BIGINT,
  `cache_creation_tokens` BIGINT,
  `extra` STRING
)
PARTITIONED BY (`date` STRING, `hour` STRING)
STORED AS PARQUET
LOCATION 's3://BUCKET/PREFIX/logs/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.date.type' = 'date',
  'projection.date.format' = 'yyyy-MM-dd',
  'projection.date.range' = '2026-01-01,NOW',
  'projection.date.interval' = '1',
  'projection.date.interval.unit' = 'DAYS',
  'projection.hour.type' = 'integer',
  'projection.hour.range' = '0,23',
  'projection.hour.digits' = '2',
  'storage.location.template' = 's3://BUCKET/PREFIX/logs/date=${date}/hour=${hour}/'
);

CREATE EXTERNAL TABLE IF NOT EXISTS metrics (
  `id` STRING,
  `timestamp` TIMESTAMP,
  `time_unix_nano` BIGINT,
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
  `attributes` MAP<STRING, STRING>,
  `resource_attributes` MAP<STRING, STRING>,
  `start_timestamp` TIMESTAMP,
  `metric_name` STRING,
  `metric_unit` STRING,
  `metric_type` STRING,
  `temporality` STRING,
  `is_monotonic` BOOLEAN,
  `value` DOUBLE,
  `value_int` BIGINT,
  `attr_type` STRING,
  `count` BIGINT,
  `sum` DOUBLE,
  `min` DOUBLE,
  `max` DOUBLE,
  `bucket_counts` ARRAY<BIGINT>,
  `explicit_bounds` ARRAY<DOUBLE>,
  `flags` INT,
  `extra` STRING
)
PARTITIONED BY (`date` STRING, `hour` STRING)
STORED AS PARQUET
LOCATION 's3://BUCKET/PREFIX/metrics/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.date.type' = 'date',
  'projection.date.format' = 'yyyy-MM-dd',
  'projection.date.range' = '2026-01-01,NOW',
  'projection.date.interval' = '1',
  'projection.date.interval.unit' = 'DAYS',
  'projection.hour.type' = 'integer',
  'projection.hour.range' = '0,23',
  'projection.hour.digits' = '2',
  'storage.location.template' = 's3://BUCKET/PREFIX/metrics/date=${date}/hour=${hour}/'
);

CREATE EXTERNAL TABLE IF NOT EXISTS traces (
  `id` STRING,
  `timestamp` TIMESTAMP,
  `time_unix_nano` BIGINT,
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
  `attributes` MAP<STRING, STRING>,
  `resource_attributes` MAP<STRING, STRING>,
  `end_timestamp` TIMESTAMP,
  `duration_ns` BIGINT,
  `trace_id` STRING,
  `span_id` STRING,
  `parent_span_id` STRING,
  `trace_state` STRING,
  `span_name` STRING,
  `span_kind` INT,
  `status_code` INT,
  `status_message` STRING,
  `events` STRING,
  `links` STRING,
  `extra` STRING
)
PARTITIONED BY (`date` STRING, `hour` STRING)
STORED AS PARQUET
LOCATION 's3://BUCKET/PREFIX/traces/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.date.type' = 'date',
  'projection.date.format' = 'yyyy-MM-dd',
  'projection.date.range' = '2026-01-01,NOW',
  'projection.date.interval' = '1',
  'projection.date.interval.unit' = 'DAYS',
  'projection.hour.type' = 'integer',
  'projection.hour.range' = '0,23',
  'projection.hour.digits' = '2',
  'storage.location.template' = 's3://BUCKET/PREFIX/traces/date=${date}/hour=${hour}/'
);

-- Cost per user and day.
SELECT user_id, date(timestamp) AS day, sum(value) AS cost_usd
FROM metrics
WHERE metric_name = 'claude_code.cost.usage'
GROUP BY 1, 2
ORDER BY 2, 1;

-- Tokens per session and type, of what was received in the last seven days.
SELECT session_id, attr_type AS type, sum(value) AS tokens
FROM metrics
WHERE metric_name = 'claude_code.token.usage'
  AND "date" >= date_format(current_timestamp AT TIME ZONE 'UTC' - INTERVAL '7' DAY, '%Y-%m-%d')
GROUP BY 1, 2
ORDER BY 1, 2;

-- The rate of failed requests per model.
SELECT model, avg(IF(event_name = 'api_error', 1.0E0, 0.0E0)) AS error_rate
FROM logs
WHERE event_name IN ('api_request', 'api_error')
GROUP BY 1
ORDER BY 1;
