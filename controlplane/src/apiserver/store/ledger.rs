//! What the stored objects use of the budgets, in total and by requestor.

use std::collections::HashMap;

use crate::apiserver::api_error::ApiError;
use crate::apiserver::object::{Object, Size};
use crate::base::budgets::{REQUESTOR_OBJECTS, STORED_OBJECTS, STORED_RETRY, quoted, requestor_bytes};

#[cfg(test)]
mod tests;

/// Objects and their memory.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Use {
    objects: usize,
    bytes: usize,
}

/// What is used, and by whom.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    all: Use,
    /// Bytes of the JSON form of all objects.
    json: usize,
    by_account: HashMap<String, Use>,
}

impl Ledger {
    /// The number of all objects, and the bytes of their JSON form.
    pub(super) fn json(&self) -> (usize, u64) {
        (self.all.objects, self.json as u64)
    }

    /// Refuses a change that grows an account by `objects` and `bytes` beyond a budget. An account with no limit of its
    /// own counts in the total only.
    pub(super) fn check<T: Object>(
        &self,
        name: &str,
        account: Option<&str>,
        (objects, bytes): (usize, usize),
    ) -> Result<(), ApiError> {
        let own = account.and_then(|account| self.by_account.get(account)).copied().unwrap_or_default();
        if let Some(account) = account {
            let used = [
                ("objects", own.objects, objects, REQUESTOR_OBJECTS),
                ("bytes", own.bytes, bytes, requestor_bytes(T::STORED_BYTES)),
            ];
            for (what, used, more, limit) in used {
                if more > 0 && used + more > limit {
                    let who = quoted(account);
                    let why = format!(
                        "exceeded quota: {who}, requested: {more} {what}, used: {used}, limited: {limit}; delete objects \
                         of {who}"
                    );
                    return Err(ApiError::refused(T::API, name, &why));
                }
            }
        }
        if objects > 0 && self.all.objects + objects > STORED_OBJECTS
            || bytes > 0 && self.all.bytes + bytes > T::STORED_BYTES
        {
            let why = format!(
                "the control plane stores {} {} of {} bytes, and at most {STORED_OBJECTS} of {} bytes; \
                 delete some, or wait until the cleaner does",
                self.all.objects,
                T::API.plural,
                self.all.bytes,
                T::STORED_BYTES
            );
            return Err(ApiError::too_many_requests(why, STORED_RETRY));
        }
        Ok(())
    }

    /// Takes an object in.
    pub(super) fn add(&mut self, account: &str, size: Size) {
        let own = self.by_account.entry(account.to_owned()).or_default();
        for used in [own, &mut self.all] {
            used.objects += 1;
            used.bytes += size.memory;
        }
        self.json += size.json;
    }

    /// Takes an object out.
    pub(super) fn remove(&mut self, account: &str, size: Size) {
        let own = self.by_account.entry(account.to_owned()).or_default();
        for used in [own, &mut self.all] {
            used.objects = used.objects.saturating_sub(1);
            used.bytes = used.bytes.saturating_sub(size.memory);
        }
        self.json = self.json.saturating_sub(size.json);
        if self.by_account.get(account).is_some_and(|own| own.objects == 0) {
            self.by_account.remove(account);
        }
    }
}
