//! What an invariant has to remember: small monitors instead of logs, so that worlds which go on alike are equal.

use std::hash::{Hash, Hasher};

use certrotate_core::api::Call;
use certrotate_core::disk::{DiskCommand, DiskFault, Name};
use certrotate_core::id::{CertHandle, Generation, KeyHandle};
use certrotate_core::time::{MonoTime, Now, Span, WallTime};
use certrotate_core::view::Handle;

use crate::disk::Disk;
use crate::list::List;
use crate::monitor::{Monitor, minute};
use crate::renewal_range::left_at_latest;

/// An identity that was announced as live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Announced {
    /// Which.
    pub generation: Generation,
    /// Its certificate.
    pub cert: CertHandle,
    /// Its start.
    pub not_before: WallTime,
    /// Its end.
    pub not_after: WallTime,
}

/// How far the cleanup after a failed file has got (S12).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Failed {
    /// No file has failed.
    #[default]
    None,
    /// This one has, and is there.
    There(Name),
    /// It was removed, and the directory is to be synced.
    Removed,
}

/// Calls so far against the calls that are allowed (S9): a bucket that fills with each and leaks with time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bucket {
    /// In thousandths of a call.
    level: u64,
    at: MonoTime,
}

/// How many steps there were since time passed. It is no part of a state: where a way of many steps meets one of few, the same
/// follows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AtOnce {
    now: Now,
    pub(crate) steps: u16,
    /// Whether the last step was a tick when nothing was in flight, or a request.
    pub(crate) looked: bool,
}

impl Hash for AtOnce {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl AtOnce {
    /// Counts one more step at this time. Steps that request nothing do not count.
    pub(crate) fn count(&mut self, now: Now, looked: bool, asks: bool) {
        let before = if self.now == now { self.steps } else { 0 };
        self.steps = before.saturating_add(u16::from(asks));
        (self.now, self.looked) = (now, looked);
    }
}

/// What is remembered.
#[derive(Clone, Copy, Debug, Default, Hash)]
pub struct Ghost {
    /// How many attempts have begun since an identity went live.
    pub attempts: u8,
    /// Keys that the driver holds.
    keys: List<u64, 10>,
    /// Certificates that the driver holds.
    certs: List<u64, 10>,
    /// The identity that was announced last, over all runs, since an external party broke a file or it ended.
    pub announced: Option<Announced>,
    /// The highest generation that ended while it was served, in this run.
    pub withdrawn: Generation,
    /// Whether this run has recovered: it knows the files on disk.
    pub recovered: bool,
    /// Since when the identity that is served is, and when it is to be renewed at the latest, by monotonic time.
    pub renew_by: Option<MonoTime>,
    /// How many steps there were since time passed.
    pub(crate) at_once: AtOnce,
    /// How many identities went live.
    pub rotations: u8,
    /// Looks and creations, and watches apart.
    pub looks: Bucket,
    /// Watches.
    pub watches: Bucket,
    /// When the run started, and the last key that had been made by then.
    start: (MonoTime, u64),
    /// Whether the run has made a call.
    called_yet: bool,
    /// Whether a run that found a request called at once, as a loop of crashes would do each time.
    pub crash_loop: bool,
    /// How far the cleanup after a failed file has got.
    pub failed: Failed,
    /// Which requests were made with which keys.
    asked: List<(u32, u32), 6>,
    /// Which generations have which keys.
    generations: List<(Generation, u32), 6>,
    /// How often an external party took a pending file away, or it could not be read, so that its open request was lost.
    pub requests_lost: u8,
    /// Whether the clock was before the start of the live identity, and nothing newer went live since, durably.
    pub held_back: bool,
    /// In a step that is given a scan: whether that shows a pair which is better than the served identity.
    pub looked: Option<bool>,
    /// The pair that had the current link, and was valid, when the directory was looked at last: its key and certificate.
    pub filed: Option<(u32, u32)>,
    /// Whether the identity that went live last was in memory only.
    pub from_memory: bool,
    /// Whether this run misread something.
    pub misread: bool,
    /// Whether this run could not read something, and so may have made it again.
    pub unread: bool,
    /// Whether a run that misread something, or could not read it, was killed, and no later run has
    /// recovered and removed the surplus files.
    pub misread_before_crash: bool,
    /// By when an attempt begins, since the template changed and none has.
    pub changed: Option<MonoTime>,
    /// Until when another template makes no room for more calls.
    granted: MonoTime,
    /// Whether a key was used twice.
    pub key_shared: bool,
    /// Whether something was created while a failed file was in the way.
    pub created_too_early: bool,
    /// Of what ended while it was served in this run, the last to end.
    ended: Option<Announced>,
    /// The highest generation that was served in this run.
    lived: Generation,
    /// The latest notAfter of the identities that were reported expired in this run.
    pub over: Option<WallTime>,
    /// Which keys were in a file of ours that an external party copied or took away: they may be found again, as a pair.
    copied: List<u32, 4>,
    /// Whether something that ended while it was served in this run went live again.
    pub revived: bool,
    /// Whether something older than the served identity went live.
    pub older: bool,
    /// A script's word that clocks, process and files are left alone: then nothing but its end takes an
    /// identity away. Withdrawn at a kill.
    pub undisturbed: bool,
    /// What is expected of attempts, requests, credentials and names.
    pub monitor: Monitor,
    served: Option<Announced>,
}

impl Bucket {
    /// How full the bucket is, in thousandths of a call.
    #[must_use]
    pub const fn level(self) -> u64 {
        self.level
    }

    /// One more call; it leaks a call a minute where certificates live for an hour or longer, and as much faster as they live shorter.
    pub fn fill(&mut self, now: MonoTime, lifetime: Span) {
        self.leak(now, lifetime);
        self.level += 1000;
    }

    fn leak(&mut self, now: MonoTime, lifetime: Span) {
        let passed = now.ms().saturating_sub(self.at.ms());
        let minute = (lifetime.ms().min(3_600_000) / 60).max(1);
        let leaked = passed.saturating_mul(1000) / minute;
        self.level = self.level.saturating_sub(leaked);
        self.at = now;
    }

    /// Room for so many calls more: what a start may cost.
    pub fn grant(&mut self, calls: u64) {
        self.level = self.level.saturating_sub(calls * 1000);
    }
}

impl Ghost {
    pub(crate) fn killed(&mut self) {
        (self.keys, self.certs) = (List::default(), List::default());
        (self.withdrawn, self.lived) = (Generation(0), Generation(0));
        self.misread_before_crash |= self.misread || self.unread;
        (self.recovered, self.undisturbed, self.misread, self.unread) = (false, false, false, false);
        (self.renew_by, self.served, self.changed) = (None, None, None);
        (self.filed, self.ended, self.over) = (None, None, None);
        self.failed = Failed::None;
        self.monitor = Monitor::default();
    }

    /// The generation and the certificate that went live last in this run and did not end.
    pub(crate) fn served_before(&self) -> Option<(Generation, CertHandle)> {
        self.served.map(|it| (it.generation, it.cert))
    }

    /// What the enumerator of crashes does not judge: how often was called before a crash, and how much was achieved.
    pub(crate) fn forget_counts(&mut self, now: MonoTime) {
        let empty = Bucket { level: 0, at: now };
        (self.looks, self.watches) = (empty, empty);
        (self.attempts, self.rotations, self.granted) = (0, 0, now);
        (self.start, self.called_yet) = ((now, 0), false);
    }

    /// A start begins the waits between failed calls anew, which costs six calls; but where there is a request to take up, not at once.
    pub(crate) fn started(&mut self, now: Now, keys: u64) {
        self.looks.grant(6);
        self.watches.grant(3);
        self.start = (now.mono, keys);
        self.called_yet = false;
        self.at_once.steps = 0;
    }

    /// Elapsed time no longer counts: worlds that differ only in it are equal.
    pub(crate) fn forget_time(&mut self, now: MonoTime, lifetime: Span) {
        self.looks.leak(now, lifetime);
        self.watches.leak(now, lifetime);
        self.renew_by = self.renew_by.map(|by| by.max(now));
        self.changed = self.changed.map(|by| by.max(now));
        self.granted = self.granted.max(now);
        self.monitor.forget_time(now, lifetime);
        if self.called_yet {
            self.start = (now, 0);
        }
    }

    /// Something is under way: the minute that the next attempt waits at most begins when it is over.
    pub(crate) fn busy(&mut self, now: Now, lifetime: Span) {
        self.changed = self.changed.map(|_| now.mono.plus(minute(lifetime)));
    }

    /// The template has another subject: certificates for the previous one no longer count.
    pub(crate) fn disowned(self, foreign: impl Fn(CertHandle) -> bool) -> Self {
        let wanted = |it: &Announced| !foreign(it.cert);
        Self { announced: self.announced.filter(wanted), served: self.served.filter(wanted), ..self }
    }

    /// An attempt begins. An identity that is not yet valid does not have to survive it (S5).
    pub(crate) fn attempt(&mut self, now: Now) {
        self.changed = None;
        self.attempts = self.attempts.saturating_add(1);
        if self.announced.is_some_and(|it| now.wall < it.not_before) {
            self.announced = None;
        }
    }

    /// The template changed. Once a minute that makes room for the calls of an attempt; minutes shrink with the lifetime.
    pub(crate) fn changed(&mut self, now: Now, lifetime: Span) {
        let minute = minute(lifetime);
        self.changed = Some(now.mono.plus(minute));
        if now.mono >= self.granted {
            self.granted = now.mono.plus(minute);
            self.looks.grant(6);
            self.watches.grant(3);
        }
    }

    /// The node owes an identity nothing once a clock has shown its expiry or an external party broke
    /// its file. This holds even if the clock goes back.
    pub(crate) fn before(&mut self, now: Now, damaged: bool) {
        if damaged || self.announced.is_some_and(|it| now.wall >= it.not_after) {
            self.announced = None;
        }
    }

    pub(crate) fn called(&mut self, now: Now, call: &Call, lifetime: Span) {
        let least = lifetime.ms().min(3_600_000) / 3600;
        let early = |start: MonoTime| now.mono.since(start).ms() < least;
        let known = matches!(call, Call::Create { key } if key.0 <= self.start.1);
        self.crash_loop |= known && !self.called_yet && early(self.start.0);
        self.called_yet = true;
        self.changed = None;
        match call {
            Call::Watch { .. } => self.watches.fill(now.mono, lifetime),
            Call::Create { .. } | Call::Get { .. } => self.looks.fill(now.mono, lifetime),
        }
    }

    pub(crate) fn went_live(&mut self, now: Now, identity: Announced, lifetime: Span, durable: bool) {
        let valid = |it: &Announced| it.not_before <= now.wall && now.wall < it.not_after;
        let older = self.served.is_some_and(|it| it.generation > identity.generation && valid(&it));
        self.older |= older;
        let again = self.ended.is_some_and(|ended| ended.cert == identity.cert);
        self.revived |= again || identity.generation <= self.withdrawn;
        self.lived = self.lived.max(identity.generation);
        let anew = self.served.map(|it| it.cert) != Some(identity.cert);
        // What is held back goes when something newer is durable.
        self.held_back &= !durable || !anew && !self.from_memory;
        self.from_memory = !durable;
        if anew {
            self.attempts = 0;
            self.rotations = self.rotations.saturating_add(1);
            let after = left_at_latest(lifetime).ms();
            let left = identity.not_after.since(now.wall).ms().saturating_sub(after) + 10;
            self.renew_by = Some(now.mono.plus(Span::from_ms(left)));
        }
        // Its own lifetime counts from here on.
        self.busy(now, lifetime);
        self.served = Some(identity);
        // What is in memory only is not owed to the next start.
        self.announced = if durable { Some(identity) } else { self.announced };
    }

    /// That generation was seen to end. If it was served in this run, it is over for it, whatever the clock does (S14).
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
            // What is older than one that ended is superseded, and may go.
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

    pub(crate) fn key_asked_for(&mut self, key: u32, request: u32) {
        self.key_shared |= self.asked.iter().any(|(known, other)| *known == key && *other != request);
        if !self.asked.contains(&(key, request)) {
            self.asked.push_out((key, request));
        }
    }

    /// Whether what an external party copied was ours: then it was superseded before.
    pub(crate) fn was_ours(&self, key: u32) -> bool {
        self.copied.contains(&key)
    }

    pub(crate) fn copied(&mut self, key: u32) {
        if !self.copied.contains(&key) {
            self.copied.push_out(key);
        }
    }

    pub(crate) fn generation_has(&mut self, generation: Generation, key: u32) {
        // The key 0 is an external party's.
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

    /// The driver erases the keys and certificates that the machine no longer names.
    pub(crate) fn keep_only(&mut self, handles: &List<Kept, 6>) {
        self.keys.retain(|key| handles.iter().any(|it| it.0 == Some(Handle::Key(KeyHandle(*key)))));
        self.certs.retain(|cert| handles.iter().any(|it| it.0 == Some(Handle::Cert(CertHandle(*cert)))));
    }
}

/// A handle that the machine names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept(pub Option<Handle>);
