//! How one attempt follows from another: what an operator would see in the server's log, and no single state shows.

use certrotate_core::api::{ApiFault, Call, Credential, CsrObject};
use certrotate_core::disk::{Content, DiskCommand};
use certrotate_core::id::{CertHandle, KeyHandle, OpId};
use certrotate_core::input::{Action, Input};
use certrotate_core::notice::Notice;
use certrotate_core::time::{MonoTime, Now, Span, WallTime};

/// The start and the end of the certificate that an action names.
type Dates = (WallTime, WallTime);

/// A rule that was broken: the invariant that it belongs to, and its sentence.
pub(crate) type Broken = Option<(&'static str, &'static str)>;

/// What is known of the requests of this run.
#[derive(Clone, Copy, Debug, Default, Hash)]
pub(crate) struct Course {
    /// The look or creation that is under way, and the watch.
    calls: [Option<(OpId, Call, Credential)>; 2],
    /// Whether a request with a lifetime was refused as invalid.
    wish_refused: bool,
    /// Since when the request is seen to be approved without a certificate.
    approved: Option<MonoTime>,
    /// The certificate that is being written, and its end, as long as nothing but the disk keeps it from going live.
    written: Option<(CertHandle, WallTime)>,
    /// Which kind of credential was refused last, since something went live.
    refused: Option<Kind>,
    /// Whether the live one was ever refused, since another certificate went live.
    live_refused: bool,
    /// What went live last, and whether it is served.
    last: Option<CertHandle>,
    served: bool,
    /// Before this wall time and this mono time no renewal is due.
    due: (WallTime, MonoTime),
    /// Until then a denied or failed request is followed by no other.
    retired: MonoTime,
    /// Whether somebody asks for an attempt in this step.
    asked_for: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Live,
    Bootstrap,
}

impl Course {
    /// Sees an input, before the step; `life` is that of the last certificate, and `wishes` says whether a lifetime is in
    /// the request that is made with a key.
    pub(crate) fn given(&mut self, now: Now, input: &Input, life: Span, wishes: impl Fn(KeyHandle) -> bool) {
        self.asked_for = *input == Input::RotateNow;
        if self.asked_for {
            self.retired = MonoTime::default();
        }
        let Input::CallAnswered { op, result } = input else { return };
        let under_way = self.calls.iter_mut().find(|it| it.is_some_and(|(its, ..)| its == *op));
        let Some((_, call, credential)) = under_way.and_then(Option::take) else { return };
        match result {
            Ok(object) => self.saw(now, object, life),
            Err(ApiFault::Unauthorized | ApiFault::Forbidden | ApiFault::NoCredential)
                if !matches!(call, Call::Watch { .. }) =>
            {
                self.refused = Some(match credential {
                    Credential::Live(_) => Kind::Live,
                    Credential::Bootstrap => Kind::Bootstrap,
                });
                self.live_refused |= self.refused == Some(Kind::Live);
            }
            Err(ApiFault::Invalid) => {
                self.wish_refused |= matches!(call, Call::Create { key } if wishes(key));
            }
            Err(_) => {}
        }
    }

    fn saw(&mut self, now: Now, object: &CsrObject, life: Span) {
        if object.denied || object.failed {
            // Ten minutes, less where certificates live for less than an hour.
            self.retired = now.mono.plus(Span::from_ms(life.ms().min(3_600_000) / 6));
        }
        let waits = object.approved && object.certificate.is_none();
        self.approved = if waits { self.approved.or(Some(now.mono)) } else { None };
    }

    /// Sees an action of the step. `trusts` says that nobody but the node wrote to the directory.
    pub(crate) fn acts(&mut self, now: Now, action: &Action, dates: Option<Dates>, trusts: bool) -> Broken {
        match *action {
            Action::MakeKey { duration, .. } => self.begins(now, duration, trusts),
            Action::Call { op, call, credential } => {
                self.calls[usize::from(matches!(call, Call::Watch { .. }))] = Some((op, call, credential));
                self.presents(credential)
            }
            Action::Cancel { op } => {
                self.calls = self.calls.map(|it| it.filter(|(its, ..)| *its != op));
                None
            }
            Action::Disk {
                command: DiskCommand::Write { content: Content::Bundle { cert, .. }, .. },
                ..
            } => {
                self.written = dates.filter(|(_, end)| now.wall < *end).map(|(_, end)| (cert, end));
                None
            }
            // A look at the directory begins anew, and with it the wait.
            Action::Disk { command: DiskCommand::Scan, .. } => {
                self.retired = MonoTime::default();
                None
            }
            Action::GoLive { cert, .. } => {
                let same = self.last == Some(cert);
                self.live_refused &= same;
                (self.last, self.served) = (Some(cert), true);
                (self.written, self.refused) = (None, None);
                if let (Some((start, end)), false) = (dates, same) {
                    // The earliest renewal point is at seven tenths of the life.
                    let due = start.plus(end.since(start).scaled(7, 10));
                    self.due = (due, now.mono.plus(due.since(now.wall)));
                }
                None
            }
            Action::Withdraw { .. } => {
                self.served = false;
                None
            }
            Action::Report(Notice::RequestStuck { .. }) => {
                let day = Span::from_hours(24);
                let waited = self.approved.is_some_and(|since| now.mono.since(since) >= day);
                broken("S8", "a request that is approved is waited for, for a day at least", waited)
            }
            Action::Disk { .. } | Action::Report(_) | Action::Exit(_) => None,
        }
    }

    /// What comes before its end can go live, unless the clock is set to where it is not valid.
    pub(crate) fn passes(&mut self, now: Now, starts: impl Fn(CertHandle) -> Option<WallTime>) {
        self.written = self
            .written
            .filter(|(cert, end)| now.wall < *end && starts(*cert).is_some_and(|start| start <= now.wall));
        if self.retired <= now.mono {
            self.retired = MonoTime::default();
        }
    }

    fn begins(&mut self, now: Now, duration: Option<Span>, trusts: bool) -> Broken {
        self.approved = None;
        let due = !self.served || now.wall >= self.due.0 || now.mono >= self.due.1;
        let waited = now.mono >= self.retired;
        let wish = !self.wish_refused || duration.is_none();
        let saved = self.written.is_none() || !trusts;
        broken("S9", "a lifetime that was refused is not asked for again", wish)
            .or(broken(
                "S9",
                "an attempt begins when a renewal is due, or somebody asks for it",
                self.asked_for || due,
            ))
            .or(broken(
                "S9",
                "a denied or failed request is followed by another after minutes",
                self.asked_for || waited,
            ))
            .or(broken("S8", "what the disk does not take is written again, and no other asked for", saved))
    }

    fn presents(&self, credential: Credential) -> Broken {
        let live = matches!(credential, Credential::Live(_));
        let own = live || !self.served || self.live_refused;
        let other = match self.refused {
            Some(Kind::Live) => !live,
            Some(Kind::Bootstrap) | None => true,
        };
        broken("L3", "a valid identity asks for its successor itself", own).or(broken(
            "L4",
            "after a credential was refused it is the other one's turn",
            other,
        ))
    }
}

fn broken(id: &'static str, sentence: &'static str, holds: bool) -> Broken {
    (!holds).then_some((id, sentence))
}
