//! A small S3 server on the loopback interface, which plays faults by script and remembers who asked for what.
//!
//! It refuses what S3 refuses: puts over an existing object with `If-None-Match: *`, parts below 5 MiB, completions of
//! unknown uploads or with wrong parts, bodies without the checksum that their headers say, unsigned requests, and, as
//! write-only credentials are refused, every reading, listing and deleting of objects.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::checksums;

/// The name of the bucket whose objects go by their keys. Those of every other bucket go by `bucket:key`.
pub const BUCKET: &str = "bucket";
/// The least size of a part, the last one excepted.
const PART_MINIMUM: usize = 5 << 20;

/// The kinds of requests that a fault may meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    Put,
    Begin,
    Part,
    Complete,
    Abort,
    Any,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// This answer; nothing is stored.
    Answer(u16, &'static str),
    /// The connection ends while the request is read; nothing is stored.
    Reset,
    /// The request takes effect, and the connection ends without an answer.
    LoseAnswer,
    /// No answer, ever; nothing is stored.
    BlackHole,
    /// The request takes effect, and the answer says this.
    LieAfterEffect(u16, &'static str),
    /// 200 with an error document; nothing is stored.
    ErrorInBody,
    /// The answer comes late.
    Slow(Duration),
}

/// An object as it was put.
#[derive(Clone, Debug)]
pub struct Stored {
    pub bytes: Bytes,
    pub headers: HeaderMap,
    /// How often it was written; more than once breaks readers.
    pub writes: u32,
}

/// One request, as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub on: Option<On>,
    pub method: Method,
    pub key: String,
    pub query: String,
    pub headers: HeaderMap,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, Stored>,
    uploads: HashMap<String, Upload>,
    next_upload: u32,
    script: VecDeque<(On, Fault)>,
    poisoned: HashMap<String, Fault>,
    may_read: bool,
    existing: Option<(u16, &'static str)>,
    only_key: Option<String>,
    seen: Vec<Seen>,
    under_way: usize,
    most_under_way: usize,
}

#[derive(Debug)]
struct Upload {
    key: String,
    headers: HeaderMap,
    parts: BTreeMap<u32, Bytes>,
}

/// The server; ends when it is dropped.
#[derive(Debug)]
pub struct FakeS3 {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    server: JoinHandle<()>,
}

impl FakeS3 {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        let server = tokio::spawn(async move {
            // Connections end with the server.
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let state = Arc::clone(&shared);
                connections.spawn(async move {
                    let service = service_fn(move |request| answer(Arc::clone(&state), request));
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self { address, state, server }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next requests of these kinds go wrong in this order.
    pub fn script(&self, faults: impl IntoIterator<Item = (On, Fault)>) {
        self.lock().script.extend(faults);
    }

    /// Every put of a key that contains `part` goes wrong.
    pub fn poison(&self, part: &str, fault: Fault) {
        self.lock().poisoned.insert(part.to_string(), fault);
    }

    pub fn heal(&self) {
        let mut state = self.lock();
        state.poisoned.clear();
        state.script.clear();
    }

    /// Allows HEAD of objects.
    pub fn allow_reading(&self) {
        self.lock().may_read = true;
    }

    /// What a put over an existing object is answered with, for stores that do not say 412.
    pub fn answer_existing_with(&self, status: u16, code: &'static str) {
        self.lock().existing = Some((status, code));
    }

    /// From now on, no other access key than this is good.
    pub fn take_only_key(&self, id: &str) {
        self.lock().only_key = Some(id.to_string());
    }

    /// Puts an object behind forebay's back.
    pub fn plant(&self, key: &str, bytes: Bytes) {
        self.lock().objects.insert(key.to_string(), Stored { bytes, headers: HeaderMap::new(), writes: 1 });
    }

    pub fn objects(&self) -> BTreeMap<String, Stored> {
        self.lock().objects.clone()
    }

    pub fn object_count(&self) -> usize {
        self.lock().objects.len()
    }

    pub fn has(&self, key: &str) -> bool {
        self.lock().objects.contains_key(key)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.lock().seen.clone()
    }

    pub fn count(&self, on: On) -> usize {
        self.lock().seen.iter().filter(|seen| seen.on == Some(on)).count()
    }

    pub fn unused_faults(&self) -> usize {
        self.lock().script.len()
    }

    pub fn open_uploads(&self) -> usize {
        self.lock().uploads.len()
    }

    /// Uploads in parts that are open and have parts, which somebody pays for.
    pub fn uploads_with_parts(&self) -> usize {
        self.lock().uploads.values().filter(|upload| !upload.parts.is_empty()).count()
    }

    /// Forgets all multipart uploads, as a lifecycle rule does.
    pub fn forget_uploads(&self) {
        self.lock().uploads.clear();
    }

    pub fn most_under_way(&self) -> usize {
        self.lock().most_under_way
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Drop for FakeS3 {
    fn drop(&mut self) {
        self.server.abort();
    }
}

type Answer = Result<Response<Full<Bytes>>, io::Error>;

/// Counts requests under way, also those whose connection ends.
struct UnderWay(Arc<Mutex<State>>);

impl UnderWay {
    fn enter(state: &Arc<Mutex<State>>) -> Self {
        let mut locked = state.lock().unwrap();
        locked.under_way += 1;
        locked.most_under_way = locked.most_under_way.max(locked.under_way);
        Self(Arc::clone(state))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.lock().unwrap().under_way -= 1;
    }
}

async fn answer(state: Arc<Mutex<State>>, request: Request<Incoming>) -> Answer {
    let _under_way = UnderWay::enter(&state);
    let (parts, mut body) = request.into_parts();
    let path = parts.uri.path().to_string();
    let query = parts.uri.query().unwrap_or_default().to_string();
    let key = key(&path);
    let on = kind(&parts.method, &query);
    let fault = {
        let mut state = state.lock().unwrap();
        let seen = Seen {
            on,
            method: parts.method.clone(),
            key: key.clone(),
            query: query.clone(),
            headers: parts.headers.clone(),
        };
        state.seen.push(seen);
        let poisoned = state.poisoned.iter().find(|(part, _)| key.contains(*part)).map(|(_, fault)| *fault);
        let matches = |wanted: On| wanted == On::Any || Some(wanted) == on;
        let scripted = match state.script.front() {
            Some((wanted, _)) if matches(*wanted) => state.script.pop_front().map(|(_, fault)| fault),
            _ => None,
        };
        poisoned.or(scripted)
    };
    match fault {
        Some(Fault::Reset) => {
            let _ = body.frame().await;
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Some(Fault::BlackHole) => {
            let _ = body.collect().await;
            return std::future::pending().await;
        }
        _ => {}
    }
    let mut content = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(io::Error::other)?;
        content.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
    }
    let content = content.freeze();
    let effect = || {
        let mut state = state.lock().unwrap();
        state.apply(on, &parts.method, &key, &query, &parts.headers, &content)
    };
    match fault {
        Some(Fault::Answer(status, code)) => Ok(error(status, code)),
        Some(Fault::ErrorInBody) => Ok(document(200, "<Error><Code>InternalError</Code></Error>")),
        Some(Fault::LoseAnswer) => {
            effect();
            Err(io::ErrorKind::ConnectionReset.into())
        }
        Some(Fault::LieAfterEffect(status, code)) => {
            effect();
            Ok(error(status, code))
        }
        Some(Fault::Slow(wait)) => {
            tokio::time::sleep(wait).await;
            Ok(effect())
        }
        Some(Fault::Reset | Fault::BlackHole) | None => Ok(effect()),
    }
}

/// The key in a path, with the bucket if it is not [`BUCKET`].
pub fn key(path: &str) -> String {
    let path = path.trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or_default();
    let key = percent_decoded(key);
    if bucket == BUCKET { key } else { format!("{bucket}:{key}") }
}

/// An argument of a query.
pub fn argument(query: &str, name: &str) -> Option<String> {
    let pair = query.split('&').find_map(|pair| pair.split_once('=').filter(|(n, _)| *n == name));
    pair.map(|(_, value)| percent_decoded(value))
}

/// The kind of a request.
pub fn kind(method: &Method, query: &str) -> Option<On> {
    let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    match *method {
        Method::PUT if has("uploadId") => Some(On::Part),
        Method::PUT if query.is_empty() => Some(On::Put),
        Method::POST if has("uploads") => Some(On::Begin),
        Method::POST if has("uploadId") => Some(On::Complete),
        Method::DELETE if has("uploadId") => Some(On::Abort),
        _ => None,
    }
}

impl State {
    fn apply(
        &mut self,
        on: Option<On>,
        method: &Method,
        key: &str,
        query: &str,
        headers: &HeaderMap,
        content: &Bytes,
    ) -> Response<Full<Bytes>> {
        let Some(authorization) = headers.get("authorization").and_then(|value| value.to_str().ok()) else {
            return error(403, "AccessDenied");
        };
        if self.only_key.as_ref().is_some_and(|id| !authorization.contains(&format!("Credential={id}/"))) {
            return error(400, "ExpiredToken");
        }
        if let Some((status, code)) = checksums::refusal(headers, content) {
            return error(status, code);
        }
        let argument = |name: &str| argument(query, name).unwrap_or_default();
        let condition = |name: &str, value: &str| headers.get(name).is_some_and(|found| found == value);
        let must_create = condition("if-none-match", "*") || condition("x-goog-if-generation-match", "0");
        let (status, code) = self.existing.unwrap_or((412, "PreconditionFailed"));
        let exists = self.objects.contains_key(key);
        match on {
            Some(On::Put) if must_create && exists => error(status, code),
            Some(On::Put) => self.store(key, content.clone(), headers.clone()),
            Some(On::Begin) => {
                self.next_upload += 1;
                let id = format!("upload/{}", self.next_upload);
                let upload =
                    Upload { key: key.to_string(), headers: headers.clone(), parts: BTreeMap::new() };
                self.uploads.insert(id.clone(), upload);
                document(
                    200,
                    &format!(
                        "<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
                    ),
                )
            }
            Some(On::Part) => match self.uploads.get_mut(&argument("uploadId")) {
                Some(upload) => {
                    upload.parts.insert(argument("partNumber").parse().unwrap(), content.clone());
                    tagged(content)
                }
                None => error(404, "NoSuchUpload"),
            },
            Some(On::Complete) => {
                let id = argument("uploadId");
                let Some(upload) = self.uploads.get(&id) else { return error(404, "NoSuchUpload") };
                if must_create && exists {
                    return error(412, "PreconditionFailed");
                }
                let listed = listed_parts(&String::from_utf8_lossy(content));
                let sent: Vec<_> =
                    upload.parts.iter().map(|(number, bytes)| (*number, etag(bytes))).collect();
                if listed.is_empty() || listed != sent {
                    return error(400, "InvalidPart");
                }
                if upload.parts.values().rev().skip(1).any(|part| part.len() < PART_MINIMUM) {
                    return error(400, "EntityTooSmall");
                }
                let Some(upload) = self.uploads.remove(&id) else { return error(404, "NoSuchUpload") };
                let whole = upload.parts.values().fold(BytesMut::new(), |mut whole, part| {
                    whole.extend_from_slice(part);
                    whole
                });
                self.store(&upload.key, whole.freeze(), upload.headers);
                document(
                    200,
                    "<CompleteMultipartUploadResult><ETag>\"whole\"</ETag></CompleteMultipartUploadResult>",
                )
            }
            Some(On::Abort) => match self.uploads.remove(&argument("uploadId")) {
                Some(_) => document(204, ""),
                None => error(404, "NoSuchUpload"),
            },
            _ if *method == Method::HEAD && self.may_read => match self.objects.get(key) {
                Some(object) => Response::builder()
                    .status(200)
                    .header("etag", etag(&object.bytes))
                    .header("last-modified", "Sat, 22 Aug 2026 10:11:12 GMT")
                    .header("content-length", object.bytes.len())
                    .body(Full::default())
                    .unwrap(),
                None => document(404, ""),
            },
            _ => error(403, "AccessDenied"),
        }
    }

    fn store(&mut self, key: &str, bytes: Bytes, headers: HeaderMap) -> Response<Full<Bytes>> {
        let writes = self.objects.get(key).map_or(0, |object| object.writes) + 1;
        let response = tagged(&bytes);
        self.objects.insert(key.to_string(), Stored { bytes, headers, writes });
        response
    }
}

fn listed_parts(xml: &str) -> Vec<(u32, String)> {
    let element = |part: &str, name: &str| {
        let text = part.split(&format!("<{name}>")).nth(1)?.split(&format!("</{name}>")).next()?;
        Some(text.replace("&quot;", "\""))
    };
    xml.split("<Part>")
        .skip(1)
        .filter_map(|part| Some((element(part, "PartNumber")?.parse().ok()?, element(part, "ETag")?)))
        .collect()
}

fn etag(bytes: &Bytes) -> String {
    format!("\"{}\"", &blake3::hash(bytes).to_hex()[..32])
}

fn tagged(bytes: &Bytes) -> Response<Full<Bytes>> {
    Response::builder().status(200).header("etag", etag(bytes)).body(Full::default()).unwrap()
}

fn error(status: u16, code: &str) -> Response<Full<Bytes>> {
    let message = format!("the fake says {code}");
    let xml = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    let mut response = document(status, &xml);
    response.headers_mut().insert("x-ms-error-code", code.parse().unwrap());
    response
}

fn document(status: u16, xml: &str) -> Response<Full<Bytes>> {
    let body = Full::new(Bytes::from(xml.to_string()));
    Response::builder().status(StatusCode::from_u16(status).unwrap()).body(body).unwrap()
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (first, after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok())) {
            (b'%', Some(digits)) if let Ok(byte) = u8::from_str_radix(digits, 16) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8(bytes).unwrap()
}
