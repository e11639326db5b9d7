use super::*;
use crate::random::Random;

#[test]
fn start_recovers_from_any_directory() {
    let mut served = 0;
    for seed in 0..4000 {
        let mut random = Random::new(seed);
        let length = 3 + 5 * random.below(8);
        let bytes: Vec<u8> = (0..length).map(|_| random.byte()).collect();
        let world = play(&bytes);
        assert_eq!(world.violation, None, "{bytes:02x?}\n{}", world.summary());
        served += u64::from(best(&world).is_some());
    }
    assert!(served > 3000, "in most of them it serves in the end: {served}");
}
