//! The request on the server: created, watched, polled, and resumed after a crash, a time-out or a restart.
//!
//! To resume is to send the same bytes under the same name, so there is never a second open request (S8). A key is
//! retired only when its request was denied, failed, stuck or foreign, or its certificate was refused.
//!
//! There is one exception: a request that was made as an identity which has expired since. An approver may accept the
//! renewals of valid identities only, or the requests of the bootstrap credential only. So when the bootstrap credential
//! reads such a request and it is not approved, its key is retired, and the bootstrap credential makes the next request.
//! That happens once for each expiry: the next pending file has a time after it ([`Attempt::made`]), in every run.
//!
//! The waits of a request that the start of a run found count from the time in its pending file. So a process that is
//! killed repeatedly gets to the end of them.

use crate::common::{CredentialKind, Cx};
use crate::event::Event;
use crate::facts::CertFacts;
use crate::id::{CertHandle, OpId};
use crate::input::{Action, Why};
use crate::issuer::{Call, Credential, IssuerFault, RequestRecord, RequestState};
use crate::judge::{Refusal, judge_issued};
use crate::renewal::{Attempt, Carry, Installing, Outcome, Recovering, Renewal, Resting};
use crate::serving::Certificate;
use crate::time::{MonoTime, Span};
use crate::view::Stage;

/// The most failures that count after a success: the backoff of that many is about the longest.
const MOST_FAILURES: u16 = 8;

/// Asking the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Asking {
    pub(crate) attempt: Attempt,
    /// Whether the server had the object at the last answer.
    is_created: bool,
    /// The call that is outstanding.
    calling: Option<Calling>,
    /// When the next call is made.
    next: MonoTime,
    /// How often the pending request was polled.
    polls: u16,
    /// The watch, beside the polls.
    watch: Option<Watch>,
    /// Since when it has been approved without a certificate.
    approved: Option<MonoTime>,
    /// Whether the start of this run found it: its waits count from the time in its pending file. After a rescan they no longer
    /// do.
    is_found: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Calling {
    op: OpId,
    due: MonoTime,
    credential: Credential,
    /// Whether it is the call that makes the object.
    create: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Watch {
    op: OpId,
    /// When it is opened anew: a connection may be dead without a sign.
    due: MonoTime,
}

impl Asking {
    /// Begins with a request that was made durable just now.
    pub(crate) fn begin(cx: &mut Cx<'_>, attempt: Attempt) -> Renewal {
        Self::new(attempt, cx.now.mono).call(cx)
    }

    /// Resumes a request that a start found. Whether it was sent is unknown. The first call waits, the longer
    /// the more attempts have failed, so that a crash loop is no hot loop (S9).
    pub(crate) fn resume(cx: &mut Cx<'_>, attempt: Attempt) -> Renewal {
        cx.begin_attempt();
        let failed = cx.common.failed_attempts(attempt.generation);
        let wait = cx.retry_wait(failed);
        let rest = cx.rest_of_wait(wait, attempt.made);
        Renewal::Asking(Self { is_found: true, ..Self::new(attempt, cx.after(rest)) })
    }

    /// Resumes a durable request at that time. The wait is cut to the longest backoff, which may have become shorter.
    pub(crate) fn later(cx: &Cx<'_>, attempt: Attempt, next: MonoTime) -> Renewal {
        let longest = cx.after(cx.common.timing().retry_max(cx.common.lifetime));
        Renewal::Asking(Self::new(attempt, next.min(longest)))
    }

    fn new(attempt: Attempt, next: MonoTime) -> Self {
        Self {
            attempt,
            is_created: false,
            calling: None,
            next,
            polls: 0,
            watch: None,
            approved: None,
            is_found: false,
        }
    }

    /// Returns the step in the terms of [`crate::view::View`].
    pub(crate) const fn stage(&self) -> Stage {
        match (&self.calling, self.is_created, &self.watch) {
            (Some(Calling { create: true, .. }), ..) => Stage::Creating,
            (Some(Calling { create: false, .. }), _, None) => Stage::Getting,
            (Some(Calling { create: false, .. }), _, Some(_)) => Stage::GettingAndWatching,
            (None, false, _) => Stage::WaitingToCreate,
            (None, true, None) => Stage::WaitingToGet,
            (None, true, Some(_)) => Stage::Watching,
        }
    }

    pub(crate) fn wake(self) -> MonoTime {
        self.calling.map_or(self.next, |calling| calling.due)
    }

    pub(crate) fn tick(mut self, cx: &mut Cx<'_>) -> Outcome {
        if cx.common.needs_rescan(cx.now.wall) {
            // The clock was wrong when the scan judged the bundles. The rescan comes first, and resumes the request afterwards.
            self.cancel(cx);
            let again = if self.calling.is_some() { cx.now.mono } else { self.next };
            return Ok(Recovering::begin(cx, Carry::Request(self.attempt), again));
        }
        match self.calling {
            Some(calling) if cx.now.mono >= calling.due => {
                cx.actions.push(Action::Cancel { op: calling.op });
                self.calling = None;
                let again_in = self.delay(cx, Span::ZERO);
                cx.report(Event::CallTimedOut { credential: calling.credential, again_in });
                Ok(Renewal::Asking(self))
            }
            None if cx.now.mono >= self.next => Ok(self.call(cx)),
            Some(_) | None => Err(Why::NotDue),
        }
    }

    /// Whether this call, or this watch, is in flight.
    pub(crate) fn awaits(&self, op: OpId) -> bool {
        let watch = self.watch.is_some_and(|watch| watch.op == op);
        watch || self.calling.is_some_and(|calling| calling.op == op)
    }

    pub(crate) fn answered(
        self,
        cx: &mut Cx<'_>,
        op: OpId,
        result: Result<RequestRecord, IssuerFault>,
    ) -> Outcome {
        if self.watch.is_some_and(|watch| watch.op == op) {
            return Ok(self.watched(cx, result));
        }
        match self.calling {
            Some(calling) if calling.op == op => Ok(self.called(cx, calling, result)),
            Some(_) | None => Err(Why::NotOutstanding),
        }
    }

    /// Makes the call that is due: create an object that the server does not have, get one that it has.
    fn call(mut self, cx: &mut Cx<'_>) -> Renewal {
        let credential = cx.common.credential(cx.now.wall);
        let Attempt { key, request, .. } = self.attempt;
        let call = if self.is_created { Call::Get { request } } else { Call::Create { key } };
        let op = cx.call(call, credential);
        self.calling =
            Some(Calling { op, due: cx.after(cx.call_deadline()), credential, create: !self.is_created });
        Renewal::Asking(self)
    }

    fn called(
        mut self,
        cx: &mut Cx<'_>,
        calling: Calling,
        result: Result<RequestRecord, IssuerFault>,
    ) -> Renewal {
        self.calling = None;
        match result {
            Ok(object) => {
                // One failure is forgotten, and no more: one success of a failing server must not reset the backoff (S9).
                cx.common.issuer.call_failures =
                    cx.common.issuer.call_failures.min(MOST_FAILURES).saturating_sub(1);
                self.seen(cx, object, Some(calling.credential))
            }
            Err(IssuerFault::AlreadyExists) if calling.create => {
                self.is_created = true;
                self.call(cx)
            }
            Err(fault) => self.handle_call_fault(cx, calling, fault),
        }
    }

    fn handle_call_fault(mut self, cx: &mut Cx<'_>, calling: Calling, fault: IssuerFault) -> Renewal {
        let mut asked = Span::ZERO;
        match fault {
            IssuerFault::NotAuthenticated | IssuerFault::NotPermitted | IssuerFault::NoCredential => {
                cx.common.issuer.rejected = Some(match calling.credential {
                    Credential::Live(_) => CredentialKind::Live,
                    Credential::Bootstrap => CredentialKind::Bootstrap,
                });
            }
            IssuerFault::NotFound => {
                self.is_created = false;
                // The watch is for the deleted object. The one that is created next has another uid.
                self.unwatch(cx);
            }
            IssuerFault::Invalid if calling.create && cx.requests_duration() => {
                return self.retry_without_duration(cx, calling.credential, fault);
            }
            IssuerFault::HandleGone if calling.create => {
                let request = self.attempt.request;
                return self.retire(cx, |again_in| Event::HandleGone { request, again_in });
            }
            IssuerFault::Throttled { retry_after } | IssuerFault::Unavailable { retry_after } => {
                asked = retry_after.unwrap_or_default();
            }
            IssuerFault::Unreachable
            | IssuerFault::AlreadyExists
            | IssuerFault::Invalid
            | IssuerFault::WatchEnded
            | IssuerFault::HandleGone
            | IssuerFault::WrongKind
            | IssuerFault::Unexpected => {}
        }
        let again_in = self.delay(cx, asked);
        cx.report(Event::CallFailed { credential: calling.credential, fault, again_in });
        Renewal::Asking(self)
    }

    /// Retires a request whose lifetime the server rejected. The next one carries none, and has a new key, because it has other
    /// content and so another name (S10).
    fn retry_without_duration(self, cx: &mut Cx<'_>, credential: Credential, fault: IssuerFault) -> Renewal {
        cx.common.issuer.is_duration_rejected = true;
        let again_in = cx.call_backoff();
        cx.report(Event::CallFailed { credential, fault, again_in });
        Renewal::Resting(Resting { not_before: cx.after(again_in) })
    }

    /// Schedules the next call after a failure: after the backoff, or after Retry-After if that is longer, but no later than
    /// the longest backoff.
    fn delay(&mut self, cx: &mut Cx<'_>, asked: Span) -> Span {
        let longest = cx.common.timing().retry_max(cx.common.lifetime);
        let wait = cx.call_backoff().max(asked.min(longest));
        self.next = cx.after(wait);
        wait
    }

    fn watched(mut self, cx: &mut Cx<'_>, result: Result<RequestRecord, IssuerFault>) -> Renewal {
        self.watch = None;
        match result {
            Ok(object) => self.seen(cx, object, None),
            Err(IssuerFault::NotFound) if self.calling.is_none() => {
                self.is_created = false;
                self.delay(cx, Span::ZERO);
                Renewal::Asking(self)
            }
            Err(fault @ IssuerFault::WrongKind) => {
                let credential = cx.common.credential(cx.now.wall);
                let again_in = self.next.since(cx.now.mono);
                cx.report(Event::CallFailed { credential, fault, again_in });
                Renewal::Asking(self)
            }
            // The next poll reports the fault, if it lasts, and opens the next watch.
            Err(_) => Renewal::Asking(self),
        }
    }

    /// Applies the state of the object. `reader` is the credential of the call that returned it; the watch has none.
    fn seen(mut self, cx: &mut Cx<'_>, object: RequestRecord, reader: Option<Credential>) -> Renewal {
        let request = self.attempt.request;
        let template = cx.common.config.template();
        let ours = object.key == Some(self.attempt.key_digest)
            && object.signer == template.signer
            && object.usages == template.usages;
        if !ours {
            return self.retire(cx, |again_in| Event::RequestForeign { request, again_in });
        }
        match object.state {
            RequestState::Denied => self.retire(cx, |again_in| Event::RequestDenied { request, again_in }),
            RequestState::Failed => {
                cx.common.issuer.is_duration_rejected = true;
                self.retire(cx, |again_in| Event::RequestFailed { request, again_in })
            }
            RequestState::Pending
                if reader == Some(Credential::Bootstrap) && self.is_of_expired(cx, &object.requester) =>
            {
                self.cancel(cx);
                cx.report(Event::RequestOfExpired { request });
                Renewal::Resting(Resting::without_wait(cx))
            }
            state @ (RequestState::Pending | RequestState::Approved) => {
                self.is_created = true;
                self.pending(cx, state == RequestState::Approved, reader.is_some())
            }
            RequestState::Issued { cert, facts } => self.issued(cx, cert, &facts),
            RequestState::IssuedUnreadable => self.refused(cx, Refusal::Unreadable),
        }
    }

    /// Whether an approver may never approve the request, because it was made as an identity that has expired since, and the
    /// next request can be made now: no gate is closed, and the disk takes the next key.
    fn is_of_expired(&self, cx: &Cx<'_>, requester: &str) -> bool {
        let common = &*cx.common;
        let as_identity = !requester.is_empty() && requester == common.config.template().subject.common_name;
        let has_expired = common.last_expiry().is_some_and(|expiry| self.attempt.made < expiry);
        let can_request = cx.now.mono >= common.opens_at() && common.directory.failures == 0;
        as_identity && has_expired && common.serving.in_use().is_none() && can_request
    }

    fn pending(mut self, cx: &mut Cx<'_>, approved: bool, is_poll: bool) -> Renewal {
        let request = self.attempt.request;
        self.attempt.issued_after = self.attempt.issued_after.max(cx.now.wall);
        self.approved = if approved { self.approved.or(Some(cx.now.mono)) } else { None };
        if self.approved.is_some_and(|since| self.is_stuck(cx, cx.now.mono.since(since))) {
            return self.retire(cx, |again_in| Event::RequestStuck { request, again_in });
        }
        if self.polls == 0 {
            cx.report(Event::RequestPending { request });
        }
        // Only a poll opens the next watch: a server that ends every watch at once must not cause a hot loop (S9).
        if is_poll {
            self.polls = self.polls.saturating_add(1);
            let wait = cx.common.timing().poll(cx.common.lifetime, self.polls.into());
            self.next = cx.after(wait);
            self.rewatch(cx);
        }
        Renewal::Asking(self)
    }

    /// Whether the request has been approved for too long without a certificate; `seen` is how long this run has seen that. If
    /// the start found the request, its age counts, and the run sees it for ten minutes at least.
    fn is_stuck(&self, cx: &Cx<'_>, seen: Span) -> bool {
        let timing = cx.common.timing();
        let longest = timing.approved_age(cx.common.failed_attempts(self.attempt.generation));
        let shortest = timing.renew(cx.common.lifetime, 1, 0);
        let is_old = self.is_found && cx.passed_since(self.attempt.made) >= longest;
        seen >= longest || is_old && seen >= shortest
    }

    /// Opens a watch where there is none, or a fresh one where the old one has been silent for long.
    fn rewatch(&mut self, cx: &mut Cx<'_>) {
        if let Some(watch) = self.watch {
            if cx.now.mono < watch.due {
                return;
            }
            self.unwatch(cx);
        }
        let due = cx.after(cx.common.timing().retry_max(cx.common.lifetime));
        let credential = cx.common.credential(cx.now.wall);
        let op = cx.call(Call::Watch { request: self.attempt.request }, credential);
        self.watch = Some(Watch { op, due });
    }

    fn unwatch(&mut self, cx: &mut Cx<'_>) {
        if let Some(watch) = self.watch.take() {
            cx.actions.push(Action::Cancel { op: watch.op });
        }
    }

    fn issued(self, cx: &mut Cx<'_>, cert: CertHandle, facts: &CertFacts) -> Renewal {
        let now = cx.now.wall;
        let Attempt { key_digest, issued_after, .. } = &self.attempt;
        let hold = cx.common.timing().hold_cap(cx.common.lifetime);
        let spec = cx.common.config.spec();
        if let Err(refusal) = judge_issued(spec, key_digest, facts, now, *issued_after, hold) {
            return self.refused(cx, refusal);
        }
        let certificate = Certificate {
            cert,
            leaf: facts.leaf,
            not_before: facts.not_before,
            not_after: facts.not_after,
            issued: now,
            old_template: false,
        };
        self.cancel(cx);
        if cx.common.directory.failures > 0 {
            // The outcome of the failed disk operations is unknown. A scan comes first (S12).
            return Recovering::begin(cx, Carry::Certificate(self.attempt, certificate), cx.now.mono);
        }
        Installing::begin(cx, self.attempt, certificate)
    }

    fn refused(self, cx: &mut Cx<'_>, refusal: Refusal) -> Renewal {
        let request = self.attempt.request;
        self.retire(cx, |again_in| Event::CertificateRefused { request, refusal, again_in })
    }

    /// The key is retired; its pending file stays until the next one is durable.
    fn retire(self, cx: &mut Cx<'_>, event: impl FnOnce(Span) -> Event) -> Renewal {
        self.cancel(cx);
        let Attempt { generation, made, .. } = self.attempt;
        let (resting, again_in) = if self.is_found {
            Resting::after_found_retirement(cx, generation, made)
        } else {
            Resting::after_retirement(cx, generation)
        };
        cx.report(event(again_in));
        Renewal::Resting(resting)
    }

    pub(super) fn cancel(&self, cx: &mut Cx<'_>) {
        let watch = self.watch.map(|watch| watch.op);
        let calling = self.calling.map(|calling| calling.op);
        for op in watch.into_iter().chain(calling) {
            cx.actions.push(Action::Cancel { op });
        }
    }
}
