//! A rustls server whose certificate rotates under live clients. Not one connection and not one request fails.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use certrotate_core::{Input, Template};
use certrotate_examples::{Cluster, Live, Node, client_config, conformance, quick_config};
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::ServerName;
use threads::drive;

#[path = "threads.rs"]
#[expect(dead_code, reason = "its main function is that of another example")]
mod threads;

const DEADLINE: Duration = Duration::from_secs(30);
/// The answer to a request is the request.
const REQUEST: &[u8; 5] = b"ping\n";

/// What the clients counted.
#[derive(Default)]
struct Counts {
    requests: u64,
    connections: u64,
    failures: Vec<String>,
    certificates: BTreeSet<Vec<u8>>,
}

/// Serves each connection in a thread. The certificate is looked up at each handshake: `Live` is the resolver.
fn serve(live: &Live) -> Result<SocketAddr, Box<dyn Error>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(live.clone()));
    let (config, listener) = (Arc::new(config), TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?);
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            // It ends when the client leaves. The clients report what fails.
            thread::spawn(move || echo(socket, config).is_ok());
        }
    });
    Ok(address)
}

fn echo(socket: TcpStream, config: Arc<ServerConfig>) -> io::Result<()> {
    socket.set_read_timeout(Some(DEADLINE))?;
    let mut stream = StreamOwned::new(ServerConnection::new(config).map_err(io::Error::other)?, socket);
    let mut request = [0; REQUEST.len()];
    loop {
        stream.read_exact(&mut request)?;
        stream.write_all(&request)?;
    }
}

/// Sends requests until the end: `per_connection` of them on each connection.
fn load(
    address: SocketAddr,
    config: &Arc<ClientConfig>,
    per_connection: u64,
    ended: &AtomicBool,
    counts: &Mutex<Counts>,
) {
    while !ended.load(Ordering::Acquire) {
        let used = connection(address, Arc::clone(config), per_connection, ended, counts);
        let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.connections += 1;
        counts.failures.extend(used.err().map(|error| error.to_string()));
    }
}

fn connection(
    address: SocketAddr,
    config: Arc<ClientConfig>,
    requests: u64,
    ended: &AtomicBool,
    counts: &Mutex<Counts>,
) -> Result<(), Box<dyn Error>> {
    let socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(DEADLINE))?;
    let mut stream =
        StreamOwned::new(ClientConnection::new(config, ServerName::try_from("localhost")?)?, socket);
    for _ in 0..requests {
        stream.write_all(REQUEST)?;
        let mut answer = [0; REQUEST.len()];
        stream.read_exact(&mut answer)?;
        assert_eq!(&answer, REQUEST);
        let leaf = stream.conn.peer_certificates().and_then(|chain| chain.first()).ok_or("no certificate")?;
        {
            let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
            counts.requests += 1;
            counts.certificates.insert(leaf.to_vec());
        }
        if ended.load(Ordering::Acquire) {
            break;
        }
        // A pace, so that the clients leave time for others on the machine.
        thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    conformance(|config, kit| drive(config, &kit, channel()))?;

    let cluster = Cluster::start(Duration::from_secs(8))?;
    let (home, live) = (tempfile::tempdir()?, Live::default());
    let template = Template::kubelet_serving("web-1", &["localhost"], &[]);
    let node =
        Node::new("server", home.path(), template.clone(), cluster.serving_api("web-1")?, live.clone())?;
    let (answers, inbox) = channel();
    let driver = thread::spawn({
        let (config, answers) = (quick_config(template)?, answers.clone());
        move || drive(config, &node, (answers, inbox))
    });
    live.wait(1, DEADLINE)?;

    let address = serve(&live)?;
    let (config, ended, counts) =
        (client_config(cluster.roots(), None)?, AtomicBool::new(false), Mutex::default());
    thread::scope(|scope| {
        // One client keeps its connection, one connects for each request, and one is in between.
        for per_connection in [u64::MAX, 1, 20] {
            let (config, ended, counts) = (&config, &ended, &counts);
            scope.spawn(move || load(address, config, per_connection, ended, counts));
        }
        let fourth = live.wait(4, DEADLINE);
        ended.store(true, Ordering::Release);
        fourth
    })?;
    answers.send(Input::Shutdown.into())?;
    driver.join().map_err(|_| "the loop panicked")?;
    let counts = counts.into_inner()?;
    let (requests, connections, certificates) =
        (counts.requests, counts.connections, counts.certificates.len());
    assert!(counts.failures.is_empty(), "{:?}", counts.failures);
    assert!(certificates >= 3 && requests > 100, "{certificates} certificates, {requests} requests");
    println!(
        "rustls server: {requests} requests, {connections} connections, {certificates} certificates, 0 failures"
    );
    Ok(())
}
