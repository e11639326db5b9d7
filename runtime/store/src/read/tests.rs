use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd as _;

use rustix::process::geteuid;

use super::*;

#[test]
fn file_removed_after_listing_is_gone_and_not_unreadable() {
    let home = tempfile::tempdir().expect("a directory for the test");
    let directory = File::open(home.path()).expect("it was made just now");
    assert!(matches!(read_own(directory.as_fd(), "nothing", geteuid()), Reading::Gone));
}

#[test]
fn file_that_grows_during_a_read_is_refused_and_a_shrunk_one_is_read() {
    let mut file = tempfile::tempfile().expect("a file for the test");
    file.write_all(b"some bytes").expect("there is room");
    let whole = fs::fstat(&file).expect("it is open");
    let read = |stat: &Stat| {
        fs::seek(&file, fs::SeekFrom::Start(0)).expect("it is a file");
        bytes_of(&file.try_clone().expect("a second handle").into(), stat).expect("it can be read")
    };
    assert!(matches!(read(&whole), Reading::Bytes(bytes, _) if *bytes == b"some bytes"));
    fs::ftruncate(&file, 4).expect("it is a file");
    assert!(matches!(read(&whole), Reading::Bytes(bytes, _) if *bytes == b"some"));
    fs::ftruncate(&file, 11).expect("it is a file");
    assert!(matches!(read(&whole), Reading::Alien(why) if why.contains("grew")));
}

#[test]
fn file_of_the_largest_size_is_read_and_a_larger_one_is_refused() {
    let file = tempfile::tempfile().expect("a file for the test");
    let read = |size: usize| {
        fs::ftruncate(&file, size as u64).expect("there is room");
        let stat = fs::fstat(&file).expect("it is open");
        bytes_of(&file.try_clone().expect("a second handle").into(), &stat).expect("it can be read")
    };
    assert!(matches!(read(MAX_FILE + 1), Reading::Alien(TOO_LARGE)));
    assert!(matches!(read(MAX_FILE), Reading::Bytes(bytes, _) if bytes.len() == MAX_FILE));
}
