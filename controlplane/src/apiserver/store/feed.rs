//! The live feed of changes: each watch has a bounded queue of the versions of the changes that it is to read in the log.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;
use tokio::sync::mpsc::{Receiver, Sender};

use crate::base::budgets::WATCH_QUEUE;
use crate::base::sync::lock;

/// The queues, by key: thousands of clients may each wait for their own object, and a change goes to one of them.
#[derive(Default)]
pub(crate) struct Feeds {
    next: u64,
    all: HashMap<u64, Sender<u64>>,
    by_key: HashMap<Arc<str>, HashMap<u64, Sender<u64>>>,
}

impl Feeds {
    /// Tells everyone whom it concerns.
    pub(super) fn publish(&mut self, (version, key): (u64, &Arc<str>)) {
        self.all.retain(|_, queue| queue.try_send(version).is_ok());
        if let Some(queues) = self.by_key.get_mut(key) {
            queues.retain(|_, queue| queue.try_send(version).is_ok());
        }
    }

    fn add(&mut self, key: Option<&Arc<str>>) -> (u64, Receiver<u64>) {
        let (sender, receiver) = mpsc::channel(WATCH_QUEUE);
        self.next += 1;
        let queues = match key {
            Some(key) => self.by_key.entry(Arc::clone(key)).or_default(),
            None => &mut self.all,
        };
        queues.insert(self.next, sender);
        (self.next, receiver)
    }

    fn remove(&mut self, key: Option<&Arc<str>>, id: u64) {
        let Some(key) = key else {
            self.all.remove(&id);
            return;
        };
        if let Some(queues) = self.by_key.get_mut(key) {
            queues.remove(&id);
            if queues.is_empty() {
                self.by_key.remove(key);
            }
        }
    }
}

/// The feeds as the store and every subscription hold them. Lock order: the store first, then its feeds.
pub(crate) type SharedFeeds = Arc<Mutex<Feeds>>;

/// A place in the feed; it ends when it is dropped.
pub(crate) struct Subscription {
    feeds: SharedFeeds,
    id: u64,
    key: Option<Arc<str>>,
    queue: Receiver<u64>,
}

impl Subscription {
    /// Subscribes to the changes of one key, or of every key.
    pub(crate) fn open(feeds: &SharedFeeds, key: Option<&str>) -> Self {
        let key: Option<Arc<str>> = key.map(Arc::from);
        let (id, queue) = lock(feeds).add(key.as_ref());
        Self { feeds: Arc::clone(feeds), id, key, queue }
    }

    /// Returns the version of the next change; `None` once the queue has overflowed.
    pub(crate) async fn next(&mut self) -> Option<u64> {
        self.queue.recv().await
    }

    /// Returns the version of the next change if it is there.
    pub(crate) fn try_next(&mut self) -> Option<u64> {
        self.queue.try_recv().ok()
    }

    /// Whether the queue has overflowed, and what it had was taken.
    pub(crate) fn has_overflowed(&self) -> bool {
        self.queue.is_closed() && self.queue.is_empty()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        lock(&self.feeds).remove(self.key.as_ref(), self.id);
    }
}
