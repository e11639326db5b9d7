use super::*;

#[test]
fn unusable_path_needs_a_person_and_a_refusing_disk_does_not() {
    let (path, io) = (Path::new("/pki"), DiskFault::Io);
    for (errno, opening, making) in [
        (Errno::NOENT, DiskFault::NoDirectory, DiskFault::NoDirectory),
        (Errno::NOTDIR, DiskFault::NoDirectory, DiskFault::NoDirectory),
        (Errno::LOOP, DiskFault::NoDirectory, DiskFault::NoDirectory),
        (Errno::NAMETOOLONG, DiskFault::NoDirectory, DiskFault::NoDirectory),
        (Errno::INVAL, DiskFault::NoDirectory, DiskFault::NoDirectory),
        // It may exist, and open once the user has access.
        (Errno::ACCESS, DiskFault::Denied, DiskFault::NoDirectory),
        (Errno::NOSPC, DiskFault::NoSpace, DiskFault::NoSpace),
        (Errno::ROFS, DiskFault::ReadOnly, DiskFault::ReadOnly),
        (Errno::IO, io, io),
        (Errno::MFILE, io, io),
    ] {
        let (opened, made) = (unopened(path, errno), unreachable("make", path, errno));
        assert_eq!((opened.kind, made.kind), (opening, making), "{opened}, {made}");
    }
}

/// The mode of a directory after `mend_mode`.
fn mended(directory: &Path, mode: Mode) -> Mode {
    fs::chmod(directory, mode).expect("it is ours");
    mend_mode(directory).expect("it can be opened");
    Mode::from_raw_mode(fs::stat(directory).expect("it exists").st_mode)
}

#[test]
fn made_directory_gets_every_bit_of_its_owner_back() {
    let home = tempfile::tempdir().expect("a directory for the test");
    for mode in [Mode::RUSR | Mode::WUSR, Mode::RUSR | Mode::XUSR, Mode::RUSR] {
        assert_eq!(mended(home.path(), mode), Mode::RWXU, "{mode:?}");
    }
    let whole = Mode::RWXU | Mode::RGRP;
    assert_eq!(mended(home.path(), whole), whole, "nothing is missing");
}

#[test]
fn link_in_place_of_a_made_directory_is_refused_and_not_followed() {
    let home = tempfile::tempdir().expect("a directory for the test");
    let (target, link) = (home.path().join("target"), home.path().join("link"));
    let mode = Mode::RUSR | Mode::XUSR;
    fs::mkdir(&target, mode).expect("there is room");
    fs::symlink(&target, &link).expect("there is room");
    let refused = mend_mode(&link).expect_err("it is a link").to_string();
    let found = fs::stat(&target).expect("it exists").st_mode;
    assert_eq!(Mode::from_raw_mode(found), mode, "the target keeps its mode: {refused}");
}
