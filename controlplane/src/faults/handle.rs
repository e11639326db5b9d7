//! The switchboard of injected faults.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::StatusCode;
use tokio::sync::watch;

use crate::base::sync::lock;
use crate::faults::spoil::Spoil;

/// The stored CSRs, as faults change them. The API server implements it: this layer lies below it.
pub(crate) trait CsrStore: Send + Sync {
    /// Forgets the log of changes.
    fn compact(&self);

    /// Deletes the CSR of this name; false if there is none.
    fn delete(&self, name: &str) -> bool;
}

/// An error answer in place of the real one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct InjectedAnswer {
    pub(crate) code: StatusCode,
    /// Seconds.
    pub(crate) retry_after: Option<u64>,
}

/// An answer given instead of the real one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) code: StatusCode,
    pub(crate) retry_after: Option<u64>,
    /// How often still; `None`: until cleared.
    pub(crate) left: Option<u32>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Set {
    pub(crate) refuse: bool,
    pub(crate) refuse_until: Option<Instant>,
    pub(crate) delay: Duration,
    pub(crate) answer: Option<Answer>,
    pub(crate) drop_posts: u32,
    pub(crate) deny_all: bool,
    pub(crate) fail_all: bool,
    pub(crate) pause_approving: bool,
    pub(crate) spoils: Vec<Spoil>,
    pub(crate) close_watches: bool,
    pub(crate) forbid_watches: bool,
    /// How often all watches were dropped; never cleared.
    pub(crate) watch_drops: u64,
}

/// A handle on the faults of one control plane. Cheap to clone; setters compose and act at once.
#[derive(Clone)]
pub struct Faults(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) set: Mutex<Set>,
    changed: watch::Sender<()>,
    csrs: Arc<dyn CsrStore>,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Faults").field(&*lock(&self.0.set)).finish()
    }
}

impl Faults {
    pub(crate) fn new(csrs: Arc<dyn CsrStore>) -> Self {
        Self(Arc::new(Shared { set: Mutex::default(), changed: watch::Sender::new(()), csrs }))
    }

    fn change(&self, change: impl FnOnce(&mut Set)) -> &Self {
        change(&mut lock(&self.0.set));
        self.0.changed.send_replace(());
        self
    }

    /// Takes every fault back.
    pub fn clear(&self) -> &Self {
        self.change(|set| *set = Set { watch_drops: set.watch_drops, ..Set::default() })
    }

    /// Closes connections as soon as they are accepted, and those that exist.
    pub fn refuse_connections(&self, on: bool) -> &Self {
        self.change(|set| set.refuse = on)
    }

    /// The same for a limited time, so that a remote caller can connect again and clear other faults.
    pub fn refuse_connections_for(&self, while_: Duration) -> &Self {
        self.change(|set| set.refuse_until = Instant::now().checked_add(while_))
    }

    /// Ends every watch now, in the middle.
    pub fn drop_watches(&self) -> &Self {
        self.change(|set| set.watch_drops += 1)
    }

    /// Drops the log of changes: an earlier version is answered 410.
    pub fn compact(&self) -> &Self {
        self.0.csrs.compact();
        self
    }

    /// Holds every answer back for this long, after the credentials were judged.
    pub fn delay(&self, delay: Duration) -> &Self {
        self.change(|set| set.delay = delay)
    }

    /// Answers the next `times` requests (`None`: all, until cleared) with `code`; a code that is none is taken as 500.
    /// `retry_after` is sent in whole seconds, rounded up.
    pub fn answer(&self, code: u16, retry_after: Option<Duration>, times: Option<u32>) -> &Self {
        let code = StatusCode::from_u16(code)
            .ok()
            .filter(|code| code.as_u16() >= 400)
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = retry_after.map(|d| d.as_secs() + u64::from(d.subsec_nanos() > 0));
        let answer = (times != Some(0)).then_some(Answer { code, retry_after, left: times });
        self.change(|set| set.answer = answer)
    }

    /// Carries out the next `times` POSTs, then drops the connection (HTTP/2: resets the stream) instead of answering.
    pub fn drop_answers(&self, times: u32) -> &Self {
        self.change(|set| set.drop_posts = times)
    }

    /// Denies every request that is neither approved, denied nor issued, whatever it asks.
    pub fn deny_all(&self, on: bool) -> &Self {
        self.change(|set| set.deny_all = on)
    }

    /// Marks every approved request Failed instead of signing it.
    pub fn fail_all(&self, on: bool) -> &Self {
        self.change(|set| set.fail_all = on)
    }

    /// Approves nothing while set, then the waiting requests.
    pub fn pause_approving(&self, on: bool) -> &Self {
        self.change(|set| set.pause_approving = on)
    }

    /// Adds a defect to the certificates that are issued from now on.
    pub fn spoil(&self, spoil: Spoil) -> &Self {
        self.change(|set| {
            if !set.spoils.contains(&spoil) {
                set.spoils.push(spoil);
            }
        })
    }

    /// Issues good certificates again.
    pub fn clear_spoils(&self) -> &Self {
        self.change(|set| set.spoils.clear())
    }

    /// Closes each watch after one event.
    pub fn close_watches_after_one_event(&self, on: bool) -> &Self {
        self.change(|set| set.close_watches = on)
    }

    /// Answers watches with 403.
    pub fn forbid_watches(&self, on: bool) -> &Self {
        self.change(|set| set.forbid_watches = on)
    }

    /// Deletes the CSR of this name, as a cleaner or an operator might; false if there is none.
    pub fn forget(&self, name: &str) -> bool {
        self.0.csrs.delete(name)
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<()> {
        self.0.changed.subscribe()
    }

    pub(crate) fn refuses(&self) -> bool {
        let set = lock(&self.0.set);
        set.refuse || set.refuse_until.is_some_and(|end| Instant::now() < end)
    }

    /// How long to hold a request back.
    pub(crate) fn delays(&self) -> Duration {
        lock(&self.0.set).delay
    }

    /// The answer to give instead of the real one; counts it.
    pub(crate) fn take_answer(&self) -> Option<InjectedAnswer> {
        let mut set = lock(&self.0.set);
        let answer = set.answer.as_mut()?;
        let injected = InjectedAnswer { code: answer.code, retry_after: answer.retry_after };
        if let Some(left) = &mut answer.left {
            *left -= 1;
            if *left == 0 {
                set.answer = None;
            }
        }
        Some(injected)
    }

    /// Whether to drop the answer of this POST; counts it.
    pub(crate) fn take_drop(&self) -> bool {
        let mut set = lock(&self.0.set);
        let drop = set.drop_posts > 0;
        set.drop_posts -= u32::from(drop);
        drop
    }

    pub(crate) fn denies_all(&self) -> bool {
        lock(&self.0.set).deny_all
    }

    pub(crate) fn fails_all(&self) -> bool {
        lock(&self.0.set).fail_all
    }

    pub(crate) fn pauses_approving(&self) -> bool {
        lock(&self.0.set).pause_approving
    }

    pub(crate) fn spoils(&self) -> Vec<Spoil> {
        lock(&self.0.set).spoils.clone()
    }

    pub(crate) fn closes_watches(&self) -> bool {
        lock(&self.0.set).close_watches
    }

    pub(crate) fn watch_drops(&self) -> u64 {
        lock(&self.0.set).watch_drops
    }

    pub(crate) fn forbids_watches(&self) -> bool {
        lock(&self.0.set).forbid_watches
    }
}
