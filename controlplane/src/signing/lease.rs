//! Which of several replicas acts: the one that holds a Lease (`coordination.k8s.io/v1`), as client-go's leader election
//! does it (`tools/leaderelection`).
//!
//! No replica trusts another's clock: a Lease is over when it has not changed for its whole duration by the watcher's own
//! monotonic clock. The holder stops acting some time before that, when it could not renew: at [`LeaseTimes::renew_deadline`]
//! after the beginning of its last renewal that succeeded. A call that it began before must end within the difference.

use std::fmt;
use std::future::Future;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::{debug, info, warn};

use crate::base::clock::Clock;
use crate::base::error::Error;
use crate::signing::controllers::port::PortError;
use record::LeaseRecord;

pub(crate) mod record;
#[cfg(test)]
mod tests;

/// One Lease, on whatever server it is.
pub trait LeasePort: Send + Sync + 'static {
    /// The Lease as it is; `None`: there is none.
    fn get(&self) -> impl Future<Output = Result<Option<LeaseRecord>, PortError>> + Send;

    /// Creates the Lease where it has no version, else replaces that version of it; returns the stored record.
    fn put(&self, record: LeaseRecord) -> impl Future<Output = Result<LeaseRecord, PortError>> + Send;
}

/// The times of a leader election, with kube-controller-manager's defaults.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LeaseTimes {
    /// How long the others wait for a holder that is silent: 15 s (`--leader-elect-lease-duration`).
    pub lease_duration: Duration,
    /// How long a holder acts without having renewed: 10 s (`--leader-elect-renew-deadline`).
    pub renew_deadline: Duration,
    /// How long between two tries: 2 s (`--leader-elect-retry-period`).
    pub retry_period: Duration,
}

impl Default for LeaseTimes {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { lease_duration: seconds(15), renew_deadline: seconds(10), retry_period: seconds(2) }
    }
}

impl LeaseTimes {
    /// The longest call of a holder: it ends before another replica may hold the Lease.
    #[must_use]
    pub fn call_deadline(&self) -> Duration {
        self.lease_duration.saturating_sub(self.renew_deadline)
    }

    /// Whether the times are in an order that keeps two replicas from acting at once.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] with the flag and the remedy.
    pub fn validate(&self) -> Result<(), Error> {
        let wrong = |name, why: &str| Err(Error::Option { name, why: why.to_owned() });
        let second = Duration::from_secs(1);
        if self.lease_duration.subsec_nanos() != 0 || self.lease_duration > Duration::from_secs(3600) {
            return wrong("--leader-elect-lease-duration", "must be whole seconds, an hour at most");
        }
        if self.lease_duration < self.renew_deadline + second {
            return wrong(
                "--leader-elect-lease-duration",
                "must be at least a second longer than --leader-elect-renew-deadline",
            );
        }
        if self.retry_period.is_zero() || self.renew_deadline < self.retry_period * 2 {
            let why = "must be at least twice --leader-elect-retry-period, and that more than nothing";
            return wrong("--leader-elect-renew-deadline", why);
        }
        Ok(())
    }
}

/// The next step of a candidate.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Intent {
    /// Write this.
    Claim(LeaseRecord),
    /// Another replica holds it.
    Wait,
}

/// One replica's view of the Lease. It is pure: the caller passes the time.
#[derive(Debug)]
struct Candidate {
    me: String,
    times: LeaseTimes,
    /// The version that was seen last, and when it was first seen.
    seen: Option<(Option<String>, Instant)>,
}

impl Candidate {
    /// Decides on the Lease as it was read at `now`.
    fn next(&mut self, lease: Option<&LeaseRecord>, now: Instant, wall: SystemTime) -> Intent {
        let Some(lease) = lease else {
            self.seen = None;
            return Intent::Claim(self.claim(None, wall));
        };
        if self.seen.as_ref().is_none_or(|(version, _)| *version != lease.version) {
            self.seen = Some((lease.version.clone(), now));
        }
        let since = self.seen.as_ref().map_or(now, |(_, since)| *since);
        let free = lease.holder.is_empty() || lease.holder == self.me;
        if free || now >= since + lease.duration {
            Intent::Claim(self.claim(Some(lease), wall))
        } else {
            Intent::Wait
        }
    }

    fn claim(&self, lease: Option<&LeaseRecord>, wall: SystemTime) -> LeaseRecord {
        let same = lease.filter(|lease| lease.holder == self.me);
        let transitions = lease.map_or(0, |lease| lease.transitions.saturating_add(same.is_none().into()));
        LeaseRecord {
            holder: self.me.clone(),
            duration: self.times.lease_duration,
            acquired: same.and_then(|lease| lease.acquired).or(Some(wall)),
            renewed: Some(wall),
            transitions,
            version: lease.and_then(|lease| lease.version.clone()),
        }
    }
}

/// Takes part in the election for one Lease until it is dropped or [`Elector::release`]d.
pub struct Elector<L> {
    port: L,
    candidate: Candidate,
    clock: Clock,
    /// The record that was stored last, if it was ours.
    held: Option<LeaseRecord>,
    /// When the last renewal began that succeeded.
    renewed: Option<Instant>,
}

impl<L> fmt::Debug for Elector<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Elector").field("candidate", &self.candidate).field("held", &self.held).finish()
    }
}

impl<L: LeasePort> Elector<L> {
    /// A candidate under the name `me`, which no other replica may have.
    ///
    /// # Errors
    ///
    /// The times would let two replicas act at once.
    pub fn new(port: L, me: impl Into<String>, times: LeaseTimes, clock: Clock) -> Result<Self, Error> {
        times.validate()?;
        let candidate = Candidate { me: me.into(), times, seen: None };
        Ok(Self { port, candidate, clock, held: None, renewed: None })
    }

    /// Tries, renews and loses for ever, and says in `leading` whether this replica may act.
    pub async fn run(&mut self, leading: &watch::Sender<bool>) {
        loop {
            let began = Instant::now();
            let lost = self.lost_at();
            match timeout_at(lost.unwrap_or(began + self.candidate.times.renew_deadline), self.try_once())
                .await
            {
                Ok(Ok(true)) => {
                    self.renewed = Some(began);
                    self.set_leading(leading, true);
                }
                Ok(Ok(false)) => {
                    self.renewed = None;
                    self.set_leading(leading, false);
                }
                Ok(Err(why)) => warn!(%why, "the Lease could not be renewed or looked at"),
                Err(_) => warn!("the Lease could not be renewed or looked at in time"),
            }
            let next = (began + self.candidate.times.retry_period).max(Instant::now());
            match self.lost_at() {
                Some(lost) if lost <= next => {
                    sleep_until(lost).await;
                    self.renewed = None;
                    self.held = None;
                    self.set_leading(leading, false);
                }
                Some(_) | None => sleep_until(next).await,
            }
        }
    }

    /// When this replica has to stop acting unless it renews before.
    fn lost_at(&self) -> Option<Instant> {
        self.renewed.map(|renewed| renewed + self.candidate.times.renew_deadline)
    }

    fn set_leading(&self, leading: &watch::Sender<bool>, now: bool) {
        let changed = leading.send_if_modified(|leads| std::mem::replace(leads, now) != now);
        if changed {
            info!(me = self.candidate.me, leading = now, "leader election");
        }
    }

    /// One try; true: the Lease is ours.
    async fn try_once(&mut self) -> Result<bool, PortError> {
        let wall = self.clock.now();
        let claim = match self.held.take() {
            Some(held) => self.candidate.claim(Some(&held), wall),
            None => {
                let lease = self.port.get().await?;
                match self.candidate.next(lease.as_ref(), Instant::now(), wall) {
                    Intent::Claim(claim) => claim,
                    Intent::Wait => return Ok(false),
                }
            }
        };
        match self.port.put(claim).await {
            Ok(stored) => {
                self.held = Some(stored);
                Ok(true)
            }
            // Another replica has written it, or our own write succeeded and its answer was lost. Reading it again decides.
            Err(PortError::Stale) => match self.port.get().await? {
                Some(lease) if lease.holder == self.candidate.me => {
                    self.held = Some(lease);
                    Err(PortError::Stale)
                }
                Some(_) | None => Ok(false),
            },
            Err(error) => Err(error),
        }
    }

    /// Gives the Lease back, so that another replica need not wait for its end. Call it after the last action is
    /// done.
    pub async fn release(mut self, leading: &watch::Sender<bool>) {
        self.set_leading(leading, false);
        let Some(held) = self.held.take() else { return };
        let record = LeaseRecord {
            holder: String::new(),
            duration: Duration::from_secs(1),
            renewed: Some(self.clock.now()),
            ..held
        };
        let end = Instant::now() + self.candidate.times.retry_period;
        if !matches!(timeout_at(end, self.port.put(record)).await, Ok(Ok(_))) {
            debug!("the Lease could not be given back: the others wait for its end");
        }
    }
}
