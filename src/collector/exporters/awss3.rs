//! `awss3`: objects in S3, under the same keys as the Collector writes them, apart from the unique part.
//!
//! ```text
//! [s3_base_prefix/][s3_prefix/]strftime(s3_partition_format)/<file_prefix><signal>_<unique>.<json|binpb>[.gz|.zst]
//! |     objects.prefix        |                    objects.key                          | appended by objects.format
//! ```

use super::super::conversion::{Conversion, Outcome, Setting};
use super::super::duration;
use super::super::file::CollectorFile;
use super::super::rules::{Component, Fate, Given, GivenOptions, Rule, read};
use super::{QUEUE, RETRY, bucket, check_plain, compression, encoding, own_settings};

use std::time::Duration;

/// The partition if the file has none (`factory.go` of the exporter).
const PARTITION: &str = "year=%Y/month=%m/day=%d/hour=%H/minute=%M";

/// The region if the file has none.
const REGION: &str = "us-east-1";

const ATTEMPTS: &str = "a failed attempt is repeated until it succeeds, at the pace of upload.retry";
const CLIENT: &str = "notices go out as upload.receipts.webhook says";
const COURIERS: &str = "notices wait on disk and go out until they are taken";

/// The options, as of `config.go` of the exporter.
pub(in crate::collector) const RULES: &[Rule] = &[
    Rule::new("s3uploader.region", Fate::Same("upload.s3.region")),
    Rule::new("s3uploader.s3_bucket", Fate::Part("upload.to")),
    Rule::new("s3uploader.s3_base_prefix", Fate::Part("objects.prefix")),
    Rule::new("s3uploader.s3_prefix", Fate::Part("objects.prefix")),
    Rule::new("s3uploader.s3_partition_format", Fate::Part("objects.key")),
    Rule::new("s3uploader.s3_partition", Fate::Part("objects.key")),
    Rule::new("s3uploader.s3_partition_timezone", Fate::Part("objects.timezone")),
    Rule::new("s3uploader.file_prefix", Fate::Part("objects.key")),
    Rule::new("s3uploader.endpoint", Fate::Part("upload.s3.endpoint, upload.s3.allow_http")),
    Rule::new("s3uploader.disable_ssl", Fate::Part("upload.s3.endpoint")),
    Rule::new("s3uploader.s3_force_path_style", Fate::Same("upload.s3.path_style")),
    Rule::new("s3uploader.role_arn", Fate::Same("upload.s3.role_arn")),
    Rule::new("s3uploader.external_id", Fate::Same("upload.s3.external_id")),
    Rule::new("s3uploader.acl", Fate::Same("upload.s3.acl")),
    Rule::new("s3uploader.storage_class", Fate::Same("upload.s3.storage_class")),
    Rule::new("s3uploader.compression", Fate::Part("objects.compression, objects.content_encoding")),
    Rule::new("s3uploader.retry_mode", Fate::NoMeaning(ATTEMPTS)),
    Rule::new("s3uploader.retry_max_attempts", Fate::NoMeaning(ATTEMPTS)),
    Rule::new("s3uploader.retry_max_backoff", Fate::NoMeaning(ATTEMPTS)),
    Rule::new(
        "s3uploader.unique_key_func_name",
        Fate::NoMeaning("the unique part is forebay's own, made of time, writer and content"),
    ),
    Rule::new(
        "s3uploader.notifications.endpoint",
        Fate::Part("upload.receipts.webhook.url, upload.receipts.webhook.allow_http"),
    ),
    Rule::new("s3uploader.notifications.headers", Fate::Same("upload.receipts.webhook.headers")),
    Rule::new("s3uploader.notifications.timeout", Fate::Span("upload.receipts.webhook.timeout")),
    Rule::new("s3uploader.notifications.queue_size", Fate::Same("upload.receipts.webhook.most_waiting")),
    Rule::new("s3uploader.notifications.workers", Fate::NoMeaning(COURIERS)),
    Rule::new("s3uploader.notifications.max_records_per_post", Fate::NoMeaning(COURIERS)),
    Rule::new("s3uploader.notifications.max_attempts", Fate::NoMeaning(COURIERS)),
    Rule::new("s3uploader.notifications.initial_backoff", Fate::NoMeaning(COURIERS)),
    Rule::new("s3uploader.notifications.max_backoff", Fate::NoMeaning(COURIERS)),
    Rule::new("s3uploader.notifications.tls", Fate::NotHonoured(CLIENT)),
    Rule::new("s3uploader.notifications.auth", Fate::NotHonoured(CLIENT)),
    Rule::new("s3uploader.notifications.proxy_url", Fate::NotHonoured(CLIENT)),
    Rule::new("s3uploader.notifications.compression", Fate::NoMeaning(CLIENT)),
    Rule::new("marshaler", Fate::Part("objects.format")),
    Rule::new("encoding", Fate::Part("objects.format")),
    Rule::new(
        "encoding_file_extension",
        Fate::NotHonoured("the ending is that of the format: .json for otlp_json, .binpb for otlp_proto"),
    ),
    Rule::new("resource_attrs_to_s3.s3_prefix", Fate::Part("objects.prefix")),
    Rule::new("resource_attrs_to_s3.s3_bucket", Fate::Part("objects.bucket")),
    Rule::new("timeout", Fate::Part("upload.attempt_timeout")),
    QUEUE,
    RETRY,
];

/// Makes an output of it.
pub(super) fn convert(
    component: &Component,
    file: &CollectorFile,
    conversion: &mut Conversion<'_>,
) -> Vec<Setting> {
    let given = read(component, &[RULES], conversion);
    let mut settings = vec![bucket("s3", "s3uploader.s3_bucket", component, &given, conversion)];
    settings.extend(own_settings(&given, conversion));
    if given.get("s3uploader.region").is_none() {
        settings.push(Setting::text("upload.s3.region", REGION, &component.origin, &[]));
    }
    settings.extend(endpoint(&given, conversion));
    settings.extend(bucket_of_attribute(&given, conversion));
    settings.extend(routes(&given, conversion));
    settings.push(prefix(component, &given, conversion));
    settings.push(key(component, &given, conversion));
    settings.push(timezone(component, &given, conversion));
    settings.push(format(component, &given, file, conversion));
    settings.extend(packing(component, &given, conversion));
    settings.extend(timeout(&given, conversion));
    settings.extend(webhook(&given, conversion));
    settings
}

fn endpoint(given: &GivenOptions, conversion: &mut Conversion<'_>) -> Vec<Setting> {
    let (endpoint, disable) = (given.get("s3uploader.endpoint"), given.get("s3uploader.disable_ssl"));
    let is_plain = conversion.is_true(disable);
    let (Some(given), Some(value)) = (endpoint, conversion.value(endpoint)) else {
        if let (Some(disable), true) = (disable, is_plain) {
            let why = "AWS is asked over TLS; only an endpoint of its own may be http://";
            conversion.say(disable.key.clone(), Outcome::NotHonoured, why);
        }
        return Vec::new();
    };
    let scheme = if is_plain { "http" } else { "https" };
    let written =
        if value.text.contains("://") { value.written } else { format!("{scheme}://{}", value.written) };
    let is_http = value.text.starts_with("http://") || (is_plain && !value.text.contains("://"));
    let both = [endpoint, disable];
    let mut settings = vec![Setting::text("upload.s3.endpoint", written, &given.origin, &both)];
    if is_http {
        settings.push(Setting::text("upload.s3.allow_http", "true", &given.origin, &both));
    }
    settings
}

fn bucket_of_attribute(given: &GivenOptions, conversion: &mut Conversion<'_>) -> Option<Setting> {
    let attribute = given.get("resource_attrs_to_s3.s3_bucket");
    check_plain(attribute, conversion, &['{', '}', '|', '%']);
    let value = conversion.value(attribute)?;
    let template = format!("{{resource.{}}}", value.written);
    Some(Setting::text("objects.bucket", template, &attribute?.origin, &[attribute]))
}

/// The most routes of a segment: as many as forebay allows, for the Collector knows no limit.
const ROUTES: &str = "1000";

fn routes(given: &GivenOptions, conversion: &mut Conversion<'_>) -> Option<Setting> {
    let by = ["resource_attrs_to_s3.s3_prefix", "resource_attrs_to_s3.s3_bucket"].map(|key| given.get(key));
    let first = by.iter().flatten().next()?;
    let why = "what is not safe in keys is escaped, and of one segment the prefixes and buckets beyond 1000 go under \
               objects.overflow_prefix";
    conversion.say(first.key.clone(), Outcome::Differs, why);
    Some(Setting::text("objects.max_prefixes", ROUTES, &first.origin, &[]))
}

fn prefix(component: &Component, given: &GivenOptions, conversion: &mut Conversion<'_>) -> Setting {
    let (base, prefix) = (given.get("s3uploader.s3_base_prefix"), given.get("s3uploader.s3_prefix"));
    let attribute = given.get("resource_attrs_to_s3.s3_prefix");
    for plain in [base, prefix, attribute] {
        check_plain(plain, conversion, &['{', '}', '%', '|']);
    }
    for leading in [base, prefix.filter(|_| base.is_none())] {
        if let (Some(given), Some(value)) = (leading, conversion.value(leading))
            && value.text.starts_with('/')
        {
            let why = "keys begin without the `/` with which the Collector begins them";
            conversion.say(given.key.clone(), Outcome::Differs, why);
        }
    }
    let folder = |value: String| value.trim_matches('/').to_owned();
    let written = conversion.value(prefix).map(|value| folder(value.written)).unwrap_or_default();
    let routed = match conversion.value(attribute) {
        Some(key) => format!("{{resource.{}|path:-{written}}}", key.written),
        None => written,
    };
    let base_written = conversion.value(base).map(|value| folder(value.written)).unwrap_or_default();
    let parts: Vec<String> = [base_written, routed].into_iter().filter(|part| !part.is_empty()).collect();
    let all = [base, prefix, attribute];
    let origin = all.iter().flatten().next_back().map_or(&component.origin, |given| &given.origin);
    Setting::text("objects.prefix", parts.join("/"), origin, &all)
}

fn key(component: &Component, given: &GivenOptions, conversion: &mut Conversion<'_>) -> Setting {
    let format = given.get("s3uploader.s3_partition_format");
    let granularity = given.get("s3uploader.s3_partition").filter(|_| format.is_none());
    let name = given.get("s3uploader.file_prefix");
    check_plain(format, conversion, &['{', '}']);
    check_plain(name, conversion, &['{', '}', '%']);
    let partition = match format.or(granularity) {
        None => PARTITION.to_owned(),
        given if granularity.is_some() => hour_or_minute(given, conversion).to_owned(),
        given => conversion.value(given).map(|value| value.written).unwrap_or_default(),
    };
    let name_written = conversion.value(name).map(|value| value.written).unwrap_or_default();
    let folder = partition.trim_matches('/');
    let template = if folder == PARTITION && name_written.is_empty() {
        "collector".to_owned()
    } else {
        let folder = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        format!("{folder}{name_written}{{signal}}_{{unique}}")
    };
    let all = [format, granularity, name];
    let origin = all.iter().flatten().next().map_or(&component.origin, |given| &given.origin);
    Setting::text("objects.key", template, origin, &all)
}

/// The partition of Collectors before v0.112, which had no formats.
fn hour_or_minute(given: Option<&Given>, conversion: &mut Conversion<'_>) -> &'static str {
    match conversion.value(given).map(|value| value.text).as_deref() {
        Some("hour") => "year=%Y/month=%m/day=%d/hour=%H",
        _ => PARTITION,
    }
}

fn timezone(component: &Component, given: &GivenOptions, conversion: &mut Conversion<'_>) -> Setting {
    let zone = given.get("s3uploader.s3_partition_timezone");
    match conversion.value(zone) {
        Some(value) if value.text != "Local" => {
            let origin = zone.map_or(&component.origin, |given| &given.origin);
            Setting::text("objects.timezone", value.written, origin, &[zone])
        }
        _ => {
            let key = format!("{}.s3uploader.s3_partition_timezone", component.key());
            let why = "objects.timezone = UTC, where the Collector takes the local time of its machine";
            conversion.say(key, Outcome::Differs, why);
            Setting::text("objects.timezone", "UTC", &component.origin, &[])
        }
    }
}

fn format(
    component: &Component,
    given: &GivenOptions,
    file: &CollectorFile,
    conversion: &mut Conversion<'_>,
) -> Setting {
    let (marshaler, by) = (given.get("marshaler"), given.get("encoding"));
    if by.is_some() {
        let format = encoding(by, file, conversion);
        let origin = by.map_or(&component.origin, |given| &given.origin);
        return Setting::text(
            "objects.format",
            format.unwrap_or("otlp_json"),
            origin,
            &[by.filter(|_| format.is_some())],
        );
    }
    let default = Setting::text("objects.format", "otlp_json", &component.origin, &[]);
    let (Some(given), Some(value)) = (marshaler, conversion.value(marshaler)) else { return default };
    match value.text.as_str() {
        "otlp_json" | "otlp_proto" => {
            Setting::text("objects.format", value.written, &given.origin, &[marshaler])
        }
        "body" | "sumo_ic" => {
            let why = "it leaves things out of the telemetry; there are otlp_json and otlp_proto";
            conversion.unsupported(&given.origin, &given.key, why);
            default
        }
        other => {
            let problem = format!("{} is `{other}`; it must be otlp_json or otlp_proto", given.key);
            conversion.refuse(&given.origin, problem);
            default
        }
    }
}

/// The compression; the Collector says it in `Content-Encoding` as well.
fn packing(component: &Component, given: &GivenOptions, conversion: &mut Conversion<'_>) -> Vec<Setting> {
    let given = given.get("s3uploader.compression");
    let compression = compression(given, conversion);
    let origin = given.map_or(&component.origin, |given| &given.origin);
    let mut settings = vec![Setting::text("objects.compression", &compression, origin, &[given])];
    if compression != "none" {
        settings.push(Setting::text("objects.content_encoding", "true", origin, &[given]));
    }
    settings
}

/// How long an attempt may take; ours may take as long as it makes progress, so it is never shorter than the Collector's.
fn timeout(given: &GivenOptions, conversion: &mut Conversion<'_>) -> Option<Setting> {
    let given = given.get("timeout")?;
    let (least, most) = (Duration::from_secs(1), Duration::from_hours(1));
    let timeout = given.duration(conversion)?;
    let timeout = if timeout.is_zero() { most } else { timeout.clamp(least, most) };
    let text = duration::written(timeout);
    Some(Setting::text("upload.attempt_timeout", text, &given.origin, &[Some(given)]))
}

fn webhook(given: &GivenOptions, conversion: &mut Conversion<'_>) -> Vec<Setting> {
    let endpoint = given.get("s3uploader.notifications.endpoint");
    let (Some(given), Some(value)) = (endpoint, conversion.value(endpoint)) else { return Vec::new() };
    let url = Setting::text("upload.receipts.webhook.url", value.written, &given.origin, &[endpoint]);
    let mut settings = vec![url];
    if value.text.starts_with("http://") {
        let key = "upload.receipts.webhook.allow_http";
        settings.push(Setting::text(key, "true", &given.origin, &[endpoint]));
    }
    settings
}
