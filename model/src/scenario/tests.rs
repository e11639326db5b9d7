use super::*;

#[test]
fn the_meaning_of_bytes_can_be_written_as_bytes_again() {
    let bytes: Vec<u8> = (0..=255).collect();
    let scenario = Scenario::decode(&bytes);
    assert_eq!(Scenario::decode(&scenario.encode()), scenario);
}

#[test]
fn nothing_happens_and_everything_holds() {
    for choice in 0..=255 {
        let scenario = Scenario { setup: Setup::decode(choice, 1), transitions: Vec::new() };
        let played = scenario.play();
        assert_eq!(played.world.violation, None, "{scenario}\n{}", played.world.summary());
    }
}
