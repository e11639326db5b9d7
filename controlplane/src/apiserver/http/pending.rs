//! Memory of open requests: heads, bodies that are being read, and parts of answers that their client has not read yet.
//!
//! Where there is no room, the user that takes the most loses the connection that takes the most. So a client that takes
//! little gets what it needs, however many others take all they can.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use crate::apiserver::api_error::ApiError;
use crate::base::budgets::{
    CONNECTION_PENDING_BYTES, MASTERS_PENDING_BYTES, PENDING_BYTES, REQUEST_COST, USER_PENDING_BYTES,
};
use crate::base::sync::lock;

#[cfg(test)]
mod tests;

/// The memory of all open requests, and of those of each user.
#[derive(Debug, Default)]
pub(crate) struct Pending(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    total: usize,
    by_user: HashMap<Arc<str>, User>,
    /// Connections that are closed for others: their requests count no more.
    closed: HashSet<u64>,
}

#[derive(Debug, Default)]
struct User {
    bytes: usize,
    connections: HashMap<u64, Taken>,
}

#[derive(Debug)]
struct Taken {
    bytes: usize,
    close: Arc<watch::Sender<bool>>,
}

/// Whose memory a request takes.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    /// Empty: of those that have not authenticated.
    pub(crate) user: Arc<str>,
    /// A member of `system:masters`, who can end the abuse of others.
    pub(crate) is_master: bool,
    pub(crate) connection: u64,
    /// Closes the connection.
    pub(crate) close: Arc<watch::Sender<bool>>,
}

/// What one request takes; it is given back when the value is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    pending: Arc<Pending>,
    owner: Owner,
    bytes: usize,
}

impl Pending {
    /// The share of a request of this owner: nothing yet.
    pub(crate) fn share(self: &Arc<Self>, owner: Owner) -> Share {
        Share { pending: Arc::clone(self), owner, bytes: 0 }
    }

    /// Forgets a connection whose last share was dropped.
    pub(crate) fn forget(&self, connection: u64) {
        lock(&self.0).closed.remove(&connection);
    }
}

impl Share {
    /// Sets what the request takes now, at least [`REQUEST_COST`]. If that is too much, 429, and the share stays as it is.
    pub(crate) fn set(&mut self, bytes: usize) -> Result<(), ApiError> {
        let bytes = bytes.max(REQUEST_COST);
        let mut state = lock(&self.pending.0);
        if state.closed.contains(&self.owner.connection) {
            return Err(ApiError::too_many_requests("the connection is closed: others need its memory", 1));
        }
        if bytes > self.bytes {
            state.make_room(&self.owner, bytes - self.bytes)?;
        }
        state.change(&self.owner, self.bytes, bytes);
        self.bytes = bytes;
        Ok(())
    }

    /// Whether the request takes anything.
    pub(crate) fn is_taken(&self) -> bool {
        self.bytes > 0
    }

    /// Adds to what the request takes.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), ApiError> {
        self.set(self.bytes + bytes)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut state = lock(&self.pending.0);
        if !state.closed.contains(&self.owner.connection) {
            state.change(&self.owner, self.bytes, 0);
        }
    }
}

impl State {
    /// Refuses `more` bytes beyond a budget, unless connections that take more than this one are closed for it.
    fn make_room(&mut self, owner: &Owner, more: usize) -> Result<(), ApiError> {
        let own = |state: &Self| {
            let user = state.by_user.get(&owner.user);
            let connection = user.and_then(|user| user.connections.get(&owner.connection));
            (user.map_or(0, |user| user.bytes) + more, connection.map_or(0, |taken| taken.bytes) + more)
        };
        let refuse = |whose: &str, limit| {
            let why = format!(
                "the open requests of {whose} take {limit} bytes, and no more are allowed: finish bodies, read answers, \
                 and try again"
            );
            Err(ApiError::too_many_requests(why, 1))
        };
        if own(self).1 > CONNECTION_PENDING_BYTES {
            return refuse("this connection", CONNECTION_PENDING_BYTES);
        }
        while own(self).0 > USER_PENDING_BYTES {
            if !self.close_largest(&Arc::clone(&owner.user), own(self).1) {
                return refuse("this user", USER_PENDING_BYTES);
            }
        }
        let all = if owner.is_master { PENDING_BYTES + MASTERS_PENDING_BYTES } else { PENDING_BYTES };
        while self.total + more > all {
            let most = self.by_user.iter().max_by_key(|(_, user)| user.bytes);
            let most = most.filter(|(_, user)| user.bytes > own(self).0).map(|(name, _)| Arc::clone(name));
            if !most.is_some_and(|name| self.close_largest(&name, 0)) {
                return refuse("all users", all);
            }
        }
        Ok(())
    }

    /// Closes the connection of a user that takes the most, if that is more than `least`. Its memory is given up now, and free
    /// in a moment.
    fn close_largest(&mut self, name: &Arc<str>, least: usize) -> bool {
        let Some(user) = self.by_user.get_mut(name) else { return false };
        let largest = user.connections.iter().max_by_key(|(_, taken)| taken.bytes);
        let Some(id) = largest.filter(|(_, taken)| taken.bytes > least).map(|(id, _)| *id) else {
            return false;
        };
        if let Some(taken) = user.connections.remove(&id) {
            user.bytes -= taken.bytes;
            self.total -= taken.bytes;
            taken.close.send_replace(true);
            self.closed.insert(id);
        }
        if user.connections.is_empty() {
            self.by_user.remove(name);
        }
        true
    }

    fn change(&mut self, owner: &Owner, before: usize, now: usize) {
        if before == now {
            return;
        }
        self.total = self.total - before + now;
        let user = self.by_user.entry(Arc::clone(&owner.user)).or_default();
        user.bytes = user.bytes - before + now;
        let close = || Taken { bytes: 0, close: Arc::clone(&owner.close) };
        let taken = user.connections.entry(owner.connection).or_insert_with(close);
        taken.bytes = taken.bytes - before + now;
        if taken.bytes == 0 {
            user.connections.remove(&owner.connection);
            if user.connections.is_empty() {
                self.by_user.remove(&owner.user);
            }
        }
    }
}
