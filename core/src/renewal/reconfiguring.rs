//! Another configuration while the machine runs.
//!
//! Where the template asks for something else, three things follow. A request for what was asked for before is dropped:
//! it may not be deleted and stays on the server, and its pending file becomes a tombstone. What is live for another
//! subject is withdrawn, because it proves who the node was, and only the bootstrap credential may ask for who it is
//! now. And the directory is looked at, which tells whether what is there fits: an identity for the right subject with other
//! alternative names or usages is served until another has taken its place.

use crate::common::Cx;
use crate::config::{Config, Template};
use crate::event::Event;
use crate::id::{CertHandle, Generation};
use crate::input::{Action, Why};
use crate::judge::{same_request, same_scope, same_subject};
use crate::live::{Certificate, Identity, Live};
use crate::renewal::{Attempt, Carry, Installing, Outcome, Recovering, Renewal, Resting};
#[cfg(feature = "seeded")]
use crate::seeded::Bug;
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
        if cx.common.stopping || matches!(self, Self::Ended(_)) {
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
        cx.plan_anew(&before);
        let template = cx.common.config.template();
        if same_request(before.template(), template) {
            return Ok(self);
        }
        let change = Change::between(before.template(), template);
        if before.template().duration != template.duration {
            cx.common.no_duration = false;
        }
        Ok(self.ask_anew(cx, change))
    }

    /// Drops what was asked for, takes back what is for another subject, and looks at the directory.
    fn ask_anew(self, cx: &mut Cx<'_>, change: Change) -> Self {
        if change.subject {
            cx.disown();
        } else if change.scope {
            // Where it does fit, because it was old_template before, its bundle will show that.
            cx.judge_names(None, true);
        }
        #[cfg(feature = "seeded")]
        let change = Change { subject: change.subject && !cx.bug(Bug::T05), ..change };
        #[cfg(feature = "seeded")]
        if cx.bug(Bug::T01) && matches!(self, Self::Keying(_) | Self::Saving(_) | Self::Asking(_)) {
            return self;
        }
        let rest = cx.rest_after_change();
        match self {
            // What there is will be judged by the new template anyway.
            Self::New | Self::Locking(_) | Self::Ended(_) => self,
            Self::Recovering(mut phase) => {
                phase.carry = match phase.carry {
                    Carry::Nothing => Carry::Nothing,
                    Carry::Rest(_) | Carry::Look(_) => Carry::Rest(rest),
                    Carry::Dropped(_, key, cert) => Carry::Dropped(rest, key, cert),
                    Carry::Request(attempt) => cx.dropped(&attempt, None, rest),
                    Carry::Certificate(attempt, certificate) => {
                        cx.kept_or_dropped(change, (attempt, certificate), rest)
                    }
                };
                phase.interrupted()
            }
            #[cfg(feature = "seeded")]
            Self::Resting(phase) if cx.bug(Bug::T07) => {
                Recovering::begin(cx, Carry::Rest(phase), cx.now.mono)
            }
            Self::Resting(_) | Self::Keying(_) => Recovering::begin(cx, Carry::Rest(rest), cx.now.mono),
            Self::Saving(phase) => {
                let carry = cx.dropped(&phase.attempt, None, rest);
                Recovering::after(phase.under_way(cx), carry, cx.now.mono)
            }
            Self::Asking(phase) => {
                phase.cancel(cx);
                let carry = cx.dropped(&phase.attempt, None, rest);
                Recovering::begin(cx, carry, cx.now.mono)
            }
            Self::Installing(phase) => {
                let Installing { attempt, certificate, .. } = phase;
                let carry = match phase.attempt() {
                    Some(_) => cx.kept_or_dropped(change, (attempt, certificate), rest),
                    None => Carry::Dropped(rest, attempt.key, Some(certificate.cert)),
                };
                Recovering::after(phase.under_way(cx), carry, cx.now.mono)
            }
        }
    }
}

impl Cx<'_> {
    /// The renewal point by the timing parameters as they are now; both clocks are moved by as much.
    fn plan_anew(&mut self, before: &Config) {
        let times = self.common.config.timing().clone();
        let none = self.common.live.generation().0 == 0 && self.common.in_use().is_none();
        if none && self.common.late.is_none() {
            self.common.lifetime = self.common.config.template().duration.unwrap_or(FULL_LIFETIME);
        }
        if times == *before.timing() {
            return;
        }
        if let Live::Serving(identity) | Live::Held(identity) = &mut self.common.live {
            identity.replan(&times);
        }
        if let Some(identity) = &mut self.common.unsaved {
            identity.replan(&times);
        }
    }

    /// What is live is for another subject than is asked for.
    fn disown(&mut self) {
        #[cfg(feature = "seeded")]
        if self.bug(Bug::T02) {
            return;
        }
        let served = self.common.serving();
        let unsaved = self.common.unsaved.take();
        let Some(Identity { generation, .. }) = unsaved.as_ref().or(self.common.live.identity()).copied()
        else {
            return;
        };
        // Where it went live in this very step, nobody hears of it.
        let came =
            |action: &Action| matches!(action, Action::GoLive { generation: it, .. } if *it == generation);
        match self.actions.iter().position(came) {
            Some(place) => drop(self.actions.remove(place)),
            None if served.is_some() => self.actions.push(Action::Withdraw { generation }),
            None => {}
        }
        self.report(Event::OtherSubject { generation });
        self.common.live = Live::OtherSubject(generation);
    }

    /// The rest before the next attempt: none, but that a template which changes to and fro must not lead to one attempt
    /// after the other. What failed before counts for nothing.
    fn rest_after_change(&mut self) -> Resting {
        self.common.settled = self.common.top;
        self.common.changed = true;
        Resting::without_wait(self)
    }

    /// An attempt begins; if another template led to it, the next of these waits.
    pub(crate) fn follows_change(&mut self) {
        if core::mem::take(&mut self.common.changed) {
            self.common.changes = self.after(self.common.timing().issuance_interval(self.common.lifetime));
        }
    }

    fn dropped(&mut self, attempt: &Attempt, cert: Option<CertHandle>, rest: Resting) -> Carry {
        self.report(Event::RequestAbandoned { request: attempt.request });
        Carry::Dropped(rest, attempt.key, cert)
    }

    fn kept_or_dropped(
        &mut self,
        change: Change,
        (attempt, certificate): (Attempt, Certificate),
        rest: Resting,
    ) -> Carry {
        match change.kept(certificate) {
            Some(certificate) => Carry::Certificate(attempt, certificate),
            None => self.dropped(&attempt, Some(certificate.cert), rest),
        }
    }

    /// The names and usages of what is served, durable or not, were judged anew: of this generation, if one is given.
    pub(crate) fn judge_names(&mut self, generation: Option<Generation>, old_template: bool) {
        let durable = match &mut self.common.live {
            Live::Serving(identity) | Live::Held(identity) => Some(identity),
            Live::None | Live::Withdrawn(_) | Live::OtherSubject(_) => None,
        };
        let (mut told, all) = (None, generation.is_none());
        for identity in durable.into_iter().chain(&mut self.common.unsaved) {
            if all || generation == Some(identity.generation) {
                let before = core::mem::replace(&mut identity.old_template, old_template);
                told = told.or((old_template && !before).then_some(identity.generation));
            }
        }
        if let Some(generation) = told {
            self.report(Event::OldTemplate { generation });
        }
    }
}
