use std::path::Path;

use rustix::io::Errno;

use super::{FileError, read};

#[test]
fn f123_only_regular_files_are_opened() {
    let dir = tempfile::tempdir().unwrap();
    let (fifo, socket) = (dir.path().join("fifo"), dir.path().join("socket"));
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RUSR).unwrap();
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    for (path, kind) in [
        (dir.path(), "a directory"),
        (fifo.as_path(), "a FIFO"),
        (socket.as_path(), "a socket"),
        (Path::new("/dev/zero"), "a device"),
    ] {
        assert_eq!(read(path, 10).err(), Some(FileError::NotRegular { kind }), "{}", path.display());
    }
}

#[test]
fn file_of_the_limit_is_read_and_a_longer_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    std::fs::write(&path, "0123456789").unwrap();
    assert_eq!(read(&path, 10).unwrap().as_slice(), b"0123456789");
    assert_eq!(read(&path, 9).err(), Some(FileError::TooLarge { limit: 9 }));
    assert_eq!(read(&dir.path().join("none"), 9).err(), Some(FileError::Missing));
}

#[test]
fn unreadable_file_names_the_cause_and_its_remedy() {
    for (errno, expected) in [
        (Errno::ACCESS, "it cannot be read (permission denied); check its permissions"),
        (Errno::IO, "it cannot be read (input/output error); check its file system"),
        (Errno::MFILE, "it cannot be read (too many open files); raise the limit of open files"),
        (Errno::LOOP, "; check its path and the links in it"),
        (Errno::NOTCONN, "; check its file system"),
    ] {
        let text = FileError::from(errno).to_string();
        assert!(text.contains(expected) && !text.contains("uncategorized"), "{text}");
    }
}
