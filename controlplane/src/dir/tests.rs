use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::base::clock::Clock;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn directory_and_files_are_private_despite_a_leftover() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("new");
    let dir = Dir::open(&path).unwrap();
    fs::write(path.join("x.tmp"), "leftover").unwrap();
    dir.write("x", b"content").unwrap();
    assert_eq!((mode(&path), mode(&path.join("x")), mode(&path.join("lock"))), (0o700, 0o600, 0o600));
    assert_eq!(fs::read(path.join("x")).unwrap(), b"content");
    assert!(!path.join("x.tmp").exists());
}

#[test]
fn a_second_control_plane_is_refused_until_the_first_ends() {
    let base = tempfile::tempdir().unwrap();
    let first = Dir::open(base.path()).unwrap();
    let error = Dir::open(base.path()).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Locked { .. }) && error.to_string().contains("another control plane"));
    drop(first);
    assert!(Dir::open(base.path()).is_ok());
}

#[test]
fn secrets_are_kept_and_an_ended_token_is_replaced() {
    let base = tempfile::tempdir().unwrap();
    let seconds = Arc::new(AtomicU64::new(1_800_000_000));
    let clock = Arc::clone(&seconds);
    let clock = Clock::new(move || UNIX_EPOCH + Duration::from_secs(clock.load(Ordering::Relaxed)));
    let options = Options { clock, token_ttl: Duration::from_secs(100), ..Options::default() };
    let dir = Dir::open(base.path()).unwrap();
    let first = dir.secrets(&options).unwrap();
    dir.keep(&first, 4711).unwrap();
    let second = dir.secrets(&options).unwrap();
    assert_eq!(second.authority.pem(), first.authority.pem());
    assert_eq!(second.admin.certificate, first.admin.certificate);
    assert_eq!((&second.token, second.port), (&first.token, 4711));
    seconds.fetch_add(100, Ordering::Relaxed);
    let third = dir.secrets(&options).unwrap();
    assert_ne!(third.token, first.token);
    assert_eq!(third.authority.pem(), first.authority.pem());
    seconds.fetch_add(11 * 365 * 24 * 3600, Ordering::Relaxed);
    assert!(matches!(dir.secrets(&options), Err(Error::CaExpired)));
}

#[test]
fn unusable_state_is_an_error_that_names_the_file_and_no_secret() {
    let base = tempfile::tempdir().unwrap();
    let dir = Dir::open(base.path()).unwrap();
    for content in ["", "nonsense", "{\"ca_key\": \"hunter2\"}"] {
        dir.write(STATE, content.as_bytes()).unwrap();
        let error = dir.secrets(&Options::default()).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(STATE) && !error.contains("hunter2"), "{error}");
    }
}

#[test]
fn directory_that_others_can_write_to_is_refused_with_the_remedy() {
    let base = tempfile::tempdir().unwrap();
    for bits in [0o770, 0o707, 0o777, 0o1777, 0o720] {
        fs::set_permissions(base.path(), fs::Permissions::from_mode(bits)).unwrap();
        let error = Dir::open(base.path()).map(|_| ()).unwrap_err();
        assert!(matches!(error, Error::Unsafe { .. }) && error.to_string().contains("chmod go-w"), "{error}");
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0, "nothing was written");
    }
    fs::set_permissions(base.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(Dir::open(base.path()).is_ok());
}

#[test]
fn directory_of_another_user_is_refused_with_the_remedy() {
    let base = tempfile::tempdir().unwrap();
    if std::os::unix::fs::chown(base.path(), Some(65_534), None).is_err() {
        // Only root can give a directory away.
        return;
    }
    let error = Dir::open(base.path()).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("belongs to user 65534"), "{error}");
}

#[test]
fn symbolic_link_in_place_of_a_file_is_refused_and_not_followed() {
    let base = tempfile::tempdir().unwrap();
    let (dir, target) = (base.path().join("dir"), base.path().join("target"));
    DirBuilder::new().create(&dir).unwrap();
    std::os::unix::fs::symlink(&target, dir.join("lock")).unwrap();
    let error = Dir::open(&dir).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("symbolic link"), "{error}");
    assert!(!target.exists());
}

#[test]
fn fifo_in_place_of_a_file_is_an_error_and_no_wait() {
    let base = tempfile::tempdir().unwrap();
    let dir = Dir::open(base.path()).unwrap();
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, base.path().join(STATE), mode).unwrap();
    let error = dir.secrets(&Options::default()).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("no regular file"), "{error}");
}
