//! Records as they are stored: read whole, replaced, created, deleted.
//!
//! Every write is guarded and sent once. After an error whose
//! [`ApiError::outcome_unknown`] is true, the caller reads back before it says
//! anything.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};

use super::error::ApiError;
use super::url::Url;
use super::{Cluster, FIELD_MANAGER};
use crate::helm::{Driver, PAYLOAD_KEY};
use crate::live::SERVER_FIELDS;
use crate::survey::{RawRecord, RecordId};

impl Cluster {
    /// Reads a record exactly as it is stored; `None` if there is none.
    ///
    /// # Errors
    ///
    /// Of the request, and [`ApiError::Garbled`].
    pub async fn read_record(&self, id: &RecordId) -> Result<Option<RawRecord>, ApiError> {
        let url = Url::records(id.driver, Some(&id.namespace))?.join(&id.name)?;
        match self.get(&url).await {
            Ok(object) => split(id, object).map(Some),
            Err(ApiError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces a record, if it still has the uid and the resourceVersion that
    /// `record` holds. Returns it as it is stored now, or, in a dry run, as it
    /// would be.
    ///
    /// # Errors
    ///
    /// [`ApiError::Conflict`] if it changed, [`ApiError::NotFound`] if it is
    /// gone, [`ApiError::Invalid`] if it is immutable or `record` has no guard.
    pub async fn replace_record(
        &self,
        record: &RawRecord,
        dry_run: bool,
    ) -> Result<RawRecord, ApiError> {
        if record.uid().is_empty() || record.resource_version().is_empty() {
            return Err(unguarded());
        }
        let mut object = join(record)?;
        // Without them the API server keeps those that it has.
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.shift_remove("managedFields");
        }
        let id = &record.id;
        let url = Url::records(id.driver, Some(&id.namespace))?.join(&id.name)?;
        let stored = self
            .write(&Method::PUT, &writing(url, dry_run), &object)
            .await?;
        split(id, stored)
    }

    /// Creates a record from what was once read: without its uid,
    /// resourceVersion and other fields that are the API server's.
    ///
    /// # Errors
    ///
    /// [`ApiError::AlreadyExists`], and those of the request.
    pub async fn create_record(
        &self,
        record: &RawRecord,
        dry_run: bool,
    ) -> Result<RawRecord, ApiError> {
        let mut object = join(record)?;
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.retain(|field, _| !SERVER_FIELDS.contains(&field.as_str()));
        }
        let id = &record.id;
        let url = Url::records(id.driver, Some(&id.namespace))?;
        let stored = self
            .write(&Method::POST, &writing(url, dry_run), &object)
            .await?;
        split(id, stored)
    }

    /// Deletes a record, if it still has this uid and resourceVersion.
    ///
    /// # Errors
    ///
    /// [`ApiError::Conflict`] if it changed, [`ApiError::NotFound`] if it is
    /// gone already.
    pub async fn delete_record(
        &self,
        id: &RecordId,
        uid: &str,
        resource_version: &str,
        dry_run: bool,
    ) -> Result<(), ApiError> {
        if uid.is_empty() || resource_version.is_empty() {
            return Err(unguarded());
        }
        let url = Url::records(id.driver, Some(&id.namespace))?.join(&id.name)?;
        // In the body it counts; in the URL the audit log tells it.
        let url = url.with_some("dryRun", dry_run.then_some("All"));
        let options = delete_options(uid, resource_version, dry_run);
        self.write(&Method::DELETE, &url, &options).await.map(drop)
    }
}

fn unguarded() -> ApiError {
    ApiError::Invalid {
        message: "a write without uid and resourceVersion".to_owned(),
    }
}

fn writing(url: Url, dry_run: bool) -> Url {
    url.with("fieldManager", FIELD_MANAGER)
        .with_some("dryRun", dry_run.then_some("All"))
}

/// The body of a guarded DELETE.
pub(super) fn delete_options(uid: &str, resource_version: &str, dry_run: bool) -> Value {
    let mut options = json!({
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {"uid": uid, "resourceVersion": resource_version},
    });
    if dry_run {
        options["dryRun"] = json!(["All"]);
    }
    options
}

/// Takes the payload out of an object.
///
/// A payload in `binaryData`, where no Helm looks, leaves an empty string
/// behind, so that [`join`] puts it back where it was.
pub(super) fn split(id: &RecordId, mut object: Value) -> Result<RawRecord, ApiError> {
    const GARBLED: ApiError = ApiError::Garbled {
        what: "a record that makes no sense",
    };
    if !object["metadata"].is_object() {
        return Err(GARBLED);
    }
    let text = object
        .get_mut("data")
        .and_then(Value::as_object_mut)
        .and_then(|data| data.shift_remove(PAYLOAD_KEY));
    let decode = |text: &str| STANDARD.decode(text).map_err(|_| GARBLED);
    let payload = match (id.driver, text.as_ref().and_then(Value::as_str)) {
        (Driver::Secret, Some(text)) => Some(decode(text)?),
        (Driver::Secret, None) => None,
        (Driver::ConfigMap, Some(text)) => Some(text.as_bytes().to_vec()),
        (Driver::ConfigMap, None) => match object.pointer_mut("/binaryData/release") {
            Some(Value::String(text)) => Some(decode(&std::mem::take(text))?),
            _ => None,
        },
    };
    Ok(RawRecord {
        id: id.clone(),
        object,
        payload: payload.map(Into::into),
    })
}

/// Puts the payload back; the inverse of [`split`].
///
/// # Errors
///
/// [`ApiError::Invalid`] if this is no object: it may come from a file.
fn join(record: &RawRecord) -> Result<Value, ApiError> {
    let mut object = record.object.clone();
    if !object["metadata"].is_object() {
        return Err(ApiError::Invalid {
            message: "a record without metadata".to_owned(),
        });
    }
    let Some(payload) = &record.payload else {
        return Ok(object);
    };
    let binary = record.object["binaryData"][PAYLOAD_KEY].is_string();
    let (field, text) = match (record.id.driver, std::str::from_utf8(payload)) {
        (Driver::Secret, _) => ("data", STANDARD.encode(payload)),
        (Driver::ConfigMap, Ok(text)) if !binary => ("data", text.to_owned()),
        (Driver::ConfigMap, _) => ("binaryData", STANDARD.encode(payload)),
    };
    if !object[field].is_object() {
        object[field] = json!({});
    }
    object[field][PAYLOAD_KEY] = json!(text);
    Ok(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(driver: Driver) -> RecordId {
        RecordId {
            namespace: "shop".into(),
            driver,
            name: "sh.helm.release.v1.web.v1".into(),
        }
    }

    fn round_trip(driver: Driver, object: &Value) -> RawRecord {
        let raw = split(&id(driver), object.clone()).unwrap();
        assert_eq!(join(&raw).as_ref(), Ok(object));
        raw
    }

    #[test]
    fn secrets_split_and_join() {
        let object = json!({
            "metadata": {"uid": "u", "resourceVersion": "7", "annotations": {"x": "y"}},
            "data": {"release": "dGV4dA==", "other": "AA=="},
            "immutable": true, "type": "helm.sh/release.v1", "future": {"field": 1},
        });
        let raw = round_trip(Driver::Secret, &object);
        assert_eq!(raw.payload.as_deref(), Some(&b"text"[..]));
        assert_eq!(raw.object["data"], json!({"other": "AA=="}));
        assert_eq!((raw.uid(), raw.resource_version()), ("u", "7"));
    }

    #[test]
    fn config_maps_split_and_join() {
        let plain = json!({"metadata": {}, "data": {"release": "text"}});
        let raw = round_trip(Driver::ConfigMap, &plain);
        assert_eq!(raw.payload.as_deref(), Some(&b"text"[..]));
        for encoded in ["dGV4dA==", "/w=="] {
            let binary = json!({"metadata": {}, "binaryData": {"release": encoded}});
            let raw = round_trip(Driver::ConfigMap, &binary);
            assert_eq!(raw.object["binaryData"]["release"], "");
        }
    }

    #[test]
    fn records_without_a_payload_stay_so() {
        for driver in Driver::ALL {
            for object in [
                json!({"metadata": {}}),
                json!({"metadata": {}, "data": null}),
                json!({"metadata": {}, "data": {"chunk": "AA=="}}),
            ] {
                let raw = round_trip(driver, &object);
                assert_eq!(raw.payload, None);
            }
        }
    }

    #[test]
    fn nonsense_is_garbled() {
        assert!(split(&id(Driver::Secret), json!({"data": {}})).is_err());
        let bad = json!({"metadata": {}, "data": {"release": "!"}});
        assert!(split(&id(Driver::Secret), bad).is_err());
        for object in [Value::Null, json!([]), json!({"metadata": "x"})] {
            let raw = RawRecord {
                id: id(Driver::Secret),
                object,
                payload: Some(vec![].into()),
            };
            assert!(join(&raw).is_err());
        }
    }

    #[test]
    fn deletes_are_guarded() {
        let options = delete_options("u", "7", false);
        assert_eq!(
            options["preconditions"],
            json!({"uid": "u", "resourceVersion": "7"})
        );
        assert!(options.get("dryRun").is_none());
        assert_eq!(delete_options("u", "7", true)["dryRun"], json!(["All"]));
    }
}
