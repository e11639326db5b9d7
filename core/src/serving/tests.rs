use super::*;

const END: WallTime = WallTime::from_unix_secs(1_767_225_600);
const MS: Span = Span::from_ms(1);

#[test]
fn expired_generation_stays_the_highest_one_of_the_run() {
    let mut serving = Serving::new();
    assert_eq!(serving.expired_generation(), Generation(0));
    for (expired, highest) in [(3, 3), (5, 5), (4, 5)] {
        serving.expire(Source::Durable, Generation(expired), END);
        assert_eq!(serving.expired_generation(), Generation(highest), "{expired} expired");
    }
}

#[test]
fn last_not_after_of_expired_identities_never_decreases() {
    let mut serving = Serving::new();
    for (not_after, last) in [(END, END), (END.plus(MS), END.plus(MS)), (END, END.plus(MS))] {
        serving.expire(Source::Durable, Generation(3), not_after);
        assert_eq!(serving.expired.map(|expired| expired.not_after), Some(last));
    }
}

#[test]
fn identity_for_another_subject_supersedes_only_expired_generations() {
    let mut serving = Serving::new();
    serving.durable = Live::OtherSubject(Generation(5));
    assert_eq!(serving.superseded_generation(), Generation(0), "none has expired");
    serving.expire(Source::Durable, Generation(3), END);
    assert_eq!(serving.superseded_generation(), Generation(3));
    serving.durable = Live::OtherSubject(Generation(5));
    assert_eq!(serving.superseded_generation(), Generation(3), "not 5: an older bundle may fit");
    assert_eq!(serving.in_use_generation(), Generation(3));
}
