//! One record with its payload, by name.

use super::Cluster;
use super::error::ApiError;
use super::item::Item;
use super::listing::{ONE_BODY, Selection};
use super::protobuf;
use super::url::Url;
use crate::survey::RecordId;

impl Cluster {
    /// Reads a stored object whole. Who may list such objects and not get one
    /// gets it out of a list of one.
    pub(super) async fn item(&self, id: &RecordId) -> Result<Item, ApiError> {
        let url = Url::records(id.driver, Some(&id.namespace))?.join(&id.name)?;
        match self.get_bytes(&url, ONE_BODY).await {
            Ok((true, body)) => Ok(Item::Protobuf(protobuf::unwrap(&body)?)),
            Ok((false, body)) => {
                let json = serde_json::from_slice(&body);
                let json = json.map_err(|_| ApiError::Garbled { what: "not JSON" })?;
                Ok(Item::Json(json))
            }
            Err(error @ ApiError::Forbidden { .. }) => match self.out_of_a_list(id).await {
                Ok(Some(item)) => Ok(item),
                Ok(None) => Err(ApiError::NotFound),
                Err(_) => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    /// The same in JSON, which tells all that is stored, known here or not.
    pub(super) async fn item_in_json(&self, id: &RecordId) -> Result<Item, ApiError> {
        let url = Url::records(id.driver, Some(&id.namespace))?.join(&id.name)?;
        self.get(&url).await.map(Item::Json)
    }

    async fn out_of_a_list(&self, id: &RecordId) -> Result<Option<Item>, ApiError> {
        let selection = Selection {
            driver: id.driver,
            namespace: Some(id.namespace.clone()),
            labels: None,
            fields: Some(format!("metadata.name={}", id.name)),
            whole: true,
            at_least: None,
        };
        self.list(selection).next().await
    }
}
