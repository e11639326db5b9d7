//! Happy Eyeballs (RFC 8305): connection attempts to all addresses of a server, staggered; the first finished one wins.
//!
//! An attempt is TCP and TLS. So an address that takes the connection and never does TLS delays the others by
//! [`limits::HANDSHAKE_DELAY`], and does not keep them out. hyper-util's `HttpConnector` is no substitute: it races TCP only,
//! and within an address family it tries one address after the other.

#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::explain::{NoConnection, explain};
use crate::limits;

/// Connects to the addresses and returns the first connection that finished both steps.
///
/// # Errors
///
/// A [`NoConnection`] with the reason of each address.
pub(super) async fn race<C, T, Tcp, Tls>(
    addresses: Vec<SocketAddr>,
    tcp: impl Fn(SocketAddr) -> Tcp,
    tls: impl Fn(C) -> Tls,
) -> io::Result<(SocketAddr, T)>
where
    Tcp: Future<Output = io::Result<C>>,
    Tls: Future<Output = io::Result<T>>,
{
    let connected = Notify::new();
    let attempt = async |address| (address, attempt(address, &tcp, &tls, &connected).await);
    let (mut waiting, mut attempts) = (addresses.into_iter(), FuturesUnordered::new());
    let mut failures = Vec::new();
    let mut next = Instant::now();
    loop {
        tokio::select! {
            biased;
            Some((address, result)) = attempts.next() => match result {
                Ok(connection) => return Ok((address, connection)),
                Err(why) => {
                    failures.push((address, why));
                    next = Instant::now();
                }
            },
            () = connected.notified(), if !attempts.is_empty() => next = Instant::now() + limits::HANDSHAKE_DELAY,
            () = sleep_until(next), if waiting.len() > 0 => {
                attempts.extend(waiting.next().map(&attempt));
                next = Instant::now() + limits::ATTEMPT_DELAY;
            }
            else => return Err(io::Error::other(NoConnection(failures))),
        }
    }
}

/// Makes one attempt within [`limits::CONNECT`].
async fn attempt<C, T, Tcp, Tls>(
    address: SocketAddr,
    tcp: impl Fn(SocketAddr) -> Tcp,
    tls: impl Fn(C) -> Tls,
    connected: &Notify,
) -> Result<T, String>
where
    Tcp: Future<Output = io::Result<C>>,
    Tls: Future<Output = io::Result<T>>,
{
    let seconds = limits::CONNECT.as_secs();
    let until = Instant::now() + limits::CONNECT;
    let stream = timeout_at(until, tcp(address)).await.map_err(|_| {
        format!("no connection within {seconds} s; check the address in the kubeconfig, routes and firewalls")
    })?;
    let stream = stream.map_err(|error| explain(&error))?;
    connected.notify_one();
    let connection = timeout_at(until, tls(stream)).await.map_err(|_| {
        format!("it took the connection and did not finish TLS within {seconds} s; check what answers there")
    })?;
    connection.map_err(|error| explain(&error))
}
