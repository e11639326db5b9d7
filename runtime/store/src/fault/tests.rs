use super::*;

fn line(fault: &Fault) -> String {
    let line = fault.to_string();
    assert!(!line.contains('\n'), "{line}");
    line
}

#[test]
fn every_error_number_has_its_kind() {
    for (errno, kind) in [
        (Errno::NOSPC, DiskFault::NoSpace),
        (Errno::DQUOT, DiskFault::NoSpace),
        (Errno::ROFS, DiskFault::ReadOnly),
        (Errno::ACCESS, DiskFault::Denied),
        (Errno::PERM, DiskFault::Denied),
        (Errno::EXIST, DiskFault::Exists),
        (Errno::NOENT, DiskFault::NotFound),
        (Errno::IO, DiskFault::Io),
        (Errno::FBIG, DiskFault::Io),
        (Errno::MFILE, DiskFault::Io),
        (Errno::STALE, DiskFault::Io),
    ] {
        let fault = Fault::os("create", Path::new("/pki/x"), errno);
        assert_eq!((fault.kind, fault.errno()), (kind, Some(errno.raw_os_error())));
    }
}

#[test]
fn failed_call_is_one_line_with_operation_path_cause_and_remedy() {
    let path = Path::new("/pki/kubelet-client-tmp-3.1");
    for (errno, expected) in [
        (Errno::NOSPC, "no space left on device; free space on that file system"),
        (Errno::DQUOT, "disk quota exceeded; free space on that file system"),
        (Errno::ROFS, "read-only file system; mount that file system writable"),
        (Errno::ACCESS, "permission denied; give the user that this runs as access to it"),
        (Errno::IO, "input/output error; look into the kernel's log and check the disk"),
        (Errno::FBIG, "file too large; raise the limit on the size of files (ulimit -f)"),
        (
            Errno::MFILE,
            "too many open files; raise the limit of open files: ulimit -n, or LimitNOFILE= in the unit",
        ),
        (
            Errno::BUSY,
            "device or resource busy; it is a mount point: unmount it, and mount the whole directory in its place",
        ),
        (Errno::NOENT, "no such file or directory; keep other programs from removing files there"),
    ] {
        let fault = Fault::os("create", path, errno);
        assert_eq!(line(&fault), format!("cannot create /pki/kubelet-client-tmp-3.1: {expected}"));
    }
}

#[test]
fn short_write_counts_as_a_full_disk() {
    let fault = Fault::because("write", Path::new("/pki/x"), Cause::Short { written: 4096, given: 5000 });
    assert_eq!((fault.kind, fault.errno()), (DiskFault::NoSpace, None));
    assert_eq!(
        line(&fault),
        "cannot write /pki/x: only 4096 of 5000 bytes could be written; free space on that file system"
    );
}

#[test]
fn an_unsafe_directory_is_named_with_the_command_that_mends_it() {
    let path = Path::new("/pki");
    let mode = Fault::because("use", path, Cause::Mode { mode: 0o775 });
    assert_eq!(
        line(&mode),
        "certificate directory /pki may be written by group or others (mode 0775); run chmod go-w /pki"
    );
    let owner = Fault::because("use", path, Cause::Owner { owner: 1000, ours: 0 });
    assert_eq!(
        line(&owner),
        "certificate directory /pki belongs to user 1000, neither to root nor to the user this runs as (0); run chown 0 /pki"
    );
    assert_eq!((mode.kind, owner.kind), (DiskFault::Unsafe, DiskFault::Unsafe));
}

#[test]
fn failed_lock_says_why() {
    let path = Path::new("/pki");
    let here = Fault::because("lock", path, Cause::LockedHere);
    assert_eq!(here.kind, DiskFault::Locked);
    assert_eq!(
        here.to_string(),
        "cannot lock /pki: this process holds its lock already, for another node or store; give each node a directory of its own"
    );
    let locked = Fault::because("lock", path, Cause::Locked);
    assert_eq!(
        line(&locked),
        "cannot lock /pki: another process holds its lock; stop the other process, or choose another directory"
    );
    assert!(
        line(&Fault::os("lock", path, Errno::NOLCK))
            .ends_with("; choose a directory on a file system that has locks")
    );
    // The same number means something else elsewhere.
    let renamed = line(&Fault::os("rename", path, Errno::OPNOTSUPP));
    assert!(renamed.ends_with("; look into the kernel's log and check the disk"), "{renamed}");
}

#[test]
fn error_text_begins_in_lower_case_unless_it_is_an_abbreviation() {
    // EDOTDOT: the one text of Linux' that begins so.
    assert_eq!(errno_text(Errno::from_raw_os_error(73)), "RFS specific error");
    assert_eq!(errno_text(Errno::IO), "input/output error");
}

#[test]
fn a_path_with_control_characters_stays_on_one_line() {
    let fault = Fault::os("create", Path::new("/a\nb\x1b[31m/c"), Errno::IO);
    assert!(line(&fault).starts_with("cannot create /a\\nb\\u{1b}[31m/c: "));
}
