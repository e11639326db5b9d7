//! What the first lines say: a silent agent, a refused credential, a request that waits; and the log beside the agent.

use super::*;

#[test]
fn silent_lock_holder_is_degraded_although_the_certificate_is_valid() {
    let silent = status(silent(), both(), after(6));
    assert_eq!((silent.verdict, silent.agent.pid), (Verdict::Degraded, Some(12)));
    assert!(silent.because[0].starts_with("process 12 has the lock of the directory and does not answer: "));
    // Another user has the name of the socket; no lock is seen, as from a container.
    let other = NoAnswer::OtherUser { uid: 1000, pid: Some(7) };
    let squatted = status(no_answer(&other, None), both(), after(6));
    assert_eq!(squatted.verdict, Verdict::Degraded);
    assert_eq!(
        squatted.because,
        [
            "no agent answers: user 1000, who may not answer for it, has the name of its status socket, in process 7"
        ]
    );
    assert!(matches!(no_answer(&NoAnswer::Unbound, None), Answer::Stopped));
}

#[test]
fn request_that_the_server_never_had_is_not_looked_up() {
    let mut with_request = disk(vec![]);
    with_request.pending = Some(pending(1, after(5)));
    let refused =
        "the API server x does not accept the bootstrap credential (Unauthorized); trying again in 3s";
    let answer = running(6, |published| {
        (published.attempt, published.serving, published.phase) = (Some(1), None, "asking".into());
        (published.call_failures, published.call_fault) = (2, Some((after(5).unix_ms(), refused.into())));
    });
    let shown = status(answer, with_request.clone(), after(6));
    let request = shown.request.as_ref().expect("it is on disk");
    assert!(!request.command.contains("kubectl"), "{}", request.command);
    assert!(!shown.to_string().contains("no agent"), "{shown}");
    // The reason stands at the top, without the wait of that time.
    assert_eq!(
        shown.because,
        [
            "there is no /pki/kubelet-client-current.pem yet",
            "the API server x does not accept the bootstrap credential (Unauthorized) (at 2027-01-15T13:00:00Z)"
        ]
    );
    let stopped = status(Answer::Stopped, with_request, after(6));
    assert_eq!(stopped.because[1], "no agent runs; start certrotate run");
}

#[test]
fn node_without_certificate_names_the_request_that_waits() {
    let mut with_request = disk(vec![]);
    with_request.pending = Some(pending(1, after(5)));
    let answer = running(6, |published| {
        (published.attempt, published.serving) = (Some(1), None);
        published.request = Some(asked("Pending", after(6)));
    });
    let shown = status(answer, with_request, after(6));
    assert!(
        shown.because[1].starts_with("the request waits for approval: kubectl certificate approve node-csr-"),
        "{:?}",
        shown.because
    );
}

#[test]
fn dropped_log_lines_are_shown_beside_the_agent() {
    let answer = running(6, |published| {
        (published.lost_log_lines, published.stuck_log_lines) = (12, 3);
        published.log_fault = Some("Broken pipe".into());
    });
    let shown = status(answer, both(), after(6));
    assert_eq!((shown.verdict, shown.agent.lost_log_lines), (Verdict::Valid, Some(12)));
    let text = shown.to_string();
    assert!(text.contains("its log has lost 12 lines: Broken pipe"), "{text}");
    assert!(text.contains("its log is stuck: 3 lines wait"), "{text}");
}
