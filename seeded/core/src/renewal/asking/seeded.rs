//! Bugs of [`Asking`].

use super::{Asking, Calling};
use crate::common::Cx;
use crate::event::Event;
use crate::facts::CertFacts;
use crate::input::Action;
use crate::issuer::{IssuerFault, RequestRecord, RequestState};
use crate::judge::Refusal;
use crate::renewal::{OpId, Renewal, Resting};
use crate::seeded::{Bug, NEVER, started, throw_away};
use crate::time::{MonoTime, Span, WallTime};

/// How long a request may take before it is given up.
const PATIENCE: Span = Span::from_mins(15);

/// Returns the facts of an issued certificate as the bug reads them.
pub(super) fn started_badly(cx: &Cx<'_>, facts: &CertFacts) -> CertFacts {
    started(cx.common.config.spec(), facts.clone())
}

/// Remembers the true start of a refused certificate.
pub(super) fn remember_start(cx: &mut Cx<'_>, start: WallTime) {
    if cx.bug(Bug::B08) {
        cx.common.seeded.floor = cx.common.seeded.floor.max(Some(start));
    }
}

impl Asking {
    pub(crate) const fn is_calling(&self) -> bool {
        self.calling.is_some()
    }

    pub(super) fn ticked_badly(&self, cx: &mut Cx<'_>) -> Option<Renewal> {
        let calling = self.calling?;
        match cx.seeded()? {
            Bug::B13 if calling.due == cx.after(cx.call_deadline()) => Some(self.call(cx)),
            Bug::B15 if cx.now.mono >= calling.due => {
                self.cancel(cx);
                let again_in = cx.call_backoff();
                cx.report(Event::CallTimedOut { credential: calling.credential, again_in });
                Some(Renewal::Resting(Resting { not_before: cx.after(again_in) }))
            }
            _ => None,
        }
    }

    /// The operation that an answer is taken for.
    pub(super) fn mistaken(&self, cx: &Cx<'_>, op: OpId) -> OpId {
        let watched = self.watch.is_some_and(|watch| watch.op == op);
        match self.calling {
            Some(calling)
                if cx.bug(Bug::B55) && !watched && op.run == calling.op.run && op.seq < calling.op.seq =>
            {
                calling.op
            }
            Some(_) | None => op,
        }
    }

    pub(super) fn refused_badly(
        mut self,
        cx: &mut Cx<'_>,
        calling: Calling,
        fault: IssuerFault,
    ) -> Option<Renewal> {
        let asked = match fault {
            IssuerFault::Throttled { retry_after } | IssuerFault::Unavailable { retry_after } => retry_after,
            IssuerFault::NoCredential
            | IssuerFault::Unreachable
            | IssuerFault::NotAuthenticated
            | IssuerFault::NotPermitted
            | IssuerFault::NotFound
            | IssuerFault::AlreadyExists
            | IssuerFault::Invalid
            | IssuerFault::WatchEnded
            | IssuerFault::HandleGone
            | IssuerFault::WrongKind
            | IssuerFault::Unexpected => None,
        };
        let credential = matches!(
            fault,
            IssuerFault::NotAuthenticated | IssuerFault::NotPermitted | IssuerFault::NoCredential
        );
        cx.common.seeded.healthy = false;
        throw_away(cx);
        let again_in = match (cx.seeded()?, asked) {
            (Bug::B11, Some(Span::ZERO)) => Span::ZERO,
            (Bug::B12, Some(asked)) => cx.call_backoff().max(asked),
            (Bug::B20, _) if fault == IssuerFault::NotFound && !calling.create => {
                self.is_created = true;
                return Some(self.pending(cx, false, true));
            }
            (Bug::F89, _) if credential => cx.call_backoff(),
            _ => return None,
        };
        self.next = cx.after(again_in);
        cx.report(Event::CallFailed { credential: calling.credential, fault, again_in });
        Some(Renewal::Asking(self))
    }

    pub(super) fn watched_badly(
        mut self,
        cx: &Cx<'_>,
        result: &Result<RequestRecord, IssuerFault>,
    ) -> Option<Renewal> {
        match (cx.seeded()?, result) {
            (Bug::B20, Err(IssuerFault::NotFound)) => {}
            (Bug::F47, Err(_)) => self.next = NEVER,
            _ => return None,
        }
        self.watch = None;
        Some(Renewal::Asking(self))
    }

    pub(super) fn seen_badly(mut self, cx: &mut Cx<'_>, object: &RequestRecord) -> Option<Renewal> {
        let request = self.attempt.request;
        let bug = cx.seeded()?;
        let (event, not_before): (fn(_, _) -> _, MonoTime) = match bug {
            Bug::F02 => {
                cx.common.seeded.healthy = true;
                return None;
            }
            Bug::B17 if object.state == RequestState::Denied => {
                self.is_created = false;
                let again_in = self.delay(cx, Span::ZERO);
                cx.report(Event::RequestDenied { request, again_in });
                return Some(Renewal::Asking(self));
            }
            Bug::B43 if object.state == RequestState::Denied => {
                cx.common.seeded.kept = Some(self.attempt);
                return None;
            }
            Bug::B18 if object.state == RequestState::Denied => {
                (|request, again_in| Event::RequestDenied { request, again_in }, NEVER)
            }
            Bug::F41 if object.state == RequestState::Denied => {
                let wait = cx.retry_wait(1);
                (|request, again_in| Event::RequestDenied { request, again_in }, cx.after(wait))
            }
            Bug::F48 if object.state == RequestState::Failed => {
                (|request, again_in| Event::RequestFailed { request, again_in }, NEVER)
            }
            _ => return None,
        };
        self.cancel(cx);
        cx.report(event(request, not_before.since(cx.now.mono)));
        Some(Renewal::Resting(Resting { not_before }))
    }

    pub(super) fn waits_badly(mut self, cx: &mut Cx<'_>, approved: bool, is_poll: bool) -> Option<Renewal> {
        let request = self.attempt.request;
        let late = match cx.seeded()? {
            Bug::F35 => approved && self.approved.is_some_and(|since| cx.now.mono.since(since) >= PATIENCE),
            Bug::F36 => !approved && cx.now.wall.since(self.attempt.made) >= PATIENCE,
            bug @ (Bug::F42 | Bug::F47) if is_poll => {
                self.polls = 1;
                self.next = NEVER;
                cx.report(Event::RequestPending { request });
                if bug == Bug::F47 {
                    self.rewatch(cx);
                }
                return Some(Renewal::Asking(self));
            }
            _ => false,
        };
        late.then(|| {
            self.cancel(cx);
            // That a request is pending is no failure, so there is nothing to report.
            if approved {
                cx.report(Event::RequestStuck { request, again_in: Span::ZERO });
            }
            Renewal::Resting(Resting { not_before: cx.now.mono })
        })
    }

    pub(super) fn judged_badly(mut self, cx: &mut Cx<'_>, refusal: &Refusal) -> Option<Renewal> {
        match cx.seeded()? {
            Bug::B42 => cx.common.seeded.kept = Some(self.attempt),
            Bug::F40 if matches!(refusal, Refusal::Expired { .. }) => {
                self.is_created = true;
                self.next = cx.after(cx.common.timing().poll(cx.common.lifetime, 8));
                if let Some(calling) = self.calling.take() {
                    cx.actions.push(Action::Cancel { op: calling.op });
                }
                return Some(Renewal::Asking(self));
            }
            _ => {}
        }
        None
    }
}
