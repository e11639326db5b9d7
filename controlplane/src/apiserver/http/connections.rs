//! Which connections are open, whose they are, and when each of them ends although its client is silent.
//!
//! Connections that have not authenticated are *strangers*. They have a share of their own, and the oldest of them makes
//! room for the next. So they cannot lock out a client that authenticates with its first request.

use std::collections::{BTreeMap, HashMap};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};
use rustix::process::{Resource, getrlimit};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

use crate::apiserver::api_error::ApiError;
use crate::apiserver::http::answer::Body;
use crate::apiserver::http::pending::{Pending, Share};
use crate::base::budgets::{
    CONNECTIONS, DESCRIPTORS_KEPT, FIRST_REQUEST_TIME, IDLE_TIME, REQUEST_COST, RESPONSE_TIME, WATCH_TIME,
};
use crate::base::sync::lock;

#[cfg(test)]
mod tests;

/// All open connections.
pub(crate) struct Connections {
    state: Mutex<State>,
    most: usize,
    pending: Arc<Pending>,
}

#[derive(Default)]
struct State {
    next: u64,
    open: usize,
    /// The oldest first; a raised flag ends the connection.
    strangers: BTreeMap<u64, watch::Sender<bool>>,
    by_user: HashMap<String, usize>,
}

/// One open connection; its place is free again when it is dropped.
pub(crate) struct Connection {
    all: Arc<Connections>,
    id: u64,
    user: Mutex<Option<String>>,
    activity: Mutex<Activity>,
    /// A request has begun or ended.
    changed: Notify,
    evicted: watch::Receiver<bool>,
}

struct Activity {
    /// The latest end of each request that is being answered.
    ends: BTreeMap<u64, Instant>,
    next: u64,
    /// When a request must begin.
    due: Instant,
}

impl Connections {
    /// As many connections as the limit of open files leaves room for, and no more than the budget.
    pub(crate) fn new() -> Self {
        let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let room = usize::try_from(files).unwrap_or(usize::MAX).saturating_sub(DESCRIPTORS_KEPT);
        Self::with_room(room.clamp(16, CONNECTIONS))
    }

    fn with_room(most: usize) -> Self {
        Self { state: Mutex::default(), most, pending: Arc::default() }
    }

    /// The share of connections that have not authenticated.
    fn most_strangers(&self) -> usize {
        self.most / 4 * 3
    }

    /// The share of one user: thousands of nodes may have the same bootstrap token.
    fn most_of_user(&self) -> usize {
        self.most / 2
    }

    /// Takes a new connection in, or not if there are too many. The oldest stranger may end for it.
    pub(crate) fn open(self: &Arc<Self>) -> Option<Connection> {
        let mut state = lock(&self.state);
        if state.strangers.len() >= self.most_strangers() || state.open >= self.most {
            let (_, oldest) = state.strangers.pop_first()?;
            oldest.send_replace(true);
            // The evicted one closes its socket soon; its place is given up now.
            state.open -= 1;
        }
        state.next += 1;
        state.open += 1;
        let (id, (evict, evicted)) = (state.next, watch::channel(false));
        state.strangers.insert(id, evict);
        let activity = Activity { ends: BTreeMap::new(), next: 0, due: Instant::now() + FIRST_REQUEST_TIME };
        Some(Connection {
            all: Arc::clone(self),
            id,
            user: Mutex::default(),
            activity: Mutex::new(activity),
            changed: Notify::new(),
            evicted,
        })
    }
}

impl Connection {
    /// Notes who has authenticated; 429 if that user has too many connections.
    pub(crate) fn authenticated(&self, name: &str) -> Result<(), ApiError> {
        let mut user = lock(&self.user);
        if user.is_some() {
            return Ok(());
        }
        let mut state = lock(&self.all.state);
        let count = state.by_user.get(name).copied().unwrap_or(0);
        if count >= self.all.most_of_user() {
            let why = format!("too many connections of {name:?}: {count} are open; use fewer, or close some");
            return Err(ApiError::too_many_requests(why, 1));
        }
        // One that is gone was evicted in this moment.
        if state.strangers.remove(&self.id).is_some() {
            *state.by_user.entry(name.to_owned()).or_default() += 1;
            *user = Some(name.to_owned());
        }
        Ok(())
    }

    /// The memory that a request takes: of the user who has authenticated on this connection.
    pub(crate) fn share(&self) -> Share {
        self.all.pending.share(lock(&self.user).clone().unwrap_or_default())
    }

    /// Begins a request; it is over when the value is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> OpenRequest {
        let mut activity = lock(&self.activity);
        activity.next += 1;
        let id = activity.next;
        activity.ends.insert(id, Instant::now() + RESPONSE_TIME);
        self.changed.notify_one();
        OpenRequest { connection: Arc::clone(self), id }
    }

    /// Waits until the connection must be closed; answers why.
    pub(crate) async fn ended(&self) -> &'static str {
        let mut evicted = self.evicted.clone();
        let is_stranger = async {
            if evicted.wait_for(|evicted| *evicted).await.is_err() {
                // It authenticated.
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = is_stranger => "newer connections need its place, and it has not authenticated",
            why = self.overdue() => why,
        }
    }

    async fn overdue(&self) -> &'static str {
        loop {
            let (end, why) = {
                let activity = lock(&self.activity);
                match activity.ends.values().min() {
                    Some(end) => (*end, "an answer was not read in time"),
                    None => (activity.due, "no request came in time"),
                }
            };
            if end <= Instant::now() {
                return why;
            }
            tokio::select! {
                () = sleep_until(end) => {}
                () = self.changed.notified() => {}
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut state = lock(&self.all.state);
        if let Some(name) = lock(&self.user).take() {
            state.open -= 1;
            if let Some(count) = state.by_user.get_mut(&name) {
                *count -= 1;
                if *count == 0 {
                    state.by_user.remove(&name);
                }
            }
        } else if state.strangers.remove(&self.id).is_some() {
            state.open -= 1;
        }
    }
}

/// A request that is being answered.
pub(crate) struct OpenRequest {
    connection: Arc<Connection>,
    id: u64,
}

impl OpenRequest {
    /// The request is a watch, which lasts.
    pub(crate) fn lasts(&self) {
        lock(&self.connection.activity).ends.insert(self.id, Instant::now() + WATCH_TIME);
    }

    /// Keeps the request open until its answer is sent.
    pub(crate) fn track(self, body: Body, share: Share) -> TrackedBody {
        TrackedBody { body, share, _request: self }
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        let mut activity = lock(&self.connection.activity);
        activity.ends.remove(&self.id);
        activity.due = Instant::now() + IDLE_TIME;
        self.connection.changed.notify_one();
    }
}

/// The body of an answer, and the request that it answers.
pub(crate) struct TrackedBody {
    body: Body,
    /// Counts the last piece: it is read when the next one is wanted.
    share: Share,
    _request: OpenRequest,
}

impl HttpBody for TrackedBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let size = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()).map_or(0, Bytes::len);
        // A refusal ends the answer: it was begun, so its status cannot say why.
        Poll::Ready(match self.share.set(REQUEST_COST + size) {
            Ok(()) => frame,
            Err(error) => Some(Err(std::io::Error::other(error.message))),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
