use super::*;

#[test]
fn decoded_scenario_encodes_to_the_same_bytes() {
    let bytes: Vec<u8> = (0..=255).collect();
    let scenario = Scenario::decode(&bytes);
    assert_eq!(Scenario::decode(&scenario.encode()), scenario);
}

#[test]
fn empty_scenario_holds() {
    for choice in 0..=255 {
        let scenario = Scenario { setup: Setup::decode(choice, 1), transitions: Vec::new() };
        let played = scenario.play();
        assert_eq!(played.world.violation, None, "{scenario}\n{}", played.world.summary());
    }
}
