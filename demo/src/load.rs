//! A client that sends requests to the server all the time and counts the answers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use certrotate_core::id::Generation;
use certrotate_core::time::WallTime;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::http::Request;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use certrotate::connection::{Body, BoxError, LiveClient};
use certrotate::identity::LiveIdentity;

/// The time between two requests: a hundred a second.
const PACE: Duration = Duration::from_millis(10);
const MAX_ANSWER: usize = 64 << 10;

/// The counts of the client.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count {
    pub(crate) ok: u64,
    pub(crate) failed: u64,
    /// Requests that overlap an outage; they are counted nowhere else.
    pub(crate) in_outages: u64,
    pub(crate) by_serial: BTreeMap<String, u64>,
    /// Requests with the certificate that is live now.
    pub(crate) by_last_serial: u64,
    pub(crate) first_failure: Option<String>,
}

/// The client. It starts with the first certificate.
#[derive(Debug)]
pub(crate) struct LoadClient {
    client: LiveClient,
    live: LiveIdentity,
    count: Arc<Mutex<Count>>,
    /// Incremented at the start and at the end of an outage: odd during one.
    outages: Arc<AtomicU64>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl LoadClient {
    pub(crate) fn start(client: LiveClient, live: LiveIdentity) -> Self {
        let count = Arc::new(Mutex::new(Count::default()));
        let outages = Arc::new(AtomicU64::new(0));
        let (stop, stopped) = oneshot::channel();
        let counts = (Arc::clone(&count), Arc::clone(&outages));
        let task = tokio::spawn(work(client.clone(), live.clone(), counts, stopped));
        Self { client, live, count, outages, stop, task }
    }

    /// Notes that an outage begins or ends now.
    pub(crate) fn set_outage(&self, out: bool) {
        let now = self.outages.load(Ordering::SeqCst);
        if (now % 2 == 1) != out {
            self.outages.store(now + 1, Ordering::SeqCst);
        }
    }

    /// Returns the counts so far.
    pub(crate) fn count(&self) -> Count {
        let mut count = lock(&self.count).clone();
        let live = self.live_serial().unwrap_or_default();
        count.by_last_serial = count.by_serial.get(&live).copied().unwrap_or_default();
        count
    }

    /// The serial of the certificate that is live now, as `openssl x509 -serial` and the server print it.
    pub(crate) fn live_serial(&self) -> Option<String> {
        self.live.current_now().map(|identity| identity.summary().serial.to_uppercase())
    }

    pub(crate) fn connections(&self) -> BTreeMap<Generation, usize> {
        self.client.connections().open()
    }

    pub(crate) fn wall(&self) -> WallTime {
        self.live.wall()
    }

    /// Ends after the current request and returns the final counts.
    pub(crate) async fn stop(&mut self) -> Count {
        let (unused, _) = oneshot::channel();
        // The send fails if the task finished already.
        let _ = std::mem::replace(&mut self.stop, unused).send(());
        if let Err(error) = (&mut self.task).await {
            let mut count = lock(&self.count);
            count.failed += 1;
            count.first_failure.get_or_insert_with(|| format!("the client task failed: {error}"));
        }
        lock(&self.count).clone()
    }
}

fn lock(count: &Mutex<Count>) -> MutexGuard<'_, Count> {
    count.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn work(
    client: LiveClient,
    live: LiveIdentity,
    (count, outages): (Arc<Mutex<Count>>, Arc<AtomicU64>),
    mut stopped: oneshot::Receiver<()>,
) {
    let mut changes = live.subscribe();
    tokio::select! {
        _ = changes.wait_for(Option::is_some) => {}
        _ = &mut stopped => return,
    }
    let mut pace = tokio::time::interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = pace.tick() => {}
            _ = &mut stopped => return,
        }
        let before = outages.load(Ordering::SeqCst);
        let answer = ask(&client).await;
        let whole = before % 2 == 0 && before == outages.load(Ordering::SeqCst);
        let mut count = lock(&count);
        match answer {
            _ if !whole => count.in_outages += 1,
            Ok(serial) => {
                count.ok += 1;
                *count.by_serial.entry(serial).or_default() += 1;
            }
            Err(error) => {
                count.failed += 1;
                count.first_failure.get_or_insert_with(|| error.to_string());
            }
        }
    }
}

/// Sends a request; the server answers with the serial number of the client's certificate.
async fn ask(client: &LiveClient) -> Result<String, BoxError> {
    let request = Request::get("/whoami").body(Body::new(Empty::new().map_err(|never| match never {})))?;
    let response = client.request(request).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await?.to_bytes();
    if !status.is_success() {
        return Err(format!("the server says {status}: {}", String::from_utf8_lossy(&body)).into());
    }
    let answer: serde_json::Value = serde_json::from_slice(&body)?;
    let serial = answer.get("serial").and_then(serde_json::Value::as_str);
    serial.map(str::to_owned).ok_or_else(|| "the server saw no certificate".into())
}
