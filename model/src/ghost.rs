//! The memory of the invariants: small monitors instead of logs, so that worlds with the same
//! future are equal.

use std::hash::{Hash, Hasher};

use certrotate_core::disk::{DiskCommand, DiskFault, Name};
use certrotate_core::id::{CertHandle, Generation, KeyHandle};
use certrotate_core::issuer::Call;
use certrotate_core::time::{MonoTime, Now, Span, WallTime};
use certrotate_core::view::Handle;

use crate::disk::{Disk, Pending};
use crate::list::List;
use crate::monitor::{Monitor, minute};
use crate::renewal_range::left_at_latest;

mod load;

pub use load::{Bucket, Load};

/// An identity that the node announced as live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Announced {
    /// The generation.
    pub generation: Generation,
    /// The certificate.
    pub cert: CertHandle,
    /// The notBefore.
    pub not_before: WallTime,
    /// The notAfter.
    pub not_after: WallTime,
}

/// The state of the cleanup after a failed file (S12).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Failed {
    /// No file has failed.
    #[default]
    None,
    /// This file failed, and still exists.
    There(Name),
    /// The failed file was removed, and the directory is not synced yet.
    Removed,
}

/// The steps of core at one time. They are no part of a state: paths of many and of few steps to
/// the same world have the same future.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Burst {
    now: Now,
    pub(crate) steps: u16,
    /// Whether the last step was a tick at rest or during a request, which may rescan.
    pub(crate) may_rescan: bool,
}

impl Hash for Burst {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl Burst {
    /// Counts a step at this time. Steps without an action do not count.
    pub(crate) fn count(&mut self, now: Now, may_rescan: bool, acts: bool) {
        let before = if self.now == now { self.steps } else { 0 };
        self.steps = before.saturating_add(u16::from(acts));
        (self.now, self.may_rescan) = (now, may_rescan);
    }
}

/// The memory of the invariants.
#[derive(Clone, Copy, Debug, Default, Hash)]
pub struct Ghost {
    /// The number of attempts since an identity went live.
    pub attempts: u8,
    /// Keys that the driver holds.
    keys: List<u64, 10>,
    /// Certificates that the driver holds.
    certs: List<u64, 10>,
    /// The last announced identity, over all runs, until its file is changed externally or it expires.
    pub announced: Option<Announced>,
    /// The highest generation that expired while live, in this run.
    pub withdrawn: Generation,
    /// Whether this run has recovered: it knows the files on disk.
    pub recovered: bool,
    /// The latest monotonic time for the renewal of the live identity.
    pub renew_by: Option<MonoTime>,
    /// The steps at the present time.
    pub(crate) burst: Burst,
    /// The number of identities that went live.
    pub rotations: u8,
    /// The calls and new requests of all runs.
    pub load: Load,
    /// The state of the cleanup after a failed file.
    pub failed: Failed,
    /// The keys with their requests.
    requests: List<(u32, u32), 6>,
    /// The generations with their keys.
    generations: List<(Generation, u32), 6>,
    /// The number of requests whose pending file was removed externally or unreadable.
    pub requests_lost: u8,
    /// Whether the node gave up a request since an identity was live last, because it was made as that identity.
    pub gave_up_of_expired: bool,
    /// Whether this run has had a request.
    pub has_requested: bool,
    /// The time in the pending file of the current request, if the start of this run found it. A rescan clears it.
    pub found_made: Option<WallTime>,
    /// The highest generation that ended a row of failed attempts, as the scans and the template changes of this run tell.
    pub row_ends: Generation,
    /// Whether the clock was before the notBefore of the live identity, and no newer durable
    /// identity went live since.
    pub was_held: bool,
    /// Whether the scan of this step, if any, shows a pair better than the live identity.
    pub better_pair_seen: Option<bool>,
    /// The key and certificate of the valid pair behind the current link at the last scan.
    pub filed: Option<(u32, u32)>,
    /// Whether the last live identity is an in-memory identity.
    pub is_in_memory: bool,
    /// Whether a scan of this run misread a file.
    pub misread: bool,
    /// Whether a scan of this run could not read a file, so that the node may have made it again.
    pub unread: bool,
    /// Whether a run that misread a file, or could not read it, was killed, and no later run has
    /// recovered and removed the surplus files.
    pub misread_before_crash: bool,
    /// The latest start of the attempt that a template change causes.
    pub changed: Option<MonoTime>,
    /// Whether a key was used twice.
    pub key_shared: bool,
    /// Whether a file was created before the cleanup of a failed file.
    pub created_too_early: bool,
    /// Of the identities that expired while live in this run, the one with the latest notAfter.
    ended: Option<Announced>,
    /// The highest generation that was live in this run.
    lived: Generation,
    /// The latest notAfter of the identities that were reported expired in this run.
    pub over: Option<WallTime>,
    /// Keys of ours in files that were copied or removed externally: a scan may find them as a pair.
    copied: List<u32, 4>,
    /// Whether an identity that expired while live in this run went live again.
    pub revived: bool,
    /// Whether an identity older than the live one went live.
    pub older: bool,
    /// A script's promise not to touch clocks, process and files: then only expiry withdraws an
    /// identity. A kill ends the promise.
    pub undisturbed: bool,
    /// The monitor of attempts, requests, credentials and names.
    pub monitor: Monitor,
    served: Option<Announced>,
}

impl Ghost {
    pub(crate) fn killed(&mut self, now: MonoTime, lifetime: Span) {
        self.load.killed(now, lifetime);
        (self.keys, self.certs) = (List::default(), List::default());
        (self.withdrawn, self.lived, self.row_ends) = (Generation(0), Generation(0), Generation(0));
        self.misread_before_crash |= self.misread || self.unread;
        (self.recovered, self.undisturbed, self.misread, self.unread) = (false, false, false, false);
        (self.renew_by, self.served, self.changed) = (None, None, None);
        (self.filed, self.ended, self.over) = (None, None, None);
        (self.found_made, self.has_requested) = (None, false);
        self.failed = Failed::None;
        self.monitor = Monitor::default();
    }

    /// Returns the last live generation and certificate of this run, unless it expired.
    pub(crate) fn served_before(&self) -> Option<(Generation, CertHandle)> {
        self.served.map(|it| (it.generation, it.cert))
    }

    /// Records the pending file of the first request of this run. A request whose key is in memory only is sent without a wait,
    /// so it is none that the start found.
    pub(crate) fn finds(&mut self, pending: Pending) {
        self.found_made = Some(pending.made).filter(|_| self.load.is_found(pending.key.into()));
        self.has_requested = true;
    }

    /// Forgets the counts of calls and rotations, which the crash enumerator does not judge.
    pub(crate) fn forget_counts(&mut self, now: MonoTime) {
        self.load.forget_counts(now);
        (self.attempts, self.rotations) = (0, 0);
    }

    /// Records a start. A start with a pending request waits before its first call.
    pub(crate) fn started(&mut self, now: Now, keys: u64) {
        self.load.started(now.mono, keys);
        self.burst.steps = 0;
    }

    /// Forgets elapsed time, so that worlds that differ only in it are equal.
    pub(crate) fn forget_time(&mut self, now: MonoTime, lifetime: Span) {
        self.load.forget_time(now, lifetime);
        self.renew_by = self.renew_by.map(|by| by.max(now));
        self.changed = self.changed.map(|by| by.max(now));
        self.monitor.forget_time(now, lifetime);
    }

    /// Records that the node is busy: the minute before the next attempt starts afterwards.
    pub(crate) fn busy(&mut self, now: Now, lifetime: Span) {
        self.changed = self.changed.map(|_| now.mono.plus(minute(lifetime)));
    }

    /// Forgets identities for another subject after a template change.
    pub(crate) fn disowned(self, foreign: impl Fn(CertHandle) -> bool) -> Self {
        let wanted = |it: &Announced| !foreign(it.cert);
        Self { announced: self.announced.filter(wanted), served: self.served.filter(wanted), ..self }
    }

    /// Records the begin of an attempt. An identity that is not yet valid need not survive it (S5).
    pub(crate) fn attempt(&mut self, now: Now) {
        (self.changed, self.found_made) = (None, None);
        self.attempts = self.attempts.saturating_add(1);
        if self.announced.is_some_and(|it| now.wall < it.not_before) {
            self.announced = None;
        }
    }

    /// Records a template change.
    pub(crate) fn changed(&mut self, now: Now, lifetime: Span) {
        self.changed = Some(now.mono.plus(minute(lifetime)));
        self.load.changed(now.mono, lifetime);
    }

    /// Clears the announced identity once a clock has shown its expiry, or an external change broke
    /// its file. A clock that goes back does not restore it.
    pub(crate) fn before(&mut self, now: Now, damaged: bool) {
        if damaged || self.announced.is_some_and(|it| now.wall >= it.not_after) {
            self.announced = None;
        }
    }

    pub(crate) fn called(&mut self, now: Now, call: &Call, lifetime: Span) {
        self.load.called(now.mono, call, lifetime);
        self.changed = None;
    }

    pub(crate) fn went_live(&mut self, now: Now, identity: Announced, lifetime: Span, durable: bool) {
        self.gave_up_of_expired = false;
        let valid = |it: &Announced| it.not_before <= now.wall && now.wall < it.not_after;
        let older = self.served.is_some_and(|it| it.generation > identity.generation && valid(&it));
        self.older |= older;
        let again = self.ended.is_some_and(|ended| ended.cert == identity.cert);
        self.revived |= again || identity.generation <= self.withdrawn;
        self.lived = self.lived.max(identity.generation);
        let anew = self.served.map(|it| it.cert) != Some(identity.cert);
        // A newer durable identity ends the hold.
        self.was_held &= !durable || !anew && !self.is_in_memory;
        self.is_in_memory = !durable;
        if anew {
            self.load.forget_requests();
            self.attempts = 0;
            self.rotations = self.rotations.saturating_add(1);
            let after = left_at_latest(lifetime).ms();
            let left = identity.not_after.since(now.wall).ms().saturating_sub(after) + 10;
            self.renew_by = Some(now.mono.plus(Span::from_ms(left)));
        }
        // From here on the lifetime of the new certificate counts.
        self.busy(now, lifetime);
        self.served = Some(identity);
        // The next start need not restore an identity that is only in memory.
        self.announced = if durable { Some(identity) } else { self.announced };
    }

    /// Records the expiry of a generation. If it was live in this run, it stays expired (S14).
    pub(crate) fn expired(&mut self, generation: Generation, end: WallTime) {
        if generation <= self.lived {
            self.withdrawn = self.withdrawn.max(generation);
            self.over = self.over.max(Some(end));
        }
    }

    pub(crate) fn withdrew(&mut self, now: Now, generation: Generation) {
        if let Some(over) = self.served.filter(|it| now.wall >= it.not_after) {
            self.ended = self.ended.filter(|it| it.not_after > over.not_after).or(Some(over));
            self.withdrawn = self.withdrawn.max(generation);
            // An older identity than an expired one is superseded, and the node may remove it.
            self.announced = self.announced.filter(|it| it.generation >= generation);
            self.renew_by = None;
            self.served = None;
        }
    }

    pub(crate) fn disk(&mut self, command: &DiskCommand, result: Result<(), DiskFault>, disk: &Disk) {
        let creates = matches!(command, DiskCommand::Create { .. } | DiskCommand::Symlink { .. });
        self.created_too_early |= creates && self.failed != Failed::None;
        self.failed = match (self.failed, *command, result) {
            (_, DiskCommand::Write { name, .. } | DiskCommand::SyncFile { name }, Err(_)) => {
                Failed::There(name)
            }
            (Failed::There(name), ..) if disk.read(name).is_none() => Failed::Removed,
            (Failed::Removed, DiskCommand::SyncDir, Ok(())) => Failed::None,
            (same, ..) => same,
        };
    }

    pub(crate) fn key_requested(&mut self, key: u32, request: u32) {
        self.key_shared |= self.requests.iter().any(|(known, other)| *known == key && *other != request);
        if !self.requests.contains(&(key, request)) {
            self.requests.push_out((key, request));
        }
    }

    /// Returns whether an externally copied key was ours: its pair was superseded before.
    pub(crate) fn was_ours(&self, key: u32) -> bool {
        self.copied.contains(&key)
    }

    pub(crate) fn copied(&mut self, key: u32) {
        if !self.copied.contains(&key) {
            self.copied.push_out(key);
        }
    }

    pub(crate) fn generation_has(&mut self, generation: Generation, key: u32) {
        // The key 0 is a foreign key.
        let clash = |(known, its): &(Generation, u32)| {
            key != 0 && *known != generation && *its == key && !self.copied.contains(&key)
        };
        self.key_shared |= self.generations.iter().any(clash);
        if !self.generations.contains(&(generation, key)) {
            self.generations.push_out((generation, key));
        }
    }

    pub(crate) fn give_key(&mut self, key: KeyHandle) {
        if !self.keys.contains(&key.0) {
            self.keys.push_out(key.0);
        }
    }

    pub(crate) fn give_cert(&mut self, cert: CertHandle) {
        if !self.certs.contains(&cert.0) {
            self.certs.push_out(cert.0);
        }
    }

    pub(crate) fn holds_key(&self, key: KeyHandle) -> bool {
        self.keys.contains(&key.0)
    }

    pub(crate) fn holds_cert(&self, cert: CertHandle) -> bool {
        self.certs.contains(&cert.0)
    }

    /// Erases keys and certificates.
    pub(crate) fn erase(&mut self, handles: &[Handle]) {
        self.keys.retain(|key| !handles.contains(&Handle::Key(KeyHandle(*key))));
        self.certs.retain(|cert| !handles.contains(&Handle::Cert(CertHandle(*cert))));
    }

    /// Whether all keys and certificates are among these.
    pub(crate) fn holds_only(&self, handles: &List<Kept, 6>) -> bool {
        let named = |handle| handles.iter().any(|it| it.0 == Some(handle));
        let keys = self.keys.iter().all(|key| named(Handle::Key(KeyHandle(*key))));
        keys && self.certs.iter().all(|cert| named(Handle::Cert(CertHandle(*cert))))
    }
}

/// A handle that core names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept(pub Option<Handle>);
