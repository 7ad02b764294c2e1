//! Paths and queries of requests.
//!
//! Names come from a cluster, a file or a user. Whatever is not a valid path
//! segment is refused here: an empty name would turn "delete this record" into
//! "delete the collection".

use super::error::ApiError;
use crate::helm::Driver;
use crate::wire::escape;

/// A request's path and query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url(String);

impl Url {
    /// Of the API server itself.
    pub(super) fn version() -> Self {
        Self("/version".to_owned())
    }

    /// The list of API groups.
    pub(super) fn groups() -> Self {
        Self("/apis".to_owned())
    }

    /// Starts at `/api/v1` or `/apis/GROUP/VERSION`.
    pub(super) fn group_version(api_version: &str) -> Result<Self, ApiError> {
        match api_version.split_once('/') {
            None => Self("/api".to_owned()).join(api_version),
            Some((group, version)) => Self("/apis".to_owned()).join(group)?.join(version),
        }
    }

    /// Of one kind of object, in one namespace or everywhere.
    pub(super) fn resource(
        api_version: &str,
        plural: &str,
        namespace: Option<&str>,
    ) -> Result<Self, ApiError> {
        let url = Self::group_version(api_version)?;
        match namespace {
            Some(namespace) => url.join("namespaces")?.join(namespace)?.join(plural),
            None => url.join(plural),
        }
    }

    /// Of a driver's objects.
    pub(super) fn records(driver: Driver, namespace: Option<&str>) -> Result<Self, ApiError> {
        Self::resource("v1", driver.resource(), namespace)
    }

    /// One segment more.
    pub(super) fn join(mut self, segment: &str) -> Result<Self, ApiError> {
        // The rule of the API server's own `IsValidPathSegmentName`.
        let bad = matches!(segment, "" | "." | "..") || segment.contains(['/', '%']);
        if bad || segment.len() > 512 {
            return Err(ApiError::Invalid {
                message: format!("{:?} is not a name", segment.get(..64).unwrap_or(segment)),
            });
        }
        self.0.push('/');
        escape(segment, &mut self.0);
        Ok(self)
    }

    /// One parameter more.
    pub(super) fn with(mut self, key: &str, value: &str) -> Self {
        self.0.push(if self.0.contains('?') { '&' } else { '?' });
        self.0.push_str(key);
        self.0.push('=');
        escape(value, &mut self.0);
        self
    }

    /// One parameter more, if it has a value.
    pub(super) fn with_some(self, key: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let url = Url::records(Driver::Secret, Some("shop")).unwrap();
        assert_eq!(url.as_str(), "/api/v1/namespaces/shop/secrets");
        let url = Url::resource("apps/v1", "deployments", None).unwrap();
        assert_eq!(url.as_str(), "/apis/apps/v1/deployments");
        let url = url.join("system:x").unwrap().with("a", "b=c, d");
        assert_eq!(
            url.with("e", "ü").as_str(),
            "/apis/apps/v1/deployments/system%3Ax?a=b%3Dc%2C%20d&e=%C3%BC"
        );
    }

    #[test]
    fn names_that_would_change_the_path_are_refused() {
        let secrets = Url::records(Driver::Secret, Some("shop")).unwrap();
        for bad in [
            "",
            ".",
            "..",
            "a/b",
            "a%2fb",
            &"a".repeat(600),
            "ü/".repeat(80).as_str(),
        ] {
            assert!(secrets.clone().join(bad).is_err(), "{bad:?}");
        }
        assert!(Url::records(Driver::Secret, Some("")).is_err());
        assert!(Url::group_version("a/b/c").is_err());
    }
}
