use super::*;

#[test]
fn first_supported_form_is_chosen() {
    let kubectl = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
    for (accept, wanted) in [
        (kubectl, Form::Table),
        ("application/json", Form::Whole),
        ("", Form::Whole),
        ("*/*", Form::Whole),
        ("application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json", Form::Whole),
        ("application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io,application/json", Form::Whole),
        ("application/json,application/json;as=Table;v=v1;g=meta.k8s.io", Form::Whole),
        ("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json", Form::Metadata),
    ] {
        assert_eq!(form(accept), wanted, "{accept}");
    }
}
