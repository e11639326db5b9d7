use super::*;

const TEXT: &str = r#"execve("/x/realfs", ["realfs"], 0x7ffd /* 4 vars */) = 0
openat(AT_FDCWD</x>, "/n/pki", O_RDONLY|O_CLOEXEC|O_DIRECTORY) = 3</n/pki>
write(1<pipe:[77]>, "report 1 live 1\n", 16) = 16
write(4</n/pki/a = (b>, "x", 1)           = -1 EIO (Input/output error) (INJECTED)
fsync(3</n/pki>)                        = ?
+++ killed by SIGKILL +++
"#;

#[test]
fn calls_are_counted_by_name_with_their_arguments_and_results() {
    let calls = parse(TEXT);
    let names: Vec<_> = calls.iter().map(|call| (call.name.as_str(), call.nth)).collect();
    assert_eq!(names, [("execve", 1), ("openat", 1), ("write", 1), ("write", 2), ("fsync", 1)]);
    assert_eq!(calls[3].descriptor(), Some("/n/pki/a = (b"));
    let succeeded: Vec<_> = calls.iter().map(SysCall::succeeded).collect();
    assert_eq!(succeeded, [true, true, true, false, false]);
    assert_eq!(calls[1].strings().collect::<Vec<_>>(), ["/n/pki"]);
}

#[test]
fn call_touches_a_directory_by_descriptor_path_or_result() {
    let touches = |directory| parse(TEXT).iter().map(|call| call.touches(directory)).collect::<Vec<_>>();
    assert_eq!(touches("/n/pki"), [false, true, false, true, true]);
    assert_eq!(touches("/n"), [false, true, false, true, true]);
    assert_eq!(touches("/n/pk"), [false; 5]);
}

#[test]
fn injections_are_what_strace_takes() {
    let error = Inject::Error("EIO", vec![("fsync".to_owned(), 3), ("openat".to_owned(), 9)], 7);
    assert_eq!(error.options(), ["inject=fsync:error=EIO:when=3..9", "inject=openat:error=EIO:when=9..15"]);
    assert_eq!(Inject::Kill("write".to_owned(), 2).options(), ["inject=write:signal=KILL:when=2"]);
    assert_eq!(Inject::Returns("write".to_owned(), 2, 17).options(), ["inject=write:retval=17:when=2"]);
    assert!(Inject::Nothing.options().is_empty());
}
