//! The roles, and to whom they are bound.

use crate::apiserver::attributes::Attributes;
use crate::apiserver::user::{AUTHENTICATED, BOOTSTRAPPERS, MASTERS, NODES, node_name};

/// May approve and deny requests for any signer of `kubernetes.io`. The group is ours, since bindings are fixed here.
const APPROVERS: &str = "certrotate:approvers";
/// Who may sign for any signer. Our own, too.
const SIGNERS: &str = "certrotate:signers";

const CERTIFICATES: &[&str] = &["certificates.k8s.io"];
const REQUESTS: &[&str] = &["certificatesigningrequests"];
const ANY: &[&str] = &["*"];

/// Permissions on resources or, if `paths` is set, on other paths.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) verbs: &'static [&'static str],
    pub(crate) groups: &'static [&'static str],
    pub(crate) resources: &'static [&'static str],
    /// Empty: all.
    pub(crate) names: &'static [&'static str],
    /// A star at the end stands for any rest.
    pub(crate) paths: &'static [&'static str],
}

const fn on(
    verbs: &'static [&'static str],
    groups: &'static [&'static str],
    resources: &'static [&'static str],
) -> Rule {
    Rule { verbs, groups, resources, names: &[], paths: &[] }
}

const fn on_paths(verbs: &'static [&'static str], paths: &'static [&'static str]) -> Rule {
    Rule { verbs, groups: &[], resources: &[], names: &[], paths }
}

#[derive(Debug)]
pub(crate) struct Role {
    pub(crate) name: &'static str,
    pub(crate) rules: &'static [Rule],
}

#[derive(Debug)]
pub(crate) enum Subject {
    User(&'static str),
    Group(&'static str),
}

#[derive(Debug)]
pub(crate) struct Binding {
    pub(crate) subject: Subject,
    pub(crate) role: &'static Role,
    /// The only namespace that it applies to.
    pub(crate) namespace: Option<&'static str>,
    /// It applies to objects with the name of the node only. Whether a new object has it is for admission to check.
    pub(crate) is_for_own_name: bool,
}

static CLUSTER_ADMIN: Role =
    Role { name: "cluster-admin", rules: &[on(ANY, ANY, ANY), on_paths(ANY, &["*"])] };

static BASIC_USER: Role = Role {
    name: "system:basic-user",
    rules: &[
        on(&["create"], &["authorization.k8s.io"], &["selfsubjectaccessreviews", "selfsubjectrulesreviews"]),
        on(&["create"], &["authentication.k8s.io"], &["selfsubjectreviews"]),
    ],
};

static DISCOVERY: Role = Role {
    name: "system:discovery",
    rules: &[on_paths(
        &["get"],
        &[
            "/healthz",
            "/livez",
            "/readyz",
            "/version",
            "/version/",
            "/api",
            "/api/*",
            "/apis",
            "/apis/*",
            "/openapi",
            "/openapi/*",
            "/whoami",
        ],
    )],
};

/// In a cluster: the role system:public-info-viewer, bound to every user.
static PUBLIC: Role = Role {
    name: "system:public-info-viewer",
    rules: &[on_paths(&["get"], &["/healthz", "/livez", "/readyz", "/version", "/version/"])],
};

static NODE_BOOTSTRAPPER: Role = Role {
    name: "system:node-bootstrapper",
    rules: &[on(&["create", "get", "list", "watch"], CERTIFICATES, REQUESTS)],
};

static NODE: Role = Role {
    name: "system:node",
    rules: &[
        on(&["create", "get", "list", "watch"], CERTIFICATES, REQUESTS),
        on(&["create"], &["authorization.k8s.io"], &["subjectaccessreviews"]),
    ],
};

/// Of the node authorizer. Its binding is for the node's own Lease only.
static NODE_LEASES: Role = Role {
    name: "system:node",
    rules: &[on(&["create", "delete", "get", "patch", "update"], &["coordination.k8s.io"], &["leases"])],
};

static NODE_CLIENT: Role = Role {
    name: "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
    rules: &[on(&["create"], CERTIFICATES, &["certificatesigningrequests/nodeclient"])],
};

static SELF_NODE_CLIENT: Role = Role {
    name: "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
    rules: &[on(&["create"], CERTIFICATES, &["certificatesigningrequests/selfnodeclient"])],
};

static APPROVER: Role = Role {
    name: "system:certificates.k8s.io:certificatesigningrequests:approver",
    rules: &[
        on(&["get", "list", "watch"], CERTIFICATES, REQUESTS),
        on(&["get", "patch", "update"], CERTIFICATES, &["certificatesigningrequests/approval"]),
        Rule {
            verbs: &["approve"],
            groups: CERTIFICATES,
            resources: &["signers"],
            names: &["kubernetes.io/*"],
            paths: &[],
        },
    ],
};

static SIGNER: Role = Role {
    name: "system:certificates.k8s.io:certificatesigningrequests:signer",
    rules: &[
        on(&["get", "list", "watch"], CERTIFICATES, REQUESTS),
        on(&["get", "patch", "update"], CERTIFICATES, &["certificatesigningrequests/status"]),
        on(&["sign"], CERTIFICATES, &["signers"]),
    ],
};

/// The permissions of kube-controller-manager's controllers, for controllers that run outside.
static CERTIFICATE_CONTROLLER: Role = Role {
    name: "system:controller:certificate-controller",
    rules: &[
        on(&["delete", "get", "list", "watch"], CERTIFICATES, REQUESTS),
        on(
            &["get", "patch", "update"],
            CERTIFICATES,
            &["certificatesigningrequests/approval", "certificatesigningrequests/status"],
        ),
        Rule {
            verbs: &["approve"],
            groups: CERTIFICATES,
            resources: &["signers"],
            names: &["kubernetes.io/kube-apiserver-client-kubelet"],
            paths: &[],
        },
        Rule {
            verbs: &["sign"],
            groups: CERTIFICATES,
            resources: &["signers"],
            names: &[
                "kubernetes.io/kube-apiserver-client",
                "kubernetes.io/kube-apiserver-client-kubelet",
                "kubernetes.io/kubelet-serving",
                "kubernetes.io/legacy-unknown",
            ],
            paths: &[],
        },
        on(&["create"], &["authorization.k8s.io"], &["subjectaccessreviews"]),
        on(&["create", "get", "list", "patch", "update", "watch"], &["coordination.k8s.io"], &["leases"]),
    ],
};

const fn group(name: &'static str, role: &'static Role) -> Binding {
    Binding { subject: Subject::Group(name), role, namespace: None, is_for_own_name: false }
}

pub(crate) static BINDINGS: &[Binding] = &[
    group(MASTERS, &CLUSTER_ADMIN),
    group(AUTHENTICATED, &BASIC_USER),
    group(AUTHENTICATED, &DISCOVERY),
    group(AUTHENTICATED, &PUBLIC),
    group("system:unauthenticated", &PUBLIC),
    group(BOOTSTRAPPERS, &NODE_BOOTSTRAPPER),
    group(BOOTSTRAPPERS, &NODE_CLIENT),
    group(NODES, &NODE),
    group(NODES, &SELF_NODE_CLIENT),
    Binding {
        subject: Subject::Group(NODES),
        role: &NODE_LEASES,
        namespace: Some("kube-node-lease"),
        is_for_own_name: true,
    },
    group(APPROVERS, &APPROVER),
    group(SIGNERS, &SIGNER),
    Binding {
        subject: Subject::User("system:serviceaccount:kube-system:certificate-controller"),
        role: &CERTIFICATE_CONTROLLER,
        namespace: None,
        is_for_own_name: false,
    },
    Binding {
        subject: Subject::User("system:kube-controller-manager"),
        role: &CERTIFICATE_CONTROLLER,
        namespace: None,
        is_for_own_name: false,
    },
];

impl Subject {
    pub(crate) fn is(&self, user: &str, groups: &[String]) -> bool {
        match self {
            Self::User(name) => *name == user,
            Self::Group(name) => groups.iter().any(|group| group == name),
        }
    }

    pub(crate) fn words(&self) -> (&'static str, &'static str) {
        match self {
            Self::User(name) => ("user", name),
            Self::Group(name) => ("group", name),
        }
    }
}

impl Binding {
    /// Whether the binding applies to a request of this user: in its namespace, and to its object.
    pub(crate) fn covers(&self, user: &str, attributes: &Attributes<'_>) -> bool {
        let has_own_name = || node_name(user) == Some(attributes.name) || attributes.verb == "create";
        self.namespace.is_none_or(|only| only == attributes.namespace)
            && (!self.is_for_own_name || has_own_name())
    }
}

impl Rule {
    pub(crate) fn covers(&self, attributes: &Attributes<'_>) -> bool {
        let has = |list: &[&str], wanted: &str| list.iter().any(|one| *one == "*" || *one == wanted);
        if !has(self.verbs, attributes.verb) {
            return false;
        }
        if !attributes.path.is_empty() {
            return self.paths.iter().any(|path| match path.strip_suffix('*') {
                Some(start) => attributes.path.starts_with(start),
                None => *path == attributes.path,
            });
        }
        let named = self.names.is_empty() || self.names.contains(&attributes.name);
        named && has(self.groups, attributes.group) && self.has_resource(attributes)
    }

    fn has_resource(&self, attributes: &Attributes<'_>) -> bool {
        self.resources.iter().any(|one| match one.split_once('/') {
            _ if *one == "*" => true,
            Some((resource, part)) => resource == attributes.resource && part == attributes.subresource,
            None => *one == attributes.resource && attributes.subresource.is_empty(),
        })
    }
}
