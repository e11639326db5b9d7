//! A second opinion on the explorer: stateright's search counts the same states.

use certrotate_model::explore::{Bound, explore, web};
use certrotate_model::scenario::Setup;

#[test]
fn stateright_and_explorer_count_the_same_states() {
    for (choice, faults, rotations) in [(0x00, 0, 3), (0x00, 1, 2), (0x80, 1, 2)] {
        let setup = Setup::decode(choice, 0);
        let bound = Bound { setup, faults, rotations, settles: false };
        let ours = explore(bound, |_, _| {}, |_| {}, |_| true);
        assert!(ours.complete, "{:?}", ours.found);
        println!(
            "setup {choice:02x}, {faults} faults, {rotations} identities: {} states",
            ours.progress.states
        );
        assert_eq!(web::count(bound), (ours.progress.states, true), "setup {choice:02x}, {faults} faults");
    }
}
