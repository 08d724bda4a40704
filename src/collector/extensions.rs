//! The extensions: what a health check, credentials and storage become.

use super::conversion::{Conversion, Outcome, Setting};
use super::file::CollectorFile;
use super::rules::{Component, Fate, Given, GivenOptions, Rule, read};
use crate::config::{Entries, Entry, Node, Origin};

const HEALTH: &str = "probes are answered at / and /readyz by what forebay is doing";
const CLIENTS: &str = "it is for clients, and forebay has none that it would be for";
const STORAGE: &str = "forebay's own log lies there, in a folder of its own";
const TOOLS: &str = "it is for looking into a Collector; see forebay status, /status and /metrics";

/// The options of `health_check`, as of `internal/healthcheck` and `confighttp`.
pub(super) const HEALTH_RULES: &[Rule] = &[
    Rule::new("endpoint", Fate::Part("admin.listen")),
    Rule::new("path", Fate::Part("nothing, as long as it is /")),
    Rule::new("transport", Fate::NoMeaning(HEALTH)),
    Rule::new("tls.cert_file", Fate::Same("admin.tls.cert_file")),
    Rule::new("tls.key_file", Fate::Same("admin.tls.key_file")),
    Rule::new("tls.client_ca_file", Fate::Same("admin.tls.client_ca_file")),
    Rule::new("auth", Fate::NoMeaning("probes are open to all")),
    Rule::new("cors", Fate::NotHonoured(HEALTH)),
    Rule::new("response_headers", Fate::NotHonoured(HEALTH)),
    Rule::section("response_body", Fate::NotHonoured(HEALTH), &["healthy", "unhealthy"]),
    Rule::section(
        "check_collector_pipeline",
        Fate::NoMeaning(HEALTH),
        &["enabled", "interval", "exporter_failure_threshold"],
    ),
    Rule::new("include_metadata", Fate::NoMeaning(HEALTH)),
    Rule::new("read_timeout", Fate::NoMeaning(HEALTH)),
    Rule::new("read_header_timeout", Fate::NoMeaning(HEALTH)),
    Rule::new("write_timeout", Fate::NoMeaning(HEALTH)),
    Rule::new("idle_timeout", Fate::NoMeaning(HEALTH)),
    Rule::new("max_request_body_size", Fate::NoMeaning(HEALTH)),
    Rule::new("compression_algorithms", Fate::NoMeaning(HEALTH)),
    Rule::new("keep_alives_enabled", Fate::NoMeaning(HEALTH)),
    Rule::new("use_v2", Fate::NoMeaning(HEALTH)),
    Rule::new("http", Fate::NotHonoured(HEALTH)),
    Rule::new("grpc", Fate::NotHonoured(HEALTH)),
    Rule::new("component_health", Fate::NoMeaning(HEALTH)),
];

/// The options of `bearertokenauth`, as of its `config.go`.
pub(super) const BEARER_RULES: &[Rule] = &[
    Rule::new("scheme", Fate::Part("receive.auth.scheme")),
    Rule::new("header", Fate::Same("auth.header")),
    Rule::new("token", Fate::Part("receive.auth.tokens.collector.token")),
    Rule::new("tokens", Fate::Part("receive.auth.tokens.collector-1.token and so on")),
    Rule::new("filename", Fate::Same("auth.tokens_file")),
    Rule::section(
        "file_retry",
        Fate::NoMeaning("the file is watched"),
        &["enabled", "max_retries", "retry_interval"],
    ),
];

/// The options of `basicauth`, as of its `config.go`.
pub(super) const BASIC_RULES: &[Rule] = &[
    Rule::new("htpasswd.file", Fate::Same("auth.htpasswd_file")),
    Rule::new("htpasswd.inline", Fate::Part("receive.auth.users")),
    Rule::section(
        "client_auth",
        Fate::NoMeaning(CLIENTS),
        &["username", "password", "username_file", "password_file"],
    ),
];

/// The options of `file_storage`, as of its `config.go`.
pub(super) const STORAGE_RULES: &[Rule] = &[
    Rule::new("directory", Fate::Part("data_dir (the folder forebay in it)")),
    Rule::new("timeout", Fate::NoMeaning(STORAGE)),
    Rule::new("fsync", Fate::NoMeaning("everything is on disk before it is acknowledged")),
    Rule::new("create_directory", Fate::NoMeaning(STORAGE)),
    Rule::new("directory_permissions", Fate::NoMeaning(STORAGE)),
    Rule::new("recreate", Fate::NoMeaning(STORAGE)),
    Rule::section(
        "compaction",
        Fate::NoMeaning(STORAGE),
        &[
            "on_start",
            "on_rebound",
            "directory",
            "rebound_needed_threshold_mib",
            "rebound_trigger_threshold_mib",
            "max_transaction_size",
            "check_interval",
            "cleanup_on_start",
        ],
    ),
];

/// Where the storage is if the file does not say it.
const STORAGE_DIRECTORY: &str = "/var/lib/otelcol/file_storage";

/// Goes through the extensions; `used` are those that the service starts.
pub(super) fn convert(
    file: &CollectorFile,
    used: &std::collections::BTreeSet<String>,
    conversion: &mut Conversion<'_>,
) {
    let lasts = |component: &Component| component.kind() == "file_storage" && used.contains(&component.id);
    if !file.extensions.iter().any(lasts) && file.own.get("data_dir").is_none() {
        let why = "no file_storage names a folder that lasts: everything lies in ./forebay-data until it is delivered, \
                   unless --data-dir or FOREBAY_DATA_DIR names another one";
        conversion.say("extensions", Outcome::Differs, why);
    }
    for component in &file.extensions {
        if !used.contains(&component.id) {
            conversion.say(component.key(), Outcome::NoMeaning, "the service does not start it");
            continue;
        }
        match component.kind() {
            "health_check" => health_check(component, conversion),
            "file_storage" => file_storage(component, conversion),
            // They are read where a receiver or an exporter names them.
            "bearertokenauth" | "basicauth" | "otlp_encoding" => {}
            "pprof" | "zpages" => conversion.say(component.key(), Outcome::NoMeaning, TOOLS),
            "memory_limiter" => conversion.say(
                component.key(),
                Outcome::NoMeaning,
                "memory is bounded by receive.max_inflight_bytes and upload.in_flight_bytes",
            ),
            _ => conversion.say(component.key(), Outcome::NotHonoured, "forebay has nothing like it"),
        }
    }
}

fn health_check(component: &Component, conversion: &mut Conversion<'_>) {
    let given = read(component, &[HEALTH_RULES], conversion);
    for option in &given.0 {
        if let Some((key, node)) = option.setting(conversion) {
            conversion.set(&Setting::of(option, key, node));
        }
    }
    let endpoint = given.get("endpoint");
    let address = match conversion.value(endpoint) {
        Some(value) => admin_address(&value.written, &value.text),
        None => "127.0.0.1:13133".to_owned(),
    };
    let origin = endpoint.map_or(&component.origin, |given| &given.origin);
    let mut setting = Setting::text("admin.listen", address, origin, &[endpoint]);
    if setting.from.is_empty() {
        setting.from.push(component.key());
    }
    conversion.set(&setting);
    let path = given.get("path");
    if let (Some(path), Some(value)) = (path, conversion.value(path))
        && value.text != "/"
    {
        let why = "probes are answered at / and /readyz only: ask one of these";
        conversion.say(path.key.clone(), Outcome::NotHonoured, why);
    }
}

/// An address for `admin.listen`, which wants one without names.
pub(super) fn admin_address(written: &str, text: &str) -> String {
    if let Some(port) = text.strip_prefix("localhost:") {
        return format!("127.0.0.1:{port}");
    }
    if text.starts_with(':') { format!("0.0.0.0{written}") } else { written.to_owned() }
}

/// The folder that lasts is the one for the log as well.
fn file_storage(component: &Component, conversion: &mut Conversion<'_>) {
    let given = read(component, &[STORAGE_RULES], conversion);
    let directory = given.get("directory");
    let value = conversion.value(directory).map_or(STORAGE_DIRECTORY.to_owned(), |value| value.written);
    let origin = directory.map_or(&component.origin, |given| &given.origin);
    let folder = format!("{}/forebay", value.trim_end_matches('/'));
    let mut setting = Setting::text("data_dir", folder, origin, &[directory]);
    if setting.from.is_empty() {
        setting.from.push(component.key());
    }
    conversion.set(&setting);
    conversion.say(
        component.key(),
        Outcome::Differs,
        "what a Collector left in its queues there is not read: let it empty them before",
    );
}

/// What an authenticator means for a listener, by keys such as `auth.tokens`.
pub(super) fn credentials(
    authenticator: &Given,
    file: &CollectorFile,
    conversion: &mut Conversion<'_>,
) -> Vec<Setting> {
    let Some(id) = conversion.text(authenticator) else { return Vec::new() };
    let Some(component) = file.extensions.iter().find(|extension| extension.id == id) else {
        let problem = format!("{} is `{id}`, and there is no such extension", authenticator.key);
        conversion.refuse(&authenticator.origin, problem);
        return Vec::new();
    };
    let place = format!("receive.auth, as {} says", component.key());
    match component.kind() {
        "bearertokenauth" => {
            conversion.say(authenticator.key.clone(), Outcome::Set, &place);
            bearer(component, conversion)
        }
        "basicauth" => {
            conversion.say(authenticator.key.clone(), Outcome::Set, &place);
            basic(component, conversion)
        }
        kind => {
            // To pass this over would let everybody in, so nothing allows it.
            let problem = format!(
                "{} is `{id}`, and forebay does not know credentials of {kind}; there are bearertokenauth and basicauth",
                authenticator.key
            );
            conversion.refuse(&authenticator.origin, problem);
            Vec::new()
        }
    }
}

fn bearer(component: &Component, conversion: &mut Conversion<'_>) -> Vec<Setting> {
    let given = read(component, &[BEARER_RULES], conversion);
    let mut settings = own(&given, conversion);
    if let Some(scheme) = given.get("scheme") {
        settings.push(Setting::of(scheme, "auth.scheme", scheme.node.clone()));
    }
    let (token, tokens, filename) = (given.get("token"), given.get("tokens"), given.get("filename"));
    if filename.is_some() {
        for passed_over in [token, tokens].into_iter().flatten() {
            let why = "the tokens of the file hold, as in the Collector";
            conversion.say(passed_over.key.clone(), Outcome::NoMeaning, why);
        }
    } else if let Some(token) = token {
        let name = "auth.tokens.collector.token";
        settings.push(Setting::of(token, name, token.node.clone()));
    }
    if let (None, Some(Given { node: Node::List(nodes), .. }), Some(tokens)) = (filename, tokens, tokens) {
        for (number, node) in nodes.iter().enumerate() {
            let name = format!("auth.tokens.collector-{}.token", number + 1);
            settings.push(Setting::of(tokens, &name, node.clone()));
        }
    }
    if settings.iter().all(|setting| !setting.key.starts_with("auth.tokens")) {
        let problem = format!("{} must have a token, tokens or a filename", component.key());
        conversion.refuse(&component.origin, problem);
    }
    settings
}

fn basic(component: &Component, conversion: &mut Conversion<'_>) -> Vec<Setting> {
    let given = read(component, &[BASIC_RULES], conversion);
    let mut settings = own(&given, conversion);
    if let Some(inline) = given.get("htpasswd.inline")
        && let Some(value) = conversion.value(Some(inline))
    {
        // Lines of a file that is named by a reference are taken as they are, those that are written here as written.
        let is_reference = value.written.starts_with("${");
        let lines = if is_reference { value.text.replace('$', "$$") } else { value.written };
        let users = users(&lines, &inline.origin);
        settings.push(Setting::of(inline, "auth.users", Node::Section(users)));
    }
    if settings.is_empty() {
        let problem = format!("{}.htpasswd must have a file or inline", component.key());
        conversion.refuse(&component.origin, problem);
    }
    settings
}

fn own(given: &GivenOptions, conversion: &mut Conversion<'_>) -> Vec<Setting> {
    let one = |option: &Given| {
        let (key, node) = option.setting(conversion)?;
        Some(Setting::of(option, key, node))
    };
    given.0.iter().filter_map(one).collect()
}

/// The users of lines like `name:hash`.
fn users(lines: &str, origin: &Origin) -> Entries {
    let user = |line: &str| {
        let (name, hash) = line.trim().split_once(':')?;
        let node = Node::Text(hash.to_owned());
        Some(Entry { name: name.to_owned(), origin: origin.clone(), node })
    };
    Entries(lines.lines().filter(|line| !line.trim_start().starts_with('#')).filter_map(user).collect())
}
