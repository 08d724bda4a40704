//! No secret is ever shown, whatever is set and whatever goes wrong; and the commands that ask a running forebay which asks
//! for credentials itself.

use std::fmt::Write as _;
use std::path::Path;

use rustls::ALL_VERSIONS;
use tempfile::TempDir;

use crate::admin::until;
use crate::certificates::{Authority, Identity, client_config};
use crate::client::over_http1;
use crate::numbers::{Over, request};
use crate::settings::Settings;
use crate::support::program::{Program, Said, Starting, forebay};

/// What every secret of these tests has in it.
const SECRET: &str = "hunter";

/// A file with every secret that can be set: those of `receive` and `admin` are in use, as far as they do not exclude each
/// other, and those of a store that nobody asks.
fn everything(folder: &Path, authority: &Authority) -> String {
    let Identity { certificate, key } = authority.server();
    let hash = bcrypt::hash("hunter-bob", 4).unwrap();
    for (name, content) in [
        ("cert.pem", certificate),
        ("key.pem", key),
        ("tokens", "hunter-file-1\nhunter-file-2\n".to_owned()),
        ("users", format!("carol:{hash}\n")),
    ] {
        std::fs::write(folder.join(name), content).unwrap();
    }
    format!(
        "
receive:
  tls: {{ cert_file: cert.pem, key_file: key.pem, reload_interval: 1s }}
  auth:
    tokens: {{ a: {{ token: hunter-a, tenant: acme, bytes_per_second: 1MiB }} }}
    tokens_file: tokens
    users: {{ alice: hunter-alice, bob: '{hash}' }}
    htpasswd_file: users
    reload_interval: 1s
  listeners:
    http: {{ tls: {{ enabled: false }}, auth: {{ tokens: {{ b: {{ token: hunter-b }} }} }} }}
admin:
  tls: {{ cert_file: cert.pem, key_file: key.pem }}
  auth: {{ tokens: {{ ops: {{ token: hunter-ops }} }}, users: {{ op: hunter-op }} }}
upload:
  to: s3://telemetry
  proxy: http://user:hunter-proxy@127.0.0.1:9
  receipts: {{ webhook: {{ url: 'https://127.0.0.1:9/', headers: {{ Authorization: Bearer hunter-hook }} }} }}
  s3:
    region: eu-central-1
    access_key_id: AKIATEST
    secret_access_key: hunter-s3
    session_token: hunter-session
    role_arn: arn:aws:iam::123456789012:role/forebay
    external_id: hunter-external
  gcs: {{ service_account_key: '{{\"private_key\": \"hunter-gcs\"}}' }}
  azure: {{ access_key: hunter-azure }}
telemetry:
  export: {{ endpoint: 'https://127.0.0.1:9', interval: 1s, headers: {{ Authorization: Bearer hunter-export }} }}
"
    )
}

fn assert_shows_no_secret(text: &str, what: &str, folder: &Path) {
    let line = text.lines().find(|line| line.contains(SECRET));
    assert!(line.is_none(), "{what}: {}", line.unwrap_or_default());
    let key = std::fs::read_to_string(folder.join("key.pem")).unwrap();
    let of_key = key.lines().nth(1).unwrap();
    assert!(!text.contains(of_key) && !text.contains("$2b$"), "{what}: {text}");
}

/// What a command says, with any exit code.
fn said(folder: &Path, arguments: &[&str]) -> String {
    let Said { stdout, stderr, .. } = forebay(folder, arguments, &[]);
    stdout + &stderr
}

/// A client that trusts `authority`.
fn https(authority: &Authority) -> reqwest::Client {
    let config = client_config(authority, None, b"http/1.1", ALL_VERSIONS);
    reqwest::Client::builder().tls_backend_preconfigured((*config).clone()).no_proxy().build().unwrap()
}

async fn metrics(client: &reqwest::Client, program: &Program) -> String {
    let url = format!("https://{}/metrics", program.admin());
    let answer = client.get(url).bearer_auth("hunter-ops").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.text().await.unwrap()
}

async fn send(program: &Program, authorization: &str) -> u16 {
    let mut request = request(Over::HttpProtobuf, 1, 0);
    request.headers_mut().insert("authorization", authorization.parse().unwrap());
    over_http1(program.http(), request).await.status
}

#[tokio::test]
async fn no_secret_is_shown_whatever_happens() {
    let (folder, authority) = (TempDir::new().unwrap(), Authority::new("us"));
    let folder = folder.path();
    std::fs::write(folder.join("forebay.yaml"), everything(folder, &authority)).unwrap();
    let settings = Settings::small().with("LOG", "trace").with("UPLOAD_FINISH_WITHIN", "0s");
    let program = Program::start(folder, &settings.environment());
    for (authorization, status) in [
        ("Bearer hunter-b", 200),
        ("Bearer hunter-wrong", 401),
        ("Basic aHVudGVyOmh1bnRlcg==", 401),
        ("hunter", 401),
    ] {
        assert_eq!(send(&program, authorization).await, status, "{authorization}");
    }
    // What is broken while it runs.
    std::fs::write(folder.join("tokens"), "hunter 1\n").unwrap();
    std::fs::write(folder.join("cert.pem"), "hunter-cert\n").unwrap();
    let client = https(&authority);
    until("that broken files are complained of", async || {
        let metrics = metrics(&client, &program).await;
        let failed =
            |name: &str, listener: &str| metrics.contains(&format!("{name}{{listener=\"{listener}\"}} 1"));
        failed("forebay_tls_reload_failures_total", "grpc")
            && failed("forebay_auth_reload_failures_total", "grpc")
    })
    .await;
    let admin = program.admin().to_string();
    let mut shown = metrics(&client, &program).await;
    assert!(
        shown.contains("forebay_auth_failures_total{listener=\"http\",reason=\"unknown_token\"} 1"),
        "{shown}"
    );
    assert!(shown.contains("forebay_tls_certificate_expiry_seconds{listener=\"grpc\"}"), "{shown}");
    shown += &said(folder, &["status", "--json", "--admin", &admin]);
    for command in [
        &["check"][..],
        &["check", "--changed"],
        &["inspect"],
        &["inspect", "records"],
        &["verify"],
        &["flush", "--wait", "1s", "--admin", &admin],
        &["send"],
    ] {
        let _ = write!(shown, "{command:?}\n{}", said(folder, command));
    }
    assert!(shown.contains("receive.auth.users") && shown.contains("alice=***"), "{shown}");
    let ended = program.terminate();
    assert!(
        ended.stderr.contains("request refused") && ended.stderr.contains("are not taken"),
        "{}",
        ended.stderr
    );
    assert_shows_no_secret(&shown, "what is asked", folder);
    assert_shows_no_secret(&ended.stdout, "the greeting", folder);
    assert_shows_no_secret(&ended.stderr, "the log", folder);
}

#[test]
fn no_secret_is_shown_by_what_is_said_about_a_wrong_configuration() {
    let (folder, authority) = (TempDir::new().unwrap(), Authority::new("us"));
    let folder = folder.path();
    let right = everything(folder, &authority);
    for (was, is) in [
        ("token: hunter-a", "token: 'hunter a'"),
        ("token: hunter-a", "token: hunter${a"),
        ("token: hunter-a", "token: hunter${hunter}"),
        ("token: hunter-a", "token: [hunter]"),
        ("token: hunter-a", "token: { hunter-a: hunter-a }"),
        ("token: hunter-a,", "token: hunter-b, tokn: hunter-a,"),
        ("tokens: { a: { token: hunter-a, tenant: acme, bytes_per_second: 1MiB } }", "tokens: a=hunter-a"),
        ("tokens: { b: { token: hunter-b } }", "tokens: { b: hunter-b }"),
        ("users: { op: hunter-op }", "users: hunter-op"),
        ("users: { op: hunter-op }", "users: { op: '$1$hunter' }"),
        ("users: { op: hunter-op }", "users: { op: { password: hunter-op } }"),
        ("users: { op: hunter-op }", "users: { op: hunter-op, op: hunter-op }"),
        ("secret_access_key: hunter-s3", "secret_access_key: hunter${s3"),
        ("Authorization: Bearer hunter-hook", "'A B': Bearer hunter-hook"),
    ] {
        assert!(right.contains(was), "{was}");
        std::fs::write(folder.join("forebay.yaml"), right.replacen(was, is, 1)).unwrap();
        let Said { code, stdout, stderr } = forebay(folder, &["check"], &[]);
        assert_eq!(code, Some(1), "{is}: {stdout}");
        // The names of keys are no secrets.
        let shown = stderr.replace("token.hunter-a", "");
        assert_shows_no_secret(&shown, is, folder);
    }
    // What is found out only when it is used.
    let proxy =
        right.replacen("http://user:hunter-proxy@", "'ht!tp://hunter-proxy@", 1).replacen(":9\n", ":9'\n", 1);
    std::fs::write(folder.join("forebay.yaml"), proxy).unwrap();
    let Said { code, stdout, stderr } = forebay(folder, &["drain", "--wait", "1s"], &[]);
    assert_eq!(code, Some(1), "{stdout}{stderr}");
    assert_shows_no_secret(&(stdout + &stderr), "a proxy", folder);
}

#[tokio::test]
async fn commands_ask_an_admin_server_with_tls_and_credentials() {
    let (folder, authority) = (TempDir::new().unwrap(), Authority::new("us"));
    let folder = folder.path();
    let (authority_file, client) = (folder.join("ca.pem"), authority.client());
    std::fs::write(&authority_file, authority.pem()).unwrap();
    std::fs::write(folder.join("client.pem"), &client.certificate).unwrap();
    std::fs::write(folder.join("client-key.pem"), &client.key).unwrap();
    authority.server().write(folder);
    let yaml = "
admin:
  tls: { cert_file: cert.pem, key_file: key.pem }
  auth: { tokens: { ops: { token: hunter-ops } } }
";
    std::fs::write(folder.join("forebay.yaml"), yaml).unwrap();
    let program = Program::start(folder, &Settings::small().environment());
    let admin = program.admin().to_string();
    let status = |environment: &[(&str, &str)]| forebay(folder, &["status", "--admin", &admin], environment);

    let own = status(&[]);
    assert_eq!(own.code, Some(0), "the configuration of the server itself is enough: {own:?}");
    let flushed = forebay(folder, &["flush", "--admin", &admin], &[]);
    assert_eq!((flushed.code, flushed.stdout.as_str()), (Some(0), "nothing was waiting\n"));

    let elsewhere = [
        ("FOREBAY_ADMIN_TLS_ENABLED", "false"),
        ("FOREBAY_ADMIN_CLIENT_CA_FILE", "ca.pem"),
        ("FOREBAY_ADMIN_CLIENT_TOKEN", "hunter-ops"),
    ];
    assert_eq!(status(&elsewhere).code, Some(0), "so is an authority and a token");
    let wrong = status(&[("FOREBAY_ADMIN_CLIENT_TOKEN", "hunter-1")]);
    assert!(wrong.stderr.contains("set admin.client.token"), "{wrong:?}");
    let other = Authority::new("them").server();
    std::fs::write(folder.join("cert.pem"), &other.certificate).unwrap();
    let distrusted = status(&[]);
    assert!(distrusted.stderr.contains("not the one in admin.tls.cert_file"), "{distrusted:?}");

    // Probes have no secrets.
    let client = https(&authority);
    for (path, status) in [("/", 200), ("/readyz", 200), ("/status", 401), ("/metrics", 401), ("/flush", 401)]
    {
        let answer = client.get(format!("https://{admin}{path}")).send().await.unwrap();
        let asks = answer.headers().contains_key("www-authenticate");
        assert_eq!((answer.status().as_u16(), asks), (status, status == 401), "{path}");
    }
}

#[tokio::test]
async fn a_forebay_on_sockets_only_is_sent_to_and_asked() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let socket = |name: &str| format!("unix:{}", folder.join(name).display());
    let environment = [
        ("FOREBAY_RECEIVE_GRPC", socket("otlp.sock")),
        ("FOREBAY_RECEIVE_HTTP", "off".to_owned()),
        ("FOREBAY_ADMIN_LISTEN", socket("admin.sock")),
    ];
    let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let running = Starting::spawn(folder, &environment);
    until("the sockets", async || folder.join("admin.sock").exists() && folder.join("otlp.sock").exists())
        .await;
    let status = forebay(folder, &["status"], &environment);
    assert_eq!(status.code, Some(0), "{status:?}");
    assert!(status.stdout.contains(&format!("grpc {}", socket("otlp.sock"))), "{status:?}");
    let killed = running.kill();
    assert!(
        killed.stdout.contains(&format!("OTLP      {}, gRPC and HTTP\n", socket("otlp.sock"))),
        "{killed:?}"
    );
    assert!(folder.join("otlp.sock").exists(), "what was killed removes nothing");

    let again = Starting::spawn(folder, &environment);
    until("that it is there again", async || forebay(folder, &["status"], &environment).code == Some(0))
        .await;
    drop(again.kill());
}
