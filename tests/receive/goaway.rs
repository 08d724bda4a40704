//! The end of an HTTP/2 connection, frame by frame. A client sends again what GOAWAY says was not taken: too low a number
//! makes duplicates, too high a one loses what came late.

use bytes::Bytes;
use forebay::receive::{ConnectionOptions, Options, Refusal};
use forebay::units::SpanOrOff;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::PROTOBUF;
use crate::intake::{Memory, Room};
use crate::payload::logs;
use crate::server::{Server, options};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

const ACKNOWLEDGED: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// What a client must count on until it learns more: any stream may have been taken.
const EVERY_STREAM: u32 = 0x7fff_ffff;

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Bytes,
}

impl Frame {
    fn new(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Self {
        Self { kind, flags, stream, payload: Bytes::copy_from_slice(payload) }
    }

    fn encoded(&self) -> Vec<u8> {
        let length = u32::try_from(self.payload.len()).unwrap().to_be_bytes();
        let head = [&length[1..], &[self.kind, self.flags], &self.stream.to_be_bytes()].concat();
        [&head, &self.payload[..]].concat()
    }

    /// The next frame that is not about windows or settings; `None` when the connection is closed.
    async fn read(from: &mut TcpStream) -> Option<Self> {
        loop {
            let mut head = [0; 9];
            from.read_exact(&mut head).await.ok()?;
            let [a, b, c, kind, flags, stream @ ..] = head;
            let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
            from.read_exact(&mut payload).await.unwrap();
            if matches!(kind, DATA | HEADERS | PING | GOAWAY) {
                return Some(Self::new(kind, flags, u32::from_be_bytes(stream), &payload));
            }
        }
    }

    /// The last stream taken, from a GOAWAY without an error.
    fn last_stream(&self) -> u32 {
        assert_eq!(self.kind, GOAWAY);
        assert_eq!(self.payload[4..8], [0; 4], "NO_ERROR");
        u32::from_be_bytes(self.payload[..4].try_into().unwrap())
    }
}

/// The headers of an export over HTTP, compressed by nothing but the static table.
fn post_logs() -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let (method_post, scheme_http) = (0x83, 0x86);
    let (path, authority, content_type) = ([0x04], [0x01], [0x0f, 0x10]);
    [
        &[method_post, scheme_http][..],
        &path,
        &text("/v1/logs"),
        &authority,
        &text("forebay"),
        &content_type,
        &text(PROTOBUF),
    ]
    .concat()
}

fn export(stream: u32) -> Vec<u8> {
    let headers = Frame::new(HEADERS, END_HEADERS, stream, &post_logs());
    let data = Frame::new(DATA, END_STREAM, stream, &logs(1));
    [headers.encoded(), data.encoded()].concat()
}

/// A client with one call that waits for room.
async fn with_a_call(server: &Server) -> TcpStream {
    let mut client = TcpStream::connect(server.grpc).await.unwrap();
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    client.write_all(&Frame::new(SETTINGS, 0, 0, b"").encoded()).await.unwrap();
    client.write_all(&export(1)).await.unwrap();
    server.intake.until_waiting(1).await;
    client
}

/// Reads how a connection with one call ends, and sends another call before it is told which was the last.
async fn assert_told_the_last_stream_only_when_it_cannot_send_more(client: &mut TcpStream, intake: &Memory) {
    let warning = Frame::read(client).await.unwrap();
    assert_eq!(warning.last_stream(), EVERY_STREAM);
    let ping = Frame::read(client).await.unwrap();
    assert_eq!((ping.kind, ping.flags), (PING, 0));

    // This one was on the way when the warning came.
    client.write_all(&export(3)).await.unwrap();
    client.write_all(&Frame::new(PING, ACKNOWLEDGED, 0, &ping.payload).encoded()).await.unwrap();
    assert_eq!(Frame::read(client).await.unwrap().last_stream(), 3);
    intake.until_waiting(2).await;

    intake.set_room(Room::Refusing(Refusal::ShuttingDown));
    let mut answered = Vec::new();
    while let Some(frame) = Frame::read(client).await {
        if frame.kind == HEADERS {
            answered.push(frame.stream);
        }
    }
    answered.sort_unstable();
    assert_eq!(answered, [1, 3], "both are answered before the connection is closed");
}

#[tokio::test]
async fn a_client_is_told_the_last_stream_only_when_it_cannot_send_more() {
    let server = Server::start(options(), Room::Hanging).await;
    let intake = server.intake.clone();
    let mut client = with_a_call(&server).await;
    let ended = server.stop();
    assert_told_the_last_stream_only_when_it_cannot_send_more(&mut client, &intake).await;
    ended.await.unwrap();
}

#[tokio::test]
async fn a_client_whose_connection_is_old_is_told_the_last_stream_as_well() {
    let connection = ConnectionOptions { max_age: SpanOrOff::seconds(1), ..ConnectionOptions::default() };
    let server = Server::start(Options { connection, ..options() }, Room::Hanging).await;
    let mut client = with_a_call(&server).await;
    assert_told_the_last_stream_only_when_it_cannot_send_more(&mut client, &server.intake).await;
}
