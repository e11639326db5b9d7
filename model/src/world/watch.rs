//! The inputs and actions that the [monitor](crate::monitor) gets.

use certrotate_core::disk::{DiskDone, Name, PairFound, Place};
use certrotate_core::event::Event;
use certrotate_core::id::{CertHandle, RequestDigest};
use certrotate_core::input::{Action, Disposition, Input};
use certrotate_core::issuer::{Call, IssuerFault, RequestRecord, RequestState};
use certrotate_core::rotator::Step;
use certrotate_core::time::{Span, WallTime};
use certrotate_core::view::Phase;

use crate::disk::File;
use crate::invariants::adoption::{
    s5_no_better_pair_is_left, s5_replaced_pair_was_copied, s9_adopted_pair_is_not_due,
    s13_attempt_follows_scan, shows_a_better_pair,
};
use crate::invariants::exceptions::{broken_current_link, in_memory_identity, misread_in_this_run};
use crate::invariants::expiry::{age_of_found, failed_attempts, pending, row_ends, shows_request_of_expired};
use crate::monitor::{Validity, latest_rest, rest, shortest_call_wait};
use crate::world::World;
use crate::world::answer::request_digest;
use crate::world::driver::number;

impl World {
    /// Before a step, of a node whose certificates live for `lifetime`.
    pub(super) fn watch_input(&mut self, input: &Input, lifetime: Span) {
        let mut monitor = self.ghost.monitor;
        if *input == Input::RotateNow {
            self.ghost.load.allow_request();
        }
        monitor.given(*input == Input::RotateNow, |cert| self.is_good(cert));
        if let Input::CallAnswered { op, result } = input {
            let shown = match result {
                Ok(RequestRecord { state: RequestState::Issued { cert, .. }, .. }) => {
                    Some((*cert, self.is_good(*cert)))
                }
                Ok(_) | Err(_) => None,
            };
            let found = (age_of_found(self), failed_attempts(self));
            if matches!(result, Err(IssuerFault::Invalid)) {
                self.ghost.load.allow_request();
            }
            monitor.answered(*op, (self.continued().mono, lifetime), result, shown, found);
        }
        self.ghost.monitor = monitor;
    }

    /// Before a step: the request that this answer shows and that is to be given up, because the identity that made it has expired.
    pub(super) fn request_to_give_up(&self, input: &Input) -> Option<RequestDigest> {
        let Input::CallAnswered { op, result: Ok(object) } = input else { return None };
        let is_shown = self.ghost.monitor.is_bootstrap_call(*op) && shows_request_of_expired(self, object);
        self.view()?.request.filter(|_| is_shown)
    }

    /// When a found request is sent at the latest, in the step that found it.
    pub(super) fn watch_found(&mut self) {
        let is_first = !self.ghost.has_requested;
        let Some(view) = self.view().filter(|view| is_first && view.phase == Phase::Asking) else { return };
        let lifetime = view.lifetime;
        if let Some(pending) = pending(self) {
            self.ghost.finds(pending);
            let now = self.continued().mono;
            self.ghost.load.found_call = age_of_found(self).map(|age| {
                let from = rest(age, 1, shortest_call_wait(failed_attempts(self), lifetime), lifetime);
                (now.plus(from), now.plus(latest_rest(age, 900, lifetime)))
            });
        }
    }

    /// Before a step, when it is known whether the input answers anything.
    pub(super) fn watch_disk(&mut self, input: &Input) {
        let (Input::DiskAnswered { result, .. }, false) = (input, self.spec.stray) else { return };
        self.ghost.monitor.told(result.is_err());
        if let Ok(DiskDone::Scanned(inventory)) = result {
            let valid =
                |it: &&PairFound| it.facts.not_before <= self.now.wall && self.now.wall < it.facts.not_after;
            let live = inventory.outside.iter().find(|it| it.place == Place::Current).filter(valid);
            let names = inventory.entries.iter().map(|entry| entry.name);
            self.ghost.row_ends = self.ghost.row_ends.max(row_ends(names));
            self.ghost.filed = live.map(|it| (it.key.0 as u32, it.cert.0 as u32));
            self.ghost.better_pair_seen = Some(shows_a_better_pair(self, inventory));
        }
    }

    /// Watches the wake after a step, when its actions were taken in.
    pub(super) fn watch_wake(&mut self, ticked: bool, step: &Step) {
        let Some(node) = &self.node else { return };
        let idle = ticked && step.disposition != Disposition::Applied && step.actions.is_empty();
        let shown = self.shown().mono;
        let due = node.wake().mono.map(|mono| (self.now.mono.plus(mono.since(shown)), mono));
        self.ghost.monitor.sleeps(self.now.mono, due, idle, self.served.is_some());
    }

    /// Gives an action to the monitor.
    pub(super) fn watch_action(&mut self, action: &Action) {
        let now = self.continued();
        let mut monitor = self.ghost.monitor;
        match action {
            Action::Disk { command, .. } => {
                monitor.writes(command);
                let copied = s5_replaced_pair_was_copied(self, command);
                self.hold(
                    "S5",
                    "a pair under the name of the current link is copied before it is replaced",
                    copied,
                );
            }
            Action::MakeKey { duration, .. } => {
                monitor.loses(|start| self.has_certificate_from(start));
                // Without a whole bundle on disk the node cannot tell whether the identity fits a
                // template that changed back.
                let is_seen = !broken_current_link(&self.disk)
                    && !misread_in_this_run(self)
                    && !in_memory_identity(self)
                    && self.serves_what_is_wanted();
                let served = self.served_validity().filter(|_| is_seen);
                monitor.begins(now, self.lifetime(), *duration, served);
                self.hold(
                    "S5",
                    "no attempt begins while a better pair is on disk",
                    s5_no_better_pair_is_left(self),
                );
                self.hold(
                    "S13",
                    "an attempt begins in a step that was given a scan",
                    s13_attempt_follows_scan(self),
                );
            }
            Action::Call { op, call, credential } => {
                let request = match *call {
                    Call::Create { key } => request_digest(number(key)),
                    Call::Get { request } | Call::Watch { request } => request,
                };
                monitor.calls(*op, call, request, *credential, self.served.is_some());
                let asked = match *call {
                    Call::Create { key } => self.request(number(key)).map(|it| it.template),
                    Call::Get { .. } | Call::Watch { .. } => self.server.find(request).map(|it| it.template),
                };
                let wanted = asked.is_none_or(|template| template == self.current);
                self.hold("S2", "a call is about a request for the configured template", wanted);
            }
            Action::Cancel { op } => monitor.cancelled(*op),
            Action::GoLive { generation, cert, .. } => {
                let before = self.ghost.served_before();
                monitor.goes_live(now, self.lifetime(), *cert, before != Some((*generation, *cert)));
            }
            Action::Report(Event::RequestStuck { request, .. }) => {
                monitor.gives_up(now.mono, self.lifetime(), *request);
            }
            Action::Report(Event::Adopted { generation, place }) if !matches!(place, Place::Exposed(_)) => {
                let rests = s9_adopted_pair_is_not_due(self, *generation);
                self.hold("S9", "an adopted pair with a tenth of its lifetime left is not due", rests);
            }
            Action::Report(Event::CertificateRefused { .. }) => monitor.refuses(|cert| self.is_good(cert)),
            Action::Report(Event::RequestForeign { .. } | Event::HandleGone { .. }) => monitor.leaves(),
            Action::Report(Event::Live { .. }) => monitor.is_saved(now),
            Action::Report(Event::Held { not_before, .. }) => monitor.waits(now, *not_before),
            Action::Report(Event::ClockSuspect { wait, .. }) => monitor.clock_is_suspect(now, *wait),
            Action::Withdraw { .. } | Action::Report(_) | Action::Exit(_) => {}
        }
        self.ghost.monitor = monitor;
    }

    /// Returns whether a complete bundle on disk has a certificate with this notBefore.
    fn has_certificate_from(&self, start: WallTime) -> bool {
        self.disk.names().any(|name| match (name, self.disk.read(name)) {
            (Name::Bundle { .. }, Some(File::Bundle(bundle))) => {
                self.dates(CertHandle(bundle.cert.into())).is_some_and(|(its, _)| its == start)
            }
            _ => false,
        })
    }

    /// Returns the validity of the live identity, from its issue or notBefore on.
    fn served_validity(&self) -> Option<Validity> {
        let (_, cert) = self.served?;
        let (start, end) = self.dates(cert)?;
        let identity = self.view().and_then(|view| view.identity)?;
        Some(Validity { start: start.max(identity.issued), end })
    }

    /// Whether a certificate has no defect now: it fits the current template, it is valid, and at least
    /// half of its lifetime is left.
    fn is_good(&self, cert: CertHandle) -> bool {
        let known = u32::try_from(cert.0).ok().and_then(|number| self.server.cert(number));
        known.is_some_and(|it| {
            let (lifetime, left) = (it.not_after.since(it.not_before), it.not_after.since(self.now.wall));
            self.is_wanted(cert)
                && it.key == self.true_key(it.key)
                && it.not_before <= self.now.wall
                && left >= lifetime.scaled(1, 2).max(Span::from_secs(5))
        })
    }
}
