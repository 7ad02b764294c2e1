//! What of Zadig runs in this cluster: its own Deployment, or its agent; and the
//! address that it has by its own settings.

use serde_json::Value;

use super::Cluster;
use super::error::ApiError;
use super::listing::MANY_METADATA;
use super::url::Url;
use crate::survey::zadig::{Place, Told};

/// Zadig's main part, wherever it was installed.
const ASLAN: &str = "aslan";

/// Where Zadig keeps its settings, beside itself.
const SETTINGS: &str = "aslan-config";

/// What of them is its own address, as browsers have it.
const ADDRESS: &str = "ADDRESS";

/// Where its agent is installed in the clusters that it reaches from afar.
const AGENT: &str = "koderover-agent";

impl Cluster {
    /// What tells which of Zadig's clusters this is. The agent's token, which
    /// would name the cluster's id, is a secret and not read.
    pub async fn zadig_place(&self, given: Option<String>) -> Place {
        // Where the user says which it is, nobody has to look.
        let aslan = match given {
            Some(_) => Told::default(),
            None => self.zadig_homes().await,
        };
        Place {
            agent: matches!(self.has_namespace(AGENT).await, Ok(Some(true))),
            kubernetes: self.kubernetes().await,
            given,
            aslan,
        }
    }

    /// The namespaces in which Zadig itself runs.
    pub async fn zadig_homes(&self) -> Told<String> {
        let mut namespaces = Vec::new();
        let listed = async {
            let url = Url::resource("apps/v1", "deployments", None)?
                .with("fieldSelector", &format!("metadata.name={ASLAN}"))
                .with("resourceVersion", "0");
            let place = |item: &Value| Some(item["metadata"]["namespace"].as_str()?.to_owned());
            self.pages(&url, MANY_METADATA, |item| namespaces.extend(place(&item)))
                .await
        };
        match listed.await {
            Ok(()) => Told::all(namespaces),
            Err(error) => Told::nothing(error.reason()),
        }
    }

    /// What Zadig's settings in that namespace say its address is, if they do.
    /// They hold passwords, too: nothing else of them is kept.
    ///
    /// # Errors
    ///
    /// If they could not be read.
    pub async fn zadig_address(&self, namespace: &str) -> Result<Option<String>, ApiError> {
        let url = Url::resource("v1", "configmaps", Some(namespace))?.join(SETTINGS)?;
        match self.get(&url).await {
            Ok(settings) => Ok(settings["data"][ADDRESS].as_str().map(str::to_owned)),
            Err(ApiError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// `v1.36.2`.
    async fn kubernetes(&self) -> Option<String> {
        let told = self.get(&Url::version()).await.ok()?;
        let version = told["gitVersion"].as_str()?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
        let plain = version.len() < 64 && version.chars().all(plain);
        plain.then(|| version.to_owned())
    }
}
