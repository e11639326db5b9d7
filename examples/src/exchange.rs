//! One HTTPS exchange without a socket, for every runtime.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use certrotate_core::issuer::IssuerFault;
use certrotate_core::time::Span;
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use rustls_pki_types::{IpAddr, ServerName};

use crate::answer::Answer;

/// The longest answer, headers included.
const MAX_ANSWER: usize = 1024 * 1024;
/// The most headers of an answer.
const MAX_HEADERS: usize = 64;
/// The longest exchange. Core gives a call up after its own deadline.
const DEADLINE: Duration = Duration::from_secs(30);

/// The answer of the server.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The shortest wait before the next call that the server names.
    pub retry_after: Option<Span>,
    /// The body.
    pub body: Vec<u8>,
}

/// Makes core's answer out of the server's.
type Reader<T> = Box<dyn FnOnce(Result<Reply, IssuerFault>) -> T + Send>;

/// One request and its answer over TLS, as a value. The loop moves the bytes: it connects to [`Self::server`], calls
/// [`Self::pump`] whenever the socket is ready, and at the end [`Self::finish`].
///
/// It speaks HTTP/1.0: one exchange a connection, and the end of the connection ends the answer.
pub struct Exchange<T = Answer> {
    server: SocketAddr,
    tls: ClientConnection,
    answer: Vec<u8>,
    reader: Reader<T>,
}

impl<T> Exchange<T> {
    /// Begins an exchange: the request and its headers are complete, and end with the body.
    ///
    /// # Errors
    ///
    /// rustls does not take the configuration or the request.
    pub fn new(
        server: SocketAddr,
        config: Arc<ClientConfig>,
        request: &[u8],
        reader: impl FnOnce(Result<Reply, IssuerFault>) -> T + Send + 'static,
    ) -> Result<Self, IssuerFault> {
        let name = ServerName::IpAddress(IpAddr::from(server.ip()));
        let mut tls = ClientConnection::new(config, name).map_err(|_| IssuerFault::NoCredential)?;
        // Plaintext is buffered until the handshake is over; the whole request must fit.
        tls.set_buffer_limit(Some(MAX_ANSWER));
        tls.writer().write_all(request).map_err(|_| IssuerFault::Invalid)?;
        Ok(Self { server, tls, answer: Vec::new(), reader: Box::new(reader) })
    }

    /// Returns the address to connect to.
    #[must_use]
    pub const fn server(&self) -> SocketAddr {
        self.server
    }

    /// Whether it waits until the socket takes bytes; if not, it waits until the socket has some.
    #[must_use]
    pub fn is_writing(&self) -> bool {
        self.tls.wants_write()
    }

    /// Moves bytes once. Returns whether the answer is complete.
    fn advance(&mut self, socket: &mut (impl Read + Write)) -> io::Result<bool> {
        if self.tls.wants_write() {
            self.tls.write_tls(socket)?;
            return Ok(false);
        }
        let is_end = self.tls.read_tls(socket)? == 0;
        self.tls.process_new_packets().map_err(io::Error::other)?;
        match self.tls.reader().read_to_end(&mut self.answer) {
            // The server closed TLS: the answer is not cut.
            Ok(_) => return Ok(true),
            Err(error) if error.kind() == ErrorKind::WouldBlock && !is_end => {}
            Err(error) => return Err(error),
        }
        if self.answer.len() > MAX_ANSWER {
            return Err(ErrorKind::FileTooLarge.into());
        }
        Ok(false)
    }

    /// Moves bytes until a non-blocking socket is not ready: `None`. Else returns how the exchange ended, for [`Self::finish`].
    pub fn pump(&mut self, socket: &mut (impl Read + Write)) -> Option<io::Result<()>> {
        loop {
            match self.advance(socket) {
                Ok(false) => {}
                Ok(true) => return Some(Ok(())),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Returns the answer for core, after the end of the exchange.
    #[must_use]
    pub fn finish(self, ended: io::Result<()>) -> T {
        let reply = match ended {
            Ok(()) => parse(&self.answer),
            Err(_) => Err(IssuerFault::Unreachable),
        };
        (self.reader)(reply)
    }

    /// Carries it out on a blocking socket.
    #[must_use]
    pub fn run(mut self) -> T {
        let ended = self.block(Instant::now() + DEADLINE);
        self.finish(ended)
    }

    fn block(&mut self, deadline: Instant) -> io::Result<()> {
        let mut socket = TcpStream::connect_timeout(&self.server, DEADLINE)?;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            // A time-out of zero is refused: it would mean none.
            socket.set_read_timeout(Some(left))?;
            socket.set_write_timeout(Some(left))?;
            if self.advance(&mut socket)? {
                return Ok(());
            }
        }
    }
}

impl<T> fmt::Debug for Exchange<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("server", &self.server).finish_non_exhaustive()
    }
}

fn parse(answer: &[u8]) -> Result<Reply, IssuerFault> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let Ok(httparse::Status::Complete(start)) = response.parse(answer) else {
        return Err(IssuerFault::Unexpected);
    };
    let number = |name: &str| {
        let header = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(header.value).ok()?.trim().parse::<u64>().ok()
    };
    let body = answer[start..].to_vec();
    if number("content-length").is_some_and(|length| length != body.len() as u64) {
        return Err(IssuerFault::Unreachable);
    }
    let retry_after = number("retry-after").map(Span::from_secs);
    Ok(Reply { status: response.code.ok_or(IssuerFault::Unexpected)?, retry_after, body })
}

/// Returns the configuration of a client that trusts `roots` and may authenticate with `identity`.
///
/// Sessions are never resumed: a resumed session has the identity of the first one, which may be replaced.
///
/// # Errors
///
/// rustls does not take it.
pub fn client_config(
    roots: &Arc<RootCertStore>,
    identity: Option<Arc<dyn ResolvesClientCert>>,
) -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(Arc::clone(roots));
    let mut config = match identity {
        Some(identity) => builder.with_client_cert_resolver(identity),
        None => builder.with_no_client_auth(),
    };
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests;
