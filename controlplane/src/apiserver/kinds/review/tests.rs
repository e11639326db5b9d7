use super::*;

fn user(group: &str) -> User {
    User { name: "u".to_owned(), groups: vec![group.to_owned()], ..User::default() }
}

fn asked(kind: &str, spec: Value, user: &User) -> Result<Value, u16> {
    let api = REVIEWS.into_iter().find(|api| api.kind.as_str() == kind).unwrap();
    let Kind::Review(review) = api.kind else { panic!("{kind} is no review") };
    answer((api, review), json!({"spec": spec}), user)
        .map(|mut answer| answer["status"].take())
        .map_err(|e| e.code.as_u16())
}

#[test]
fn access_review_answers_for_the_user() {
    let create = json!({"resourceAttributes": {
        "verb": "create", "group": "certificates.k8s.io", "resource": "certificatesigningrequests",
    }});
    let kind = "SelfSubjectAccessReview";
    assert_eq!(asked(kind, create.clone(), &user("system:nodes")).unwrap()["allowed"], true);
    assert_eq!(asked(kind, create, &user("nobody")), Ok(json!({"allowed": false})));
    let path = json!({"nonResourceAttributes": {"verb": "get", "path": "/version"}});
    assert_eq!(asked(kind, path, &user("system:authenticated")).unwrap()["allowed"], true);
    assert_eq!(asked(kind, json!({}), &user("x")), Err(422));
}

#[test]
fn an_approver_may_ask_what_a_requestor_may_do() {
    let spec = json!({"user": "system:bootstrap:abcdef", "groups": ["system:bootstrappers"], "resourceAttributes": {
        "verb": "create", "group": "certificates.k8s.io", "resource": "certificatesigningrequests",
        "subresource": "nodeclient", "version": "*",
    }});
    let status = asked("SubjectAccessReview", spec, &user("system:masters")).unwrap();
    assert_eq!(status["allowed"], true);
    assert!(status["reason"].as_str().unwrap().contains("nodeclient"), "{status}");
    assert_eq!(asked("SubjectAccessReview", json!({"resourceAttributes": {}}), &user("x")), Err(422));
}

#[test]
fn all_rules_are_listed_with_their_names_and_paths() {
    let status =
        asked("SelfSubjectRulesReview", json!({"namespace": "default"}), &user("certrotate:approvers"));
    let status = status.unwrap();
    let rules = status["resourceRules"].as_array().unwrap();
    assert!(rules.iter().any(|rule| rule["resourceNames"] == json!(["kubernetes.io/*"])), "{status}");
    assert_eq!(asked("SelfSubjectRulesReview", json!({}), &user("x")), Err(400));
}

#[test]
fn one_may_ask_who_one_is() {
    let status = asked("SelfSubjectReview", Value::Null, &user("g")).unwrap();
    assert_eq!(status, json!({"userInfo": {"username": "u", "groups": ["g"]}}));
}
