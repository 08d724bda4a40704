//! The body of one request as it goes over the wire, in pieces that are not copied.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::buf::Chain;
use bytes::{Buf as _, Bytes};
use http_body::{Body, Frame, SizeHint};

/// What goes into one frame: a part of the head, of the rest, and of the tail.
pub(super) type Piece = Chain<Chain<Bytes, Bytes>, Bytes>;

/// The most that a frame of HTTP/2 has: the most that every receiver takes (RFC 9113, 4.2), and what grpc-go, and so
/// every Collector, sends.
const FRAME_BYTES: usize = 16 << 10;

/// The body of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// What differs from request to request.
    pub(super) head: Bytes,
    /// What does not.
    pub(super) rest: Bytes,
    /// What comes after it and differs again: a checksum.
    pub(super) tail: Bytes,
    /// Whether it is cut into frames of HTTP/2, with a length that is not announced, as gRPC's are.
    pub(super) is_framed: bool,
}

impl Message {
    fn remaining(&self) -> usize {
        self.head.len() + self.rest.len() + self.tail.len()
    }

    /// Takes no more than so many bytes from the front.
    fn take(&mut self, most: usize) -> Piece {
        let mut left = most;
        let mut cut = |part: &mut Bytes| {
            let piece = part.split_to(left.min(part.len()));
            left -= piece.len();
            piece
        };
        let (head, rest, tail) = (cut(&mut self.head), cut(&mut self.rest), cut(&mut self.tail));
        head.chain(rest).chain(tail)
    }
}

impl Body for Message {
    type Data = Piece;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, Infallible>>> {
        let most = if self.is_framed { FRAME_BYTES } else { usize::MAX };
        let has_more = self.remaining() > 0;
        Poll::Ready(has_more.then(|| Ok(Frame::data(self.take(most)))))
    }

    fn is_end_stream(&self) -> bool {
        self.remaining() == 0
    }

    fn size_hint(&self) -> SizeHint {
        if self.is_framed { SizeHint::default() } else { SizeHint::with_exact(self.remaining() as u64) }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    fn message(is_framed: bool) -> Message {
        let rest: Vec<u8> = (0..=250).cycle().take(40_000).collect();
        Message {
            head: Bytes::from_static(b"head"),
            rest: rest.into(),
            tail: Bytes::from_static(b"tail"),
            is_framed,
        }
    }

    async fn frames(mut message: Message) -> Vec<Bytes> {
        let mut frames = Vec::new();
        while let Some(frame) = message.frame().await {
            let mut piece = frame.unwrap().into_data().unwrap();
            frames.push(piece.copy_to_bytes(piece.remaining()));
        }
        assert!(message.is_end_stream());
        frames
    }

    #[tokio::test]
    async fn grpc_goes_in_full_frames_of_16_kib_and_http_in_one_piece() {
        let whole = frames(message(false)).await;
        assert_eq!(whole.len(), 1);
        assert!(whole[0].starts_with(b"head") && whole[0].ends_with(b"tail"));
        let cut = frames(message(true)).await;
        assert_eq!(cut.iter().map(Bytes::len).collect::<Vec<_>>(), [16_384, 16_384, 7_240]);
        assert_eq!(cut.concat(), whole[0]);
    }

    #[test]
    fn the_length_is_announced_over_http_only() {
        assert_eq!(message(false).size_hint().exact(), Some(40_008));
        assert_eq!(message(true).size_hint().exact(), None);
    }
}
