//! The address behind a request: one that does not answer loses its place, and its connection is not used again.

use std::fmt;
use std::net::SocketAddr;

use hyper::http::{Extensions, Request};
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};

use super::addresses::Addresses;

/// An extension of a connection: its address.
#[derive(Clone, Copy, Debug)]
pub(super) struct PeerAddress(pub(super) SocketAddr);

/// An extension of an answer: the connection that it came over.
#[derive(Clone)]
pub(crate) struct Peer {
    connection: CaptureConnection,
    addresses: Addresses,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("address", &self.address()).finish_non_exhaustive()
    }
}

impl Peer {
    /// Returns `None` while there is no connection.
    fn address(&self) -> Option<SocketAddr> {
        let mut extras = Extensions::new();
        self.connection.connection_metadata().as_ref()?.get_extras(&mut extras);
        extras.get().map(|PeerAddress(address)| *address)
    }

    /// Takes the connection out of the pool, and moves its address behind the others. Otherwise an address that takes every
    /// request and answers none would be tried first for ever.
    pub(crate) fn distrust(&self) {
        if let Some(connected) = &*self.connection.connection_metadata() {
            connected.poison();
        }
        if let Some(address) = self.address() {
            self.addresses.distrust(address);
        }
    }
}

/// A request without an answer. If it is dropped, the peer is distrusted.
pub(super) struct Unanswered {
    peer: Peer,
    is_answered: bool,
}

impl Unanswered {
    /// Follows a request that is about to be sent.
    pub(super) fn new<B>(request: &mut Request<B>, addresses: &Addresses) -> Self {
        let peer = Peer { connection: capture_connection(request), addresses: addresses.clone() };
        Self { peer, is_answered: false }
    }

    /// Returns the address that took the request; `None` while there is no connection.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.peer.address()
    }

    /// Notes that the head of the answer arrived.
    pub(super) fn answered(mut self) -> Peer {
        self.is_answered = true;
        if let Some(address) = self.peer.address() {
            self.peer.addresses.trust(address);
        }
        self.peer.clone()
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        if !self.is_answered {
            self.peer.distrust();
        }
    }
}
