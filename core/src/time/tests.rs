use super::*;
use alloc::format;
use core::time::Duration;

#[test]
fn civil_dates_are_those_of_the_gregorian_calendar() {
    // From `date -u -d @SECONDS`.
    for (secs, text) in [
        (0, "1970-01-01T00:00:00Z"),
        (-1, "1969-12-31T23:59:59Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (951_868_799, "2000-02-29T23:59:59Z"),
        (951_868_800, "2000-03-01T00:00:00Z"),
        (1_709_164_800, "2024-02-29T00:00:00Z"),
        (1_767_225_600, "2026-01-01T00:00:00Z"),
        (1_795_518_733, "2026-11-24T11:12:13Z"),
        (4_107_542_400, "2100-03-01T00:00:00Z"),
        (4_107_542_399, "2100-02-28T23:59:59Z"),
        (-2_203_891_200, "1900-03-01T00:00:00Z"),
        (-11_644_473_600, "1601-01-01T00:00:00Z"),
        (-62_135_596_800, "0001-01-01T00:00:00Z"),
        (253_402_300_799, "9999-12-31T23:59:59Z"),
        (253_402_300_800, "10000-01-01T00:00:00Z"),
    ] {
        assert_eq!(format!("{}", WallTime::from_unix_secs(secs)), text);
    }
}

#[test]
fn every_day_of_eight_centuries_follows_the_one_before() {
    let (mut year, mut month, mut day) = (1600i64, 1u8, 1u8);
    for number in -135_140i64..157_055 {
        let found = WallTime::from_unix_secs(number * 86_400).civil();
        assert_eq!((found.0, found.1, found.2), (year, month, day), "day {number}");
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        day += 1;
        if day > days {
            (day, month) = (1, month + 1);
        }
        if month > 12 {
            (month, year) = (1, year + 1);
        }
    }
}

#[test]
fn a_millisecond_before_the_epoch_is_in_the_second_before_it() {
    let before = WallTime::from_unix_ms(-1);
    assert_eq!((before.unix_secs(), before.whole_second()), (-1, WallTime::from_unix_secs(-1)));
    assert_eq!(format!("{before}"), "1969-12-31T23:59:59Z");
}

#[test]
fn arithmetic_saturates_at_both_ends() {
    assert_eq!(WallTime::MAX.plus(Span::MAX), WallTime::MAX);
    assert_eq!(WallTime::MIN.plus(Span::MAX), WallTime::MAX);
    assert_eq!(WallTime::MAX.since(WallTime::MIN), Span::MAX);
    assert_eq!(WallTime::MIN.since(WallTime::MAX), Span::ZERO);
    assert_eq!(WallTime::from_unix_secs(i64::MAX), WallTime::MAX);
    assert_eq!(WallTime::from_unix_secs(i64::MIN), WallTime::MIN);
    assert_eq!(MonoTime::from_ms(u64::MAX).plus(Span::from_ms(1)), MonoTime::from_ms(u64::MAX));
    assert_eq!(MonoTime::from_ms(1).since(MonoTime::from_ms(2)), Span::ZERO);
    assert_eq!(Span::from_hours(u64::MAX), Span::MAX.scaled(1, 1).max(Span::from_secs(u64::MAX)));
    assert_eq!(Span::MAX.plus(Span::from_ms(1)), Span::MAX);
    assert_eq!(Span::MAX.scaled(u64::MAX, 1), Span::MAX);
    assert_eq!(Span::MAX.scaled(1, u64::MAX), Span::from_ms(1));
    assert_eq!(Span::from_secs(7).scaled(3, 0), Span::from_secs(7), "no division by zero");
    for extreme in [WallTime::MIN, WallTime::MAX] {
        assert!(format!("{extreme}").ends_with('Z'), "{extreme}");
        let _ = extreme.whole_second().civil();
    }
}

#[test]
fn a_span_shows_the_two_units_that_matter() {
    for (ms, text) in [
        (0, "0ms"),
        (10, "10ms"),
        (1000, "1s"),
        (1250, "1.250s"),
        (59_999, "59.999s"),
        (60_000, "1m0s"),
        (310_000, "5m10s"),
        (3_600_000, "1h0m"),
        (86_399_999, "23h59m"),
        (86_400_000, "1d0h"),
        (273_600_000, "3d4h"),
    ] {
        assert_eq!(format!("{}", Span::from_ms(ms)), text);
    }
    assert_eq!(format!("{}", Span::MAX), "213503982334d14h");
}

#[test]
fn durations_are_rounded_down_to_milliseconds_and_saturate() {
    let odd = Duration::new(3, 4_999_999);
    assert_eq!(Span::from_duration(odd), Span::from_ms(3004));
    assert_eq!(Duration::from(Span::from_ms(3004)), Duration::from_millis(3004));
    assert_eq!(Span::from_duration(Duration::MAX), Span::MAX);
    assert_eq!(MonoTime::from_duration(odd), MonoTime::from_ms(3004));
    assert_eq!(WallTime::from_unix(odd), WallTime::from_unix_ms(3004));
    assert_eq!(WallTime::from_unix(Duration::MAX), WallTime::MAX);
    assert_eq!(WallTime::from_unix_ms(3004).unix(), Some(Duration::from_millis(3004)));
    assert_eq!(WallTime::from_unix_ms(-1).unix(), None);
}
