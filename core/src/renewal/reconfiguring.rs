//! Another configuration while the machine runs.
//!
//! A change of the template has three consequences:
//!
//! * A request for the old template is abandoned. It may not be deleted and stays on the server, and its pending file
//!   becomes a tombstone.
//! * An identity for another subject is withdrawn. It proves who the node was, and only the bootstrap credential may
//!   request a certificate for the new subject.
//! * The directory is scanned, and its bundles are judged by the new template. An identity for the right subject with
//!   other alternative names or usages stays in use until its replacement.

use crate::common::Cx;
use crate::config::{Config, Template};
use crate::event::Event;
use crate::id::{CertHandle, Generation};
use crate::input::{Action, Why};
use crate::judge::{same_request, same_scope, same_subject};
use crate::renewal::{Attempt, Carry, Installing, Outcome, Recovering, Renewal, Resting};
use crate::serving::{Certificate, Live};
use crate::timing::FULL_LIFETIME;

/// How the template changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Change {
    /// To another subject.
    subject: bool,
    /// To other alternative names or usages.
    scope: bool,
}

impl Change {
    fn between(before: &Template, after: &Template) -> Self {
        Self { subject: !same_subject(&before.subject, &after.subject), scope: !same_scope(before, after) }
    }

    /// What becomes of a certificate that is not live yet; it was judged by the template of before.
    fn kept(self, mut certificate: Certificate) -> Option<Certificate> {
        certificate.old_template |= self.scope;
        (!self.subject).then_some(certificate)
    }
}

impl Renewal {
    /// Goes on with another configuration.
    pub(crate) fn reconfigure(self, cx: &mut Cx<'_>, config: Config) -> Outcome {
        if cx.common.is_stopping || matches!(self, Self::Ended(_)) {
            return Err(Why::Ended);
        }
        if cx.common.config == config {
            return Err(Why::Unchanged);
        }
        let before = core::mem::replace(&mut cx.common.config, config);
        if before.spec().chain_required != cx.common.config.spec().chain_required {
            cx.common.config = before;
            return Err(Why::NeedsRestart);
        }
        cx.move_renewal_point(&before);
        let template = cx.common.config.template();
        if same_request(before.template(), template) {
            return Ok(self);
        }
        let change = Change::between(before.template(), template);
        if before.template().duration != template.duration {
            cx.common.issuer.is_duration_rejected = false;
        }
        Ok(self.restart_for_template(cx, change))
    }

    /// Abandons the request, withdraws an identity for another subject, and scans the directory.
    fn restart_for_template(self, cx: &mut Cx<'_>, change: Change) -> Self {
        if change.subject {
            cx.disown();
        } else if change.scope {
            // It may fit the new template. The scan that follows judges its bundle.
            cx.mark_old_template(None, true);
        }
        let rest = cx.rest_after_change();
        match self {
            // What there is will be judged by the new template anyway.
            Self::New | Self::Locking(_) | Self::Ended(_) => self,
            Self::Recovering(mut phase) => {
                phase.carry = match phase.carry {
                    Carry::Nothing => Carry::Nothing,
                    Carry::Rest(_) | Carry::Rescan(_) => Carry::Rest(rest),
                    Carry::Dropped(_, key, cert) => Carry::Dropped(rest, key, cert),
                    Carry::Request(attempt) => cx.abandon(&attempt, None, rest),
                    Carry::Certificate(attempt, certificate) => {
                        cx.keep_or_abandon(change, (attempt, certificate), rest)
                    }
                };
                phase.interrupted()
            }
            Self::Resting(_) | Self::Keying(_) => Recovering::begin(cx, Carry::Rest(rest), cx.now.mono),
            Self::Saving(phase) => {
                let carry = cx.abandon(&phase.attempt, None, rest);
                Recovering::after_operation(phase.in_flight(cx), carry, cx.now.mono)
            }
            Self::Asking(phase) => {
                phase.cancel(cx);
                let carry = cx.abandon(&phase.attempt, None, rest);
                Recovering::begin(cx, carry, cx.now.mono)
            }
            Self::Installing(phase) => {
                let Installing { attempt, certificate, .. } = phase;
                let carry = match phase.attempt() {
                    Some(_) => cx.keep_or_abandon(change, (attempt, certificate), rest),
                    None => Carry::Dropped(rest, attempt.key, Some(certificate.cert)),
                };
                Recovering::after_operation(phase.in_flight(cx), carry, cx.now.mono)
            }
        }
    }
}

impl Cx<'_> {
    /// The renewal point by the timing parameters as they are now; both clocks are moved by as much.
    fn move_renewal_point(&mut self, before: &Config) {
        let times = self.common.config.timing().clone();
        let serving = &self.common.serving;
        let none = serving.durable.generation().0 == 0 && serving.in_use().is_none();
        if none && !self.common.scan_validity.has_expired_bundle() {
            self.common.lifetime = self.common.config.template().duration.unwrap_or(FULL_LIFETIME);
        }
        if times == *before.timing() {
            return;
        }
        for identity in self.common.serving.identities_mut() {
            identity.replan(&times);
        }
    }

    /// Withdraws the identity in use: it is for another subject than the template's.
    fn disown(&mut self) {
        let was_presented = self.common.serving.presented().is_some();
        let Some(generation) = self.common.serving.in_use().map(|judged| judged.identity.generation) else {
            return;
        };
        self.common.serving.in_memory = None;
        // If it went live in this very step, that action is taken back.
        let came =
            |action: &Action| matches!(action, Action::GoLive { generation: it, .. } if *it == generation);
        match self.actions.iter().position(came) {
            Some(place) => drop(self.actions.remove(place)),
            None if was_presented => self.actions.push(Action::Withdraw { generation }),
            None => {}
        }
        self.report(Event::OtherSubject { generation });
        self.common.serving.durable = Live::OtherSubject(generation);
    }

    /// Rests without a backoff: attempts that failed by the old template count for nothing. The template-change gate keeps a
    /// template that flips from causing one attempt after the other.
    fn rest_after_change(&mut self) -> Resting {
        self.common.generations.finish_all();
        self.common.gates.is_template_changed = true;
        Resting::without_wait(self)
    }

    /// Begins an attempt. If a template change caused it, the gate for the next such attempt closes.
    pub(crate) fn begin_attempt(&mut self) {
        if core::mem::take(&mut self.common.gates.is_template_changed) {
            let interval = self.common.timing().issuance_interval(self.common.lifetime);
            self.common.gates.template_change = self.after(interval);
        }
    }

    fn abandon(&mut self, attempt: &Attempt, cert: Option<CertHandle>, rest: Resting) -> Carry {
        self.report(Event::RequestAbandoned { request: attempt.request });
        Carry::Dropped(rest, attempt.key, cert)
    }

    fn keep_or_abandon(
        &mut self,
        change: Change,
        (attempt, certificate): (Attempt, Certificate),
        rest: Resting,
    ) -> Carry {
        match change.kept(certificate) {
            Some(certificate) => Carry::Certificate(attempt, certificate),
            None => self.abandon(&attempt, Some(certificate.cert), rest),
        }
    }

    /// Marks the identity in use, durable or not, by a new judgement of its names and usages: of this generation, if one is given.
    pub(crate) fn mark_old_template(&mut self, generation: Option<Generation>, old_template: bool) {
        let mut reported = None;
        for identity in self.common.serving.identities_mut() {
            if generation.is_none_or(|generation| generation == identity.generation) {
                let before = core::mem::replace(&mut identity.old_template, old_template);
                reported = reported.or((old_template && !before).then_some(identity.generation));
            }
        }
        if let Some(generation) = reported {
            self.report(Event::OldTemplate { generation });
        }
    }
}
