//! A gate between the agent and the control plane: a TCP address whose behaviour changes while the agent runs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::manner::{Manner, connection, head, misbehave, server};

/// What the gate does with connections. A change closes all open ones.
#[derive(Clone, Debug)]
pub(crate) enum Mode {
    /// To the control plane.
    Open,
    /// Nothing listens.
    Refused,
    /// The queue of connections is full: the kernel drops every further one.
    Swallowed,
    /// The connection is taken and reset.
    Reset,
    /// To the control plane, after this delay.
    Late(Duration),
    /// To the control plane; so many bytes from it, then nothing more, with the connection open or closed.
    Cut { after: usize, closed: bool },
    /// To the control plane, in pieces of so many bytes with a pause of 10 ms between them.
    Slow(usize),
    /// These bytes without TLS, repeated until the client closes the connection.
    Raw(&'static [u8]),
    /// TLS with a certificate of the gate's own, valid from and until so many days from now, and one of these manners.
    Tls { known: bool, days: (i64, i64), manner: Manner },
    /// TLS with a known certificate. The control plane answers, over HTTP/1.1, except a request whose first line has this text.
    Except { text: &'static str, manner: Manner },
}

/// The gate. It ends when it is dropped.
pub(crate) struct Gate {
    pub(crate) address: SocketAddr,
    /// The certificate that a client must know for the modes with TLS.
    pub(crate) ca: String,
    mode: watch::Sender<(u64, Mode)>,
    /// The number of the mode that is in effect.
    settled: watch::Receiver<u64>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What every connection needs.
#[derive(Clone)]
struct Context {
    plane: SocketAddr,
    plane_ca: Arc<RootCertStore>,
    /// The certificate that the client knows.
    known: Arc<ServerConfig>,
}

impl Gate {
    pub(crate) fn new(plane: SocketAddr, plane_ca: &str, mode: Mode) -> Self {
        let holder = socket();
        holder.bind("127.0.0.1:0".parse().expect("an address")).expect("a port is free");
        let address = holder.local_addr().expect("it is bound");
        let (known, ca) = server((-1, 9));
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(plane_ca.as_bytes()).expect("PEM")).expect("a CA");
        let context = Context { plane, plane_ca: Arc::new(roots), known };
        let (mode, modes) = watch::channel((1, mode));
        let (settle, settled) = watch::channel(0);
        let task = tokio::spawn(serve(holder, address, context, modes, settle));
        Self { address, ca, mode, settled, task }
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_modify(|(number, old)| (*number, *old) = (*number + 1, mode));
    }

    /// Waits until the last mode is in effect.
    pub(crate) async fn settled(&self) {
        let wanted = self.mode.borrow().0;
        let _ = self.settled.clone().wait_for(|number| *number >= wanted).await;
    }
}

/// A socket whose port no other process gets while the gate listens there or not.
fn socket() -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("it can be reused");
    socket.set_reuseport(true).expect("it can be reused");
    socket
}

async fn serve(
    _holder: TcpSocket,
    address: SocketAddr,
    context: Context,
    mut modes: watch::Receiver<(u64, Mode)>,
    settle: watch::Sender<u64>,
) {
    loop {
        let (number, mode) = modes.borrow_and_update().clone();
        if matches!(mode, Mode::Refused) {
            settle.send_replace(number);
            if modes.changed().await.is_err() {
                return;
            }
            continue;
        }
        let socket = socket();
        socket.bind(address).expect("the port is ours");
        if matches!(mode, Mode::Swallowed) {
            let _listener = socket.listen(0).expect("it listens");
            // The queue takes one connection more than its length.
            let _filling = TcpStream::connect(address).await;
            settle.send_replace(number);
            if modes.changed().await.is_err() {
                return;
            }
            continue;
        }
        let listener = socket.listen(64).expect("it listens");
        settle.send_replace(number);
        if !accept(&listener, &context, &mode, &mut modes).await {
            return;
        }
    }
}

/// Serves connections until the mode changes; false at the end of the gate.
async fn accept(
    listener: &TcpListener,
    context: &Context,
    mode: &Mode,
    modes: &mut watch::Receiver<(u64, Mode)>,
) -> bool {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            changed = modes.changed() => return changed.is_ok(),
            accepted = listener.accept() => {
                let Ok((tcp, _)) = accepted else { return false };
                connections.spawn(pass(tcp, context.clone(), mode.clone()));
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Serves one connection. Its errors are those of a client that has had enough.
async fn pass(mut tcp: TcpStream, context: Context, mode: Mode) {
    let _ = match mode {
        Mode::Open => through(tcp, &context).await,
        Mode::Late(delay) => {
            tokio::time::sleep(delay).await;
            through(tcp, &context).await
        }
        Mode::Refused | Mode::Swallowed => Ok(()),
        Mode::Reset => tcp.set_zero_linger(),
        Mode::Cut { after, closed } => cut(tcp, &context, after, closed).await,
        Mode::Slow(piece) => slow(tcp, &context, piece).await,
        Mode::Raw(bytes) => raw(&mut tcp, bytes).await,
        Mode::Tls { known, days, manner } => {
            let config = if known { context.known } else { server(days).0 };
            connection(tcp, TlsAcceptor::from(config), manner, watch::channel(false).0).await;
            Ok(())
        }
        Mode::Except { text, manner } => except(tcp, &context, text, manner).await,
    };
}

async fn through(mut tcp: TcpStream, context: &Context) -> std::io::Result<()> {
    let mut plane = TcpStream::connect(context.plane).await?;
    copy_bidirectional(&mut tcp, &mut plane).await?;
    Ok(())
}

async fn cut(tcp: TcpStream, context: &Context, after: usize, closed: bool) -> std::io::Result<()> {
    let (mut from, mut to) = TcpStream::connect(context.plane).await?.into_split();
    let (mut client, mut answers) = tcp.into_split();
    let upwards = tokio::io::copy(&mut client, &mut to);
    let downwards = async {
        tokio::io::copy(&mut (&mut from).take(after as u64), &mut answers).await?;
        if !closed {
            std::future::pending::<()>().await;
        }
        answers.shutdown().await
    };
    tokio::select! {
        // The client may close its side and wait.
        _ = async { drop(upwards.await); std::future::pending::<()>().await } => {}
        _ = downwards => {}
    }
    Ok(())
}

async fn slow(tcp: TcpStream, context: &Context, piece: usize) -> std::io::Result<()> {
    tcp.set_nodelay(true)?;
    let (mut from, mut to) = TcpStream::connect(context.plane).await?.into_split();
    let (mut client, mut answers) = tcp.into_split();
    let upwards = tokio::io::copy(&mut client, &mut to);
    let downwards = async {
        let mut buffer = vec![0; piece];
        loop {
            let read = from.read(&mut buffer).await?;
            if read == 0 {
                return answers.shutdown().await;
            }
            answers.write_all(&buffer[..read]).await?;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::try_join!(async { upwards.await.map(|_| ()) }, downwards).map(|_| ())
}

async fn raw(tcp: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    loop {
        tcp.write_all(bytes).await?;
    }
}

async fn except(
    tcp: TcpStream,
    context: &Context,
    text: &'static str,
    manner: Manner,
) -> std::io::Result<()> {
    let mut tls = TlsAcceptor::from(Arc::clone(&context.known)).accept(tcp).await?;
    let Some(head) = head(&mut tls).await? else { return Ok(()) };
    let first = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    if first.windows(text.len()).any(|part| part == text.as_bytes()) {
        return misbehave(tls, &head, manner).await;
    }
    forward(tls, context, &head).await
}

/// Lets the control plane answer this request, the last of its connection.
async fn forward(
    mut tls: impl AsyncRead + AsyncWrite + Unpin,
    context: &Context,
    head: &[u8],
) -> std::io::Result<()> {
    let config = ClientConfig::builder_with_provider(certrotate::tls::provider())
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_root_certificates(Arc::clone(&context.plane_ca))
        .with_no_client_auth();
    let tcp = TcpStream::connect(context.plane).await?;
    let name = ServerName::try_from("localhost").expect("a name");
    let mut plane = TlsConnector::from(Arc::new(config)).connect(name, tcp).await?;
    let line = head.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    plane.write_all(&head[..line]).await?;
    plane.write_all(b"connection: close\r\n").await?;
    plane.write_all(&head[line..]).await?;
    copy_bidirectional(&mut tls, &mut plane).await?;
    Ok(())
}
