//! Memory of open requests: heads, bodies that are being read, and parts of answers that their client has not read yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::apiserver::api_error::ApiError;
use crate::base::budgets::{PENDING_BYTES, USER_PENDING_BYTES};
use crate::base::sync::lock;

#[cfg(test)]
mod tests;

/// The memory of all open requests, and of those of each user.
#[derive(Debug, Default)]
pub(crate) struct Pending(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    total: usize,
    by_user: HashMap<String, usize>,
}

/// What one request takes; it is given back when the value is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    pending: Arc<Pending>,
    user: String,
    bytes: usize,
}

impl Pending {
    /// The share of a request of this user: nothing yet.
    pub(crate) fn share(self: &Arc<Self>, user: String) -> Share {
        Share { pending: Arc::clone(self), user, bytes: 0 }
    }
}

impl Share {
    /// Sets what the request takes now. If that is too much, 429, and the share stays as it is.
    pub(crate) fn set(&mut self, bytes: usize) -> Result<(), ApiError> {
        let mut state = lock(&self.pending.0);
        let of_user = state.by_user.get(&self.user).copied().unwrap_or(0) - self.bytes + bytes;
        let total = state.total - self.bytes + bytes;
        if bytes > self.bytes {
            let (limit, whose) = match of_user > USER_PENDING_BYTES {
                true => (USER_PENDING_BYTES, "this user"),
                false if total > PENDING_BYTES => (PENDING_BYTES, "all users"),
                false => (usize::MAX, ""),
            };
            if limit < usize::MAX {
                let why = format!(
                    "the open requests of {whose} have more than {limit} bytes; finish bodies, and read answers"
                );
                return Err(ApiError::too_many_requests(why, 1));
            }
        }
        state.total = total;
        if of_user == 0 {
            state.by_user.remove(&self.user);
        } else if let Some(taken) = state.by_user.get_mut(&self.user) {
            *taken = of_user;
        } else {
            state.by_user.insert(self.user.clone(), of_user);
        }
        self.bytes = bytes;
        Ok(())
    }

    /// Adds to what the request takes.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), ApiError> {
        self.set(self.bytes + bytes)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        // Less is never refused.
        let _ = self.set(0);
    }
}
