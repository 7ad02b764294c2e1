//! What a user gives, and where that leads. `one` and `two` are the kubeconfigs
//! of [`super::aim`]; KUBECONFIG lists both unless a case says otherwise.

/// What is given, and where it leads: cluster, namespace, who.
pub(super) struct Case {
    pub(super) variables: &'static [&'static str],
    pub(super) flags: &'static [&'static str],
    pub(super) aim: (&'static str, &'static str, &'static str),
}

pub(super) const fn case(
    variables: &'static [&'static str],
    flags: &'static [&'static str],
    aim: (&'static str, &'static str, &'static str),
) -> Case {
    Case {
        variables,
        flags,
        aim,
    }
}

/// Holds for kubectl and, in their own words for it, for Helm.
pub(super) const FILES: [Case; 9] = [
    case(&[], &[], ("east", "shop", "admin")),
    case(
        &["KUBECONFIG=DIR/two:DIR/one"],
        &[],
        ("west", "depot", "nobody"),
    ),
    case(
        &["KUBECONFIG=DIR/missing:DIR/two"],
        &[],
        ("west", "depot", "nobody"),
    ),
    case(
        &["KUBECONFIG=:DIR/empty:DIR/unset:DIR/two"],
        &[],
        ("west", "depot", "nobody"),
    ),
    case(
        &["KUBECONFIG=DIR/unset:DIR/one:DIR/two"],
        &[],
        ("east", "shop", "admin"),
    ),
    case(&["KUBECONFIG="], &[], ("west", "depot", "nobody")),
    case(&[], &["--kubeconfig=DIR/two"], ("west", "depot", "nobody")),
    case(&[], &["-n", "other"], ("east", "other", "admin")),
    case(&[], &["-A"], ("east", "everywhere", "admin")),
];

pub(super) const KUBECTL: [Case; 18] = [
    case(&[], &["--context=two"], ("west", "depot", "nobody")),
    case(&[], &["--context=bare"], ("west", "default", "admin")),
    case(
        &[],
        &["--context=two", "--namespace=other"],
        ("west", "other", "nobody"),
    ),
    case(&[], &["--cluster=west"], ("west", "shop", "admin")),
    case(&[], &["--user=nobody"], ("east", "shop", "nobody")),
    case(&[], &["--server=WEST"], ("west", "shop", "admin")),
    case(
        &[],
        &["-s", "WEST", "--user=nobody"],
        ("west", "shop", "nobody"),
    ),
    case(&[], &["--token=NOBODY"], ("east", "shop", "nobody")),
    case(
        &[],
        &["--as=bob"],
        ("east", "shop", "admin impersonate-user=bob"),
    ),
    case(
        &[],
        &["--as=bob", "--as-group=g", "--as-group=h", "--as-uid=7"],
        (
            "east",
            "shop",
            "admin impersonate-user=bob impersonate-uid=7 impersonate-group=g impersonate-group=h",
        ),
    ),
    case(
        &[],
        &["--context=act"],
        (
            "east",
            "stage",
            "admin impersonate-user=alice impersonate-group=a",
        ),
    ),
    case(
        &[],
        &["--context=act", "--as=bob"],
        (
            "east",
            "stage",
            "admin impersonate-user=bob impersonate-group=a",
        ),
    ),
    case(
        &[],
        &["--context=blind", "--certificate-authority=DIR/ca.crt"],
        ("west", "dark", "admin"),
    ),
    case(
        &[],
        &["--context=blind", "--insecure-skip-tls-verify"],
        ("west", "dark", "admin"),
    ),
    case(
        &[],
        &["--tls-server-name=kubernetes"],
        ("east", "shop", "admin"),
    ),
    case(&[], &["--request-timeout=30"], ("east", "shop", "admin")),
    // kubectl knows nothing of Helm's variables.
    case(
        &["HELM_KUBECONTEXT=two", "HELM_NAMESPACE=other"],
        &[],
        ("east", "shop", "admin"),
    ),
    case(
        &[
            "HELM_KUBETOKEN=NOBODY",
            "HELM_KUBEASUSER=bob",
            "HELM_KUBEAPISERVER=WEST",
        ],
        &[],
        ("east", "shop", "admin"),
    ),
];

pub(super) const HELM: [Case; 21] = [
    case(&[], &["--kube-context=two"], ("west", "depot", "nobody")),
    case(
        &[],
        &["--kube-context", "bare"],
        ("west", "default", "admin"),
    ),
    case(&["HELM_KUBECONTEXT=two"], &[], ("west", "depot", "nobody")),
    case(
        &["HELM_KUBECONTEXT=two"],
        &["--kube-context=one"],
        ("east", "shop", "admin"),
    ),
    case(&["HELM_NAMESPACE=other"], &[], ("east", "other", "admin")),
    case(
        &["HELM_NAMESPACE=other"],
        &["-n", "third"],
        ("east", "third", "admin"),
    ),
    case(
        &["HELM_NAMESPACE=other"],
        &["-A"],
        ("east", "everywhere", "admin"),
    ),
    case(
        &["HELM_NAMESPACE=other", "HELM_KUBECONTEXT=two"],
        &[],
        ("west", "other", "nobody"),
    ),
    case(&["HELM_KUBEAPISERVER=WEST"], &[], ("west", "shop", "admin")),
    case(
        &["HELM_KUBEAPISERVER=WEST"],
        &["--kube-apiserver=EAST"],
        ("east", "shop", "admin"),
    ),
    case(&["HELM_KUBETOKEN=NOBODY"], &[], ("east", "shop", "nobody")),
    case(&[], &["--kube-token=NOBODY"], ("east", "shop", "nobody")),
    case(
        &["HELM_KUBEASUSER=bob"],
        &[],
        ("east", "shop", "admin impersonate-user=bob"),
    ),
    case(
        &["HELM_KUBEASUSER=bob", "HELM_KUBEASGROUPS=g,h"],
        &["--kube-as-user=carol"],
        (
            "east",
            "shop",
            "admin impersonate-user=carol impersonate-group=g impersonate-group=h",
        ),
    ),
    case(
        &[],
        &["--kube-as-user=bob", "--kube-as-group=g"],
        (
            "east",
            "shop",
            "admin impersonate-user=bob impersonate-group=g",
        ),
    ),
    case(
        &["HELM_KUBECONTEXT=blind", "HELM_KUBECAFILE=DIR/ca.crt"],
        &[],
        ("west", "dark", "admin"),
    ),
    case(
        &["HELM_KUBECONTEXT=blind"],
        &["--kube-ca-file=DIR/ca.crt"],
        ("west", "dark", "admin"),
    ),
    case(
        &[
            "HELM_KUBECONTEXT=blind",
            "HELM_KUBEINSECURE_SKIP_TLS_VERIFY=true",
        ],
        &[],
        ("west", "dark", "admin"),
    ),
    case(
        &[
            "HELM_KUBECONTEXT=blind",
            "HELM_KUBEINSECURE_SKIP_TLS_VERIFY=1",
        ],
        &[],
        ("west", "dark", "admin"),
    ),
    case(
        &["HELM_KUBETLS_SERVER_NAME=kubernetes"],
        &[],
        ("east", "shop", "admin"),
    ),
    case(
        &["HELM_DEBUG=true"],
        &["--kube-context=two"],
        ("west", "depot", "nobody"),
    ),
];
