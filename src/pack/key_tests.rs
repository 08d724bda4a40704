use super::*;
use crate::pack::Format;
use crate::pack::testing::otlp_jsonl;

const UNIQUE: &str = "20260822T101112123Z-a1b2c3d4-00000042-0123456789abcdef";
/// 2026-08-22T10:11:12.123456789Z
const SUMMER: u64 = 1_787_393_472_123_456_789;

fn options(prefix: &str, key: &str, timezone: &str) -> Options {
    Options { prefix: prefix.into(), key: key.into(), timezone: timezone.into(), ..otlp_jsonl() }
}

fn facts<'a>(signal: Signal, received_at: u64) -> Facts<'a> {
    Facts { signal, output: "main", writer: "a1b2c3d4", received_at, tenant: "" }
}

/// The partition of data without tenant and attributes.
fn partition(template: &KeyTemplate, signal: Signal, received_at: u64) -> Partition {
    template.partition(facts(signal, received_at), &template.route(Values::NONE).0).unwrap()
}

fn key(options: &Options, received_at: u64) -> String {
    let template = KeyTemplate::parse(options).unwrap();
    let partition = partition(&template, Signal::Logs, received_at);
    partition.key(&unique_part(received_at, "a1b2c3d4", SegmentId(42), &"0123456789abcdef".repeat(4)))
}

#[test]
fn templates_render_as_documented() {
    let default = otlp_jsonl().key;
    let collector = "year=%Y/month=%m/day=%d/hour=%H/minute=%M/{signal}_{unique}";
    for (prefix, template, zone, expected) in [
        ("", default.as_str(), "UTC", "logs/date=2026-08-22/hour=10/logs_UNIQUE.jsonl.gz"),
        ("telemetry", default.as_str(), "UTC", "telemetry/logs/date=2026-08-22/hour=10/logs_UNIQUE.jsonl.gz"),
        ("", collector, "UTC", "year=2026/month=08/day=22/hour=10/minute=11/logs_UNIQUE.jsonl.gz"),
        (
            "base/s3",
            collector,
            "Europe/Berlin",
            "base/s3/year=2026/month=08/day=22/hour=12/minute=11/logs_UNIQUE.jsonl.gz",
        ),
        (
            "",
            "{signal}/{writer}/%j/edge-{signal}_{unique}",
            "UTC",
            "logs/a1b2c3d4/234/edge-logs_UNIQUE.jsonl.gz",
        ),
        ("", "%F/%b%y-%Z/{unique}{signal}", "America/New_York", "2026-08-22/Aug26-EDT/UNIQUElogs.jsonl.gz"),
        ("", "{signal}-{unique}", "UTC", "logs-UNIQUE.jsonl.gz"),
    ] {
        assert_eq!(
            key(&options(prefix, template, zone), SUMMER),
            expected.replace("UNIQUE", UNIQUE),
            "{template}"
        );
    }
}

#[test]
fn paths_are_cleaned_as_the_collector_cleans_them() {
    for prefix in ["/a/b/", "a//b", "./a/./b", "//a/b//"] {
        let options = options(prefix, "/{signal}//%Y/./{signal}_{unique}", "UTC");
        assert_eq!(key(&options, SUMMER), format!("a/b/logs/2026/logs_{UNIQUE}.jsonl.gz"), "{prefix}");
    }
}

#[test]
fn the_ending_says_format_and_compression() {
    use crate::pack::{Compression, Format};
    for (format, compression, ending) in [
        (Format::OtlpJson, Compression::Gzip, ".json.gz"),
        (Format::OtlpJsonl, Compression::None, ".jsonl"),
        (Format::OtlpProto, Compression::Zstd, ".binpb.zst"),
    ] {
        let options = Options { format, compression: Some(compression), ..otlp_jsonl() };
        assert!(key(&options, SUMMER).ends_with(&format!("abcdef{ending}")), "{ending}");
    }
}

#[test]
fn names_sort_by_the_time_of_their_first_record() {
    let template = KeyTemplate::parse(&options("", "{signal}_{unique}", "UTC")).unwrap();
    let key = |time: u64, hash: &str| {
        let unique = unique_part(time, "a1b2c3d4", SegmentId(1), hash);
        partition(&template, Signal::Traces, time).key(&unique)
    };
    let times = [0, 999_000_000, 1_000_000_000, 59_999_000_000, 60_000_000_000, SUMMER, u64::MAX];
    let keys: Vec<_> = times.iter().map(|time| key(*time, if time % 2 == 0 { "ff" } else { "00" })).collect();
    assert!(keys.is_sorted(), "{keys:#?}");
}

#[test]
fn what_would_lose_data_or_blind_readers_is_refused_in_plain_words() {
    let unique_file = "{signal}_{unique}";
    for (prefix, template, zone, message) in [
        (
            "",
            "{signal}/%Y",
            "UTC",
            "objects.key is `{signal}/%Y`; without `{unique}` two objects could get the same name",
        ),
        ("", "", "UTC", "objects.key is ``; without `{unique}`"),
        ("", "{unique}", "UTC", "without `{signal}` readers cannot tell"),
        ("", "{signal}_{unique}_{unique}", "UTC", "`{unique}` must stand only once"),
        ("", "{unique}/{signal}", "UTC", "`{unique}` must stand behind the last `/`"),
        ("", "{signal}{unique}%D", "UTC", "`{unique}` must stand behind the last `/`"),
        (
            "",
            "{team}/{signal}_{unique}",
            "UTC",
            "`{team}` is none of `{signal}`, `{unique}`, `{writer}`, `{output}`, `{tenant}` and `{resource.KEY}`",
        ),
        ("", "{resource.}/{signal}_{unique}", "UTC", "`{resource.}` is none of"),
        ("", "team={tenant}/{signal}/team={writer}/{unique}", "UTC", "two folders begin with `team=`"),
        ("", "{signal/{unique}", "UTC", "is none of `{signal}`"),
        ("", "{signal}}{unique}", "UTC", "`}` is not safe"),
        ("", "%E/{signal}_{unique}", "UTC", "`%E` is no conversion that can be used"),
        ("", "{signal}_{unique}%", "UTC", "`%` is no conversion that can be used"),
        ("", "%H%M%S/{signal}_{unique}", "UTC", "`%S` changes within a minute"),
        ("", "%s/{signal}_{unique}", "UTC", "`%s` changes within a minute"),
        ("", "%3f/{signal}_{unique}", "UTC", "`%3f` changes within a minute"),
        ("", "%R/{signal}_{unique}", "UTC", "`%R` gives `:`, which is not safe"),
        ("", "%z/{signal}_{unique}", "UTC", "`%z` gives `+`, which is not safe"),
        ("", "100%%/{signal}_{unique}", "UTC", "`%%` gives `%`, which is not safe"),
        ("", "%n{signal}_{unique}", "UTC", "`%n` gives `\\n`, which is not safe"),
        ("", "a*/{signal}_{unique}", "UTC", "`*` is not safe in object names"),
        ("", "größe/{signal}_{unique}", "UTC", "is not safe in object names"),
        ("", "../{signal}_{unique}", "UTC", "it must not contain `..`"),
        ("", "{signal}/_{unique}", "UTC", "begin with `_` or `.`, such as `_unique.jsonl.gz`"),
        ("", ".a/{signal}_{unique}", "UTC", "begin with `_` or `.`, such as `.a`"),
        ("", "{signal}/day=%d_{unique}", "UTC", "keep `=` to folders"),
        ("", "{signal}_{unique}.json", "UTC", "leave out the ending `.json`: `.jsonl.gz` is appended"),
        ("_raw", unique_file, "UTC", "objects.prefix is `_raw`; readers pass over names that begin with `_`"),
        ("a/../b", unique_file, "UTC", "objects.prefix is `a/../b`; it must not contain `..`"),
        ("%S", unique_file, "UTC", "objects.prefix is `%S`; `%S` changes within a minute"),
        (
            "{unique}",
            unique_file,
            "UTC",
            "objects.prefix is `{unique}`; `{unique}` and `{signal}` belong into",
        ),
        (
            "a/{signal}",
            unique_file,
            "UTC",
            "objects.prefix is `a/{signal}`; `{unique}` and `{signal}` belong into",
        ),
        (
            "{tenant:-_x}",
            unique_file,
            "UTC",
            "readers pass over names that begin with `_` or `.`, such as `_x`",
        ),
        ("{tenant|path:-a/../b}", unique_file, "UTC", "it must not contain `..`"),
        ("{tenant:-a b}", unique_file, "UTC", "objects.prefix is `{tenant:-a b}`; ` ` is not safe"),
        ("x_{team}", unique_file, "UTC", "objects.prefix is `x_{team}`; `{team}` is none of"),
        ("", "{signal}_{unique}-{tenant|path}", "UTC", "`{unique}` must stand behind the last `/`"),
        ("", "x={tenant}/{signal}/{tenant:-x=1}/{unique}", "UTC", "two folders begin with `x=`"),
        (
            "",
            unique_file,
            "Berlin",
            "objects.timezone is `Berlin`; it must be a name in the IANA time zone database",
        ),
        ("", unique_file, "", "objects.timezone is ``"),
    ] {
        let error = options(prefix, template, zone).validate().expect_err(template);
        assert!(error.contains(message), "`{prefix}` `{template}` `{zone}`: {error}");
    }
}

#[test]
fn keys_longer_than_stores_take_are_refused() {
    let folders = |count: usize| vec!["a".repeat(200); count].join("/");
    options(&folders(4), "{signal}_{unique}", "UTC").validate().unwrap();
    let error = options(&folders(5), "{signal}_{unique}", "UTC").validate().unwrap_err();
    assert!(error.contains("stores take at most 1024"), "{error}");
    let error =
        options("", &format!("{}{{signal}}_{{unique}}", "a".repeat(200)), "UTC").validate().unwrap_err();
    assert!(error.contains("file systems take at most 255"), "{error}");
}

#[test]
fn partitions_follow_the_clocks_of_the_time_zone() {
    let template =
        KeyTemplate::parse(&options("", "%Y-%m-%dT%H/{signal}_{unique}", "Europe/Berlin")).unwrap();
    let hour = |time: &str| {
        let time: Timestamp = time.parse().unwrap();
        let time = u64::try_from(time.as_nanosecond()).unwrap();
        partition(&template, Signal::Logs, time).key("")[..13].to_owned()
    };
    // In autumn the clocks go back at 01:00 UTC: two hours are the hour 02 there. In spring there is no hour 02.
    for (time, expected) in [
        ("2026-10-24T23:59:59.999999999Z", "2026-10-25T01"),
        ("2026-10-25T00:00:00Z", "2026-10-25T02"),
        ("2026-10-25T00:59:59.999999999Z", "2026-10-25T02"),
        ("2026-10-25T01:00:00Z", "2026-10-25T02"),
        ("2026-10-25T02:00:00Z", "2026-10-25T03"),
        ("2026-03-29T00:59:59.999999999Z", "2026-03-29T01"),
        ("2026-03-29T01:00:00Z", "2026-03-29T03"),
    ] {
        assert_eq!(hour(time), expected, "{time}");
    }
}

#[test]
fn the_layout_of_the_collector_has_a_name() {
    let written_out = "year=%Y/month=%m/day=%d/hour=%H/minute=%M/{signal}_{unique}";
    assert_eq!(
        key(&options("a", "collector", "UTC"), SUMMER),
        key(&options("a", written_out, "UTC"), SUMMER)
    );
}

#[test]
fn tenants_and_attributes_never_share_a_folder() {
    let options = options("", "{output}/{tenant}/{resource.team.name}/{signal}_{unique}", "UTC");
    let template = KeyTemplate::parse(&options).unwrap();
    assert_eq!(template.attributes(), ["team.name"]);
    let folder = |tenant: &str, team: Option<&str>| {
        let (route, _) = template.route(Values { tenant, attributes: &[team.map(str::to_owned)] });
        template.partition(facts(Signal::Logs, SUMMER), &route).unwrap().folder().to_owned()
    };
    assert_eq!(folder("", None), "main/none/none");
    assert_eq!(folder("acme", Some("red")), "main/acme/red");
    assert_eq!(folder("none", Some("")), "main/!6Eone/none");
    assert_eq!(folder("a/b", Some("..")), "main/a!2Fb/!2E.");
    assert_eq!(folder("a!2Fb", Some("_x=1")), "main/a!212Fb/!5Fx!3D1");
    assert_eq!(folder("Größe", Some("a b")), "main/Gr!C3!B6!C3!9Fe/a!20b");
    let long = "x".repeat(300);
    let [one, other] = [long.clone() + "1", long + "2"].map(|tenant| folder(&tenant, None));
    assert_ne!(one, other);
    assert_eq!(one.len(), "main//none".len() + NAME_BYTES_MAX);
}

#[test]
fn a_folder_that_would_hide_a_column_of_the_rows_is_refused() {
    let with_folder = |format, columns: &[&str]| {
        let column = |name: &&str| ((*name).to_owned(), "resource.x".to_owned());
        Options {
            format,
            columns: columns.iter().map(column).collect(),
            ..options("", "{signal}/team={resource.team}/{signal}_{unique}", "UTC")
        }
        .validate()
    };
    assert_eq!(with_folder(Format::Parquet, &["group"]), Ok(()));
    assert_eq!(with_folder(Format::OtlpProto, &[]), Ok(()));
    let error = with_folder(Format::Jsonl, &["team"]).unwrap_err();
    assert!(
        error.contains("readers make a column `team` of the folder, which hides the column `team`"),
        "{error}"
    );
}

#[test]
fn a_key_by_which_readers_list_too_much_is_warned_of() {
    let warnings = |key: &str| options("", key, "UTC").warnings();
    assert_eq!(warnings(&Options::default().key), [""; 0]);
    assert_eq!(warnings("collector"), [""; 0]);
    assert_eq!(warnings("%Y/{signal}/{unique}").len(), 1);
}
