use super::*;

#[test]
fn reg_030_reg_031_reg_032_discovery_lists_served_resources() {
    let groups = groups();
    let names: Vec<_> =
        groups["groups"].as_array().unwrap().iter().map(|g| g["name"].as_str().unwrap()).collect();
    let all = ["certificates.k8s.io", "coordination.k8s.io", "authorization.k8s.io", "authentication.k8s.io"];
    assert_eq!(names, all);
    for name in names {
        assert_eq!(group(name).unwrap()["preferredVersion"]["version"], "v1");
        assert!(resources(name, "v1").is_some() && resources(name, "v1beta1").is_none());
    }
    let certificates = resources("certificates.k8s.io", "v1").unwrap();
    let names: Vec<_> =
        certificates["resources"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect();
    let own = "certificatesigningrequests";
    assert_eq!(names, [own.to_owned(), format!("{own}/approval"), format!("{own}/status")]);
    assert!(group("apps").is_none());
}

#[test]
fn the_aggregated_form_says_what_the_plain_one_says() {
    let list = aggregated("v2");
    assert_eq!(list["apiVersion"], "apidiscovery.k8s.io/v2");
    for group in list["items"].as_array().unwrap() {
        let plain = resources(group["metadata"]["name"].as_str().unwrap(), "v1").unwrap();
        let plain: Vec<_> =
            plain["resources"].as_array().unwrap().iter().map(|r| r["name"].clone()).collect();
        let mut names = Vec::new();
        for resource in group["versions"][0]["resources"].as_array().unwrap() {
            let name = resource["resource"].as_str().unwrap();
            names.push(json!(name));
            for part in resource["subresources"].as_array().into_iter().flatten() {
                names.push(json!(format!("{name}/{}", part["subresource"].as_str().unwrap())));
            }
        }
        assert_eq!(names, plain);
    }
}

#[test]
fn the_first_form_of_discovery_that_is_served_counts() {
    let form = |version: &str| {
        format!("application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList")
    };
    for (accept, wanted) in [
        (format!("{},{},application/json", form("v2"), form("v2beta1")), Some("v2")),
        (format!("{},application/json", form("v2beta1")), Some("v2beta1")),
        (format!("{},application/json", form("v9")), None),
        (format!("application/json,{}", form("v2")), None),
        (String::new(), None),
    ] {
        assert_eq!(wants_aggregated(&accept), wanted, "{accept}");
    }
}
