//! The loop: it queues each changed object and hands it to one of several workers, so that round trips overlap.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info};

use crate::base::csr::{Csr, name};
use crate::faults::handle::Faults;
use crate::signing::controllers::port::{Change, Port};
use crate::signing::controllers::queue::{Name, Queue};
use crate::signing::controllers::reconcile::{Controllers, Next};

/// The most objects that have a worker at the same time.
const WORKERS: usize = 16;
/// An object that is due at a wall-clock time is checked again after this at the latest: that clock may jump.
const CLOCK_LOOK: Duration = Duration::from_secs(10 * 60);

impl Controllers {
    /// Acts on every object that `port` shows, whenever `leading` says that this is the replica that acts; knows all objects
    /// in any case, so that it can take over at once. Returns when the stream of changes ends.
    pub async fn run<P: Port>(self, port: P, mut leading: watch::Receiver<bool>) {
        let mut changes = port.changes();
        let mut orders = self.faults.as_ref().map(Faults::subscribe);
        let mut state = State::default();
        let mut running = FuturesUnordered::new();
        loop {
            let due = state.queue.wake(Instant::now());
            while *leading.borrow()
                && running.len() < WORKERS
                && let Some(name) = state.queue.take()
            {
                match state.latest.get(&name) {
                    None => state.queue.done(&name, None),
                    Some(csr) => {
                        let (csr, leading) = (Arc::clone(csr), leading.clone());
                        let (this, port) = (&self, &port);
                        running.push(async move { (name, this.handle(port, &csr, &leading).await) });
                    }
                }
            }
            tokio::select! {
                change = changes.next() => match change {
                    None => return,
                    Some(change) => self.apply_change(&mut state, change),
                },
                Some((name, next)) = running.next(), if !running.is_empty() => {
                    state.finish(&name, next, self.clock.now());
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
                // An error means that the sender of orders is dropped; its last order stays.
                Ok(()) = changed(orders.as_mut()) => state.queue_all(),
                answer = leading.changed() => match answer {
                    Err(_) => return,
                    Ok(()) => {
                        info!(leading = *leading.borrow(), "controllers");
                        state.queue_all();
                    }
                },
            }
        }
    }

    fn apply_change(&self, state: &mut State, change: Change) {
        match change {
            Change::Now(csr) => state.now(csr),
            Change::Gone(name) => {
                if let Some(csr) = state.gone(&name) {
                    self.memory.forget(csr.metadata.uid.as_deref().unwrap_or_default());
                }
            }
            Change::All(objects) => {
                let before = std::mem::take(&mut state.latest);
                for csr in objects {
                    state.now(csr);
                }
                for (gone, csr) in before {
                    if !state.latest.contains_key(&gone) {
                        state.queue.forget(&gone);
                        self.memory.forget(csr.metadata.uid.as_deref().unwrap_or_default());
                    }
                }
            }
        }
    }
}

/// Waits for the next change of the injected faults; for ever, if there is no fault injection.
async fn changed(orders: Option<&mut watch::Receiver<()>>) -> Result<(), watch::error::RecvError> {
    match orders {
        Some(orders) => orders.changed().await,
        None => std::future::pending().await,
    }
}

#[derive(Default)]
struct State {
    latest: HashMap<Name, Arc<Csr>>,
    queue: Queue,
}

impl State {
    fn now(&mut self, csr: Arc<Csr>) {
        let name = match self.latest.get_key_value(name(&csr)) {
            Some((name, _)) => Arc::clone(name),
            None => Name::from(name(&csr)),
        };
        self.queue.add(&name);
        self.latest.insert(name, csr);
    }

    fn gone(&mut self, name: &str) -> Option<Arc<Csr>> {
        let (name, csr) = self.latest.remove_entry(name)?;
        self.queue.forget(&name);
        Some(csr)
    }

    fn queue_all(&mut self) {
        let Self { latest, queue } = self;
        latest.keys().for_each(|name| queue.add(name));
    }

    fn finish(&mut self, name: &Name, next: Next, wall: SystemTime) {
        let now = Instant::now();
        match next {
            Next::Rest => self.queue.done(name, None),
            Next::After(wait) => self.queue.done(name, Some(now + wait)),
            Next::At(end) => {
                // An object is due strictly after its time, and the API's clock counts whole seconds.
                let wait = end.duration_since(wall).unwrap_or_default() + Duration::from_millis(1);
                self.queue.done(name, Some(now + wait.min(CLOCK_LOOK)));
            }
            Next::Again(why) => {
                let wait = self.queue.failed(name, now);
                debug!(csr = %name, why, ?wait, "to be looked at again");
            }
        }
    }
}
