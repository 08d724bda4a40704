//! A socket that takes connections, of the network or in the file system.

use std::fmt;
use std::fs::{self, Permissions, metadata, set_permissions, symlink_metadata};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, UnixListener, UnixSocket, UnixStream, lookup_host};
use tokio::time::timeout;

use super::{Address, Error, SocketMode};

/// Connections that wait to be accepted, as far as the system allows (`net.core.somaxconn`). As many machines as there are
/// may come at once, after a restart say, and a connection for which there is no place here is one that hangs.
const BACKLOG: u32 = 4096;

/// How long a process may take to show that it listens on a socket in the file system.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// The bytes of a connection, whatever carries them.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A connection.
pub type Stream = Box<dyn Io>;

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A machine.
    Tcp(SocketAddr),
    /// A process of this machine, by a socket in the file system.
    Unix,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

/// A socket that takes connections.
#[derive(Debug)]
pub struct Socket(Kind);

#[derive(Debug)]
enum Kind {
    Tcp { listener: TcpListener, address: SocketAddr },
    Unix { listener: UnixListener, file: SocketFile },
}

impl Socket {
    /// Listens at `address`, which is the value of the setting `key`; `None` if that is off. Connections wait from now on.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn bind(key: &str, address: &Address, mode: SocketMode) -> Result<Option<Self>, Error> {
        let kind = match address {
            Address::Off => return Ok(None),
            Address::Tcp(address) => {
                let bound = async {
                    let listener = bind_first(address).await?;
                    let address = listener.local_addr()?;
                    Ok(Kind::Tcp { listener, address })
                };
                bound.await.map_err(|error| Error::tcp(key, address, error))?
            }
            Address::Unix(path) => {
                let (listener, file) =
                    bind_path(path, mode).await.map_err(|error| Error::unix(key, path, error))?;
                Kind::Unix { listener, file }
            }
        };
        Ok(Some(Self(kind)))
    }

    /// Its address, with the port that the system chose if it was asked to; `None` for one in the file system.
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        match &self.0 {
            Kind::Tcp { address, .. } => Some(*address),
            Kind::Unix { .. } => None,
        }
    }

    /// The next connection, if there is one.
    ///
    /// # Errors
    /// As the system has them: most often there are too many open files.
    pub fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<(Stream, Peer)>> {
        match &self.0 {
            Kind::Tcp { listener, .. } => {
                let (stream, peer) = ready!(listener.poll_accept(context))?;
                // Answers are small and must not wait for more to come. This fails if the client is gone already, which
                // is found out soon enough.
                let _ = stream.set_nodelay(true);
                Poll::Ready(Ok((Box::new(stream), Peer::Tcp(peer))))
            }
            Kind::Unix { listener, .. } => {
                let (stream, _) = ready!(listener.poll_accept(context))?;
                Poll::Ready(Ok((Box::new(stream), Peer::Unix)))
            }
        }
    }
}

/// Its address, as it stands in the configuration.
impl fmt::Display for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Tcp { address, .. } => address.fmt(f),
            Kind::Unix { file, .. } => write!(f, "unix:{}", file.path.display()),
        }
    }
}

/// Binds the first address of a host that can be bound. Those of IPv4 come first: clients that are told `localhost` try it
/// at the latest when IPv6 is refused, and those that are told `127.0.0.1` try nothing else.
async fn bind_first(address: &str) -> io::Result<TcpListener> {
    let mut candidates: Vec<SocketAddr> = lookup_host(address).await?.collect();
    candidates.sort_by_key(SocketAddr::is_ipv6);
    let mut outcome = Err(io::Error::new(io::ErrorKind::NotFound, "the host has no address"));
    for candidate in candidates {
        outcome = listen(candidate);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // So that a restart need not wait for the connections of the process before it to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn bind_path(path: &Path, mode: SocketMode) -> io::Result<(UnixListener, SocketFile)> {
    make_way(path).await?;
    let socket = UnixSocket::new_stream()?;
    socket.bind(path)?;
    let file = SocketFile::at(path)?;
    // Nobody can connect before it listens, so nobody slips in before the mode is right.
    set_permissions(path, Permissions::from_mode(mode.0))?;
    Ok((socket.listen(BACKLOG)?, file))
}

/// Removes a socket on which nobody listens: a process that was killed left it behind.
async fn make_way(path: &Path) -> io::Result<()> {
    match symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "a file that is no socket is there"));
        }
        Ok(_) => {}
    }
    match timeout(SIGN_OF_LIFE, UnixStream::connect(path)).await {
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Ok(Err(error)) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
        // It answers, or it would if it had the time.
        _ => Err(io::Error::new(io::ErrorKind::AddrInUse, "a process listens there")),
    }
}

/// The file of a socket, removed when this is dropped; unless another process has put its own in the place.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    device_and_inode: (u64, u64),
}

impl SocketFile {
    fn at(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), device_and_inode: device_and_inode(path)? })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if device_and_inode(&self.path).is_ok_and(|found| found == self.device_and_inode)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "a socket could not be removed");
        }
    }
}

fn device_and_inode(path: &Path) -> io::Result<(u64, u64)> {
    let found = metadata(path)?;
    Ok((found.dev(), found.ino()))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    async fn bind(path: &Path) -> Result<Option<Socket>, Error> {
        Socket::bind("receive.grpc", &Address::Unix(path.to_owned()), SocketMode(0o600)).await
    }

    fn said(outcome: Result<Option<Socket>, Error>) -> String {
        outcome.map(drop).unwrap_err().to_string()
    }

    #[tokio::test]
    async fn a_socket_that_a_dead_process_left_behind_is_replaced_and_one_in_use_is_not() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("forebay.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "std leaves it behind, as a process does that is killed");

        let socket = bind(&path).await.unwrap().unwrap();
        assert_eq!(metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let error = said(bind(&path).await);
        assert!(error.contains("a process listens there; stop what listens there"), "{error}");
        assert!(UnixStream::connect(&path).await.is_ok(), "the first one is still there");

        drop(socket);
        assert!(!path.exists(), "it is removed at the end");
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_is_never_removed() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("precious");
        fs::write(&path, "precious").unwrap();
        let error = said(bind(&path).await);
        assert!(error.contains("no socket is there; move that file away"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        let error = said(bind(&folder.path().join("none/f.sock")).await);
        assert!(error.ends_with("create the folder"), "{error}");
    }

    #[tokio::test]
    async fn a_socket_of_another_process_in_the_same_place_is_left_alone() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("forebay.sock");
        let first = bind(&path).await.unwrap();
        fs::rename(&path, folder.path().join("moved")).unwrap();
        let _second = bind(&path).await.unwrap();
        drop(first);
        assert!(path.exists());
    }
}
