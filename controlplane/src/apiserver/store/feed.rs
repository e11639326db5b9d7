//! The live feed of changes: each watch has a bounded queue of its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;
use tokio::sync::mpsc::{Receiver, Sender};

use crate::apiserver::object::Object;
use crate::apiserver::store::event::Event;
use crate::base::sync::lock;

/// Changes that may wait for one watch. A watch that is slower than that is cut off from the feed and reads on
/// in the log, so that it does not slow other watches down.
const QUEUE: usize = 1_000;

/// The queues, by key: thousands of clients may each wait for their own object, and a change goes to one of them.
pub(crate) struct Feeds<T> {
    next: u64,
    all: HashMap<u64, Sender<Event<T>>>,
    by_key: HashMap<Arc<str>, HashMap<u64, Sender<Event<T>>>>,
}

impl<T> Default for Feeds<T> {
    fn default() -> Self {
        Self { next: 0, all: HashMap::new(), by_key: HashMap::new() }
    }
}

impl<T: Object> Feeds<T> {
    /// Tells everyone whom it concerns.
    pub(super) fn publish(&mut self, event: &Event<T>) {
        self.all.retain(|_, queue| queue.try_send(event.clone()).is_ok());
        if let Some(queues) = self.by_key.get_mut(&event.key) {
            queues.retain(|_, queue| queue.try_send(event.clone()).is_ok());
        }
    }

    fn add(&mut self, key: Option<&Arc<str>>) -> (u64, Receiver<Event<T>>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
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
pub(crate) type SharedFeeds<T> = Arc<Mutex<Feeds<T>>>;

/// A place in the feed; it ends when it is dropped.
pub(crate) struct Subscription<T: Object> {
    feeds: SharedFeeds<T>,
    id: u64,
    key: Option<Arc<str>>,
    queue: Receiver<Event<T>>,
}

impl<T: Object> Subscription<T> {
    /// Subscribes to the changes of one key, or of every key. The caller holds the store's lock, so that no change falls
    /// between the state that the caller has read and the first change in the queue.
    pub(crate) fn open(feeds: &SharedFeeds<T>, key: Option<&str>) -> Self {
        let key: Option<Arc<str>> = key.map(Arc::from);
        let (id, queue) = lock(feeds).add(key.as_ref());
        Self { feeds: Arc::clone(feeds), id, key, queue }
    }

    /// Returns the next change; `None` once the queue has overflowed.
    pub(crate) async fn next(&mut self) -> Option<Event<T>> {
        self.queue.recv().await
    }

    /// The next change if it is there.
    pub(crate) fn try_next(&mut self) -> Option<Event<T>> {
        self.queue.try_recv().ok()
    }
}

impl<T: Object> Drop for Subscription<T> {
    fn drop(&mut self) {
        lock(&self.feeds).remove(self.key.as_ref(), self.id);
    }
}
