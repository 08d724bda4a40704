//! Where credentials come from, asked of a token service and a metadata service that are small HTTP servers.

use std::fs;
use std::sync::Mutex;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::task::JoinHandle;

use super::*;
use crate::secret::Secret;
use crate::upload::bucket::http::Dialect;
use crate::upload::options::Options;

/// Answers every request with the same text, and remembers the requests.
struct Server {
    address: String,
    seen: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(answer: &'static str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let log = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let log = Arc::clone(&log);
                let service = service_fn(move |request: Request<Incoming>| {
                    let header =
                        request.headers().get("authorization").map(|v| v.to_str().unwrap().to_string());
                    let line = format!("{} {}", request.uri(), header.unwrap_or_default());
                    log.lock().unwrap().push(line);
                    async move { Ok::<_, std::io::Error>(Response::new(Full::new(Bytes::from(answer)))) }
                });
                let _ = hyper::server::conn::http1::Builder::new()
                    .keep_alive(false)
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            }
        });
        Self { address, seen, task }
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

const ASSUMED: &str = "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA</AccessKeyId>\
    <SecretAccessKey>assumed</SecretAccessKey><SessionToken>token</SessionToken>\
    <Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";

async fn credential(options: &S3Options, environment: &Environment) -> Result<(String, String), String> {
    let connector = Connector::new(&Options::default(), Dialect::S3, None, None)?;
    let store = open(options, "bucket", environment, &connector)?;
    let credential = store.credentials().get_credential().await.map_err(|error| error.to_string())?;
    Ok((credential.key_id.clone(), credential.secret_key.clone()))
}

fn keys(id: &str, secret: &str) -> (String, String) {
    (id.to_string(), secret.to_string())
}

fn static_keys() -> S3Options {
    S3Options {
        access_key_id: Some("AKIA".into()),
        secret_access_key: Some(Secret::from("static")),
        allow_http: true,
        ..S3Options::default()
    }
}

#[tokio::test]
async fn settings_go_before_the_environment_and_that_before_the_default_profile() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".aws")).unwrap();
    let file = home.path().join(".aws/credentials");
    fs::write(
        &file,
        "[default]\naws_access_key_id=D\naws_secret_access_key=d\n[p]\naws_access_key_id=P\naws_secret_access_key=p\n",
    )
    .unwrap();
    let home = home.path().to_str().unwrap();
    let full = Environment::from([
        ("HOME", home),
        ("AWS_ACCESS_KEY_ID", "E"),
        ("AWS_SECRET_ACCESS_KEY", "e"),
        ("AWS_PROFILE", "p"),
    ]);
    assert_eq!(credential(&static_keys(), &full).await.unwrap(), keys("AKIA", "static"));
    let named = S3Options { profile: Some("p".into()), ..S3Options::default() };
    assert_eq!(credential(&named, &full).await.unwrap(), keys("P", "p"));
    assert_eq!(credential(&S3Options::default(), &full).await.unwrap(), keys("E", "e"));
    let chosen = Environment::from([("HOME", home), ("AWS_PROFILE", "p")]);
    assert_eq!(credential(&S3Options::default(), &chosen).await.unwrap(), keys("P", "p"));
    assert_eq!(
        credential(&S3Options::default(), &Environment::from([("HOME", home)])).await.unwrap(),
        keys("D", "d")
    );
    let missing = S3Options { profile: Some("nobody".into()), ..S3Options::default() };
    let error = credential(&missing, &full).await.unwrap_err();
    assert!(error.starts_with("the profile nobody") && error.contains(".aws/credentials"), "{error}");
}

#[tokio::test]
async fn a_role_is_assumed_once_with_a_signed_request() {
    let service = Server::start(ASSUMED).await;
    let options = S3Options {
        role_arn: Some("arn:aws:iam::1:role/r".into()),
        external_id: Some(Secret::from("e")),
        sts_endpoint: Some(service.address.clone()),
        region: Some("eu-west-1".into()),
        ..static_keys()
    };
    let connector = Connector::new(&Options::default(), Dialect::S3, None, None).unwrap();
    let store = open(&options, "bucket", &Environment::default(), &connector).unwrap();
    for _ in 0..3 {
        assert_eq!(store.credentials().get_credential().await.unwrap().key_id, "ASIA");
    }
    let seen = service.seen();
    assert_eq!(seen.len(), 1, "{seen:?}");
    for part in [
        "Action=AssumeRole&",
        "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr",
        "RoleSessionName=forebay",
        "ExternalId=e",
        "AWS4-HMAC-SHA256 Credential=AKIA/",
        "/eu-west-1/sts/aws4_request",
    ] {
        assert!(seen[0].contains(part), "{part}: {}", seen[0]);
    }
}

#[tokio::test]
async fn a_profile_may_assume_a_role_with_the_keys_of_another() {
    let service = Server::start(ASSUMED).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    let text = "[profile top]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=base\nexternal_id=x\nregion=us-west-2\n\
                [profile base]\naws_access_key_id=B\naws_secret_access_key=b\n\
                [profile round]\nrole_arn=arn:a\nsource_profile=trip\n[profile trip]\nrole_arn=arn:a\nsource_profile=round\n\
                [profile sso]\nsso_session=s\n";
    fs::write(&file, text).unwrap();
    let environment = |profile: &str| {
        Environment::from([
            ("AWS_CONFIG_FILE", file.to_str().unwrap()),
            ("AWS_PROFILE", profile),
            ("AWS_ENDPOINT_URL_STS", &service.address),
            ("AWS_ALLOW_HTTP", "true"),
        ])
    };
    let options = S3Options::default();
    assert_eq!(credential(&options, &environment("top")).await.unwrap(), keys("ASIA", "assumed"));
    assert!(service.seen()[0].contains("Credential=B/") && service.seen()[0].contains("/us-west-2/sts/"));
    assert!(credential(&options, &environment("round")).await.unwrap_err().contains("circle"));
    assert!(credential(&options, &environment("sso")).await.unwrap_err().contains("sso_session"));
}

#[tokio::test]
async fn the_containers_credentials_are_asked_when_nothing_else_is_there() {
    let answer =
        r#"{"AccessKeyId":"C","SecretAccessKey":"c","Token":"t","Expiration":"2999-01-01T00:00:00Z"}"#;
    let service = Server::start(answer).await;
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    fs::write(&token, "secret-token").unwrap();
    let environment = Environment::from([
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", service.address.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.to_str().unwrap()),
    ]);
    assert_eq!(credential(&S3Options::default(), &environment).await.unwrap(), keys("C", "c"));
    assert!(service.seen()[0].ends_with("secret-token"));
}

#[test]
fn the_bucket_stands_in_the_path_or_in_the_host() {
    assert_eq!(hosted("https://s.example:9000", "b", true), "https://s.example:9000");
    assert_eq!(hosted("https://s.example:9000", "b", false), "https://b.s.example:9000");
    assert_eq!(hosted("https://b.s.example", "b", false), "https://b.s.example");
}
