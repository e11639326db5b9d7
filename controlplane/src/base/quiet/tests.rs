use super::*;

#[test]
fn lines_beyond_the_budget_are_counted_and_reported_later() {
    let (quiet, start) = (Quiet::new(), Instant::now());
    let allowed = (0..1_000).filter(|_| quiet.allow(start).is_some()).count() as u64;
    assert_eq!(allowed, LOG_LINES);
    assert_eq!(quiet.allow(start + LOG_LINES_TIME), Some(1_000 - LOG_LINES));
    assert_eq!(quiet.allow(start + LOG_LINES_TIME), Some(0));
}
