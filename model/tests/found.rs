//! Defects of the rotator that engines found, as scenario tests.

use certrotate_core::config::{Config, ConfigSpec, Template};
use certrotate_core::disk::{DiskCommand, Name};
use certrotate_core::id::Generation;
use certrotate_model::World;
use certrotate_model::transition::Transition;
use certrotate_model::world::Effect;

fn world() -> World {
    let spec = ConfigSpec::new(Template::kubelet_client("node-1"));
    let mut world = World::new(Config::new(spec).expect("the template is complete"));
    world.start();
    world
}

#[test]
fn s12_abandoned_pending_file_counts_with_the_superseded_bundle() {
    let mut world = world();
    world.run_until("a bundle is superseded", |world| world.served() == Some(Generation(2)));
    world.run_until("the superseded bundle is to be removed", |world| {
        let effect = world.in_flight.iter().map(|asked| asked.effect).next();
        matches!(effect, Some(Effect::Disk(DiskCommand::Unlink { name: Name::Bundle { .. } })))
    });
    // The request of the pending file is for the old name.
    assert!(world.happen(Transition::OtherNodeName));
    world.run_until("the first identity of the new name", |world| world.served().is_some());
    assert_eq!(world.violation, None);
}
