use super::*;

#[test]
fn placeholder_is_told_from_a_host_name() {
    for name in ["", "(none)", "localhost", "localhost.localdomain", "localhost6.localdomain6", "a.localhost"]
    {
        assert!(is_placeholder(name), "{name}");
    }
    for name in ["node-1", "localhost-1", "local", "node.localdomain", "localhosts.example.com"] {
        assert!(!is_placeholder(name), "{name}");
    }
}

#[test]
fn upper_case_name_is_lowered() {
    assert_eq!(normalize(" NODE-1\n"), "node-1");
}
