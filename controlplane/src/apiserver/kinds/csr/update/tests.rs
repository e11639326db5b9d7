use super::*;
use crate::apiserver::resource::Subresource;
use crate::base::csr::{certificate, push_condition};
use crate::testing::node_csr;

const APPROVAL: Option<Subresource> = Some(Subresource::Approval);
const STATUS: Option<Subresource> = Some(Subresource::Status);

fn now() -> Time {
    crate::base::time::api_time(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000))
}

fn earlier() -> Time {
    crate::base::time::api_time(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(10))
}

#[test]
fn reg_004_reg_005_user_fields_and_status_of_a_new_object_are_the_servers() {
    let mut csr = node_csr("foo", "liar", &["system:masters"]);
    csr.spec.uid = Some("x".to_owned());
    push_condition(&mut csr, "Approved", "", "");
    csr.spec.expiration_seconds = Some(1234);
    let created = prepare_create(csr, "true-user", &["group".to_owned()]);
    assert_eq!(created.spec.username.as_deref(), Some("true-user"));
    assert_eq!(created.spec.groups.as_deref(), Some(&["group".to_owned()][..]));
    assert_eq!(created.spec.uid, None);
    assert_eq!(created.spec.expiration_seconds, Some(1234));
    assert!(conditions(&created).is_empty());
    assert_eq!(created.metadata.uid, None);
}

#[test]
fn the_main_endpoint_changes_metadata_only() {
    let old = node_csr("foo", "u", &[]);
    let mut new = old.clone();
    new.metadata.labels = Some([("a".to_owned(), "b".to_owned())].into());
    new.spec.username = Some("other".to_owned());
    new.spec.usages = None;
    push_condition(&mut new, "Approved", "", "");
    let applied = apply(new.clone(), &old, None, now()).unwrap();
    assert_eq!(applied.metadata.labels, new.metadata.labels);
    assert_eq!(applied.spec, old.spec);
    assert_eq!(applied.status, old.status);
}

#[test]
fn approval_changes_conditions_and_fills_their_times() {
    let old = node_csr("foo", "u", &[]);
    let mut new = old.clone();
    push_condition(&mut new, "Approved", "r", "m");
    new.status.as_mut().unwrap().certificate = Some(k8s_openapi::ByteString(b"x".to_vec()));
    new.spec.signer_name = "example.com/other".to_owned();
    let applied = apply(new, &old, APPROVAL, now()).unwrap();
    assert_eq!(applied.spec, old.spec);
    assert_eq!(certificate(&applied), None);
    let condition = &conditions(&applied)[0];
    assert_eq!(
        (condition.last_update_time.clone(), condition.last_transition_time.clone()),
        (Some(now()), Some(now()))
    );
}

#[test]
fn reg_008_status_update_keeps_stored_decision_and_transition_time() {
    let mut old = node_csr("foo", "u", &[]);
    push_condition(&mut old, "Approved", "stored", "stored");
    push_condition(&mut old, "Custom", "", "");
    for condition in old.status.as_mut().unwrap().conditions.as_mut().unwrap() {
        condition.last_update_time = Some(earlier());
        condition.last_transition_time = Some(earlier());
    }
    let mut new = node_csr("foo", "u", &[]);
    push_condition(&mut new, "Approved", "changed", "changed");
    push_condition(&mut new, "Custom", "new", "new");
    push_condition(&mut new, "Failed", "f", "f");
    let applied = apply(new, &old, STATUS, now()).unwrap();
    let list = conditions(&applied);
    assert_eq!(list[0], conditions(&old)[0]);
    assert_eq!(list[1].last_update_time, Some(now()));
    assert_eq!(list[1].last_transition_time, Some(earlier()));
    assert_eq!(list[2].last_transition_time, Some(now()));
}

#[test]
fn another_version_uid_or_name_is_refused_and_no_version_is_not() {
    let old = node_csr("foo", "u", &[]);
    let code = |change: fn(&mut Csr)| {
        let mut new = old.clone();
        change(&mut new);
        apply(new, &old, None, now()).map_err(|e| (e.code.as_u16(), e.reason)).err()
    };
    assert_eq!(code(|c| c.metadata.resource_version = Some("9".to_owned())), Some((409, "Conflict")));
    assert_eq!(code(|c| c.metadata.uid = Some("other".to_owned())), Some((409, "Conflict")));
    assert_eq!(code(|c| c.metadata.name = Some("other".to_owned())), Some((400, "BadRequest")));
    assert_eq!(code(|c| c.metadata.resource_version = None), None);
}
