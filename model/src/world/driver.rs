//! The driver in a world: it carries out the node's actions, one operation when the world says so.

use certrotate_core::disk::{Content, DiskCommand, DiskFault};
use certrotate_core::event::Event;
use certrotate_core::id::{CertHandle, KeyHandle, OpId};
use certrotate_core::input::Action;
use certrotate_core::issuer::{Call, Credential, IssuerFault};
use certrotate_core::time::Span;

use crate::disk::{Bundle, File, How, Kind, NAMES, Pending};
use crate::ghost::Announced;
use crate::invariants;
use crate::invariants::adoption::s13_adopted_pair_lasts_longer;
use crate::invariants::expiry::s8_may_give_up_request_of_expired;
use crate::server::Object;
use crate::world::answer::request_digest;
use crate::world::{Answer, Driver, Effect, InFlight, Outcome, Request, World};

impl World {
    pub(super) fn carry_out(&mut self, action: &Action) {
        self.watch_action(action);
        match *action {
            Action::Disk { op, command } => self.ask(op, Effect::Disk(command)),
            Action::MakeKey { op, duration } => {
                let plausible = self.shown().wall >= self.config.spec().built;
                self.hold(
                    "S14",
                    "no attempt begins while the clock shows less than the build time",
                    plausible,
                );
                self.ghost.attempt(self.now);
                self.ask(op, Effect::Key(duration));
            }
            Action::Call { op, call, credential } => {
                let lifetime = self.lifetime();
                self.ghost.called(self.now, &call, lifetime);
                if let Some(log) = &mut self.log {
                    log.calls.push((self.now, call, credential));
                }
                self.ask(op, Effect::Call(call, credential));
            }
            Action::Cancel { op } => self.in_flight.retain(|it| it.op != op),
            Action::GoLive { generation, key, cert } => {
                if let Some(marks) = &mut self.marks {
                    marks.live += 1;
                    marks.rotations += u64::from(self.served.is_some_and(|(before, _)| before != generation));
                }
                let lasts = s13_adopted_pair_lasts_longer(self, cert);
                self.hold("S13", "an adopted pair expires later than the identity that it replaces", lasts);
                let alone = !self.is_unsaved() || self.is_ending(cert);
                self.hold(
                    "S4",
                    "an in-memory identity goes live only if no other is served or that is expiring",
                    alone,
                );
                let held = self.ghost.holds_key(key) && self.ghost.holds_cert(cert);
                self.hold("S13", "the driver holds the key and the certificate of the live identity", held);
                if let Some((not_before, not_after)) = self.dates(cert) {
                    let (lifetime, durable) = (self.lifetime(), !self.is_unsaved());
                    self.ghost.went_live(
                        self.now,
                        Announced { generation, cert, not_before, not_after },
                        lifetime,
                        durable,
                    );
                }
                self.served = Some((generation, cert));
                invariants::check_disk(self);
            }
            Action::Withdraw { generation } => {
                self.ghost.withdrew(self.now, generation);
                if self.driver != Driver::ServesOn {
                    self.served = None;
                }
            }
            Action::Report(ref event) => self.reported(event),
            Action::Exit(reason) => {
                let idle =
                    self.in_flight.iter().all(|it| it.given_up || !matches!(it.effect, Effect::Disk(_)));
                self.hold("L5", "a run ends only when no disk operation is in flight", idle);
                self.kill();
                self.exit = Some(reason);
            }
        }
    }

    pub(super) fn lifetime(&self) -> Span {
        self.node.as_ref().map_or(Span::MAX, |node| node.view().lifetime)
    }

    /// Returns whether the live identity is in memory only, as core reports it.
    pub(crate) fn is_unsaved(&self) -> bool {
        self.node.as_ref().is_some_and(|node| node.view().in_memory)
    }

    /// Returns whether only this certificate is live, or the live one expires within a minute or a
    /// twentieth of its lifetime.
    fn is_ending(&self, cert: CertHandle) -> bool {
        let before =
            self.served.filter(|(_, served)| *served != cert).and_then(|(_, served)| self.dates(served));
        before.is_none_or(|(start, end)| {
            let margin = Span::from_mins(1).min(end.since(start).scaled(1, 20));
            end.since(self.now.wall) <= margin.max(Span::from_ms(10))
        })
    }

    fn reported(&mut self, event: &Event) {
        if let Event::Expired { generation, not_after } = *event {
            self.ghost.expired(generation, not_after);
        }
        if let Event::RequestStuck { request, .. } | Event::HandleGone { request, .. } = event {
            for object in &mut self.server.objects {
                object.given_up |= object.request == *request;
            }
        }
        if let Event::RequestOfExpired { request } = *event {
            let allowed = s8_may_give_up_request_of_expired(self, request);
            self.hold(
                "S8",
                "one request is given up for each expired identity, which made it, and none is served",
                allowed,
            );
            self.ghost.gave_up_of_expired = true;
            self.ghost.load.forget_requests();
            for object in &mut self.server.objects {
                object.of_expired |= object.request == request;
            }
        }
        if let Event::RequestInMemory { .. } = event {
            // A crash loses its key, and there is one such request in a run.
            self.ghost.load.forget_requests();
            self.ghost.requests_lost = self.ghost.requests_lost.saturating_add(1);
        }
        if let Event::DiskTimedOut { .. } = event {
            self.in_flight.iter_mut().for_each(|asked| asked.given_up = true);
        }
        if let Some(log) = &mut self.log {
            log.events.push((self.now, event.clone()));
        }
    }

    fn ask(&mut self, op: OpId, effect: Effect) {
        self.ops = op.seq;
        if !self.in_flight.push(InFlight { op, effect, given_up: false }) {
            // A driver keeps a few operations only; the oldest answer will never come.
            self.in_flight.remove(0);
            self.in_flight.push(InFlight { op, effect, given_up: false });
        }
    }

    /// Carries out the operation with this index in the given way. Returns its answer; `None` if
    /// there is none yet.
    pub(crate) fn perform(&mut self, index: usize, how: How) -> Option<Answer> {
        let InFlight { op, effect, .. } = self.in_flight[index];
        let outcome = match effect {
            Effect::Disk(command) => {
                let result = self.disk(&command, how);
                if command == DiskCommand::Scan { Outcome::Scan(result) } else { Outcome::Disk(result) }
            }
            Effect::Key(duration) => Outcome::Key((how == How::Well).then(|| self.make_key(duration))),
            Effect::Call(call, credential) => Outcome::Call(self.call(call, credential)?),
        };
        self.in_flight.remove(index);
        Some(Answer { op, outcome })
    }

    fn disk(&mut self, command: &DiskCommand, how: How) -> Result<(), DiskFault> {
        let how = match (self.disk.injected(Kind::of(command)), how) {
            (Some(fault), How::Well) => How::Fails(fault),
            (_, how) => how,
        };
        // A directory of the model has room for few names; a full one is another fault.
        let is_filling = how == How::Fails(DiskFault::NoEffect) && self.disk.names().count() + 4 > NAMES;
        let how = if is_filling { How::Well } else { how };
        let how = match (self.driver, command) {
            (Driver::SkipsDirectorySyncs, DiskCommand::SyncDir)
            | (Driver::SkipsFileSyncs, DiskCommand::SyncFile { .. })
            | (Driver::SkipsUnlinks, DiskCommand::Unlink { .. }) => How::Pretended,
            (
                Driver::ServesEarly,
                DiskCommand::Write { content: Content::Bundle { generation, cert, .. }, .. },
            ) => {
                self.served = Some((*generation, *cert));
                how
            }
            _ => how,
        };
        let content = match command {
            DiskCommand::Write { content, .. } => self.written(content),
            _ => File::Empty,
        };
        let result = self.disk.run(command, how, content);
        if let Some(weakness) = self.weakness {
            weakness.after(&mut self.disk, command);
        }
        if *command == DiskCommand::SyncDir && result.is_ok() && !self.disk.is_changed_externally {
            for (generation, key) in self.disk.durable_keys() {
                // An external pair may be adopted again after every other pair expired.
                if !self.disk.outside.iter().any(|pair| pair.key == key) {
                    self.ghost.generation_has(generation, key);
                }
            }
        }
        self.operations.note(command, result);
        self.ghost.disk(command, result, &self.disk);
        self.ghost.monitor.wrote(command, result);
        invariants::check_disk(self);
        if let Some(log) = &mut self.log {
            log.disk.push((*command, result));
            log.names_max = log.names_max.max(self.disk.names().count());
        }
        result
    }

    fn written(&mut self, content: &Content) -> File {
        match *content {
            Content::Pending { generation, key, made } => {
                let held = self.ghost.holds_key(key);
                self.hold("S10", "the driver holds a key that is written", held);
                File::Pending(Pending { generation, made, key: number(key) })
            }
            Content::Bundle { generation, key, cert, issued } => {
                let held = self.ghost.holds_key(key) && self.ghost.holds_cert(cert);
                self.hold("S10", "the driver holds a key and a certificate that are written", held);
                let mut cert = cert.0 as u32;
                if self.driver == Driver::FetchesAgain {
                    let (request, wall) = (request_digest(number(key)), self.server_wall());
                    cert = self.server.issue_again(request, wall).unwrap_or(cert);
                }
                File::Bundle(Bundle { generation, issued, key: number(key), cert })
            }
        }
    }

    fn make_key(&mut self, duration: Option<Span>) -> u32 {
        let number = self.requests.len() as u32 + 1;
        let key = if self.driver == Driver::ReusesKeys { 1 } else { number };
        let template = self.current;
        self.requests.push(Request { template, duration, key });
        number
    }

    /// Returns the answer of the server; `None` while it is silent.
    fn call(&mut self, call: Call, credential: Credential) -> Option<Result<Object, IssuerFault>> {
        if let Some(weakness) = self.weakness {
            weakness.before_call(&mut self.server);
        }
        if let Call::Watch { request } = call {
            return self.watch(request, credential);
        }
        if self.server.silent {
            return None;
        }
        let fault = self.server.fault(credential == Credential::Bootstrap);
        Some(match (fault, call) {
            // A request that the server has was valid.
            (Some(IssuerFault::Invalid), Call::Create { .. })
                if self.has_object(&Effect::Call(call, credential)) =>
            {
                Err(IssuerFault::AlreadyExists)
            }
            (Some(fault), _) => Err(fault),
            (None, Call::Create { key }) => self.create(number(key), credential),
            (None, Call::Get { request } | Call::Watch { request }) => {
                self.server.control(self.server_wall());
                self.server.find(request).copied().ok_or(IssuerFault::NotFound)
            }
        })
    }

    /// Returns whether a call would create an existing object.
    pub(super) fn has_object(&self, effect: &Effect) -> bool {
        match effect {
            Effect::Call(Call::Create { key }, _) => self.server.find(request_digest(number(*key))).is_some(),
            Effect::Call(..) | Effect::Key(_) | Effect::Disk(_) => false,
        }
    }

    fn create(&mut self, number: u32, credential: Credential) -> Result<Object, IssuerFault> {
        let Some(request) = self.request(number).copied() else { return Err(IssuerFault::Invalid) };
        let held = self.ghost.holds_key(KeyHandle(number.into()));
        self.hold("S10", "the driver holds the key of a request that is sent", held);
        let object = Object {
            request: request_digest(number),
            key: request.key,
            template: request.template,
            foreign_signer: false,
            foreign_usages: false,
            approved: false,
            denied: false,
            failed: false,
            issue: None,
            made: self.server_wall(),
            given_up: false,
            by_node: credential != Credential::Bootstrap || self.server.bootstrap_is_node,
            of_expired: false,
        };
        self.ghost.key_requested(request.key, number);
        if self.driver == Driver::AsksTwice {
            let twin = Object { request: request_digest(u32::MAX), ..object };
            let _ = self.server.create(twin, request.duration, self.server_wall());
        }
        let result = self.server.create(object, request.duration, self.server_wall());
        if let (Some(log), Ok(_)) = (&mut self.log, result) {
            log.requests.insert(object.request);
        }
        result
    }

    fn watch(
        &mut self,
        request: certrotate_core::id::RequestDigest,
        credential: Credential,
    ) -> Option<Result<Object, IssuerFault>> {
        if self.server.no_watch {
            return Some(Err(IssuerFault::NotPermitted));
        }
        if self.server.watch_ends {
            return Some(Err(IssuerFault::WatchEnded));
        }
        let refused = match credential {
            Credential::Bootstrap => self.server.refuse_bootstrap,
            Credential::Live(_) => self.server.refuse_live,
        };
        if refused {
            return Some(Err(IssuerFault::NotAuthenticated));
        }
        if self.server.outage.is_some() || self.server.silent {
            return None;
        }
        self.server.control(self.server_wall());
        match self.server.find(request) {
            None => Some(Err(IssuerFault::NotFound)),
            Some(object) if object.is_decided() => Some(Ok(*object)),
            Some(_) => None,
        }
    }
}

pub(super) fn number(key: KeyHandle) -> u32 {
    u32::try_from(key.0).unwrap_or(u32::MAX)
}
