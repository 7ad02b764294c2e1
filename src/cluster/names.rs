//! What there is to choose from, for who completes a command line.

use super::Cluster;
use super::connect::ConnectOptions;
use super::error::ApiError;
use super::kubeconfig;
use super::url::Url;

/// The contexts that the kubeconfig files name; none if they cannot be read.
pub fn contexts(options: &ConnectOptions) -> Vec<String> {
    let found = kubeconfig::read(options).unwrap_or_default();
    found.contexts.into_iter().map(|named| named.name).collect()
}

impl Cluster {
    /// The names of the first thousands of namespaces.
    ///
    /// # Errors
    ///
    /// Of the request.
    pub async fn namespaces(&self) -> Result<Vec<String>, ApiError> {
        let url = Url::group_version("v1")?.join("namespaces")?;
        let list = self.get(&url.with("limit", "5000")).await?;
        let items = list["items"].as_array().into_iter().flatten();
        let names = items.filter_map(|item| item["metadata"]["name"].as_str());
        Ok(names.map(str::to_owned).collect())
    }
}
