//! The invariants, checked from outside: by what the server sees, the presented identity, and the files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use certrotate::clock::Clock as _;
use certrotate::identity::LiveIdentity;
use certrotate::node::Control;
use certrotate_core::id::{KeyDigest, LeafDigest};
use certrotate_core::time::WallTime;
use certrotate_x509::CsrFacts;

use crate::clock::SimClock;
use crate::plan::Plan;
use crate::server::Caller;
use crate::trace::Trace;

/// A violated invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Its id in `docs/invariants.md`.
    pub id: &'static str,
    /// What was seen.
    pub text: String,
}

/// The calls of one kind that may be made in a short time, in thousandths (S9). A call that is repeated on a new connection
/// counts twice here, which is why there are more than in the model.
const BURST: i64 = 20_000;
/// The calls that a start may make besides.
const START: i64 = 6_000;
/// The watches that may be open at a time. One that was cancelled is closed with its connection at the latest.
const WATCHES: usize = 3;
/// The inputs that may lead to actions while no time passes (S9).
const AT_ONCE: u32 = 200;
/// The longest time to the first identity or to a renewal, without a wait after a denial, in milliseconds.
const SOON: u64 = 25 * 60_000;
/// The same with one.
const LATE: u64 = 340 * 60_000;

/// A bucket that leaks one call a minute.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    level: i64,
    last: u64,
}

impl Bucket {
    fn pour(&mut self, now: u64) -> i64 {
        let leaked = i64::try_from((now - self.last) * 1000 / 60_000).unwrap_or(i64::MAX);
        self.last = now;
        if self.level > 0 {
            self.level = (self.level - leaked).max(0);
        }
        self.level += 1000;
        self.level
    }

    fn allow(&mut self, calls: i64) {
        self.level = self.level.min(BURST) - calls;
    }
}

/// An issued certificate.
#[derive(Clone, Copy, Debug)]
struct Issued {
    /// Seconds since 1970.
    validity: (i64, i64),
    /// Whether the agent may use it.
    is_good: bool,
    /// Whether the server accepts it.
    is_accepted: bool,
}

/// The node in the process that runs.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) control: Control,
    pub(crate) live: LiveIdentity,
}

/// How far the node is after all faults are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// There are faults.
    Faults,
    /// No certificate was issued and went live since.
    Healed(u64),
    /// One did, at this time; it expires at the second time, both in milliseconds of the run.
    First(u64, u64),
    /// Its successor did, too.
    Second,
}

/// What is checked, and the state that it needs.
#[derive(Debug)]
pub(crate) struct Checks {
    pub(crate) trace: Trace,
    pub(crate) violations: Vec<Violation>,
    pub(crate) progress: Progress,
    pub(crate) running: Option<Running>,
    long_waits: bool,
    long_disk_fault: bool,
    /// More than one open request is allowed by so many.
    abandoned: usize,
    issued: BTreeMap<LeafDigest, Issued>,
    denied: BTreeSet<String>,
    /// The certificates of the requests that have one.
    answered: BTreeMap<String, LeafDigest>,
    /// The certificates that were live.
    used: BTreeSet<LeafDigest>,
    keys: BTreeMap<KeyDigest, String>,
    open: BTreeMap<u64, LeafDigest>,
    opened: u64,
    watches: Arc<AtomicUsize>,
    looks: Bucket,
    lists: Bucket,
    connections: Bucket,
    at_once: (u64, u32),
    rotate_requested: bool,
    refused_in_a_row: u32,
    /// No create and no get may come before this time, in milliseconds: the server said so.
    not_before: Option<u64>,
}

/// An open watch; it is closed when this is dropped.
#[derive(Debug)]
pub(crate) struct OpenWatch(Arc<AtomicUsize>);

impl Drop for OpenWatch {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Checks {
    pub(crate) fn new(plan: &Plan, directory: String) -> Self {
        Self {
            trace: Trace::new(directory),
            violations: Vec::new(),
            progress: Progress::Faults,
            running: None,
            long_waits: plan.has_long_waits(),
            long_disk_fault: plan.has_long_disk_fault(),
            abandoned: 0,
            issued: BTreeMap::new(),
            denied: BTreeSet::new(),
            answered: BTreeMap::new(),
            used: BTreeSet::new(),
            keys: BTreeMap::new(),
            open: BTreeMap::new(),
            opened: 0,
            watches: Arc::default(),
            looks: Bucket::default(),
            lists: Bucket::default(),
            connections: Bucket::default(),
            at_once: (0, 0),
            rotate_requested: false,
            refused_in_a_row: 0,
            not_before: None,
        }
    }

    pub(crate) fn fail(&mut self, id: &'static str, text: String) {
        if self.violations.is_empty() {
            self.violations.push(Violation { id, text });
        }
    }

    pub(crate) fn control(&self) -> Option<&Control> {
        self.running.as_ref().map(|running| &running.control)
    }

    /// A process starts.
    pub(crate) fn started(&mut self, running: Running) {
        self.running = Some(running);
        self.looks.allow(START);
        self.lists.allow(START);
        self.connections.allow(START);
        self.refused_in_a_row = 0;
    }

    /// The process ended, and with it all its connections.
    pub(crate) fn stopped(&mut self) {
        self.running = None;
        self.open.clear();
        self.not_before = None;
        self.watches = Arc::default();
    }

    pub(crate) fn rotate_requested(&mut self) {
        self.rotate_requested = true;
        self.looks.allow(START);
        self.lists.allow(START);
    }

    /// A request was abandoned by a named exception of S8.
    pub(crate) fn may_abandon(&mut self) {
        self.abandoned += 1;
    }

    pub(crate) fn connection(&mut self, now: u64) {
        if self.connections.pour(now) > 2 * BURST {
            self.fail("S9", "more connection attempts than calls can need".into());
        }
    }

    /// A connection was made with a client certificate.
    pub(crate) fn opened(&mut self, leaf: LeafDigest, wall: WallTime) -> u64 {
        let expired = self.issued.get(&leaf).is_some_and(|issued| wall.unix_ms() >= issued.validity.1 * 1000);
        if expired {
            self.fail("S1", "a connection is opened with an expired certificate".into());
        }
        self.opened += 1;
        self.open.insert(self.opened, leaf);
        self.opened
    }

    pub(crate) fn closed(&mut self, id: u64) {
        self.open.remove(&id);
    }

    /// Whether no connection of an expired certificate is open, by the node's own clock. `tolerance` is in milliseconds.
    pub(crate) fn connections_are_valid(&mut self, wall: WallTime, tolerance: i64) {
        let expired = self.open.values().find_map(|leaf| {
            let end = self.issued.get(leaf)?.validity.1;
            (wall.unix_ms() > end * 1000 + tolerance).then_some(end)
        });
        if let Some(end) = expired {
            let late = wall.unix_ms() - end * 1000;
            self.fail("S1", format!("a connection is open {late} ms after its certificate expired"));
        }
    }

    pub(crate) fn watch_opened(&mut self) -> OpenWatch {
        if self.watches.fetch_add(1, Ordering::Relaxed) + 1 > WATCHES {
            self.fail("S9", format!("more than {WATCHES} watches are open at once"));
        }
        OpenWatch(Arc::clone(&self.watches))
    }

    /// A request arrives.
    pub(crate) fn request(&mut self, clock: &SimClock, verb: &'static str, caller: Caller) {
        let now = clock.true_ms();
        if let Some(earliest) = self.not_before.filter(|earliest| now < *earliest && is_look(verb)) {
            self.fail("S9", format!("a call comes {} ms before Retry-After allows it", earliest - now));
        }
        let level = match verb {
            "list" => self.lists.pour(now),
            "create" | "get" => self.looks.pour(now),
            _ => 0,
        };
        if level > BURST {
            self.fail("S9", format!("more than {} calls of one kind in a short time", BURST / 1000));
        }
        if let Caller::Certificate(leaf) = caller {
            let wall = clock.wall().unix_ms();
            match self.issued.get(&leaf).copied() {
                None => self.fail("S2", "a request comes with a certificate that was never issued".into()),
                Some(issued) if !issued.is_good => {
                    self.fail("S2", "a request comes with a certificate that must be refused".into());
                }
                Some(Issued { validity: (start, end), .. }) => {
                    if wall < start * 1000 || wall >= end * 1000 {
                        self.fail("S1", "a request comes with a certificate outside its validity".into());
                    }
                }
            }
        }
    }

    /// A request was answered, perhaps with Retry-After in seconds.
    pub(crate) fn answered(
        &mut self,
        now: u64,
        (verb, caller): (&str, Caller),
        status: u16,
        retry_after: Option<u64>,
    ) {
        let earliest = retry_after.filter(|seconds| *seconds <= 60).map(|seconds| now + seconds * 1000);
        if is_look(verb) {
            self.not_before = earliest;
        }
        let refused = status == 401 && matches!(caller, Caller::Certificate(_));
        self.refused_in_a_row = if refused { self.refused_in_a_row + 1 } else { 0 };
        if self.refused_in_a_row > 6 {
            self.fail("L3", "a refused identity is presented repeatedly, and never the token".into());
        }
    }

    /// Whether the server accepts this client certificate now.
    pub(crate) fn is_accepted(&self, leaf: LeafDigest, unix_ms: i64) -> bool {
        self.issued.get(&leaf).is_some_and(|issued| {
            let (start, end) = issued.validity;
            issued.is_accepted && start * 1000 <= unix_ms && unix_ms < end * 1000
        })
    }

    pub(crate) fn issued(
        &mut self,
        name: &str,
        leaf: LeafDigest,
        validity: (i64, i64),
        is_good: bool,
        is_accepted: bool,
    ) {
        self.answered.insert(name.to_owned(), leaf);
        self.issued.insert(leaf, Issued { validity, is_good, is_accepted });
    }

    pub(crate) fn denied(&mut self, name: &str) {
        self.denied.insert(name.to_owned());
    }

    /// A request was deleted, and perhaps its certificate with it.
    pub(crate) fn deleted(&mut self, name: &str) {
        self.answered.remove(name);
    }

    /// A request is about to be created.
    pub(crate) fn posted(&mut self, name: &str) {
        if self.answered.get(name).is_some_and(|leaf| self.used.contains(leaf)) {
            self.fail("S10", "the key of a certificate that was live is used for another request".into());
        }
    }

    /// A request was created.
    pub(crate) fn created(&mut self, name: &str, facts: &CsrFacts, open: usize, unix_ms: i64) {
        // Not after a withdrawal or a wrong clock: then the agent may have had a reason.
        let is_waste = |leaf: &&LeafDigest| {
            let issued = self.issued.get(*leaf);
            let usable = issued.is_some_and(|issued| {
                let (start, end) = issued.validity;
                issued.is_good && end * 1000 - unix_ms > (end - start) * 300
            });
            usable && !self.used.contains(*leaf)
        };
        if !self.long_waits && self.abandoned == 0 && self.answered.values().any(|leaf| is_waste(&leaf)) {
            self.fail("S8", "a request is made although a good certificate waits for the node".into());
        }
        if open > 1 + self.abandoned + usize::from(self.long_disk_fault) {
            self.fail("S8", format!("{open} requests are open"));
        }
        if self.denied.contains(name) {
            self.fail("L4", "a denied or failed request is sent again".into());
        }
        if let Some(other) = self.keys.insert(facts.key, name.to_owned())
            && other != name
        {
            self.fail("S10", "two requests share a key".into());
        }
    }

    /// Whether a request may be sent without a durable key.
    pub(crate) const fn may_be_in_memory(&self) -> bool {
        self.long_disk_fault
    }

    /// A step had actions.
    pub(crate) fn acted(&mut self, now: u64) {
        self.at_once = if self.at_once.0 == now { (now, self.at_once.1 + 1) } else { (now, 1) };
        if self.at_once.1 > AT_ONCE {
            self.fail("S9", format!("more than {AT_ONCE} steps with actions while no time passed"));
        }
    }

    /// A certificate is live.
    pub(crate) fn is_live(&mut self, leaf: LeafDigest) {
        self.used.insert(leaf);
    }

    /// Whether the agent may use this certificate.
    pub(crate) fn is_good(&self, leaf: &LeafDigest) -> bool {
        self.issued.get(leaf).is_some_and(|issued| issued.is_good)
    }

    /// All faults are over. Returns when an identity that was issued afterwards must be live.
    pub(crate) fn healed(&mut self, now: u64) -> u64 {
        self.progress = Progress::Healed(now);
        now + if self.long_waits { LATE } else { SOON }
    }

    /// From the first deadline on an identity must be live. Returns when that is to be checked again: at its expiry.
    pub(crate) fn deadline(&mut self, unix_ms: i64) -> Option<u64> {
        let live = self.running.as_ref().and_then(|running| running.live.current_now());
        let left = live.and_then(|live| u64::try_from(live.not_after().unix_ms() - unix_ms).ok());
        let id = match self.progress {
            Progress::Faults | Progress::Second => return None,
            Progress::Healed(_) => "L3",
            Progress::First(..) => "L1",
        };
        if left.is_none() {
            self.fail(id, "there is no identity although all faults are over long ago".into());
        }
        left
    }

    /// A new identity went live. Returns whether the run has shown enough, or the next deadline.
    pub(crate) fn went_live(&mut self, now: u64, unix_ms: i64, live: (i64, i64)) -> Option<u64> {
        let end = now + u64::try_from(live.1 - unix_ms).unwrap_or(0);
        match self.progress {
            // The start of a certificate is five minutes before its issue.
            Progress::Healed(since)
                if live.0 + 300_000 >= unix_ms - i64::try_from(now - since).unwrap_or(0) =>
            {
                self.progress = Progress::First(now, end);
                Some(end)
            }
            Progress::First(since, first_end) => {
                let lifetime = first_end - since;
                if now - since < lifetime * 68 / 100 && !self.rotate_requested {
                    self.fail("S9", "an identity was renewed long before it was due".into());
                }
                self.progress = Progress::Second;
                None
            }
            Progress::Faults | Progress::Healed(_) | Progress::Second => None,
        }
    }
}

/// Whether a call reads or creates the request, rather than watches it.
fn is_look(verb: &str) -> bool {
    matches!(verb, "create" | "get")
}
