use crate::event::Event;
use crate::reduce::reduce;
use crate::scenario::{Scenario, wrong};
use crate::simulate::scenario;
use crate::world::Driver;

#[test]
fn a_long_scenario_that_shows_a_missing_sync_becomes_a_few_events_that_show_it_too() {
    let fails = |scenario: &Scenario| {
        let played = scenario.play_in(wrong(Driver::SkipsDirectorySyncs), false);
        played.world.violation.map(|violation| (violation, played.events))
    };
    let long = (1..).map(|seed| scenario(seed, 100)).find(|it| fails(it).is_some());
    let long = long.expect("one in a few random scenarios gets to a first certificate");
    let short = reduce(&long, fails);
    assert!(short.events.len() <= 8, "{short}");
    assert_eq!(fails(&short).map(|(it, _)| it.id), fails(&long).map(|(it, _)| it.id));
    assert!(short.events.iter().all(|event| matches!(event, Event::Step(_))), "no fault is needed: {short}");
}
