//! Transitions in which the driver breaks its contract. Core must survive them.

use certrotate_core::disk::{Content, DiskCommand, DiskFault};
use certrotate_core::input::{Disposition, Input, KeyFault};
use certrotate_core::issuer::{Call, IssuerFault};
use certrotate_core::time::Span;
use certrotate_core::view::{Handle, Phase};

use crate::disk::How;
use crate::transition::DriverFault;
use crate::world::{Answer, Effect, InFlight, Outcome, World};

impl World {
    pub(super) fn driver_fails(&mut self, fault: DriverFault) -> bool {
        match fault {
            DriverFault::MonoBack(by) => self.mono_back(by),
            DriverFault::LosesHandles => self.loses_handles(),
            DriverFault::WrongKind => self.answers_with_another_kind(),
        }
    }

    /// The driver's monotonic clock goes back, just after a step: core cannot know the time since the last one.
    fn mono_back(&mut self, by: Span) -> bool {
        self.give(Input::Tick);
        let shown = self.shown().mono.ms();
        self.back = self.back.plus(Span::from_ms(by.ms().min(shown)));
        self.give(Input::Tick);
        shown > 0
    }

    /// The driver has erased the key and the certificate that an awaited operation needs.
    fn loses_handles(&mut self) -> bool {
        let needs = |it: &InFlight| match it.effect {
            Effect::Disk(DiskCommand::Write { content: Content::Pending { key, .. }, .. })
            | Effect::Call(Call::Create { key }, _) => Some(vec![Handle::Key(key)]),
            Effect::Disk(DiskCommand::Write { content: Content::Bundle { key, cert, .. }, .. }) => {
                Some(vec![Handle::Key(key), Handle::Cert(cert)])
            }
            Effect::Disk(_) | Effect::Key(_) | Effect::Call(..) => None,
        };
        let found = self
            .in_flight
            .iter()
            .enumerate()
            .filter(|(_, it)| !it.given_up && self.spec.in_flight.get(it.op).is_some())
            .find_map(|(index, it)| Some((index, *it, needs(it)?)));
        let Some((index, InFlight { op, effect, .. }, handles)) = found else { return false };
        // To lose those of the live identity is another fault: the process can no longer present it.
        let live = self.view().and_then(|view| view.identity);
        if live.is_some_and(|live| {
            handles.iter().any(|it| [Handle::Key(live.key), Handle::Cert(live.cert)].contains(it))
        }) {
            return false;
        }
        let outcome = match effect {
            Effect::Disk(_) => match self.perform(index, How::Fails(DiskFault::HandleGone)) {
                Some(answer) => answer.outcome,
                None => return false,
            },
            Effect::Key(_) | Effect::Call(..) => Outcome::Call(Err(IssuerFault::HandleGone)),
        };
        self.ghost.erase(&handles);
        self.answer(Answer { op, outcome });
        true
    }

    /// The first operation in flight gets the answer of another kind of operation.
    fn answers_with_another_kind(&mut self) -> bool {
        let phase = self.view().map(|view| view.phase);
        let is_awaited = |it: &&InFlight| match it.effect {
            Effect::Disk(_) => !it.given_up,
            Effect::Key(_) => phase == Some(Phase::Keying),
            Effect::Call(..) => true,
        };
        let Some((index, InFlight { op, effect, .. })) =
            self.in_flight.iter().enumerate().find(|(_, it)| is_awaited(it)).map(|(index, it)| (index, *it))
        else {
            return false;
        };
        let (outcome, failure) = match effect {
            Effect::Disk(command) => {
                // Whether it was done is unknown, as after any failure.
                let how = if command.mutates() { How::FailsDone } else { How::Fails };
                self.perform(index, how(DiskFault::Io));
                let done = if command == DiskCommand::Scan { Outcome::Disk } else { Outcome::Scan };
                (done(Ok(())), Input::DiskAnswered { op, result: Err(DiskFault::WrongKind) })
            }
            Effect::Key(_) => {
                let failure = Input::KeyMade { op, result: Err(KeyFault::WrongKind) };
                (Outcome::Call(Err(IssuerFault::NotFound)), failure)
            }
            Effect::Call(..) => {
                (Outcome::Key(None), Input::CallAnswered { op, result: Err(IssuerFault::WrongKind) })
            }
        };
        let answer = Answer { op, outcome };
        let input = self.render(answer);
        self.hand_over(&input);
        let step = self.give_seen(input, Some(&failure));
        let failed = step.is_none_or(|step| step.disposition == Disposition::Applied);
        self.hold("S13", "the answer of another kind fails its operation", failed);
        self.last = Some(answer);
        true
    }
}
