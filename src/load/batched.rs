//! A connection that gathers what is written and sends it in larger pieces.
//!
//! Hyper's HTTP/2 makes a system call of every frame, which would be the larger part of what a request costs. grpc-go
//! gathers 32 KiB, and sends what it has when nobody else has anything to say
//! (`internal/transport/controlbuf.go`, `loopyWriter.run`): so it is done here, where what is sent is to look like its.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// How much is gathered at most, as grpc-go does it unless it is told otherwise (`WithWriteBufferSize`).
const GATHERED_BYTES: usize = 32 << 10;

/// A connection that gathers what is written. Who writes must go on reading: that is when the last of it is sent.
#[derive(Debug)]
pub(super) struct Batched {
    stream: TcpStream,
    gathered: Vec<u8>,
    /// How much of it the kernel has taken.
    sent: usize,
    /// Whether the kernel took no more, and will say when it does.
    is_full: bool,
}

impl Batched {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, gathered: Vec::with_capacity(GATHERED_BYTES), sent: 0, is_full: false }
    }

    /// Has the kernel take all that is gathered.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.gathered.len() {
            let rest = &self.gathered[self.sent..];
            let taken = Pin::new(&mut self.stream).poll_write(context, rest);
            self.is_full = taken.is_pending();
            let taken = ready!(taken)?;
            if taken == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += taken;
        }
        self.gathered.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Batched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.gathered.len() >= GATHERED_BYTES {
            ready!(self.poll_send(context))?;
        }
        let taken = bytes.len().min(GATHERED_BYTES - self.gathered.len());
        self.gathered.extend_from_slice(&bytes[..taken]);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.gathered.is_empty() && !self.is_full {
            // Everybody else who has something to say comes first; then the connection reads.
            context.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl AsyncRead for Batched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // If the kernel takes no more now it says so when it does; meanwhile there may be something to read.
        if let Poll::Ready(Err(error)) = self.poll_send(context) {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn pair() -> (Batched, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (Batched::new(near), listener.accept().await.unwrap().0)
    }

    #[tokio::test]
    async fn small_writes_go_together_when_the_connection_reads() {
        let (mut near, mut far) = pair().await;
        for part in ["one ", "two ", "three"] {
            near.write_all(part.as_bytes()).await.unwrap();
            near.flush().await.unwrap();
        }
        assert_eq!(far.try_read(&mut [0; 100]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let reading = tokio::spawn(async move { near.read(&mut [0; 1]).await });
        let mut received = [0; 100];
        let length = far.read(&mut received).await.unwrap();
        assert_eq!(&received[..length], b"one two three");
        drop(far);
        assert_eq!(reading.await.unwrap().unwrap(), 0);
    }

    #[tokio::test]
    async fn everything_arrives_in_its_order_however_slowly_it_is_taken() {
        let (mut near, mut far) = pair().await;
        let sent: Vec<u8> = (0..=250).cycle().take(20 << 20).collect();
        let expected = sent.clone();
        let writing = tokio::spawn(async move {
            near.write_all(&sent).await.unwrap();
            near.shutdown().await.unwrap();
        });
        let mut received = Vec::new();
        far.read_to_end(&mut received).await.unwrap();
        writing.await.unwrap();
        assert!(received == expected);
    }

    #[tokio::test]
    async fn whoever_writes_is_asked_to_go_on_only_if_the_kernel_takes_more() {
        let (mut near, _far) = pair().await;
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        assert!(Pin::new(&mut near).poll_flush(&mut context).is_ready());
        assert_eq!(woken.0.load(Ordering::Relaxed), 0, "there is nothing to send");
        assert!(Pin::new(&mut near).poll_write(&mut context, b"a").is_ready());
        assert!(Pin::new(&mut near).poll_flush(&mut context).is_ready());
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        // Nobody reads at the far end, until nothing fits between the two any more.
        while Pin::new(&mut near).poll_write(&mut context, &[0; 4096]).is_ready() {}
        let before = woken.0.load(Ordering::Relaxed);
        assert!(Pin::new(&mut near).poll_flush(&mut context).is_ready());
        assert_eq!(woken.0.load(Ordering::Relaxed), before, "it would be woken for nothing again and again");
    }
}
