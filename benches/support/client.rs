//! A client that costs next to nothing: it sends bytes that are encoded already, and reads no more of the answers than
//! where they end.

use bytes::Bytes;
use forebay::otlp::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What HTTP/2 begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The length of a DATA frame that any server takes, which is what most clients send.
const FRAME_BYTES: usize = 16 << 10;

/// A request is sent without looking at the server's windows; forebay lets so much of a call be sent at once.
const WINDOW_BYTES: usize = 1 << 20;

/// The frames of HTTP/2 that it knows (RFC 9113, section 6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

/// The flags of frames.
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Speaks OTLP/HTTP over HTTP/1.1.
pub(crate) struct Http {
    stream: TcpStream,
    received: Vec<u8>,
}

/// Speaks OTLP/gRPC.
pub(crate) struct Grpc {
    stream: TcpStream,
    last_call: u32,
}

impl Http {
    pub(crate) async fn connect(port: u16) -> Self {
        Self { stream: connect(port).await, received: Vec::new() }
    }

    /// What is sent for a body; `headers` end with a line break each.
    pub(crate) fn request(signal: Signal, headers: &str, body: &[u8]) -> Bytes {
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {}\r\n\r\n",
            signal.path(),
            body.len()
        );
        [head.as_bytes(), body].concat().into()
    }

    /// Sends a request and waits for the OK.
    pub(crate) async fn send(&mut self, request: &[u8]) {
        self.stream.write_all(request).await.unwrap();
        self.received.clear();
        let head = loop {
            assert!(self.stream.read_buf(&mut self.received).await.unwrap() > 0, "the connection was closed");
            if let Some(end) = self.received.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let text = str::from_utf8(&self.received[..head]).unwrap().to_ascii_lowercase();
        assert!(text.starts_with("http/1.1 200"), "{text}");
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:")).unwrap();
        let end = head + length.trim().parse::<usize>().unwrap();
        while self.received.len() < end {
            assert!(self.stream.read_buf(&mut self.received).await.unwrap() > 0, "the connection was closed");
        }
    }
}

impl Grpc {
    pub(crate) async fn connect(port: u16) -> Self {
        let mut stream = connect(port).await;
        stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await.unwrap();
        let mut client = Self { stream, last_call: 0 };
        // The server says with these how much may be sent.
        let (mut settings, mut window) = (false, false);
        while !(settings && window) {
            let (kind, flags, ..) = client.read_frame().await;
            settings |= kind == SETTINGS && flags & ACK == 0;
            window |= kind == WINDOW_UPDATE;
        }
        client.stream.write_all(&frame(SETTINGS, ACK, 0, &[])).await.unwrap();
        client
    }

    /// What is sent for a message, but for the numbers of its call, which [`Self::send`] adds.
    pub(crate) fn request(signal: Signal, message: &[u8]) -> Vec<u8> {
        assert!(message.len() < WINDOW_BYTES - FRAME_BYTES);
        let service = match signal {
            Signal::Logs => "logs.v1.LogsService",
            Signal::Metrics => "metrics.v1.MetricsService",
            Signal::Traces => "trace.v1.TraceService",
            Signal::Profiles => "profiles.v1development.ProfilesService",
        };
        let path = format!("/opentelemetry.proto.collector.{service}/Export");
        let headers = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", &path),
            (":authority", "localhost"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
        ];
        let mut request = frame(HEADERS, END_HEADERS, 0, &headers.map(literal).concat());
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        let framed = [&[0], &length[..], message].concat();
        let mut pieces = framed.chunks(FRAME_BYTES).peekable();
        while let Some(piece) = pieces.next() {
            let flags = if pieces.peek().is_none() { END_STREAM } else { 0 };
            request.extend(frame(DATA, flags, 0, piece));
        }
        request
    }

    /// Sends a request and waits until it is answered. The answer's status is not read: see how much was stored.
    pub(crate) async fn send(&mut self, request: &mut [u8]) {
        self.last_call = if self.last_call == 0 { 1 } else { self.last_call + 2 };
        let mut begins = 0;
        while begins < request.len() {
            request[begins + 5..begins + 9].copy_from_slice(&self.last_call.to_be_bytes());
            begins += 9 + length_of(&request[begins..]);
        }
        self.stream.write_all(request).await.unwrap();
        loop {
            let (kind, flags, stream, payload) = self.read_frame().await;
            match kind {
                HEADERS | DATA if stream == self.last_call && flags & END_STREAM != 0 => break,
                PING if flags & ACK == 0 => {
                    self.stream.write_all(&frame(PING, ACK, 0, &payload)).await.unwrap();
                }
                HEADERS | DATA | SETTINGS | PING | WINDOW_UPDATE => {}
                GOAWAY => panic!("the server ends the connection: {payload:?}"),
                other => panic!("a frame of kind {other} for call {stream}: {payload:?}"),
            }
        }
    }

    /// The kind, the flags, the stream and the payload of the next frame.
    async fn read_frame(&mut self) -> (u8, u8, u32, Vec<u8>) {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).await.unwrap();
        let mut payload = vec![0; length_of(&head)];
        self.stream.read_exact(&mut payload).await.unwrap();
        (head[3], head[4], u32::from_be_bytes([head[5], head[6], head[7], head[8]]), payload)
    }
}

async fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A frame of HTTP/2 (RFC 9113, section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The length of the payload of the frame that begins here.
fn length_of(frame: &[u8]) -> usize {
    usize::from(frame[0]) << 16 | usize::from(frame[1]) << 8 | usize::from(frame[2])
}

/// A header that is named and valued in plain letters (RFC 7541, section 6.2.2).
fn literal((name, value): (&str, &str)) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    assert!(name.len() < 127 && value.len() < 127, "longer texts have longer lengths");
    [vec![0], text(name), text(value)].concat()
}
