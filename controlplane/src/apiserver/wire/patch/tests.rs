use http::Method;
use serde_json::json;

use super::*;
use crate::apiserver::kinds::csr::CSRS;

fn patched(kind: &str, document: &Value, patch: &Value) -> Result<Value, u16> {
    let mut document = document.clone();
    let call = Call {
        method: Method::PATCH,
        content_type: kind.to_owned(),
        body: patch.to_string().into(),
        ..Call::default()
    };
    let patch = Patch::of(&call).map_err(|e| e.code.as_u16())?;
    patch.apply(&CSRS, &mut document).map_err(|e| e.code.as_u16())?;
    Ok(document)
}

#[test]
fn merge_patch_replaces_lists_and_removes_null_members() {
    let document = json!({"a": {"b": 1, "c": 2}, "list": [1, 2]});
    let merged = patched(MERGE, &document, &json!({"a": {"b": null, "d": {"e": null}}, "list": [3]}));
    assert_eq!(merged, Ok(json!({"a": {"c": 2, "d": {}}, "list": [3]})));
    assert_eq!(patched(MERGE, &document, &json!([])), Err(400));
}

#[test]
fn json_patches_do_what_rfc_6902_says() {
    let document = json!({"a": {"b/c": 1, "~": 2}, "list": [1, 2]});
    for (patch, result) in [
        (
            json!([{"op": "add", "path": "/a/x", "value": 1}]),
            json!({"a": {"b/c": 1, "~": 2, "x": 1}, "list": [1, 2]}),
        ),
        (json!([{"op": "remove", "path": "/a/b~1c"}]), json!({"a": {"~": 2}, "list": [1, 2]})),
        (
            json!([{"op": "replace", "path": "/a/~0", "value": 3}]),
            json!({"a": {"b/c": 1, "~": 3}, "list": [1, 2]}),
        ),
        (
            json!([{"op": "add", "path": "/list/-", "value": 3}]),
            json!({"a": {"b/c": 1, "~": 2}, "list": [1, 2, 3]}),
        ),
        (
            json!([{"op": "add", "path": "/list/0", "value": 0}]),
            json!({"a": {"b/c": 1, "~": 2}, "list": [0, 1, 2]}),
        ),
        (json!([{"op": "move", "from": "/list", "path": "/a"}]), json!({"a": [1, 2]})),
        (json!([{"op": "copy", "from": "/list/1", "path": "/a"}]), json!({"a": 2, "list": [1, 2]})),
        (json!([{"op": "test", "path": "/list", "value": [1, 2]}]), document.clone()),
        (json!([{"op": "add", "path": "", "value": {}}]), json!({})),
    ] {
        assert_eq!(patched(JSON, &document, &patch), Ok(result), "{patch}");
    }
}

#[test]
fn json_patch_failure_and_malformed_json_patch_differ() {
    let document = json!({"a": 1, "list": [1]});
    for (patch, code) in [
        (json!([{"op": "test", "path": "/a", "value": 2}]), 422),
        (json!([{"op": "remove", "path": "/x"}]), 422),
        (json!([{"op": "replace", "path": "/list/7", "value": 1}]), 422),
        (json!([{"op": "add", "path": "/list/01", "value": 1}]), 422),
        (json!([{"op": "add", "path": "/a/b", "value": 1}]), 422),
        (json!([{"op": "add", "path": "a", "value": 1}]), 400),
        (json!([{"op": "add", "path": "/a"}]), 400),
        (json!([{"op": "dance", "path": "/a"}]), 400),
        (json!([{"op": "move", "path": "/a"}]), 400),
        (json!({"op": "remove"}), 400),
        (Value::Array(vec![json!({"op": "remove", "path": "/x"}); 10_001]), 413),
    ] {
        assert_eq!(patched(JSON, &document, &patch), Err(code), "{patch}");
    }
}

#[test]
fn copies_that_double_a_document_again_and_again_are_stopped() {
    let document = json!({"a": "x".repeat(1000)});
    let mut patch = vec![json!({"op": "add", "path": "/b", "value": {}})];
    for round in 0..60 {
        patch.push(json!({"op": "copy", "from": "", "path": format!("/b/{round}")}));
    }
    assert_eq!(patched(JSON, &document, &Value::Array(patch)), Err(413));
}

#[test]
fn strategic_patches_merge_the_lists_that_the_definitions_say() {
    let owner = |uid: &str, name: &str| json!({"uid": uid, "name": name});
    let document = json!({"metadata": {
        "finalizers": ["a", "b"], "ownerReferences": [owner("1", "one"), owner("2", "two")],
    }, "spec": {"usages": ["any"]}, "status": {"conditions": [{"type": "x"}]}});
    let merged = |patch: Value| patched(STRATEGIC, &document, &patch);
    let added = merged(
        json!({"metadata": {"finalizers": ["b", "c"], "ownerReferences": [{"uid": "2", "name": "zwei"}]}}),
    );
    let added = added.unwrap();
    assert_eq!(added["metadata"]["finalizers"], json!(["a", "b", "c"]));
    assert_eq!(added["metadata"]["ownerReferences"], json!([owner("1", "one"), owner("2", "zwei")]));
    let removed = merged(json!({"metadata": {
        "$deleteFromPrimitiveList/finalizers": ["a"], "ownerReferences": [{"uid": "1", "$patch": "delete"}],
    }}));
    let removed = removed.unwrap();
    assert_eq!(removed["metadata"]["finalizers"], json!(["b"]));
    assert_eq!(removed["metadata"]["ownerReferences"], json!([owner("2", "two")]));
    let ordered = merged(json!({"metadata": {
        "$setElementOrder/finalizers": ["c", "b", "a"], "finalizers": ["c"],
        "$setElementOrder/ownerReferences": [{"uid": "2"}, {"uid": "1"}],
    }}));
    let ordered = ordered.unwrap();
    assert_eq!(ordered["metadata"]["finalizers"], json!(["c", "b", "a"]));
    assert_eq!(ordered["metadata"]["ownerReferences"][0]["uid"], "2");
    let replaced =
        merged(json!({"metadata": {"ownerReferences": [{"$patch": "replace"}, owner("3", "drei")]}}));
    assert_eq!(replaced.unwrap()["metadata"]["ownerReferences"], json!([owner("3", "drei")]));
    let atomic =
        merged(json!({"spec": {"usages": ["client auth"]}, "status": {"conditions": [{"type": "y"}]}}));
    let atomic = atomic.unwrap();
    assert_eq!(
        (&atomic["spec"]["usages"], &atomic["status"]["conditions"]),
        (&json!(["client auth"]), &json!([{"type": "y"}]))
    );
}

#[test]
fn strategic_directives_are_followed_or_refused() {
    let document = json!({"metadata": {"labels": {"a": "1", "b": "2"}}});
    let merged = |labels: Value| patched(STRATEGIC, &document, &json!({"metadata": {"labels": labels}}));
    assert_eq!(
        merged(json!({"$patch": "replace", "c": "3"})),
        Ok(json!({"metadata": {"labels": {"c": "3"}}}))
    );
    assert_eq!(merged(json!({"$patch": "delete"})), Ok(json!({"metadata": {}})));
    assert_eq!(
        merged(json!({"$retainKeys": ["a"], "c": "3"})),
        Ok(json!({"metadata": {"labels": {"a": "1", "c": "3"}}}))
    );
    assert_eq!(merged(json!({"a": null})), Ok(json!({"metadata": {"labels": {"b": "2"}}})));
    for wrong in [json!({"$patch": "dance"}), json!({"$dance": 1}), json!({"$patch": 7})] {
        assert_eq!(merged(wrong.clone()), Err(400), "{wrong}");
    }
}

#[test]
fn other_kinds_of_patch_are_refused_with_the_remedy() {
    let call = |kind: &str| Call { content_type: kind.to_owned(), ..Call::default() };
    let error = Patch::of(&call(APPLY)).unwrap_err();
    assert!(error.code.as_u16() == 415 && error.message.contains("--server-side"), "{error:?}");
    assert_eq!(Patch::of(&call("application/json")).unwrap_err().code.as_u16(), 415);
}

#[test]
fn merge_patches_follow_rfc_7396() {
    let table = [
        (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
        (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
        (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
        (json!({"a": [1]}), json!({"a": "c"}), json!({"a": "c"})),
        (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
        (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        (json!({"a": "b"}), json!(["c"]), json!(["c"])),
    ];
    for (mut target, patch, expected) in table {
        merge::merge(&mut target, patch);
        assert_eq!(target, expected);
    }
}
