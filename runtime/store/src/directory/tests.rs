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
