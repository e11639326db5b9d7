//! Which connections are open, whose they are, and when each of them ends although its client is silent.
//!
//! Connections that have not authenticated are *strangers*. They have a share of their own, and the oldest of them makes
//! room for the next. So they cannot lock out a client that authenticates with its first request. Users cannot lock each
//! other out either: the one that has the most connections loses one.

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
use crate::apiserver::http::pending::{Owner, Pending, Share};
use crate::base::budgets::{
    CONNECTIONS, DESCRIPTORS_KEPT, FIRST_REQUEST_TIME, IDLE_TIME, RESPONSE_TIME, WATCH_TIME, quoted,
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
    of_users: usize,
    /// The oldest first.
    strangers: BTreeMap<u64, Close>,
    by_user: HashMap<Arc<str>, BTreeMap<u64, Close>>,
}

/// Ends a connection when it is raised.
type Close = Arc<watch::Sender<bool>>;

/// One open connection; its place is free again when it is dropped.
pub(crate) struct Connection {
    all: Arc<Connections>,
    id: u64,
    user: Mutex<Option<(Arc<str>, bool)>>,
    activity: Mutex<Activity>,
    /// A request has begun or ended.
    changed: Notify,
    close: Close,
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

    /// The share of all users together, except `system:masters`: the rest is for those who have not authenticated yet.
    fn most_of_users(&self) -> usize {
        self.most / 8 * 7
    }

    /// The share of one user: thousands of nodes may have the same bootstrap token.
    fn most_of_user(&self) -> usize {
        self.most / 2
    }

    /// Takes a new connection in, or not if there are too many. The oldest stranger may end for it, or the oldest connection
    /// of the user that has the most.
    pub(crate) fn open(self: &Arc<Self>) -> Option<Connection> {
        let mut state = lock(&self.state);
        let is_full = state.strangers.len() >= self.most_strangers() || state.open >= self.most;
        if is_full && !state.close_stranger() && !state.close_of_largest_user(1) {
            return None;
        }
        state.next += 1;
        state.open += 1;
        let (id, close) = (state.next, Close::default());
        state.strangers.insert(id, Arc::clone(&close));
        let activity = Activity { ends: BTreeMap::new(), next: 0, due: Instant::now() + FIRST_REQUEST_TIME };
        Some(Connection {
            all: Arc::clone(self),
            id,
            user: Mutex::default(),
            activity: Mutex::new(activity),
            changed: Notify::new(),
            close,
        })
    }
}

impl State {
    // What is closed ends its socket soon. Its place is given up now.

    fn close_stranger(&mut self) -> bool {
        let Some((_, close)) = self.strangers.pop_first() else { return false };
        close.send_replace(true);
        self.open -= 1;
        true
    }

    /// Closes the oldest connection of the user that has the most, if that is more than `least`.
    fn close_of_largest_user(&mut self, least: usize) -> bool {
        let largest = self.by_user.values_mut().max_by_key(|connections| connections.len());
        let Some(connections) = largest.filter(|connections| connections.len() > least) else { return false };
        if let Some((_, close)) = connections.pop_first() {
            close.send_replace(true);
            self.open -= 1;
            self.of_users -= 1;
        }
        true
    }
}

impl Connection {
    /// Notes who has authenticated; 429 if that user has too many connections. Where users have all of their places, the one
    /// that has the most loses one.
    pub(crate) fn authenticated(&self, name: &str, is_master: bool) -> Result<(), ApiError> {
        let mut user = lock(&self.user);
        if user.is_some() {
            return Ok(());
        }
        let mut state = lock(&self.all.state);
        let count = state.by_user.get(name).map_or(0, BTreeMap::len);
        let is_too_much = if state.of_users < self.all.most_of_users() {
            count >= self.all.most_of_user()
        } else {
            !state.close_of_largest_user(count + 1)
        };
        if is_too_much && !is_master {
            let why = format!(
                "too many connections: {count} of {} are open; use fewer, or close some",
                quoted(name)
            );
            return Err(ApiError::too_many_requests(why, 1));
        }
        // One that is gone was closed in this moment.
        if let Some(close) = state.strangers.remove(&self.id) {
            let name: Arc<str> = name.into();
            state.by_user.entry(Arc::clone(&name)).or_default().insert(self.id, close);
            state.of_users += 1;
            *user = Some((name, is_master));
        }
        Ok(())
    }

    /// The memory that a request takes: of the user who has authenticated on this connection.
    pub(crate) fn share(&self) -> Share {
        let (user, is_master) = lock(&self.user).clone().unwrap_or_default();
        let close = Arc::clone(&self.close);
        self.all.pending.share(Owner { user, is_master, connection: self.id, close })
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
        let mut close = self.close.subscribe();
        tokio::select! {
            // The sender lives as long as this connection.
            _ = close.wait_for(|is_closed| *is_closed) => "others need its place or its memory",
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
        if state.strangers.remove(&self.id).is_some() {
            state.open -= 1;
        } else if let Some((name, _)) = lock(&self.user).take()
            && let Some(connections) = state.by_user.get_mut(&name)
        {
            let was_open = connections.remove(&self.id).is_some();
            if connections.is_empty() {
                state.by_user.remove(&name);
            }
            if was_open {
                state.open -= 1;
                state.of_users -= 1;
            }
        }
        self.all.pending.forget(self.id);
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
        TrackedBody { body, share, last_size: 0, _request: self }
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
    /// Counts the last two pieces: the next one is wanted when there is room for a part of it.
    share: Share,
    last_size: usize,
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
        let last_size = std::mem::replace(&mut self.last_size, size);
        Poll::Ready(match self.share.set(last_size + size) {
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
