//! What an outside observer of one run expects of attempts, requests, credentials and names.
//!
//! Beside the [specification](crate::spec), which says what may follow on what: these say what is reasonable.
//! Like it, a monitor notes the first thing that does not hold, with the invariant that it belongs to.

use std::hash::{Hash, Hasher};

use certrotate_core::api::{ApiFault, Call, Credential, CsrObject};
use certrotate_core::disk::{DiskCommand, DiskFault, Name};
use certrotate_core::id::{CertHandle, OpId, RequestDigest, RunId};
use certrotate_core::time::{MonoTime, Now, Span, WallTime};

use crate::list::List;

/// How long a request may be approved without a certificate before it is given up: no server removes it.
pub const STUCK: Span = Span::from_hours(24);

/// What is remembered of a run.
#[derive(Clone, Copy, Debug, Default, Hash)]
pub struct Monitor {
    calls: List<Under, 3>,
    /// The credential that was refused last, by its kind, since an identity went live.
    refused: Option<Kind>,
    /// The request that was denied or failed.
    over: Option<Tag>,
    /// The request that was gone when it was looked at, and was not made since.
    gone: Option<Tag>,
    /// Since when the request has been seen approved without a certificate.
    approved: Option<(Tag, MonoTime)>,
    /// Until then a request that was denied or failed is followed by no other.
    rests: MonoTime,
    /// Whether a wish for a lifetime was refused.
    unwished: bool,
    /// The certificate that was shown last.
    shown: Option<CertHandle>,
    /// A certificate that is as it should be and is not live yet.
    in_hand: Option<CertHandle>,
    /// Whether the disk has failed since then.
    refuses_it: bool,
    /// When what is live was adopted.
    adopted: Option<Now>,
    /// When it became durable, where that was later: what was served from memory first is adopted twice.
    saved: Option<Now>,
    /// The start of a good certificate that is durable and waited for, and until when at most.
    holds: Option<(WallTime, MonoTime)>,
    /// Until then a clock that is in doubt is waited for.
    doubts: MonoTime,
    /// Since the template changed and no attempt has begun: not before when one may.
    eager: Option<MonoTime>,
    /// Not before when an attempt may begin that the next change leads to.
    changes: MonoTime,
    /// Whether somebody asked for a rotation in this step.
    wished: bool,
    /// The name that could not be created last.
    taken: Option<Name>,
    /// When the next tick is due, by true time and by the clock that the node is shown.
    due: Option<(MonoTime, MonoTime)>,
    /// The first thing that did not hold.
    pub broken: Option<Broken>,
}

/// An invariant and a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken(pub &'static str, pub &'static str);

impl Hash for Broken {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// A kind of credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Live,
    Bootstrap,
}

impl From<Credential> for Kind {
    fn from(credential: Credential) -> Self {
        match credential {
            Credential::Live(_) => Self::Live,
            Credential::Bootstrap => Self::Bootstrap,
        }
    }
}

/// A request, by a part of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Tag(u64);

impl From<RequestDigest> for Tag {
    fn from(RequestDigest(digest): RequestDigest) -> Self {
        Self(digest.iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }
}

/// A call that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Under {
    op: OpId,
    what: What,
    tag: Tag,
    credential: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum What {
    Create,
    Get,
    Watch,
}

impl Default for Under {
    fn default() -> Self {
        let op = OpId { run: RunId(0), seq: 0 };
        Self { op, what: What::Get, tag: Tag(0), credential: Kind::Live }
    }
}

/// An identity as it is known from outside.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    /// Its start, or its issue if that is later.
    pub start: WallTime,
    /// Its end.
    pub end: WallTime,
}

impl Life {
    /// So many thousandths of it after its start.
    #[must_use]
    pub fn at(&self, thousandths: u16) -> i128 {
        let (start, end) = (i128::from(self.start.unix_ms()), i128::from(self.end.unix_ms()));
        start + (end - start) * i128::from(thousandths) / 1000
    }
}

/// A minute; less where certificates live for less than an hour.
pub(crate) fn minute(lifetime: Span) -> Span {
    Span::from_ms((lifetime.ms().min(3_600_000) / 60).max(10))
}

impl Monitor {
    fn expect(&mut self, id: &'static str, sentence: &'static str, holds: bool) {
        self.broken = self.broken.or((!holds).then_some(Broken(id, sentence)));
    }

    /// An input comes; `wish` if it is one for a rotation. `hopeful` says whether a certificate holds now.
    pub(crate) fn given(&mut self, wish: bool, hopeful: impl Fn(CertHandle) -> bool) {
        self.wished = wish;
        if wish {
            self.rests = MonoTime::default();
        }
        self.in_hand = self.in_hand.filter(|cert| hopeful(*cert));
    }

    /// Whether somebody asks for a rotation in this step.
    pub(crate) const fn is_wished(&self) -> bool {
        self.wished
    }

    /// What is over makes no difference any more.
    pub(crate) fn forget_time(&mut self, now: MonoTime, lifetime: Span) {
        if self.rests <= now {
            self.rests = MonoTime::default();
        }
        if self.doubts <= now {
            self.doubts = MonoTime::default();
        }
        self.holds = self.holds.filter(|(_, until)| now < *until);
        // A minute is what it is by the lifetime that is known now.
        let latest = now.plus(minute(lifetime));
        self.changes = self.changes.clamp(now, latest);
        self.eager = self.eager.map(|not_before| not_before.clamp(now, latest));
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
        self.expect(
            if serving { "L1" } else { "L3" },
            "a wait is over when as much true time has passed",
            !late,
        );
        self.due = due;
    }

    /// A call is made; `valid` if an identity is served that is valid now.
    pub(crate) fn calls(
        &mut self,
        op: OpId,
        call: &Call,
        request: RequestDigest,
        credential: Credential,
        valid: bool,
    ) {
        let (credential, tag) = (Kind::from(credential), Tag::from(request));
        let live = valid && self.refused != Some(Kind::Live);
        let expected = if live { Kind::Live } else { Kind::Bootstrap };
        let sentence = "a valid identity asks, and a refused credential gives the other one its turn";
        self.expect("L3", sentence, credential == expected);
        self.expect(
            "L4",
            "a request that was denied or failed is not asked for again",
            self.over != Some(tag),
        );
        let what = match call {
            Call::Create { .. } => What::Create,
            Call::Get { .. } => What::Get,
            Call::Watch { .. } => What::Watch,
        };
        if what == What::Create {
            self.gone = None;
        }
        // The request that was found fits the template after all.
        self.eager = None;
        self.expect("L4", "a request that is gone is made anew", self.gone != Some(tag));
        self.calls.push_out(Under { op, what, tag, credential });
    }

    /// A call is not waited for any more.
    pub(crate) fn cancelled(&mut self, op: OpId) {
        self.calls.retain(|it| it.op != op);
    }

    /// A call is answered, by a server whose certificates live for `lifetime`. `shown` is the certificate of the answer and
    /// whether that is as it should be.
    pub(crate) fn answered(
        &mut self,
        op: OpId,
        (now, lifetime): (MonoTime, Span),
        result: &Result<CsrObject, ApiFault>,
        shown: Option<(CertHandle, bool)>,
    ) {
        let Some(Under { what, tag, credential, .. }) = self.calls.iter().find(|it| it.op == op).copied()
        else {
            return;
        };
        self.cancelled(op);
        match result {
            Ok(object) => {
                if object.denied || object.failed {
                    self.over = Some(tag);
                    // Ten minutes, less where certificates live for less than an hour.
                    self.rests = now.plus(Span::from_ms(lifetime.ms().min(3_600_000) / 6));
                }
                let waits = object.approved && object.certificate.is_none() && !object.failed;
                let since = self.approved.filter(|(it, _)| *it == tag).map_or(now, |(_, since)| since);
                self.approved = waits.then_some((tag, since));
                self.shown = shown.map(|(cert, _)| cert);
                self.in_hand = shown.filter(|(_, good)| *good).map(|(cert, _)| cert).or(self.in_hand);
                self.refuses_it &= self.in_hand.is_some();
            }
            Err(ApiFault::Unauthorized | ApiFault::Forbidden | ApiFault::NoCredential)
                if what != What::Watch =>
            {
                self.refused = Some(credential);
            }
            Err(ApiFault::NotFound) if what == What::Get => self.gone = Some(tag),
            Err(ApiFault::Invalid) if what == What::Create => self.unwished = true,
            Err(_) => {}
        }
    }

    /// Another template is asked for from now on, perhaps with another wish for a lifetime. What was asked for counts for nothing.
    pub(crate) fn asks_anew(&mut self, now: MonoTime, wish: bool) {
        self.eager = Some(now.max(self.changes));
        (self.over, self.gone, self.approved) = (None, None, None);
        (self.shown, self.in_hand, self.holds) = (None, None, None);
        (self.rests, self.refuses_it) = (MonoTime::default(), false);
        self.unwished &= !wish;
    }

    /// A key is asked for. `due` says whether what is served, if anything is, is to be renewed.
    pub(crate) fn begins(&mut self, now: Now, lifetime: Span, wish: Option<Span>, served: Option<Life>) {
        let due = served.is_none_or(|lifetime| self.is_due(now, &lifetime));
        self.expect("S9", "no attempt begins while what is served is not due", due || self.wished);
        let near = |start: WallTime| start > now.wall && start.since(now.wall) <= Span::from_hours(1);
        let held = self.holds.is_some_and(|(start, until)| near(start) && now.mono < until);
        self.expect("S9", "while a good certificate waits for its start no other is asked for", !held);
        self.expect("S14", "a clock that is in doubt is given time", now.mono >= self.doubts);
        let rested = self.rests <= now.mono || self.wished;
        self.expect("S9", "a denied or failed request is followed by another after minutes", rested);
        let patient = self.eager.is_none_or(|not_before| now.mono >= not_before) || self.wished;
        self.expect("S9", "another template leads to an attempt a minute at the most", patient);
        if self.eager.take().is_some() {
            self.changes = now.mono.plus(minute(lifetime));
        }
        self.expect(
            "L4",
            "a wish for a lifetime that was refused is not repeated",
            wish.is_none() || !self.unwished,
        );
        self.expect("S8", "a disk that fails is no reason for another request", self.in_hand.is_none());
        (self.over, self.gone, self.approved) = (None, None, None);
    }

    /// Whether seven tenths of a lifetime are over by the wall clock, or as much mono time has passed since it was adopted.
    fn is_due(&self, now: Now, lifetime: &Life) -> bool {
        let from = lifetime.at(700);
        let passed = |adopted: Now| {
            let left = from - i128::from(adopted.wall.unix_ms());
            i128::from(now.mono.since(adopted.mono).ms()) >= left
        };
        i128::from(now.wall.unix_ms()) >= from
            || self.adopted.is_none_or(passed)
            || self.saved.is_some_and(passed)
    }

    /// An identity goes live, `anew` if it was not live before, of those that live for `lifetime`.
    pub(crate) fn goes_live(&mut self, now: Now, lifetime: Span, cert: CertHandle, anew: bool) {
        self.in_hand = self.in_hand.filter(|it| *it != cert);
        (self.holds, self.doubts) = (None, MonoTime::default());
        if anew {
            (self.refused, self.adopted, self.saved) = (None, Some(now), None);
            // A wait from before may outlast it.
            self.rests = MonoTime::default();
            // From here on it is the floor between two issuances that is waited for.
            self.eager = self.eager.map(|_| now.mono);
            self.changes = self.changes.min(now.mono.plus(minute(lifetime)));
        }
    }

    /// What is live is durable.
    pub(crate) fn is_saved(&mut self, now: Now) {
        self.saved = Some(now).filter(|_| self.adopted != Some(now));
    }

    /// A good certificate waits for its start, which is not further away than an hour, or less where lives are short.
    pub(crate) fn waits(&mut self, now: Now, start: WallTime) {
        self.holds = Some((start, now.mono.plus(start.since(now.wall))));
    }

    /// What somebody took away or broke is not waited for; `is_there` says of a start whether its certificate is on disk.
    pub(crate) fn loses(&mut self, is_there: impl Fn(WallTime) -> bool) {
        self.holds = self.holds.filter(|(start, _)| is_there(*start));
    }

    /// A clock that is before the start of what is on disk is waited for.
    pub(crate) fn doubts(&mut self, now: Now, wait: Span) {
        self.doubts = now.mono.plus(wait);
    }

    /// Until when a clock that is in doubt is waited for.
    pub(crate) const fn doubts_until(&self) -> MonoTime {
        self.doubts
    }

    /// Whether a certificate that is good now is in hand, and the disk did not take it.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.in_hand.is_some() && self.refuses_it
    }

    /// A request was given up as stuck.
    pub(crate) fn gives_up(&mut self, now: MonoTime, request: RequestDigest) {
        let tag = Tag::from(request);
        let since = self.approved.filter(|(it, _)| *it == tag);
        let long = since.is_some_and(|(_, since)| now.since(since) >= STUCK);
        self.expect("S8", "a request is given up when it was approved for a day", long);
    }

    /// The certificate that was shown last was refused; `good` says of one whether that was wrong.
    pub(crate) fn refuses(&mut self, good: impl Fn(CertHandle) -> bool) {
        self.expect("L4", "a good certificate is not refused", !self.shown.is_some_and(good));
        self.in_hand = None;
    }

    /// What was shown is somebody else's.
    pub(crate) fn leaves(&mut self) {
        self.in_hand = None;
    }

    /// A disk command is given.
    pub(crate) fn writes(&mut self, command: &DiskCommand) {
        match *command {
            // A look at the directory begins anew, and with it the wait.
            DiskCommand::Create { name } | DiskCommand::Symlink { name, .. } => {
                let passing = matches!(name, Name::Temporary { .. });
                self.expect("S3", "a final name is only ever given by a rename", passing);
            }
            DiskCommand::Write { name, .. } => {
                self.expect("S3", "what is found under a name is not written over", self.taken != Some(name));
            }
            DiskCommand::Lock
            | DiskCommand::Scan
            | DiskCommand::SyncFile { .. }
            | DiskCommand::Rename { .. }
            | DiskCommand::Unlink { .. }
            | DiskCommand::SyncDir => {}
        }
    }

    /// What the node has in hand it knows to be refused when it is told so; an answer that is lost tells it nothing.
    pub(crate) fn told(&mut self, failed: bool) {
        self.refuses_it = self.in_hand.is_some() && (self.refuses_it || failed);
    }

    /// A disk command was carried out.
    pub(crate) fn wrote(&mut self, command: &DiskCommand, result: Result<(), DiskFault>) {
        if let DiskCommand::Create { name } = *command {
            self.taken = result.is_err().then_some(name);
        }
    }
}

#[cfg(test)]
mod tests;
