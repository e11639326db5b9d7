//! The network: streams in memory between the node and the server, and their faults.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use certrotate::edges::{Dial, Dialing, Socket};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::time::Sleep;

use crate::fault::Lasting;
use crate::server;
use crate::world::World;

/// Room for bytes that the other side has not read.
const BUFFER: usize = 64 * 1024;
/// The time between two pieces of a trickled stream.
const PIECE: Duration = Duration::from_millis(20);

/// The network of a node.
pub(crate) struct Network(pub(crate) World);

impl Dial for Network {
    fn dial(&self, address: SocketAddr) -> Dialing {
        let world = self.0.clone();
        Box::pin(async move {
            let faults: Vec<Lasting> = {
                let now = world.clock().true_ms();
                let mut state = world.lock();
                state.counts.connections += 1;
                state.checks.connection(now);
                let faults: Vec<Lasting> = state.active().filter(|fault| fault.is_of_connections()).collect();
                faults.iter().for_each(|fault| state.counts.bite(*fault));
                faults
            };
            world.note(&format!("connection to port {}", address.port()));
            if faults.contains(&Lasting::Refused) {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            if faults.contains(&Lasting::Unanswered) {
                std::future::pending::<()>().await;
            }
            let latency = world.lock().rng.within(1, 20);
            tokio::time::sleep(Duration::from_millis(latency)).await;
            let (near, far) = tokio::io::duplex(BUFFER);
            tokio::spawn(server::serve(world.clone(), far));
            Ok(Box::new(Wire::new(&world, near, &faults)) as Socket)
        })
    }
}

/// The node's end of a stream.
struct Wire {
    stream: DuplexStream,
    /// Bytes until the stream is reset.
    reset: Option<u64>,
    /// Bytes until the stream stalls.
    stall: Option<u64>,
    /// The size of a piece, and the wait before the next.
    trickle: Option<(u64, Option<Pin<Box<Sleep>>>)>,
    /// Resolves when all connections break.
    broken: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Wire {
    fn new(world: &World, stream: DuplexStream, faults: &[Lasting]) -> Self {
        let mut breaks = world.breaks();
        let broken = Box::pin(async move {
            if breaks.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        });
        let mut wire = Self { stream, reset: None, stall: None, trickle: None, broken };
        for fault in faults {
            match *fault {
                Lasting::Reset(bytes) => wire.reset = Some(bytes),
                Lasting::Stalled(bytes) => wire.stall = Some(bytes),
                Lasting::Trickled(size) => wire.trickle = Some((size, None)),
                _ => {}
            }
        }
        wire
    }

    /// How many bytes may be read now; `None` if the caller has to wait.
    fn allowance(&mut self, cx: &mut Context<'_>) -> io::Result<Option<u64>> {
        if self.broken.as_mut().poll(cx).is_ready() || self.reset == Some(0) {
            self.reset = Some(0);
            self.broken = Box::pin(std::future::pending());
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if self.stall == Some(0) {
            return Ok(None);
        }
        let mut most = self.reset.unwrap_or(u64::MAX).min(self.stall.unwrap_or(u64::MAX));
        if let Some((size, wait)) = &mut self.trickle {
            if let Some(sleep) = wait
                && sleep.as_mut().poll(cx).is_pending()
            {
                return Ok(None);
            }
            *wait = None;
            most = most.min(*size);
        }
        Ok(Some(most))
    }

    fn count(&mut self, bytes: usize) {
        let bytes = bytes as u64;
        for left in [&mut self.reset, &mut self.stall].into_iter().flatten() {
            *left = left.saturating_sub(bytes);
        }
        if let Some((_, wait)) = &mut self.trickle {
            *wait = Some(Box::pin(tokio::time::sleep(PIECE)));
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(most) = self.allowance(cx)? else { return Poll::Pending };
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(buf.remaining());
        let mut part = vec![0; most];
        let mut limited = ReadBuf::new(&mut part);
        match Pin::new(&mut self.stream).poll_read(cx, &mut limited) {
            Poll::Ready(Ok(())) => {
                let read = limited.filled().len();
                buf.put_slice(limited.filled());
                if read > 0 {
                    self.count(read);
                }
                Poll::Ready(Ok(()))
            }
            other => other,
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.reset == Some(0) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
