//! The invariants, checked from outside: by what the server sees, the presented identity, and the files.

mod bounds;
mod progress;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use certrotate::clock::Clock as _;
use certrotate::identity::LiveIdentity;
use certrotate::node::Control;
use certrotate_core::id::{KeyDigest, LeafDigest};
use certrotate_core::time::WallTime;
use certrotate_x509::CsrFacts;

use crate::caller::Caller;
use crate::clock::SimClock;
use crate::plan::Plan;
use crate::trace::Trace;

pub(crate) use bounds::KUBECONFIG;
use bounds::{AT_ONCE, BURST, Bucket, RETRY_AFTER, START, WATCH, WATCHES};
pub(crate) use progress::Progress;

/// A violated invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Its id in `docs/invariants.md`.
    pub id: &'static str,
    /// What was seen.
    pub text: String,
}

/// An issued certificate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Issued {
    /// Seconds since 1970.
    pub(crate) validity: (i64, i64),
    /// Whether the agent may use it.
    pub(crate) is_good: bool,
    /// Whether the server accepts it.
    pub(crate) is_accepted: bool,
}

/// The node in the process that runs.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) control: Control,
    pub(crate) live: LiveIdentity,
}

/// What is checked, and the state that it needs.
#[derive(Debug)]
pub(crate) struct Checks {
    pub(crate) trace: Trace,
    pub(crate) violations: Vec<Violation>,
    pub(crate) progress: Progress,
    pub(crate) running: Option<Running>,
    /// How long approver and signer take together, in milliseconds.
    approval: u64,
    has_wrong_clock: bool,
    long_waits: bool,
    long_disk_fault: bool,
    /// When the last request was created.
    created: u64,
    /// When the process that runs got its first identity.
    live_since: Option<u64>,
    /// Whether its certificate was issued while its first watch was open.
    is_watched: bool,
    /// The requests that were sent since the last certificate went live.
    names: BTreeSet<String>,
    /// More than one open request is allowed by so many.
    abandoned: usize,
    /// The requests that the node may have abandoned: their certificates may stay unused.
    excused: BTreeSet<String>,
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
    /// The time of the last file work, and the pieces of it at that time.
    works: (u64, u32),
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
            approval: 2 * plan.approval.1,
            has_wrong_clock: plan.has_wrong_clock(),
            long_waits: plan.has_long_waits(),
            created: 0,
            is_watched: false,
            names: BTreeSet::new(),
            long_disk_fault: plan.has_long_disk_fault(),
            abandoned: 0,
            excused: BTreeSet::new(),
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
            works: (0, 0),
            live_since: None,
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
        self.looks.allow(START.0);
        self.lists.allow(START.1);
        self.connections.allow(START.0 + START.1);
        self.refused_in_a_row = 0;
    }

    /// The process ended, and with it all its connections.
    pub(crate) fn stopped(&mut self) {
        self.running = None;
        if self.long_disk_fault {
            // The key, or the certificate, may have been in memory only.
            self.excused.extend(self.answered.keys().cloned());
        }
        self.live_since = None;
        self.open.clear();
        self.not_before = None;
        self.watches = Arc::default();
    }

    pub(crate) fn rotate_requested(&mut self) {
        self.looks.allow(START.0);
        self.lists.allow(START.1);
    }

    /// A request was abandoned by a named exception of S8.
    pub(crate) fn may_abandon(&mut self) {
        self.abandoned += 1;
        self.excused.extend(self.keys.values().cloned());
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
        // By a wrong clock, certificates may end soon after their issue: each renewal is needed, and each poll.
        if level > BURST && !self.has_wrong_clock {
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

    /// A request was answered, perhaps with Retry-After in seconds that the node gets to see.
    pub(crate) fn answered(
        &mut self,
        now: u64,
        (verb, caller): (&str, Caller),
        status: u16,
        retry_after: Option<u64>,
    ) {
        let earliest = retry_after.map(|seconds| now + seconds.min(RETRY_AFTER) * 1000);
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

    /// A certificate was issued.
    pub(crate) fn issued(&mut self, now: u64, name: &str, leaf: LeafDigest, issued: Issued) {
        self.is_watched = now < self.created + WATCH;
        self.answered.insert(name.to_owned(), leaf);
        self.issued.insert(leaf, issued);
    }

    pub(crate) fn denied(&mut self, name: &str) {
        self.denied.insert(name.to_owned());
    }

    /// A request was deleted, and perhaps its certificate with it.
    pub(crate) fn deleted(&mut self, name: &str) {
        self.answered.remove(name);
        // The server's last word: the request may be made again, and no call is repeated.
        self.not_before = None;
    }

    /// A request is sent, whatever becomes of it.
    pub(crate) fn sent(&mut self, name: &str) {
        self.names.insert(name.to_owned());
    }

    /// The requests since the last certificate went live.
    fn attempts(&self) -> u32 {
        u32::try_from(self.names.len()).unwrap_or(u32::MAX)
    }

    /// A request is about to be created.
    pub(crate) fn posted(&mut self, name: &str) {
        if self.answered.get(name).is_some_and(|leaf| self.used.contains(leaf)) {
            self.fail("S10", "the key of a certificate that was live is used for another request".into());
        }
    }

    /// A request was created.
    pub(crate) fn created(&mut self, name: &str, facts: &CsrFacts, open: usize, (now, unix_ms): (u64, i64)) {
        self.created = now;
        // Not after a denial, a bad certificate or a wrong clock: then the agent may have had a reason.
        let is_waste = |(name, leaf): &(&String, &LeafDigest)| {
            let issued = self.issued.get(*leaf);
            let usable = issued.is_some_and(|issued| {
                let (start, end) = issued.validity;
                issued.is_good && end * 1000 - unix_ms > (end - start) * 300
            });
            usable && !self.used.contains(*leaf) && !self.excused.contains(*name)
        };
        if !self.long_waits && self.answered.iter().any(|answered| is_waste(&answered)) {
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

    /// A file is read or written. Returns whether that is too often.
    pub(crate) fn file_work(&mut self, now: u64) -> bool {
        self.works = if self.works.0 == now { (now, self.works.1 + 1) } else { (now, 1) };
        let is_spinning = self.works.1 > AT_ONCE;
        if is_spinning {
            self.fail("S9", format!("more than {AT_ONCE} reads and writes of files while no time passed"));
        }
        is_spinning
    }

    /// Whether a certificate was live before.
    pub(crate) fn was_live(&self, leaf: &LeafDigest) -> bool {
        self.used.contains(leaf)
    }

    /// A certificate is live.
    pub(crate) fn is_live(&mut self, leaf: LeafDigest) {
        self.used.insert(leaf);
    }

    /// Whether the agent may use this certificate.
    pub(crate) fn is_good(&self, leaf: &LeafDigest) -> bool {
        self.issued.get(leaf).is_some_and(|issued| issued.is_good)
    }
}

/// Whether a call reads or creates the request, rather than watches it.
fn is_look(verb: &str) -> bool {
    matches!(verb, "create" | "get")
}
