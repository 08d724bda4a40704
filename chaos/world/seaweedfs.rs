//! SeaweedFS: a real server that speaks S3, as a process of its own, which can be killed and started again.
//!
//! forebay writes with an identity that may do nothing but `s3:PutObject` and `s3:AbortMultipartUpload`; the audit reads
//! with another.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::TryStreamExt as _;
use http::Request;
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{ObjectStore as _, ObjectStoreExt as _};
use tokio::runtime::Handle;

use crate::support::ports::unused_address;

/// The name of the bucket.
pub(crate) const BUCKET: &str = "telemetry";
const WRITER: [&str; 2] = ["WRITER", "writer-secret"];
const AUDITOR: [&str; 2] = ["AUDITOR", "auditor-secret"];
/// The servers of one process, each of which wants a port.
const SERVERS: [&str; 5] = ["master", "volume", "filer", "s3", "admin"];
/// Within which it answers.
const AT_LAST: Duration = Duration::from_mins(2);

/// The server with one bucket; it ends with this.
pub(crate) struct SeaweedFs {
    binary: PathBuf,
    folder: PathBuf,
    ports: Vec<(String, u16)>,
    process: Mutex<Child>,
    auditor: Arc<AmazonS3>,
    runtime: Handle,
}

impl SeaweedFs {
    /// Starts it in this folder by the program `weed`.
    pub(crate) fn start(binary: &Path, folder: &Path, runtime: &Handle) -> Self {
        let binary =
            &binary.canonicalize().unwrap_or_else(|error| panic!("{} (--weed): {error}", binary.display()));
        let folder = folder.join("seaweedfs");
        std::fs::create_dir_all(folder.join("data")).unwrap();
        std::fs::write(folder.join("s3.json"), identities().to_string()).unwrap();
        let both = |server: &&str| [format!("{server}.port"), format!("{server}.port.grpc")];
        let ports: Vec<_> =
            SERVERS.iter().flat_map(both).map(|name| (name, unused_address().port())).collect();
        let process = Mutex::new(spawn(binary, &folder, &ports));
        let endpoint = endpoint(&ports);
        let auditor = AmazonS3Builder::new()
            .with_endpoint(endpoint)
            .with_allow_http(true)
            .with_bucket_name(BUCKET)
            .with_region("us-east-1")
            .with_access_key_id(AUDITOR[0])
            .with_secret_access_key(AUDITOR[1])
            .build()
            .unwrap();
        let auditor = Arc::new(auditor);
        let store =
            Self { binary: binary.to_owned(), folder, ports, process, auditor, runtime: runtime.clone() };
        // A bucket is a folder below `/buckets` of its filer, which takes a new one over HTTP.
        let filer = format!("http://127.0.0.1:{}/buckets/{BUCKET}/", port(&store.ports, "filer.port"));
        let client = Client::builder(TokioExecutor::new()).build_http();
        store.wait_until(|| {
            let request = Request::post(&filer).body(Empty::<Bytes>::new()).unwrap();
            let answer = store.runtime.block_on(client.request(request));
            answer.is_ok_and(|answer| answer.status().is_success())
        });
        store.wait_until(|| store.try_objects().is_ok());
        store
    }

    /// Where it listens for S3.
    pub(crate) fn address(&self) -> std::net::SocketAddr {
        ([127, 0, 0, 1], port(&self.ports, "s3.port")).into()
    }

    /// The settings that make forebay use it through `endpoint`, its own or a proxy's.
    pub(crate) fn settings(endpoint: &str) -> Vec<(&'static str, String)> {
        vec![
            ("FOREBAY_UPLOAD_TO", format!("s3://{BUCKET}")),
            ("FOREBAY_UPLOAD_S3_ENDPOINT", endpoint.to_owned()),
            ("FOREBAY_UPLOAD_S3_ALLOW_HTTP", "true".to_owned()),
            ("FOREBAY_UPLOAD_S3_PATH_STYLE", "true".to_owned()),
            ("FOREBAY_UPLOAD_S3_ACCESS_KEY_ID", WRITER[0].to_owned()),
            ("FOREBAY_UPLOAD_S3_SECRET_ACCESS_KEY", WRITER[1].to_owned()),
            ("FOREBAY_UPLOAD_RETRY_FIRST_WAIT", "50ms".to_owned()),
            ("FOREBAY_UPLOAD_RETRY_LONGEST_WAIT", "500ms".to_owned()),
        ]
    }

    /// Its own endpoint.
    pub(crate) fn endpoint(&self) -> String {
        endpoint(&self.ports)
    }

    /// Kills it by SIGKILL.
    pub(crate) fn kill(&self) {
        let mut process = self.process.lock().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Starts it again on its data.
    pub(crate) fn start_again(&self) {
        *self.process.lock().unwrap() = spawn(&self.binary, &self.folder, &self.ports);
        self.wait_until(|| self.try_objects().is_ok());
    }

    /// Every object, by its key.
    pub(crate) fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        self.runtime.block_on(async {
            let found: Vec<_> = self.auditor.list(None).try_collect().await.unwrap();
            let mut objects = BTreeMap::new();
            for object in found {
                let bytes = self.auditor.get(&object.location).await.unwrap().bytes().await.unwrap();
                objects.insert(object.location.to_string(), bytes.to_vec());
            }
            objects
        })
    }

    /// The keys of all objects.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.try_objects().unwrap()
    }

    /// The keys; an error while it does not answer.
    fn try_objects(&self) -> object_store::Result<Vec<String>> {
        let listed = self.auditor.list(None).map_ok(|object| object.location.to_string()).try_collect();
        self.runtime.block_on(async { tokio::time::timeout(AT_LAST, listed).await.expect("it answers") })
    }

    fn wait_until(&self, is_so: impl Fn() -> bool) {
        let began = Instant::now();
        while !is_so() {
            let log = || std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(began.elapsed() < AT_LAST, "SeaweedFS does not answer: {}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for SeaweedFs {
    fn drop(&mut self) {
        let mut process = self.process.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Both fail if it has ended already, which is as well.
        let _ = process.kill();
        let _ = process.wait();
    }
}

fn port(ports: &[(String, u16)], name: &str) -> u16 {
    ports.iter().find(|(known, _)| known == name).unwrap().1
}

fn endpoint(ports: &[(String, u16)]) -> String {
    format!("http://127.0.0.1:{}", port(ports, "s3.port"))
}

fn spawn(binary: &Path, folder: &Path, ports: &[(String, u16)]) -> Child {
    let log = std::fs::File::options().append(true).create(true).open(folder.join("log")).unwrap();
    Command::new(binary)
        .arg("mini")
        .arg(format!("-dir={}", folder.join("data").display()))
        .arg(format!("-s3.config={}", folder.join("s3.json").display()))
        .args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3.port.iceberg=0", "-s3.port.lance=0"])
        .args(["-master.telemetry=false", "-admin.ui=false", "-webdav=false"])
        .args(ports.iter().map(|(name, port)| format!("-{name}={port}")))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run {} (--weed): {error}", binary.display()))
}

/// Who may do what, as its `s3.json` says it.
fn identities() -> serde_json::Value {
    let identity = |name: &str, [key, secret]: [&str; 2]| {
        serde_json::json!({
            "name": name,
            "credentials": [{ "accessKey": key, "secretKey": secret }],
        })
    };
    let policy = serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Action": ["s3:PutObject", "s3:AbortMultipartUpload"],
            "Resource": format!("arn:aws:s3:::{BUCKET}/*"),
        }],
    });
    let mut auditor = identity("auditor", AUDITOR);
    auditor["actions"] = serde_json::json!(["Admin"]);
    let mut writer = identity("writer", WRITER);
    writer["policyNames"] = serde_json::json!(["writer"]);
    serde_json::json!({
        "identities": [auditor, writer],
        "policies": [{ "name": "writer", "content": policy.to_string() }],
    })
}
