use super::*;
use alloc::format;
use alloc::vec::Vec;

const DAY: Span = Span::from_hours(24);

fn leaf(start: u64) -> LeafDigest {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&start.to_be_bytes());
    LeafDigest(digest)
}

#[test]
fn default_timing_is_valid_and_equals_the_table() {
    let times = Timing::default();
    assert_eq!(times.check(), Ok(()));
    assert_eq!(times.retry_max(DAY), Span::from_mins(15));
    assert_eq!(times.expiry_margin(DAY), Span::from_mins(1));
    assert_eq!(times.call_deadline(DAY), Span::from_secs(30));
    assert_eq!(times.disk_deadline(DAY), Span::from_secs(30));
    assert_eq!(times.issuance_interval(DAY), Span::from_mins(1));
    assert_eq!(times.clock_check(DAY), Span::from_mins(1));
}

#[test]
fn times_shrink_below_a_lifetime_of_an_hour_and_never_grow() {
    let times = Timing::default();
    let half = Span::from_mins(30);
    assert_eq!(times.retry_max(half), Span::from_secs(450));
    assert_eq!(times.issuance_interval(half), Span::from_secs(30));
    assert_eq!(times.retry_max(FULL_LIFETIME), times.retry_max(Span::MAX));
    let demo = Span::from_secs(10);
    assert_eq!(times.issuance_interval(demo), Span::from_ms(166));
    assert_eq!(times.retry_max(demo), Span::from_ms(2500));
    assert_eq!(times.call_deadline(demo), Span::from_secs(1), "a handshake takes its time");
    assert_eq!(times.disk_deadline(demo), Span::from_secs(1));
    assert_eq!(times.expiry_margin(demo), Span::from_ms(166));
    assert_eq!(times.expiry_margin(Span::from_mins(10)), Span::from_secs(10));
    for time in
        [times.issuance_interval(Span::ZERO), times.expiry_margin(Span::ZERO), times.clock_check(Span::ZERO)]
    {
        assert_eq!(time, Span::from_ms(10));
    }
}

#[test]
fn waits_double_from_the_first_to_the_longest() {
    let times = Timing::default();
    // The middle of the jitter's range: no jitter.
    let none = u64::from(times.jitter);
    let retries: Vec<u64> = (0..12).map(|count| times.retry(DAY, count, none).ms() / 1000).collect();
    assert_eq!(retries, [2, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
    let renewals: Vec<u64> = (1..8).map(|count| times.renew(DAY, count, none).ms() / 60_000).collect();
    assert_eq!(renewals, [10, 20, 40, 80, 160, 240, 240]);
    let looks: Vec<u64> = (1..7).map(|count| times.poll(DAY, count).ms() / 1000).collect();
    assert_eq!(looks, [10, 20, 40, 80, 120, 120]);
    let ages: Vec<u64> = (1..6).map(|count| times.approved_age(count).ms() / 3_600_000).collect();
    assert_eq!(ages, [24, 48, 96, 192, 192]);
}

#[test]
fn jitter_fills_its_range_and_only_lengthens_the_renew_wait() {
    let times = Timing::default();
    let retries: Vec<u64> = (0..501).map(|draw| times.retry(DAY, 1, draw).ms()).collect();
    assert_eq!((retries.iter().min(), retries.iter().max()), (Some(&1500), Some(&2500)));
    let different: alloc::collections::BTreeSet<&u64> = retries.iter().collect();
    assert_eq!(different.len(), 501, "it is not always zero (F31)");
    let renewals: Vec<u64> = (0..501).map(|draw| times.renew(DAY, 1, draw).ms()).collect();
    assert_eq!((renewals.iter().min(), renewals.iter().max()), (Some(&600_000), Some(&750_000)));
    assert!((0..501).all(|draw| times.retry(DAY, 99, draw) <= times.retry_max(DAY)));
}

#[test]
fn thousand_leaves_fill_70_to_90_percent_of_the_lifetime_evenly() {
    let times = Timing::default();
    let start = WallTime::from_unix_secs(1_767_225_600);
    let mut tenths = [0u32; 10];
    for number in 0..1000u64 {
        // Multiply-xor-shift, for the digits of a digest are all alike.
        let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let drawn = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        let point = times.renewal_point(start, start.plus(DAY), &leaf(drawn)).since(start).ms();
        let share = (point * 1000 / DAY.ms()) as usize;
        assert!((700..=900).contains(&share), "{share}");
        tenths[((share - 700) / 20).min(9)] += 1;
    }
    assert!(tenths.iter().all(|count| (75..=125).contains(count)), "{tenths:?}");
    assert_eq!(times.renewal_point(start, start.plus(DAY), &leaf(0)), start.plus(DAY.scaled(7, 10)));
}

#[test]
fn renewal_point_lies_between_start_and_end_for_any_times() {
    let times = Timing::default();
    let ends = [WallTime::MIN, WallTime::from_unix_ms(-1), WallTime::default(), WallTime::MAX];
    for start in ends {
        for end in ends {
            for drawn in [0, 1, u64::MAX] {
                let point = times.renewal_point(start, end, &leaf(drawn));
                assert!(start <= point && (point <= end || end < start), "{start:?} {end:?}: {point:?}");
            }
        }
    }
}

#[test]
fn no_extreme_overflows() {
    let times = Timing {
        retry: Backoff { first: Span::MAX, max: Span::MAX },
        renew: Backoff { first: Span::MAX, max: Span::MAX },
        approved_age_max: Span::MAX,
        ..Timing::default()
    };
    for lifetime in [Span::ZERO, Span::from_ms(1), FULL_LIFETIME, Span::MAX] {
        for count in [0, 1, 63, 64, 65, u32::MAX] {
            for draw in [0, u64::MAX] {
                let waits = [times.retry(lifetime, count, draw), times.renew(lifetime, count, draw)];
                let least = Span::from_ms(10);
                assert!(waits.iter().all(|wait| *wait >= least), "{lifetime} {count} {draw}: {waits:?}");
            }
            assert!(times.poll(lifetime, count) >= Span::from_ms(10));
            assert_eq!(times.approved_age(count), Span::MAX);
        }
    }
}

#[test]
fn enough_lifetime_is_a_tenth_and_five_seconds_at_least() {
    let times = Timing::default();
    let secs = Span::from_secs;
    for (left, lifetime, enough) in [
        (secs(5), secs(10), true),
        (Span::from_ms(4999), secs(10), false),
        (secs(360), secs(3600), true),
        (secs(359), secs(3600), false),
        (Span::MAX, Span::MAX, true),
    ] {
        assert_eq!(left >= times.least_left(lifetime), enough, "{left} of {lifetime}");
    }
}

#[test]
fn timing_with_a_zero_or_a_crossed_pair_is_refused_by_field_name() {
    type Change = fn(&mut Timing);
    let cases: [(&str, Change); 11] = [
        ("retry", |times| times.retry.first = Span::ZERO),
        ("retry", |times| times.retry.max = Span::from_secs(1)),
        ("renew", |times| times.renew.max = Span::from_secs(1)),
        ("poll", |times| times.poll.first = Span::from_hours(1)),
        ("expiry_margin", |times| times.expiry_margin = Span::ZERO),
        ("disk_deadline", |times| times.disk_deadline = Span::ZERO),
        ("renewal.from", |times| times.renewal.from = 901),
        ("renewal.from", |times| times.renewal.from = 0),
        ("renewal.to", |times| times.renewal.to = 1000),
        ("jitter", |times| times.jitter = 1000),
        ("lifetime_left.share", |times| times.lifetime_left.share = 1000),
    ];
    for (name, change) in cases {
        let mut times = Timing::default();
        change(&mut times);
        assert_eq!(times.check(), Err(ConfigError::Time(name)));
        assert!(format!("{}", ConfigError::Time(name)).contains(name));
    }
    let always = Span::from_secs(5);
    let constant = Timing { retry: Backoff { first: always, max: always }, ..Timing::default() };
    assert_eq!(constant.check(), Ok(()), "a wait that never grows is one, too");
}
