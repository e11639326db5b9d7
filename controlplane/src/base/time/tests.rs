use super::*;

#[test]
fn rounding_up_moves_only_fractions() {
    let at = UNIX_EPOCH + std::time::Duration::from_millis(1500);
    assert_eq!((seconds_down(at), seconds_up(at)), (1, 2));
    let whole = UNIX_EPOCH + std::time::Duration::from_secs(7);
    assert_eq!((seconds_down(whole), seconds_up(whole)), (7, 7));
}
