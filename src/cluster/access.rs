//! What we may do, asked before it is done.

use serde_json::json;

use super::Cluster;
use super::error::ApiError;
use super::url::Url;

impl Cluster {
    /// Whether we may do `verb` on `resource` (plural) of `group` (empty for
    /// the core group), by `SelfSubjectAccessReview`. Without a namespace: in
    /// all of them, or on a cluster-scoped kind; without a name: on any.
    ///
    /// # Errors
    ///
    /// Of the request. Every authenticated user may ask.
    pub async fn can(
        &self,
        verb: &str,
        group: &str,
        resource: &str,
        namespace: Option<&str>,
        name: Option<&str>,
    ) -> Result<bool, ApiError> {
        const API_VERSION: &str = "authorization.k8s.io/v1";
        let review = json!({
            "apiVersion": API_VERSION,
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {
                "verb": verb, "group": group, "resource": resource,
                "namespace": namespace.unwrap_or_default(), "name": name.unwrap_or_default(),
            }},
        });
        let url = Url::resource(API_VERSION, "selfsubjectaccessreviews", None)?;
        let answer = self.ask(&url, &review).await?;
        answer["status"]["allowed"]
            .as_bool()
            .ok_or(ApiError::Garbled {
                what: "a review without a verdict",
            })
    }
}
