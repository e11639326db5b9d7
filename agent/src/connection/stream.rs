//! A TLS connection that is counted, and cut before its certificate expires.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use certrotate_core::id::Generation;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;

use super::peer::PeerAddress;
use crate::edges::Socket;

/// Resolves when a connection must be cut.
pub(super) type Ended = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The number of open connections by generation (0: the bootstrap credential).
#[derive(Clone, Debug, Default)]
pub struct Connections(Arc<Mutex<BTreeMap<Generation, usize>>>);

impl Connections {
    /// Returns the numbers now, without generations that have no connection.
    #[must_use]
    pub fn open(&self) -> BTreeMap<Generation, usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn count(&self, generation: Generation) -> Counted {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(generation).or_default() += 1;
        Counted { connections: self.clone(), generation }
    }
}

/// Counts a connection until it is dropped.
pub(super) struct Counted {
    connections: Connections,
    generation: Generation,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = self.connections.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.generation) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.generation);
            }
        }
    }
}

/// A TLS stream that ends with the certificate it was opened with.
struct Guarded {
    tls: TlsStream<Socket>,
    ended: Option<Ended>,
    _counted: Counted,
}

impl Guarded {
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.ended.as_mut().map(|ended| ended.as_mut().poll(cx)) {
            Some(Poll::Ready(())) => {
                self.ended = Some(Box::pin(std::future::ready(())));
                Err(io::Error::new(
                    io::ErrorKind::ConnectionAborted,
                    "this connection is cut: its certificate expires or was withdrawn",
                ))
            }
            Some(Poll::Pending) | None => Ok(()),
        }
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.tls).poll_read(cx, buf)
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.tls).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_shutdown(cx)
    }
}

/// A connection as hyper-util expects it.
pub(super) struct Stream {
    io: TokioIo<Guarded>,
    address: PeerAddress,
}

impl Stream {
    /// Returns a connection that `counted` counts, and that is cut when `ended` resolves.
    pub(super) fn new(
        tls: TlsStream<Socket>,
        address: PeerAddress,
        ended: Option<Ended>,
        counted: Counted,
    ) -> Self {
        Self { io: TokioIo::new(Guarded { tls, ended, _counted: counted }), address }
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let (_, session) = self.io.inner().tls.get_ref();
        let connected = Connected::new().extra(self.address);
        if session.alpn_protocol() == Some(b"h2") { connected.negotiated_h2() } else { connected }
    }
}

impl hyper::rt::Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl hyper::rt::Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
