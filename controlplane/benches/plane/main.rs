//! The load that the control plane carries, measured over TLS on loopback with the clients in another thread of the same process:
//! requests created, approved, signed and watched to issuance; memory with very many objects; a whole fleet that comes up at once.
//! Nothing is asserted.
//!
//! `cargo bench -p certrotate-controlplane --bench plane [-- steady|memory|fleet|restart]`

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on ends")]

mod client;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use certrotate_controlplane::{Approval, ControlPlane, Options};
use client::{Client, Request, Server};
use tokio::sync::oneshot;

/// Requests of the steady measurement, and connections that make them.
const STEADY: usize = 20_000;
const CONNECTIONS: usize = 4;
/// Requests that each connection has in flight.
const IN_FLIGHT: usize = 32;
/// Objects of the memory measurement.
const OBJECTS: usize = 100_000;
/// Nodes that come up at once.
const FLEET: usize = 5_000;

fn main() {
    let wanted: Vec<_> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|word| word == name);
    println!("{:<72}{:>14}{:>12}", "what", "measured", "aim");
    // Memory first: growth would not show in memory that other measurements have used and freed.
    if is_wanted("memory") {
        memory();
    }
    if is_wanted("steady") {
        steady();
    }
    if is_wanted("fleet") {
        fleet();
    }
    if is_wanted("restart") {
        restart();
    }
}

fn row(what: &str, measured: &str, aim: &str) {
    println!("{what:<72}{measured:>14}{aim:>12}");
}

/// A control plane on a thread of its own, which is how `certrotate controlplane` runs it.
struct Plane {
    server: Server,
    stop: oneshot::Sender<()>,
    /// Seconds of processor time that the thread took, once it is over.
    processor: mpsc::Receiver<f64>,
}

impl Plane {
    fn start(dir: Option<std::path::PathBuf>) -> Self {
        let (ready, server) = mpsc::channel();
        let (over, processor) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        std::thread::spawn(move || {
            let options = Options { approve: Approval::Auto, dir, ..Options::default() };
            runtime().block_on(async {
                let plane = ControlPlane::start(options).await.unwrap();
                ready.send(Server::new(plane.address(), plane.ca_pem(), plane.bootstrap_token())).unwrap();
                stopped.await.unwrap();
                over.send(processor_time()).unwrap();
                plane.shutdown().await;
            });
        });
        Self { server: server.recv().unwrap(), stop, processor }
    }

    fn stop(self) -> f64 {
        self.stop.send(()).unwrap();
        self.processor.recv().unwrap()
    }
}

/// Seconds of processor time of this thread: it does not grow when other programs are busy.
fn processor_time() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Each request is created, approved and signed by the controllers, and its certificate comes over a watch of its own.
fn steady() {
    let scratch = tempfile::tempdir().unwrap();
    let plane = Plane::start(Some(scratch.path().join("plane")));
    let server = plane.server.clone();
    let requests: Vec<_> = (0..STEADY).map(Request::of_node).collect();
    let seconds = runtime().block_on(async {
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            clients.push(Client::connect(&server).await);
        }
        let began = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for (lane, chunk) in requests.chunks(STEADY.div_ceil(CONNECTIONS * IN_FLIGHT)).enumerate() {
            let (client, chunk) = (clients[lane % CONNECTIONS].clone(), chunk.to_vec());
            tasks.spawn(async move {
                for request in chunk {
                    client.issue(&request).await;
                }
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
        began.elapsed().as_secs_f64()
    });
    let rate = STEADY as f64 / seconds;
    row("requests created, approved, signed and watched to issuance", &format!("{rate:.0}/s"), "1000/s");
    let each = plane.stop() / STEADY as f64;
    row("  processor time of the control plane for each", &format!("{:.0} µs", each * 1e6), "1000 µs");
}

/// Creates that are answered when they are on the disk; then a start with all of them.
fn restart() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("plane");
    let plane = Plane::start(Some(dir.clone()));
    let server = plane.server.clone();
    let template = Request::of_node(0);
    let began = Instant::now();
    runtime().block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        let client = Client::connect(&server).await;
        for lane in 0..CONNECTIONS * IN_FLIGHT {
            let (client, template) = (client.clone(), template.clone());
            tasks.spawn(async move {
                for number in (lane..OBJECTS).step_by(CONNECTIONS * IN_FLIGHT) {
                    client.create(&template.named(&format!("node-csr-{number:058}"))).await;
                }
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
    });
    let rate = OBJECTS as f64 / began.elapsed().as_secs_f64();
    row(
        "creates, each synced before its answer, with approval and signing",
        &format!("{rate:.0}/s"),
        "1000/s",
    );
    plane.stop();
    // The lock of the directory ends with the thread.
    let again = loop {
        std::thread::sleep(Duration::from_millis(50));
        let options = Options { approve: Approval::Manual, dir: Some(dir.clone()), ..Options::default() };
        let began = Instant::now();
        if let Ok(plane) = runtime().block_on(ControlPlane::start(options)) {
            break (began.elapsed().as_secs_f64(), plane.stats().open_csrs);
        }
    };
    row("start with 100,000 stored requests", &format!("{:.1} s", again.0), "2 s");
    row("  of which are open", &again.1.to_string(), "");
}

/// Every node has a connection of its own, as real nodes have.
fn fleet() {
    let plane = Plane::start(None);
    let server = plane.server.clone();
    let requests: Vec<_> = (0..FLEET).map(Request::of_node).collect();
    let (seconds, slowest) = runtime().block_on(async {
        let began = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for request in requests {
            let server = server.clone();
            tasks.spawn(async move {
                let began = Instant::now();
                Client::connect(&server).await.issue(&request).await;
                began.elapsed()
            });
        }
        let mut slowest = Duration::ZERO;
        while let Some(ended) = tasks.join_next().await {
            slowest = slowest.max(ended.unwrap());
        }
        (began.elapsed().as_secs_f64(), slowest.as_secs_f64())
    });
    row(
        "5,000 nodes at once, each on a connection of its own: all have theirs",
        &format!("{seconds:.1} s"),
        "10 s",
    );
    row("  the slowest waited", &format!("{slowest:.1} s"), "");
    row(
        "  processor time of the control plane, handshakes included",
        &format!("{:.1} s", plane.stop()),
        "10 s",
    );
}

/// Issued objects, whose memory is what the process has grown by; then one list of them all.
fn memory() {
    let before = resident();
    let plane = Plane::start(None);
    let server = plane.server.clone();
    let template = Request::of_node(0);
    let (after, peak, listed) = runtime().block_on(async {
        let client = Client::connect(&server).await;
        let mut tasks = tokio::task::JoinSet::new();
        for lane in 0..IN_FLIGHT {
            let (client, template) = (client.clone(), template.clone());
            tasks.spawn(async move {
                for number in (lane..OBJECTS).step_by(IN_FLIGHT) {
                    client.create(&template.named(&format!("node-csr-{number:058}"))).await;
                }
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
        while client.count_issued(OBJECTS).await < OBJECTS {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let after = resident();
        let began = Instant::now();
        let bytes = client.list_all().await;
        (after, resident(), (bytes, began.elapsed().as_secs_f64()))
    });
    let mib = |kib: u64| format!("{} MiB", kib / 1024);
    row("100,000 issued requests: resident memory grown by", &mib(after.saturating_sub(before)), "1024 MiB");
    row("  and after one list of them all", &mib(peak.saturating_sub(before)), "");
    plane.stop();
    row(&format!("  which are {} MB, sent in", listed.0 / 1_000_000), &format!("{:.1} s", listed.1), "");
}

/// Resident memory of this process in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
