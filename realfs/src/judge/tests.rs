use std::os::unix::fs::{PermissionsExt as _, symlink};

use std::path::PathBuf;

use certrotate_core::id::Generation;

use super::*;
use crate::CURRENT_LINK;
use crate::disk::Manner;
use crate::plane::Verdict;
use crate::reader::Reader;
use crate::scenario::run_in;

/// Makes two certificates; the second one is live.
fn two_certificates(home: &Path) -> (PathBuf, Session) {
    let directory = home.join("pki");
    let mut session = Session::new(&[Verdict::Good, Verdict::Good]);
    let start = session.now;
    let _ = run_in(&directory, Manner::Shipped, &mut session, start);
    (directory, session)
}

fn bundles(directory: &Path) -> Vec<PathBuf> {
    let names = names(directory).unwrap().into_iter().filter(|name| name != CURRENT_LINK);
    names.map(|name| directory.join(name)).collect()
}

#[test]
fn only_a_whole_bundle_behind_the_current_link_passes() {
    let home = tempfile::tempdir().unwrap();
    let (directory, session) = two_certificates(home.path());
    assert!(matches!(judge_raw(&directory, &session), Ok(Raw::Whole(Generation(2), _))));
    let (live, [first, second]) = (directory.join(CURRENT_LINK), bundles(&directory).try_into().unwrap());
    let good = fs::read(&second).unwrap();

    let wrong = |id: &str| {
        let why = judge_raw(&directory, &session).unwrap_err();
        assert!(why.starts_with(id), "{why}");
    };
    fs::write(&second, &good[..good.len() - 1]).unwrap();
    wrong("S3");
    fs::write(&second, "").unwrap();
    wrong("S3");
    fs::write(&second, &good).unwrap();
    fs::set_permissions(&second, fs::Permissions::from_mode(0o644)).unwrap();
    wrong("S3");
    fs::set_permissions(&second, fs::Permissions::from_mode(0o600)).unwrap();
    fs::remove_file(&live).unwrap();
    wrong("S4");
    symlink(first.file_name().unwrap(), &live).unwrap();
    wrong("S4");
    fs::remove_file(&first).unwrap();
    wrong("S3");
}

#[test]
fn reader_reports_a_missing_current_link() {
    let home = tempfile::tempdir().unwrap();
    let (directory, _) = two_certificates(home.path());
    let reader = Reader::start(&directory);
    Reader::catch_up(&reader.looks());
    fs::remove_file(directory.join(CURRENT_LINK)).unwrap();
    let why = reader.end().unwrap_err();
    assert!(why.starts_with("S3: a reader saw"), "{why}");
}

#[test]
fn too_many_names_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let (directory, _) = two_certificates(home.path());
    assert_eq!(judge_names(&directory, true), Ok(()));
    fs::write(directory.join("kubelet-client-quarantine-1.1"), "").unwrap();
    fs::write(directory.join("kubelet-server-tmp-1.1"), "").unwrap();
    assert_eq!(judge_names(&directory, true), Ok(()), "quarantined and foreign ones do not count");
    fs::write(directory.join("kubelet-client-tmp-1.1"), "").unwrap();
    assert!(judge_names(&directory, true).unwrap_err().starts_with("S12"));
}
