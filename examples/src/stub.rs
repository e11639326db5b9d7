//! An HTTPS server on loopback that answers as a test says.

use std::error::Error;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use crate::ca::LocalCa;

/// The longest request, headers included.
const MAX_REQUEST: usize = 64 * 1024;
/// The longest wait for bytes of a client.
const DEADLINE: Duration = Duration::from_secs(10);

/// A request.
#[derive(Debug)]
pub struct Request {
    /// Method and path, separated by a space.
    pub target: String,
    /// The value of the header that the stub was told to look for; empty if there is none.
    pub token: String,
    /// The body.
    pub body: Vec<u8>,
}

/// Answers a request by a status and a body in JSON.
type Handler = dyn Fn(&Request) -> (u16, String) + Send + Sync;

/// The server. It ends when it is dropped.
#[derive(Debug)]
pub struct Stub {
    address: SocketAddr,
    roots: Arc<RootCertStore>,
    is_stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Stub {
    /// Starts a server with a certificate of this CA. `header` has the token of a request.
    ///
    /// # Errors
    ///
    /// No port is free, or the CA gives no certificate.
    pub fn start(
        ca: &LocalCa,
        header: &'static str,
        handler: impl Fn(&Request) -> (u16, String) + Send + Sync + 'static,
    ) -> Result<Self, Box<dyn Error>> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let (chain, key) = ca.server_pair()?;
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![chain], key)?;
        let mut roots = RootCertStore::empty();
        roots.add(ca.der().clone())?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let (address, is_stopped) = (listener.local_addr()?, Arc::new(AtomicBool::new(false)));
        let (config, handler): (_, Arc<Handler>) = (Arc::new(config), Arc::new(handler));
        let stopped = Arc::clone(&is_stopped);
        let thread = std::thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                if stopped.load(Ordering::Acquire) {
                    return;
                }
                let (config, handler) = (Arc::clone(&config), Arc::clone(&handler));
                // A client that leaves early is no error of the stub.
                std::thread::spawn(move || answer(socket, config, header, &*handler).is_ok());
            }
        });
        Ok(Self { address, roots: Arc::new(roots), is_stopped, thread: Some(thread) })
    }

    /// The address.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The CA of its certificate.
    #[must_use]
    pub const fn roots(&self) -> &Arc<RootCertStore> {
        &self.roots
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::Release);
        // The connection wakes the loop, which then ends.
        let woken = TcpStream::connect(self.address);
        if let (Ok(_), Some(thread)) = (woken, self.thread.take()) {
            // It panicked; that was reported already.
            let _ = thread.join();
        }
    }
}

fn answer(socket: TcpStream, config: Arc<ServerConfig>, header: &str, handler: &Handler) -> io::Result<()> {
    socket.set_read_timeout(Some(DEADLINE))?;
    socket.set_write_timeout(Some(DEADLINE))?;
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, socket);
    let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
    let request = loop {
        let count = stream.read(&mut part)?;
        bytes.extend_from_slice(&part[..count]);
        if let Some(request) = parse(&bytes, header) {
            break request;
        }
        if count == 0 || bytes.len() > MAX_REQUEST {
            return Err(ErrorKind::InvalidData.into());
        }
    };
    let (status, body) = handler(&request);
    let length = body.len();
    write!(
        stream,
        "HTTP/1.0 {status} \r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )?;
    stream.conn.send_close_notify();
    stream.flush()
}

/// Returns the request, once it is complete.
fn parse(bytes: &[u8], token: &str) -> Option<Request> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(start) = request.parse(bytes).ok()? else { return None };
    let value = |name: &str| {
        let header = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        header.map(|header| String::from_utf8_lossy(header.value).trim().to_owned()).unwrap_or_default()
    };
    let length = value("content-length").parse().unwrap_or(0);
    let body = bytes[start..].get(..length)?.to_vec();
    let target = format!("{} {}", request.method?, request.path?);
    Some(Request { target, token: value(token), body })
}
