//! Which of its own APIs Kubernetes has removed, and with which version.
//!
//! Source: Kubernetes' deprecated API migration guide. What is in it stays
//! true: a version that was removed does not come back.

use crate::live::ObjectRef;

/// An API version of Kubernetes' own that goes, or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Going {
    /// `apps/v1beta2`.
    pub api_version: &'static str,
    /// Of which kinds; empty means of all that it had.
    pub kinds: &'static [&'static str],
    /// The first Kubernetes that does not serve it.
    pub gone_in: &'static str,
    /// What to write instead; empty where nothing takes its place.
    pub instead: &'static str,
}

const fn of(
    api_version: &'static str,
    kinds: &'static [&'static str],
    gone_in: &'static str,
    instead: &'static str,
) -> Going {
    Going {
        api_version,
        kinds,
        gone_in,
        instead,
    }
}

const WORKLOADS: &[&str] = &["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"];

static GOING: [Going; 28] = [
    of("extensions/v1beta1", WORKLOADS, "1.16", "apps/v1"),
    of("apps/v1beta1", &[], "1.16", "apps/v1"),
    of("apps/v1beta2", &[], "1.16", "apps/v1"),
    of(
        "extensions/v1beta1",
        &["NetworkPolicy"],
        "1.16",
        "networking.k8s.io/v1",
    ),
    of("extensions/v1beta1", &["PodSecurityPolicy"], "1.16", ""),
    of(
        "extensions/v1beta1",
        &["Ingress"],
        "1.22",
        "networking.k8s.io/v1",
    ),
    of(
        "networking.k8s.io/v1beta1",
        &["Ingress", "IngressClass"],
        "1.22",
        "networking.k8s.io/v1",
    ),
    of(
        "admissionregistration.k8s.io/v1beta1",
        &[
            "MutatingWebhookConfiguration",
            "ValidatingWebhookConfiguration",
        ],
        "1.22",
        "admissionregistration.k8s.io/v1",
    ),
    of(
        "apiextensions.k8s.io/v1beta1",
        &[],
        "1.22",
        "apiextensions.k8s.io/v1",
    ),
    of(
        "apiregistration.k8s.io/v1beta1",
        &[],
        "1.22",
        "apiregistration.k8s.io/v1",
    ),
    of(
        "authorization.k8s.io/v1beta1",
        &[],
        "1.22",
        "authorization.k8s.io/v1",
    ),
    of(
        "certificates.k8s.io/v1beta1",
        &["CertificateSigningRequest"],
        "1.22",
        "certificates.k8s.io/v1",
    ),
    of(
        "coordination.k8s.io/v1beta1",
        &["Lease"],
        "1.22",
        "coordination.k8s.io/v1",
    ),
    of(
        "rbac.authorization.k8s.io/v1beta1",
        &[],
        "1.22",
        "rbac.authorization.k8s.io/v1",
    ),
    of(
        "scheduling.k8s.io/v1beta1",
        &["PriorityClass"],
        "1.22",
        "scheduling.k8s.io/v1",
    ),
    of(
        "storage.k8s.io/v1beta1",
        &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"],
        "1.22",
        "storage.k8s.io/v1",
    ),
    of("batch/v1beta1", &["CronJob"], "1.25", "batch/v1"),
    of(
        "discovery.k8s.io/v1beta1",
        &["EndpointSlice"],
        "1.25",
        "discovery.k8s.io/v1",
    ),
    of(
        "events.k8s.io/v1beta1",
        &["Event"],
        "1.25",
        "events.k8s.io/v1",
    ),
    of(
        "autoscaling/v2beta1",
        &["HorizontalPodAutoscaler"],
        "1.25",
        "autoscaling/v2",
    ),
    of(
        "policy/v1beta1",
        &["PodDisruptionBudget"],
        "1.25",
        "policy/v1",
    ),
    of("policy/v1beta1", &["PodSecurityPolicy"], "1.25", ""),
    of(
        "node.k8s.io/v1beta1",
        &["RuntimeClass"],
        "1.25",
        "node.k8s.io/v1",
    ),
    of(
        "autoscaling/v2beta2",
        &["HorizontalPodAutoscaler"],
        "1.26",
        "autoscaling/v2",
    ),
    of(
        "storage.k8s.io/v1beta1",
        &["CSIStorageCapacity"],
        "1.27",
        "storage.k8s.io/v1",
    ),
    // Three betas, one after the other, of the same two kinds.
    of(
        "flowcontrol.apiserver.k8s.io/v1beta1",
        &[],
        "1.26",
        "flowcontrol.apiserver.k8s.io/v1",
    ),
    of(
        "flowcontrol.apiserver.k8s.io/v1beta2",
        &[],
        "1.29",
        "flowcontrol.apiserver.k8s.io/v1",
    ),
    of(
        "flowcontrol.apiserver.k8s.io/v1beta3",
        &[],
        "1.32",
        "flowcontrol.apiserver.k8s.io/v1",
    ),
];

/// What is known of that object's API, if Kubernetes removes it.
pub fn going(object: &ObjectRef) -> Option<&'static Going> {
    let of = |going: &&Going| {
        going.api_version == object.api_version
            && (going.kinds.is_empty() || going.kinds.contains(&object.kind.as_str()))
    };
    GOING.iter().find(of)
}
