//! The well-behaved client: requests at a fixed rate, and a new connection from time to time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::wire::{CSRS, Error, Sender, Target};

/// A slower answer is a failure. The machine may be busy with other programs.
const PATIENCE: Duration = Duration::from_secs(30);
/// One of so many requests creates an object.
const CREATES: u64 = 10;
/// How often a new connection is made.
const NEW_CONNECTION: Duration = Duration::from_millis(250);

/// The measurements of the client since the last row.
#[derive(Default)]
pub(crate) struct Seen {
    /// From the planned time of a request to the end of its answer.
    latencies: Vec<Duration>,
    pub(crate) failures: u64,
    pub(crate) first_failure: Option<String>,
}

impl Seen {
    /// Returns the latency that this share of the requests stays under.
    pub(crate) fn quantile(&mut self, share: f64) -> Duration {
        self.latencies.sort_unstable();
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get((last as f64 * share).round() as usize).copied().unwrap_or_default()
    }

    pub(crate) fn count(&self) -> usize {
        self.latencies.len()
    }
}

/// The client, on a thread of its own.
pub(crate) struct Good {
    shared: Arc<Shared>,
    thread: std::thread::JoinHandle<()>,
}

struct Shared {
    seen: Mutex<Seen>,
    acknowledged: Mutex<Vec<String>>,
    request: Value,
    next: AtomicU64,
    is_over: AtomicBool,
}

impl Good {
    /// Starts the client; `request` is the object that it creates under many names.
    pub(crate) fn start(target: Target, rate: u32, request: Value) -> Self {
        let shared = Arc::new(Shared {
            seen: Mutex::default(),
            acknowledged: Mutex::default(),
            request,
            next: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        });
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(run(of_thread, target, rate));
        });
        Self { shared, thread }
    }

    pub(crate) fn take(&self) -> Seen {
        std::mem::take(&mut self.shared.seen.lock().unwrap())
    }

    /// Waits for the open requests; returns the names of all acknowledged objects.
    pub(crate) fn stop(self) -> (Vec<String>, Seen) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        let names = std::mem::take(&mut *self.shared.acknowledged.lock().unwrap());
        (names, std::mem::take(&mut self.shared.seen.lock().unwrap()))
    }
}

async fn run(shared: Arc<Shared>, target: Target, rate: u32) {
    let mut tasks = tokio::task::JoinSet::new();
    let sender = target.h2(None).await.unwrap();
    let mut ticks = interval(Duration::from_secs(1) / rate);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut connected = Instant::now();
    while !shared.is_over.load(Ordering::Relaxed) {
        let planned = ticks.tick().await.into_std();
        while tasks.try_join_next().is_some() {}
        if connected.elapsed() >= NEW_CONNECTION {
            connected = Instant::now();
            let (shared, target) = (Arc::clone(&shared), target.clone());
            tasks.spawn(async move {
                let fresh = async { target.h2(None).await?.get("/whoami").await.map(|_| ()) };
                shared.note(planned, "a new connection", timeout(PATIENCE, fresh).await);
            });
        }
        let (shared, sender) = (Arc::clone(&shared), sender.clone());
        tasks.spawn(async move {
            let done = timeout(PATIENCE, shared.request(&sender)).await;
            shared.note(planned, "a request", done);
        });
    }
    while tasks.join_next().await.is_some() {}
}

impl Shared {
    /// A create, or a read of an object.
    async fn request(&self, sender: &Sender) -> Result<(), Error> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if number.is_multiple_of(CREATES) {
            let name = format!("good-{number}");
            create(sender, &self.request, &name).await?;
            self.acknowledged.lock().unwrap().push(name);
            return Ok(());
        }
        let (code, _) = sender.get(&format!("{CSRS}/seed-0")).await?;
        if code == 200 { Ok(()) } else { Err(format!("status {code}").into()) }
    }

    fn note(
        &self,
        planned: Instant,
        what: &str,
        done: Result<Result<(), Error>, tokio::time::error::Elapsed>,
    ) {
        let mut seen = self.seen.lock().unwrap();
        seen.latencies.push(planned.elapsed());
        let error = match done {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(_) => format!("no answer in {PATIENCE:?}").into(),
        };
        seen.failures += 1;
        seen.first_failure.get_or_insert_with(|| format!("{what}: {error}"));
    }
}

/// Creates the object under this name; anything but 201 is an error.
pub(crate) async fn create(sender: &Sender, request: &Value, name: &str) -> Result<(), Error> {
    let mut object = request.clone();
    object["metadata"]["name"] = json!(name);
    let (code, body) = sender.post("application/json", object.to_string()).await?;
    if code == 201 {
        return Ok(());
    }
    Err(format!("status {code} for the create of {name}: {:.300}", String::from_utf8_lossy(&body)).into())
}
