//! The monitor: the expectations of an outside observer about attempts, requests, credentials and
//! names.

use std::hash::{Hash, Hasher};

use certrotate_core::disk::{DiskCommand, DiskFault, Name};
use certrotate_core::id::{CertHandle, OpId, RequestDigest};
use certrotate_core::issuer::{Call, Credential, IssuerFault, RequestRecord, RequestState};
use certrotate_core::time::{MonoTime, Now, Span, WallTime};

use crate::list::List;

mod calls;
mod waits;

use calls::{CallInFlight, Kind, RequestTag, Verb};
use waits::shortest_new_wait;
pub(crate) use waits::{latest_rest, minute, rest, shortest_call_wait};

/// The time after which the node reports an approved request without a certificate as stuck: no
/// server removes it.
pub const STUCK: Span = Span::from_hours(24);

/// The state of the monitor in one run.
#[derive(Clone, Copy, Debug, Default, Hash)]
pub struct Monitor {
    calls: List<CallInFlight, 3>,
    /// The credential that was refused last, by its kind, since an identity went live.
    refused: Option<Kind>,
    /// The request that was denied or failed.
    rejected: Option<RequestTag>,
    /// How many requests in a row were denied or failed, in this run or as the disk tells.
    rejections: u32,
    /// The request that a get found deleted, and that was not created since.
    deleted: Option<RequestTag>,
    /// Since when the request has been seen approved without a certificate.
    approved: Option<(RequestTag, MonoTime)>,
    /// Earliest start of the attempt after a denied or failed request.
    retry_after: MonoTime,
    /// Latest start of that attempt, if this run found the request.
    found_retry_by: Option<MonoTime>,
    /// Whether this run found the request of the last answer, and it was older than a day.
    is_old: bool,
    /// Whether the server refused a requested lifetime.
    lifetime_refused: bool,
    /// The certificate of the last answer.
    shown: Option<CertHandle>,
    /// A good certificate that is not live yet.
    in_hand: Option<CertHandle>,
    /// Whether the disk has failed since then.
    is_disk_refusing: bool,
    /// When the live identity was adopted.
    adopted: Option<Now>,
    /// When it became durable, if that was later: an in-memory identity is adopted twice.
    made_durable: Option<Now>,
    /// The notBefore of a held certificate, and the end of its hold.
    held: Option<(WallTime, MonoTime)>,
    /// The end of the wait for a suspect clock.
    suspect_until: MonoTime,
    /// Set by a template change until an attempt begins: the earliest start of that attempt.
    template_attempt: Option<MonoTime>,
    /// Earliest start of the attempt after the next template change.
    next_template_attempt: MonoTime,
    /// Whether a rotation is requested in this step.
    rotation_requested: bool,
    /// The name that could not be created last.
    taken_name: Option<Name>,
    /// When the next tick is due, by true time and by the clock that the node is shown.
    due: Option<(MonoTime, MonoTime)>,
    /// The first check that failed.
    pub broken: Option<Broken>,
}

/// An invariant and a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken(pub &'static str, pub &'static str);

impl Hash for Broken {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// The validity of an identity, as an observer knows it.
#[derive(Clone, Copy, Debug)]
pub struct Validity {
    /// The notBefore, or the time of issue if that is later.
    pub start: WallTime,
    /// The notAfter.
    pub end: WallTime,
}

impl Validity {
    /// Returns the time this many thousandths of the lifetime after its start.
    #[must_use]
    pub fn at(&self, thousandths: u16) -> i128 {
        let (start, end) = (i128::from(self.start.unix_ms()), i128::from(self.end.unix_ms()));
        start + (end - start) * i128::from(thousandths) / 1000
    }
}

impl Monitor {
    fn expect(&mut self, id: &'static str, sentence: &'static str, holds: bool) {
        self.broken = self.broken.or((!holds).then_some(Broken(id, sentence)));
    }

    /// Records an input. `wish` marks a request for a rotation. `hopeful` tells whether a
    /// certificate is good now.
    pub(crate) fn given(&mut self, wish: bool, hopeful: impl Fn(CertHandle) -> bool) {
        self.rotation_requested = wish;
        if wish {
            self.retry_after = MonoTime::default();
        }
        self.in_hand = self.in_hand.filter(|cert| hopeful(*cert));
    }

    /// Whether a rotation is requested in this step.
    pub(crate) const fn is_rotation_requested(&self) -> bool {
        self.rotation_requested
    }

    /// Forgets times in the past, which no longer matter.
    pub(crate) fn forget_time(&mut self, now: MonoTime, lifetime: Span) {
        if self.retry_after <= now {
            self.retry_after = MonoTime::default();
        }
        if self.suspect_until <= now {
            self.suspect_until = MonoTime::default();
        }
        self.held = self.held.filter(|(_, until)| now < *until);
        // The present lifetime decides how long a minute is.
        let latest = now.plus(minute(lifetime));
        self.next_template_attempt = self.next_template_attempt.clamp(now, latest);
        self.template_attempt = self.template_attempt.map(|not_before| not_before.clamp(now, latest));
    }

    /// A step is over: the next tick is `due`, by true time and by the clock that the node is shown. `idle` if the step was a
    /// tick that did nothing.
    pub(crate) fn sleeps(
        &mut self,
        now: MonoTime,
        due: Option<(MonoTime, MonoTime)>,
        idle: bool,
        serving: bool,
    ) {
        let over = |before: (MonoTime, MonoTime)| before.0 <= now && due.is_some_and(|due| due.1 == before.1);
        let late = idle && self.due.is_some_and(over);
        self.expect("L1", "a tick that is due by true time finds the wait over", !late || !serving);
        self.expect("L3", "a tick that is due by true time finds the wait over", !late || serving);
        self.due = due;
    }

    /// Records a call. `valid` says that the live identity is valid now.
    pub(crate) fn calls(
        &mut self,
        op: OpId,
        call: &Call,
        request: RequestDigest,
        credential: Credential,
        valid: bool,
    ) {
        let (credential, tag) = (Kind::from(credential), RequestTag::from(request));
        let live = valid && self.refused != Some(Kind::Live);
        let expected = if live { Kind::Live } else { Kind::Bootstrap };
        self.expect(
            "L3",
            "the valid identity is the credential until it is refused, then bootstrap",
            credential == expected,
        );
        self.expect("L4", "a denied or failed request is not sent or read again", self.rejected != Some(tag));
        let what = match call {
            Call::Create { .. } => Verb::Create,
            Call::Get { .. } => Verb::Get,
            Call::Watch { .. } => Verb::Watch,
        };
        if what == Verb::Create {
            self.deleted = None;
        }
        // The found request fits the new template.
        self.template_attempt = None;
        self.expect("L4", "a deleted request is created again before it is read", self.deleted != Some(tag));
        self.calls.push_out(CallInFlight { op, what, tag, credential });
    }

    /// Records a cancelled call.
    pub(crate) fn cancelled(&mut self, op: OpId) {
        self.calls.retain(|it| it.op != op);
    }

    /// A call is answered, by a server with this certificate `lifetime`. `shown` is the certificate of the answer and
    /// whether that is as it should be. `age` is that of a request which this run found. If this attempt fails, so many
    /// in a row have `failed` by the disk.
    pub(crate) fn answered(
        &mut self,
        op: OpId,
        (now, lifetime): (MonoTime, Span),
        result: &Result<RequestRecord, IssuerFault>,
        shown: Option<(CertHandle, bool)>,
        (age, failed): (Option<Span>, u32),
    ) {
        let Some(CallInFlight { what, tag, credential, .. }) =
            self.calls.iter().find(|it| it.op == op).copied()
        else {
            return;
        };
        self.cancelled(op);
        match result {
            Ok(object) => {
                if matches!(object.state, RequestState::Denied | RequestState::Failed) {
                    self.rejected = Some(tag);
                    // For a found request the wait counts from its pending file, and one second is the least.
                    let (waited, known) =
                        (age.unwrap_or_default(), age.map_or(self.rejections + 1, |_| failed));
                    self.rejections = known.min(failed);
                    let wait = shortest_new_wait(self.rejections, lifetime);
                    self.retry_after = now.plus(rest(waited, 1, wait, lifetime));
                    // With jitter, five hours are the most.
                    self.found_retry_by = age.map(|age| now.plus(latest_rest(age, 18_000, lifetime)));
                }
                self.is_old = age.is_some_and(|age| age >= STUCK);
                let waits = object.state == RequestState::Approved;
                let since = self.approved.filter(|(it, _)| *it == tag).map_or(now, |(_, since)| since);
                self.approved = waits.then_some((tag, since));
                self.shown = shown.map(|(cert, _)| cert);
                self.in_hand = shown.filter(|(_, good)| *good).map(|(cert, _)| cert).or(self.in_hand);
                self.is_disk_refusing &= self.in_hand.is_some();
            }
            Err(IssuerFault::NotAuthenticated | IssuerFault::NotPermitted | IssuerFault::NoCredential)
                if what != Verb::Watch =>
            {
                self.refused = Some(credential);
            }
            Err(IssuerFault::NotFound) if what == Verb::Get => self.deleted = Some(tag),
            Err(IssuerFault::Invalid) if what == Verb::Create => self.lifetime_refused = true,
            Err(_) => {}
        }
    }

    /// The template changed, perhaps with another requested lifetime. Earlier answers do not count.
    pub(crate) fn asks_anew(&mut self, now: MonoTime, wish: bool) {
        self.template_attempt = Some(now.max(self.next_template_attempt));
        (self.rejected, self.rejections, self.deleted, self.approved) = (None, 0, None, None);
        (self.shown, self.in_hand, self.held) = (None, None, None);
        (self.retry_after, self.found_retry_by, self.is_disk_refusing) = (MonoTime::default(), None, false);
        self.lifetime_refused &= !wish;
    }

    /// An attempt begins. `served` is the validity of the served identity, if it is known to fit the template.
    pub(crate) fn begins(&mut self, now: Now, lifetime: Span, wish: Option<Span>, served: Option<Validity>) {
        let due = served.is_none_or(|lifetime| self.is_due(now, &lifetime));
        self.expect(
            "S9",
            "no attempt begins before the served identity is due",
            due || self.rotation_requested,
        );
        let near = |start: WallTime| start > now.wall && start.since(now.wall) <= Span::from_hours(1);
        let held = self.held.is_some_and(|(start, until)| near(start) && now.mono < until);
        self.expect("S9", "no attempt begins while a held certificate waits for its notBefore", !held);
        self.expect("S14", "no attempt begins while the clock is suspect", now.mono >= self.suspect_until);
        let rested = self.retry_after <= now.mono || self.rotation_requested;
        self.expect("S9", "a denied or failed request makes the wait for the next one twice as long", rested);
        let patient =
            self.template_attempt.is_none_or(|not_before| now.mono >= not_before) || self.rotation_requested;
        self.expect("S9", "template changes lead to one attempt a minute at most", patient);
        if self.template_attempt.take().is_some() {
            self.next_template_attempt = now.mono.plus(minute(lifetime));
        }
        self.expect(
            "L4",
            "a refused requested lifetime is not repeated",
            wish.is_none() || !self.lifetime_refused,
        );
        self.expect("S8", "no attempt begins while a good certificate is in hand", self.in_hand.is_none());
        (self.rejected, self.deleted, self.approved) = (None, None, None);
        self.found_retry_by = None;
    }

    /// Whether the earliest renewal point has come by the wall clock, or as much monotonic time has passed since it was adopted.
    fn is_due(&self, now: Now, lifetime: &Validity) -> bool {
        let from = lifetime.earliest_renewal();
        let passed = |adopted: Now| {
            let left = from - i128::from(adopted.wall.unix_ms());
            i128::from(now.mono.since(adopted.mono).ms()) >= left
        };
        i128::from(now.wall.unix_ms()) >= from
            || self.adopted.is_none_or(passed)
            || self.made_durable.is_some_and(passed)
    }

    /// An identity goes live, `anew` if it was not live before, of those that live for `lifetime`.
    pub(crate) fn goes_live(&mut self, now: Now, lifetime: Span, cert: CertHandle, anew: bool) {
        self.in_hand = self.in_hand.filter(|it| *it != cert);
        (self.held, self.suspect_until) = (None, MonoTime::default());
        if anew {
            (self.refused, self.adopted, self.made_durable) = (None, Some(now), None);
            self.rejections = 0;
            // An earlier wait may be longer than its lifetime.
            self.retry_after = MonoTime::default();
            // From here on the issuance interval counts.
            self.template_attempt = self.template_attempt.map(|_| now.mono);
            self.next_template_attempt = self.next_template_attempt.min(now.mono.plus(minute(lifetime)));
        }
    }

    /// Records that the live identity became durable.
    pub(crate) fn is_saved(&mut self, now: Now) {
        self.made_durable = Some(now).filter(|_| self.adopted != Some(now));
    }

    /// A good certificate waits for its start, which is not further away than an hour, or less where lives are short.
    pub(crate) fn waits(&mut self, now: Now, start: WallTime) {
        self.held = Some((start, now.mono.plus(start.since(now.wall))));
    }

    /// A removed or broken bundle is not held; `is_there` says of a notBefore whether its certificate is on disk.
    pub(crate) fn loses(&mut self, is_there: impl Fn(WallTime) -> bool) {
        self.held = self.held.filter(|(start, _)| is_there(*start));
    }

    /// The node reported a suspect clock: it is before the notBefore of a bundle on disk.
    pub(crate) fn clock_is_suspect(&mut self, now: Now, wait: Span) {
        self.suspect_until = now.mono.plus(wait);
    }

    /// Returns the end of the wait for a suspect clock.
    pub(crate) const fn clock_suspect_until(&self) -> MonoTime {
        self.suspect_until
    }

    /// Whether a certificate that is good now is in hand, and the disk did not take it.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.in_hand.is_some() && self.is_disk_refusing
    }

    /// Latest start of the attempt after a denied or failed request that this run found.
    pub(crate) const fn found_retry_by(&self) -> Option<MonoTime> {
        self.found_retry_by
    }

    /// Whether no identity went live within this span, and the clock is not suspect.
    pub(crate) fn is_long_after_rotation(&self, now: MonoTime, span: Span) -> bool {
        self.suspect_until <= now && self.adopted.is_none_or(|adopted| now.since(adopted.mono) >= span)
    }

    /// Returns the credential of a call in flight, unless it is a watch.
    pub(crate) fn is_bootstrap_call(&self, op: OpId) -> bool {
        let is_poll = |it: &CallInFlight| it.credential == Kind::Bootstrap && it.what != Verb::Watch;
        self.calls.iter().any(|it| it.op == op && is_poll(it))
    }

    /// A request was given up as stuck. If this run found it, its age counts, and ten minutes of approval are the least.
    pub(crate) fn gives_up(&mut self, now: MonoTime, lifetime: Span, request: RequestDigest) {
        let tag = RequestTag::from(request);
        let since = self.approved.filter(|(it, _)| *it == tag);
        let least = if self.is_old { shortest_new_wait(1, lifetime) } else { STUCK };
        let long = since.is_some_and(|(_, since)| now.since(since) >= least);
        self.expect("S8", "a request is given up after a day of approval without a certificate", long);
    }

    /// The certificate that was shown last was refused; `good` says of one whether that was wrong.
    pub(crate) fn refuses(&mut self, good: impl Fn(CertHandle) -> bool) {
        self.expect("L4", "a good certificate is not refused", !self.shown.is_some_and(good));
        self.in_hand = None;
    }

    /// Records that the answered object is foreign.
    pub(crate) fn leaves(&mut self) {
        self.in_hand = None;
    }

    /// Records a disk command.
    pub(crate) fn writes(&mut self, command: &DiskCommand) {
        match *command {
            // A rescan restarts the wait.
            DiskCommand::Create { name } | DiskCommand::Symlink { name, .. } => {
                let passing = matches!(name, Name::Temporary { .. });
                self.expect("S3", "only a temporary name is created", passing);
            }
            DiskCommand::Write { name, .. } => {
                self.expect(
                    "S3",
                    "a file that is found under a name is not written over",
                    self.taken_name != Some(name),
                );
            }
            DiskCommand::Lock
            | DiskCommand::Scan
            | DiskCommand::SyncFile { .. }
            | DiskCommand::Rename { .. }
            | DiskCommand::Unlink { .. }
            | DiskCommand::SyncDir => {}
        }
    }

    /// Records a disk answer. Only now does the node know that the disk refuses the certificate in
    /// hand.
    pub(crate) fn told(&mut self, failed: bool) {
        self.is_disk_refusing = self.in_hand.is_some() && (self.is_disk_refusing || failed);
    }

    /// Records a disk command that was carried out.
    pub(crate) fn wrote(&mut self, command: &DiskCommand, result: Result<(), DiskFault>) {
        if let DiskCommand::Create { name } = *command {
            self.taken_name = result.is_err().then_some(name);
        }
    }
}

#[cfg(test)]
mod tests;
