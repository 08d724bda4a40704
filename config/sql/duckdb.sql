-- Forebay's Parquet objects in DuckDB.
--
-- Put in your bucket and prefix for s3://BUCKET/PREFIX (what upload.to and objects.prefix say together; without a prefix
-- s3://BUCKET; gs:// and a folder such as forebay-data/bucket work as well). The keys are those of the default
-- objects.key. For S3 with the credentials of the machine: CREATE SECRET (TYPE s3, PROVIDER credential_chain);
--
-- date and hour come from the folders and say when the data was received, in UTC; timestamp says when it happened. A
-- question about the last days opens only their objects if it names date.
--
-- Objects describe themselves, so no column has to be declared: DESCRIBE metrics shows them all. Those of objects.columns
-- are there too; objects that were made before such a column was configured show it as null (union_by_name).

-- The day of a timestamp is that of this time zone.
SET TimeZone = 'UTC';

CREATE OR REPLACE VIEW logs AS
SELECT * FROM read_parquet('s3://BUCKET/PREFIX/logs/**/*.parquet', union_by_name = true, hive_partitioning = true);

CREATE OR REPLACE VIEW metrics AS
SELECT * FROM read_parquet('s3://BUCKET/PREFIX/metrics/**/*.parquet', union_by_name = true, hive_partitioning = true);

CREATE OR REPLACE VIEW traces AS
SELECT * FROM read_parquet('s3://BUCKET/PREFIX/traces/**/*.parquet', union_by_name = true, hive_partitioning = true);

-- Cost per user and day.
SELECT user_id, CAST(timestamp AS DATE) AS day, sum(value) AS cost_usd
FROM metrics
WHERE metric_name = 'claude_code.cost.usage'
GROUP BY ALL
ORDER BY day, user_id;

-- Tokens per session and type, of what was received in the last seven days.
SELECT session_id, attr_type AS type, sum(value) AS tokens
FROM metrics
WHERE metric_name = 'claude_code.token.usage' AND date >= current_date - 7
GROUP BY ALL
ORDER BY ALL;

-- The rate of failed requests per model.
SELECT model, avg(CASE WHEN event_name = 'api_error' THEN 1.0 ELSE 0.0 END) AS error_rate
FROM logs
WHERE event_name IN ('api_request', 'api_error')
GROUP BY ALL
ORDER BY ALL;
