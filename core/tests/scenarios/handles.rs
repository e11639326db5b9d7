//! Keys and certificates that the driver lost, and those that it erases.

use super::*;
use certrotate_core::disk::Content;
use certrotate_core::id::{KeyDigest, KeyHandle, OpId, RequestDigest, RunId};
use certrotate_core::input::MadeKey;
use certrotate_core::issuer::Call;
use certrotate_core::view::Handle;
use certrotate_model::transition::{DriverFault, Transition};

/// Whether an operation in flight needs a key.
type Needs = fn(&Effect) -> bool;

const NEEDS: [(&str, Needs); 3] = [
    ("the pending file", |effect| {
        matches!(effect, Effect::Disk(DiskCommand::Write { content: Content::Pending { .. }, .. }))
    }),
    ("the request", |effect| matches!(effect, Effect::Call(Call::Create { .. }, _))),
    ("the bundle", |effect| {
        matches!(effect, Effect::Disk(DiskCommand::Write { content: Content::Bundle { .. }, .. }))
    }),
];

#[test]
fn lost_handle_is_reported_and_another_key_is_made() {
    for (file, needs) in NEEDS {
        for mut world in [world(), running()] {
            if world.served().is_none() {
                world.start();
            }
            let before = world.served();
            world.run_until(file, |world| world.in_flight.iter().any(|it| needs(&it.effect)));
            let made = world.requests_made();
            assert!(world.happen(Transition::Driver(DriverFault::LosesHandles)), "{file}");
            assert_eq!(said(&world, |it| matches!(it, Event::HandleGone { .. })), 1, "{file}");
            world.run_until("another certificate", |world| world.served() > before);
            assert_eq!(world.requests_made(), made + 1, "{file}: one key more");
            assert_eq!(said(&world, |it| matches!(it, Event::Expired { .. })), 0, "{file}: in time");
        }
    }
}

#[test]
fn handles_of_an_ignored_answer_are_listed_for_erasure() {
    let mut world = world();
    world.start();
    let mut node = world.node.clone().expect("it runs");
    let op = OpId { run: RunId(1), seq: 999 };
    let (key, key_digest) = (KeyHandle(7), KeyDigest([7; 32]));
    let made = MadeKey { key, key_digest, request: RequestDigest([7; 32]) };
    let step = node.step(world.now, Input::KeyMade { op, result: Ok(made) });
    assert_eq!(step.disposition, Disposition::Ignored(Why::NotOutstanding));
    assert_eq!(step.erase, [Handle::Key(key)]);
}
