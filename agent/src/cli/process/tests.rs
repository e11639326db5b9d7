use super::{NEEDED, check_open_files, raise_open_files};

#[test]
fn usual_limits_are_enough() {
    assert!(raise_open_files() >= NEEDED);
    check_open_files().unwrap();
}
