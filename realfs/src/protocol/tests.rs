use super::*;
use crate::strace::parse;

/// A renewal, as strace shows it.
const GOOD: &str = r#"
openat(3</n/pki>, "kubelet-client-tmp-2.2", O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600) = 4</n/pki/kubelet-client-tmp-2.2>
write(4</n/pki/kubelet-client-tmp-2.2>, "certrotate bundle v1 gen"..., 930) = 930
fsync(4</n/pki/kubelet-client-tmp-2.2>) = 0
renameat(3</n/pki>, "kubelet-client-tmp-2.2", 3</n/pki>, "kubelet-client-2027-01-20-23-39-18-2.2.pem") = 0
fsync(3</n/pki>) = 0
unlinkat(3</n/pki>, "kubelet-client-pending-2.1", 0) = 0
symlinkat("kubelet-client-2027-01-20-23-39-18-2.2.pem", 3</n/pki>, "kubelet-client-tmp-2.3") = 0
renameat(3</n/pki>, "kubelet-client-tmp-2.3", 3</n/pki>, "kubelet-client-current.pem") = 0
fsync(3</n/pki>) = 0
"#;

fn watch(text: &str) -> Result<(), String> {
    Monitor::watch("/n/pki", &parse(text))
}

/// Returns the broken rule after `what` replaced `good` in the trace.
fn broken(good: &str, what: &str) -> String {
    assert!(GOOD.contains(good), "{good}");
    watch(&GOOD.replacen(good, what, 1)).expect_err(what)
}

/// Returns the line with this beginning.
fn line(begin: &str) -> &'static str {
    GOOD.lines().find(|line| line.starts_with(begin)).expect("there is one")
}

#[test]
fn correct_renewal_breaks_no_rule() {
    assert_eq!(watch(GOOD), Ok(()));
}

#[test]
fn file_is_created_private_exclusive_and_not_through_a_link() {
    for (good, bad) in [
        ("|O_EXCL", ""),
        ("|O_NOFOLLOW", ""),
        ("|O_CLOEXEC", ""),
        ("0600", "0644"),
        ("\"kubelet-client-tmp-2.2\", O", "\"x\", O"),
    ] {
        let why = broken(good, bad);
        assert!(why.contains("made without") || why.contains("is not ours"), "{why}");
    }
}

#[test]
fn s7_unsynced_file_gets_no_final_name() {
    let synced = line("fsync(4");
    assert!(broken(synced, "").contains("S7"));
    assert!(broken(synced, &synced.replace("= 0", "= -1 EIO (Input/output error)")).contains("S7"));
    // The second one succeeds, as the kernel has forgotten the first.
    let twice = format!("{}\n{synced}", synced.replace("= 0", "= -1 EIO (Input/output error)"));
    assert!(broken(synced, &twice).contains("S7: the file is Failed"));
}

#[test]
fn s7_short_write_is_a_failure_and_an_interrupted_one_is_not() {
    assert!(broken("930) = 930", "930) = 512").contains("S7"));
    let write = line("write(4");
    let interrupted = write.replace("= 930", "= -1 EINTR (Interrupted system call)");
    assert_eq!(watch(&GOOD.replacen(write, &format!("{interrupted}\n{write}"), 1)), Ok(()));
}

#[test]
fn s3_current_link_is_renamed_only_after_its_target_is_durable() {
    assert!(broken("\nfsync(3</n/pki>) = 0", "").contains("S3"));
    assert!(broken("fsync(3</n/pki>) = 0", "fsync(3</n/pki>) = -1 EIO (Input/output error)").contains("S3"));
    assert!(broken(line("symlinkat"), "").contains("a name other than a link"));
}

#[test]
fn s3_current_link_is_never_removed_or_written() {
    let switch = "renameat(3</n/pki>, \"kubelet-client-tmp-2.3\"";
    let unlink = "unlinkat(3</n/pki>, \"kubelet-client-current.pem\", 0) = 0\n";
    assert!(broken(switch, &format!("{unlink}{switch}")).contains("S3: the current link is removed"));
    let open = "openat(3</n/pki>, \"kubelet-client-current.pem\", O_WRONLY|O_CREAT|O_TRUNC, 0600) = 4</n/pki/kubelet-client-current.pem>\n";
    assert!(broken(switch, &format!("{open}{switch}")).contains("temporary names"));
}

#[test]
fn s12_nothing_is_created_before_a_failed_file_is_durably_removed() {
    let failed = r#"
openat(3</n/pki>, "kubelet-client-tmp-2.1", O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600) = 4</n/pki/kubelet-client-tmp-2.1>
write(4</n/pki/kubelet-client-tmp-2.1>, "certrotate bundle v1 gen"..., 930) = -1 ENOSPC (No space left on device)
unlinkat(3</n/pki>, "kubelet-client-tmp-2.1", 0) = 0
fsync(3</n/pki>) = 0
"#;
    assert_eq!(watch(&format!("{failed}{GOOD}")), Ok(()));
    for left_out in ["unlinkat(3</n/pki>, \"kubelet-client-tmp-2.1\", 0) = 0\n", "fsync(3</n/pki>) = 0\n"] {
        assert!(
            watch(&format!("{}{GOOD}", failed.replace(left_out, ""))).expect_err(left_out).contains("S12")
        );
    }
}

#[test]
fn nothing_but_our_names_is_opened_or_changed() {
    for foreign in [
        "unlinkat(3</n/pki>, \"kubelet-server-current.pem\", 0) = 0\n",
        "openat(3</n/pki>, \"kubelet-client-pending-1.1\", O_RDONLY|O_CLOEXEC) = 4</n/pki/kubelet-client-pending-1.1>\n",
        "openat(3</n/pki>, \"other\", O_RDONLY|O_NOFOLLOW|O_CLOEXEC) = 4</n/pki/other>\n",
        "openat(3</n/pki>, \"kubelet-client.key\", O_RDWR|O_CLOEXEC) = 4</n/pki/kubelet-client.key>\n",
        "openat(3</n/pki>, \"kubelet-client.pem\", O_RDONLY|O_CLOEXEC) = 4</n/pki/kubelet-client.pem>\n",
        "fchmod(3</n/pki>, 0755) = 0\n",
        "linkat(3</n/pki>, \"kubelet-client-tmp-2.2\", 3</n/pki>, \"x\", 0) = 0\n",
    ] {
        assert!(watch(foreign).is_err(), "{foreign}");
    }
}

#[test]
fn kubelet_pair_is_read_through_a_link() {
    for name in ["current.pem", "2026-01-02-03-04-05.pem"].map(|it| format!("kubelet-client-{it}")) {
        let open = format!("openat(3</n/pki>, \"{name}\", O_RDONLY|O_NONBLOCK|O_CLOEXEC) = 4</elsewhere>\n");
        assert_eq!(watch(&open), Ok(()));
    }
    let open = "openat(3</n/pki>, \"kubelet-client.crt\", O_RDONLY|O_CLOEXEC) = -1 ENOENT (No such file or directory)\n";
    assert_eq!(watch(open), Ok(()));
}
