use std::fs::File;
use std::os::fd::AsFd as _;

use certrotate_core::time::Span;
use rustix::process::geteuid;

use super::*;

/// The time in the name of the kubelet file with this number.
fn time(number: usize) -> WallTime {
    WallTime::from_unix_secs(1_767_225_600).plus(Span::from_secs(number as u64))
}

/// The times that a listing keeps of this many dated files.
fn listed(count: usize) -> Vec<WallTime> {
    let home = tempfile::tempdir().expect("a directory for the test");
    let pair = PairName::new("x").expect("it is a name");
    for number in 0..count {
        File::create(home.path().join(pair.dated(time(number)))).expect("there is room");
    }
    let directory = File::open(home.path()).expect("it was made just now");
    let scanner = Scanner { handle: directory.as_fd(), path: home.path(), pair: &pair, owner: geteuid() };
    let listing = scanner.list(CurrentLink::Absent).expect("it can be listed");
    listing.dated.into_iter().collect()
}

#[test]
fn listing_keeps_the_newest_dated_files_up_to_the_cap() {
    let times = |numbers: std::ops::Range<usize>| numbers.map(time).collect::<Vec<_>>();
    assert_eq!(listed(MAX_DATED), times(0..MAX_DATED));
    assert_eq!(listed(MAX_DATED + 2), times(2..MAX_DATED + 2), "the oldest two are left out");
}
