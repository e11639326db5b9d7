use super::*;

const fn at(secs: i64) -> WallTime {
    WallTime::from_unix_secs(secs)
}

#[test]
fn overlapping_windows_are_one_and_the_last_counts() {
    let windows = |all: &[(i64, i64)]| {
        let found = last_stretch(all.iter().map(|(from, to)| (at(*from), at(*to))).collect());
        found.map(|(from, to)| (from.unix_secs(), to.unix_secs()))
    };
    assert_eq!(windows(&[]), None);
    assert_eq!(windows(&[(1, 5)]), Some((1, 5)));
    assert_eq!(windows(&[(1, 5), (4, 9)]), Some((1, 9)));
    assert_eq!(windows(&[(4, 9), (1, 5), (0, 2)]), Some((0, 9)));
    assert_eq!(windows(&[(1, 3), (5, 9)]), Some((5, 9)), "a gap");
    assert_eq!(windows(&[(5, 9), (6, 7), (1, 3)]), Some((5, 9)));
}
