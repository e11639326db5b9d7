use super::*;
use crate::base::duration::parse_duration;

#[test]
fn durations_are_read_as_go_writes_them() {
    let table = [
        ("10s", 10_000),
        ("1h30m", 5_400_000),
        ("1.5h", 5_400_000),
        ("300ms", 300),
        ("365d", 31_536_000_000),
        ("0", 0),
    ];
    for (text, millis) in table {
        assert_eq!(parse_duration(text).unwrap(), Duration::from_millis(millis), "{text}");
    }
}

#[test]
fn malformed_duration_is_refused_with_its_text() {
    for text in ["", "10", "s", "-1s", "1x", "1..2s", "1e9d", "200000d"] {
        let error = parse_duration(text).unwrap_err().to_string();
        assert!(error.contains(&format!("{text:?}")), "{error}");
    }
}
