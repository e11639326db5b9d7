//! A rustls server whose certificate rotates under live clients. Not one connection and not one request fails.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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

/// The clients.
struct Load {
    server: SocketAddr,
    config: Arc<ClientConfig>,
    has_ended: AtomicBool,
    counts: Mutex<Counts>,
}

impl Load {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends requests until the end, so many on each connection.
    fn run(&self, per_connection: u64) {
        while !self.has_ended.load(Ordering::Acquire) {
            let failure = self.connection(per_connection).err().map(|error| error.to_string());
            self.counts().connections += 1;
            self.counts().failures.extend(failure);
        }
    }

    fn connection(&self, requests: u64) -> Result<(), Box<dyn Error>> {
        let socket = TcpStream::connect(self.server)?;
        socket.set_read_timeout(Some(DEADLINE))?;
        let tls = ClientConnection::new(Arc::clone(&self.config), ServerName::try_from("localhost")?)?;
        let mut stream = StreamOwned::new(tls, socket);
        for _ in 0..requests {
            stream.write_all(REQUEST)?;
            let mut answer = [0; REQUEST.len()];
            stream.read_exact(&mut answer)?;
            assert_eq!(&answer, REQUEST);
            let chain = stream.conn.peer_certificates().ok_or("no certificate")?;
            self.counts().requests += 1;
            self.counts().certificates.insert(chain[0].to_vec());
            if self.has_ended.load(Ordering::Acquire) {
                break;
            }
            // A pace, so that the clients leave time for others on the machine.
            thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    conformance(|config, kit| drive(config, &kit, channel()))?;

    let cluster = Cluster::start(Duration::from_secs(20))?;
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

    let (server, config) = (serve(&live)?, client_config(cluster.roots(), None)?);
    let load = Load { server, config, has_ended: AtomicBool::new(false), counts: Mutex::default() };
    thread::scope(|scope| {
        // One client keeps its connection, one connects for each request, and one is in between.
        for per_connection in [u64::MAX, 1, 20] {
            let load = &load;
            scope.spawn(move || load.run(per_connection));
        }
        let fourth = live.wait(4, DEADLINE);
        load.has_ended.store(true, Ordering::Release);
        fourth
    })?;
    answers.send(Input::Shutdown.into())?;
    driver.join().map_err(|_| "the loop panicked")?;
    let Counts { requests, connections, failures, certificates } = load.counts.into_inner()?;
    let certificates = certificates.len();
    assert!(failures.is_empty(), "{failures:?}");
    assert!(certificates >= 3 && requests > 100, "{certificates} certificates, {requests} requests");
    println!(
        "rustls server: {requests} requests, {connections} connections, {certificates} certificates, 0 failures"
    );
    Ok(())
}
