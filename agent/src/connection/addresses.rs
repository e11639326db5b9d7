//! The addresses of a server: their lookup, and the order in which they are tried.

#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use super::explain::Explained;
use crate::{limits, threads};

/// What a client learnt about the addresses of its server. Cheap to clone: a clone shares it.
#[derive(Clone, Debug, Default)]
pub(super) struct Addresses(Arc<Mutex<Learnt>>);

#[derive(Debug, Default)]
struct Learnt {
    /// The addresses of the last successful lookup, and the name.
    found: Option<(String, Vec<SocketAddr>)>,
    /// Addresses that took a request and did not answer it; the latest is the last. An answer removes its address.
    silent: Vec<SocketAddr>,
}

impl Addresses {
    /// Returns the addresses of a host in the order in which they are tried. When the lookup fails or hangs, these are the
    /// addresses of the last one that succeeded: TLS verifies the server, so an old address does no harm.
    pub(super) async fn lookup(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let lookup = tokio::time::timeout(limits::LOOKUP, lookup(host, port));
        let found = lookup.await.unwrap_or_else(|_| {
            let text = format!(
                "the lookup of {host} had no result within {} s; check the name servers of this node",
                limits::LOOKUP.as_secs()
            );
            Err(io::Error::new(io::ErrorKind::TimedOut, Explained(text)))
        });
        let mut learnt = self.lock();
        match found {
            Ok(found) => {
                learnt.found = Some((host.to_owned(), found.clone()));
                Ok(order(found, &learnt.silent))
            }
            Err(error) => match &learnt.found {
                Some((name, old)) if name == host => {
                    tracing::debug!("{error}; its last addresses are tried");
                    Ok(order(old.clone(), &learnt.silent))
                }
                Some(_) | None => Err(error),
            },
        }
    }

    /// Moves an address behind the others: it took a request and did not answer it.
    pub(super) fn distrust(&self, address: SocketAddr) {
        let mut learnt = self.lock();
        learnt.silent.retain(|silent| *silent != address);
        learnt.silent.push(address);
        let more = learnt.silent.len().saturating_sub(limits::ADDRESSES);
        learnt.silent.drain(..more);
    }

    /// Moves an address back to its place: it answered.
    pub(super) fn trust(&self, address: SocketAddr) {
        self.lock().silent.retain(|silent| *silent != address);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Learnt> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the system's resolver. A lookup that hangs keeps one thread and one of the [`limits::LOOKUPS`] permits.
async fn lookup(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    static PERMITS: Semaphore = Semaphore::const_new(limits::LOOKUPS);
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let permit = PERMITS.acquire().await.map_err(io::Error::other)?;
    let name = host.to_owned();
    let asked = threads::run(move || {
        let found = (name.as_str(), port).to_socket_addrs().map(Iterator::collect);
        drop(permit);
        found
    });
    let found: Vec<_> = asked.await?.map_err(|error| {
        let text =
            format!("{host} has no address ({error}); check the name, and the name servers of this node");
        io::Error::new(error.kind(), Explained(text))
    })?;
    if found.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            Explained(format!("{host} has no address; check the name")),
        ));
    }
    Ok(found)
}

/// Returns the addresses in the order of attempts. The resolver's order counts (RFC 6724), and the families alternate (RFC
/// 8305, section 4). Silent addresses come last, the latest at the end.
fn order(found: Vec<SocketAddr>, silent: &[SocketAddr]) -> Vec<SocketAddr> {
    let first_is_ipv4 = found.first().is_some_and(SocketAddr::is_ipv4);
    let (same, other): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|address| address.is_ipv4() == first_is_ipv4);
    let (mut same, mut other) = (same.into_iter(), other.into_iter());
    let mut ordered = Vec::new();
    loop {
        let (one, next) = (same.next(), other.next());
        if one.is_none() && next.is_none() {
            break;
        }
        ordered.extend(one.into_iter().chain(next));
    }
    // A resolver may repeat an address: with one record for each kind of socket, or by a line twice in /etc/hosts.
    let mut seen = Vec::new();
    ordered.retain(|address| {
        !seen.contains(address) && {
            seen.push(*address);
            true
        }
    });
    ordered.sort_by_key(|address| {
        silent.iter().position(|silent| silent == address).map_or(0, |place| place + 1)
    });
    ordered.truncate(limits::ADDRESSES);
    ordered
}
