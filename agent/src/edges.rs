//! The edges of a node that a simulation replaces: the clock, the network, the randomness and the threads for files.
//!
//! A run with the same answers at these edges, the same files and the same disk is the same run.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use certrotate_x509::{KeyError, KeyType, SecretKey};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::threads;

/// A byte stream to a server, below TLS.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// A byte stream of any kind.
pub type Socket = Box<dyn ByteStream>;

/// A connection attempt.
pub type Dialing = Pin<Box<dyn Future<Output = io::Result<Socket>> + Send>>;

/// Opens byte streams. [`Tcp`] is the real one.
pub trait Dial: Send + Sync + 'static {
    /// Opens a stream to an address. The caller limits the time.
    fn dial(&self, address: SocketAddr) -> Dialing;
}

/// TCP connections.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tcp;

impl Dial for Tcp {
    fn dial(&self, address: SocketAddr) -> Dialing {
        Box::pin(async move {
            let tcp = TcpStream::connect(address).await?;
            tcp.set_nodelay(true)?;
            Ok(Box::new(tcp) as Socket)
        })
    }
}

/// The source of random numbers and new keys. [`SystemRandomness`] is the real one.
///
/// TLS takes its randomness from the system in any case: no decision depends on it.
pub trait Randomness: Send + Sync + 'static {
    /// Returns a random number.
    ///
    /// # Errors
    ///
    /// The system has no randomness.
    fn number(&self) -> io::Result<u64>;

    /// Makes a key of this type.
    ///
    /// # Errors
    ///
    /// As [`SecretKey::generate_as`].
    fn key(&self, key_type: KeyType) -> Result<SecretKey, KeyError>;
}

/// The system's randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    fn number(&self) -> io::Result<u64> {
        let mut bytes = [0; 8];
        SystemRandom::new().fill(&mut bytes).map_err(|_| io::Error::other("no randomness"))?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn key(&self, key_type: KeyType) -> Result<SecretKey, KeyError> {
        SecretKey::generate_as(key_type)
    }
}

/// Blocking work for a thread of its own.
pub type Work = Box<dyn FnOnce() + Send>;

/// Starts blocking work beside the event loop. [`Threads`] is the real one.
pub trait Workers: fmt::Debug + Send + Sync + 'static {
    /// Starts the work and returns at once. Work that hangs must delay no other work.
    ///
    /// # Errors
    ///
    /// The system starts no thread.
    fn start(&self, work: Work) -> io::Result<()>;

    /// Returns how long a thread waits for other work to end: `limit`, or less where that work cannot end meanwhile.
    fn patience(&self, limit: Duration) -> Duration {
        limit
    }
}

/// A thread for each piece of work.
#[derive(Clone, Copy, Debug, Default)]
pub struct Threads;

impl Workers for Threads {
    fn start(&self, work: Work) -> io::Result<()> {
        threads::start(work)
    }
}

/// The edges of a node.
pub struct Edges<C> {
    /// Both clocks.
    pub clock: C,
    /// The network.
    pub network: Arc<dyn Dial>,
    /// The randomness.
    pub randomness: Arc<dyn Randomness>,
    /// The threads that read and write the files outside the certificate directory.
    pub workers: Arc<dyn Workers>,
}

impl<C> Edges<C> {
    /// Returns the real edges, with this clock.
    pub fn system(clock: C) -> Self {
        let (randomness, workers) = (Arc::new(SystemRandomness), Arc::new(Threads));
        Self { clock, network: Arc::new(Tcp), randomness, workers }
    }
}

impl<C> fmt::Debug for Edges<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edges").finish_non_exhaustive()
    }
}
