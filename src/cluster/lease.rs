//! Leases: the lock that helm-lock, helm-unwedge and we agree on.
//!
//! Helm itself does not honor it. Times in a Lease are the API server's, as
//! far as its `Date` header tells them (whole seconds).

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::error::ApiError;
use super::url::Url;
use super::write::delete_options;
use super::{Cluster, FIELD_MANAGER};
use crate::live::read;
use crate::survey::LeaseState;

const API_VERSION: &str = "coordination.k8s.io/v1";

/// What an attempt to take a lease brought.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// It is ours until it expires or is released.
    Ours(HeldLease),
    /// Somebody else holds it: a [`LeaseState::Held`].
    Theirs(LeaseState),
}

/// A lease that we hold. Dropping it releases nothing: the lease then expires
/// by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldLease {
    namespace: String,
    name: String,
    holder: String,
    seconds: u32,
    /// We made it, so we delete it in the end; one that was there is only
    /// handed back.
    created: bool,
    /// The Lease as it was last written, with foreign fields.
    object: Value,
}

impl HeldLease {
    /// The storage namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The Lease's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Cluster {
    /// Takes the lease for `seconds`: creates it, or takes it over where nobody
    /// holds it, where it expired by the server's time, or where `holder`
    /// already holds it, or where its holder is known to be dead.
    /// `holder` must be unique to one run of the program.
    ///
    /// # Errors
    ///
    /// Of the requests; a lost race is no error but [`Claim::Theirs`]. A write
    /// with an unknown outcome is looked at again before anything is said.
    pub async fn acquire_lease(
        &self,
        namespace: &str,
        name: &str,
        holder: &str,
        seconds: u32,
        dead: impl Fn(&str) -> bool,
    ) -> Result<Claim, ApiError> {
        let seen = self.get_lease(namespace, name).await?;
        let now = self.now()?;
        let old = seen.clone().unwrap_or_default();
        let theirs = state(&old);
        if let LeaseState::Held { holder: other, .. } = &theirs
            && !theirs.expired(now)
            && other != holder
            && !dead(other)
        {
            return Ok(Claim::Theirs(theirs));
        }
        let mut lease = HeldLease {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            holder: holder.to_owned(),
            seconds,
            created: seen.is_none(),
            object: claimed(seen, (namespace, name), holder, seconds, now),
        };
        match self.write_lease(&lease).await {
            Ok(object) => lease.object = object,
            Err(error) if error.is_conflict() || error.outcome_unknown() => {
                match self.get_lease(namespace, name).await? {
                    Some(object) if holds(&object, holder) => lease.object = object,
                    Some(object) if matches!(state(&object), LeaseState::Held { .. }) => {
                        return Ok(Claim::Theirs(state(&object)));
                    }
                    _ => return Err(error),
                }
            }
            Err(error) => return Err(error),
        }
        Ok(Claim::Ours(lease))
    }

    /// Says that we are still here.
    ///
    /// # Errors
    ///
    /// [`ApiError::Conflict`] or [`ApiError::NotFound`] if the lease is no
    /// longer ours: stop. After any other error it is ours until it expires,
    /// and may be renewed again.
    pub async fn renew_lease(&self, lease: &mut HeldLease) -> Result<(), ApiError> {
        let now = self.now()?;
        let mut next = lease.clone();
        next.created = false;
        let place = (lease.namespace.as_str(), lease.name.as_str());
        let object = Some(lease.object.clone());
        next.object = claimed(object, place, &lease.holder, lease.seconds, now);
        let lost = || ApiError::Conflict {
            message: format!("lease {} was taken over", lease.name),
        };
        match self.write_lease(&next).await {
            Ok(object) => lease.object = object,
            Err(error) if error.is_conflict() || error.outcome_unknown() => {
                // Somebody may have put a label on it, or our write went through.
                let object = self.get_lease(&lease.namespace, &lease.name).await?;
                let object = object.ok_or(ApiError::NotFound)?;
                if !holds(&object, &lease.holder) || uid(&object) != uid(&lease.object) {
                    return Err(lost());
                }
                lease.object = object;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Gives the lease back: deletes it if we made it, else empties it. One
    /// that is no longer ours is left alone.
    ///
    /// # Errors
    ///
    /// Of the requests; the lease then expires by itself.
    pub async fn release_lease(&self, lease: HeldLease) -> Result<(), ApiError> {
        let first = self.give_back(&lease).await;
        let Err(error) = first else {
            return Ok(());
        };
        if !(error.is_conflict() || error.outcome_unknown()) {
            return not_found_is_fine(Err(error));
        }
        match self.get_lease(&lease.namespace, &lease.name).await? {
            Some(object) if holds(&object, &lease.holder) && uid(&object) == uid(&lease.object) => {
                let lease = HeldLease { object, ..lease };
                not_found_is_fine(self.give_back(&lease).await)
            }
            _ => Ok(()),
        }
    }

    async fn give_back(&self, lease: &HeldLease) -> Result<(), ApiError> {
        let url = url(&lease.namespace)?.join(&lease.name)?;
        if lease.created {
            let version = lease.object["metadata"]["resourceVersion"]
                .as_str()
                .unwrap_or_default();
            let options = delete_options(uid(&lease.object), version, false);
            return self.write(&Method::DELETE, &url, &options).await.map(drop);
        }
        let mut object = lease.object.clone();
        if let Some(spec) = object["spec"].as_object_mut() {
            spec.shift_remove("holderIdentity");
        }
        let url = url.with("fieldManager", FIELD_MANAGER);
        self.write(&Method::PUT, &url, &object).await.map(drop)
    }

    /// The Lease's JSON, `None` if there is none.
    pub(super) async fn get_lease(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>, ApiError> {
        match self.get(&url(namespace)?.join(name)?).await {
            Ok(lease) => checked(lease).map(Some),
            Err(ApiError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn write_lease(&self, lease: &HeldLease) -> Result<Value, ApiError> {
        let (method, url) = match lease.created {
            true => (Method::POST, url(&lease.namespace)?),
            false => (Method::PUT, url(&lease.namespace)?.join(&lease.name)?),
        };
        let url = url.with("fieldManager", FIELD_MANAGER);
        checked(self.write(&method, &url, &lease.object).await?)
    }

    fn now(&self) -> Result<Timestamp, ApiError> {
        self.server_time().ok_or(ApiError::Garbled {
            what: "it has no date",
        })
    }
}

/// Only an object can be edited and written back.
fn checked(lease: Value) -> Result<Value, ApiError> {
    match lease["metadata"].is_object() {
        true => Ok(lease),
        false => Err(ApiError::Garbled {
            what: "a lease that makes no sense",
        }),
    }
}

fn not_found_is_fine(result: Result<(), ApiError>) -> Result<(), ApiError> {
    match result {
        Err(ApiError::NotFound) => Ok(()),
        other => other,
    }
}

fn url(namespace: &str) -> Result<Url, ApiError> {
    Url::resource(API_VERSION, "leases", Some(namespace))
}

fn uid(lease: &Value) -> &str {
    lease["metadata"]["uid"].as_str().unwrap_or_default()
}

fn holds(lease: &Value, holder: &str) -> bool {
    lease["spec"]["holderIdentity"] == holder
}

/// What a Lease says; `Null` is no Lease.
pub(super) fn state(lease: &Value) -> LeaseState {
    let spec = &lease["spec"];
    match spec["holderIdentity"].as_str() {
        None | Some("") => LeaseState::Free,
        Some(holder) => LeaseState::Held {
            holder: holder.chars().take(253).collect(),
            renewed: read::time(&spec["renewTime"]).or_else(|| read::time(&spec["acquireTime"])),
            seconds: spec["leaseDurationSeconds"].as_i64().unwrap_or(0),
        },
    }
}

/// The Lease as it is to be written: a new one, or the one that is there with
/// its foreign fields and its resourceVersion, which guards the take-over.
fn claimed(
    seen: Option<Value>,
    (namespace, name): (&str, &str),
    holder: &str,
    seconds: u32,
    now: Timestamp,
) -> Value {
    let mut lease = seen.unwrap_or_else(|| {
        json!({
            "apiVersion": API_VERSION,
            "kind": "Lease",
            "metadata": {"namespace": namespace, "name": name},
        })
    });
    let taken_over = !holds(&lease, holder);
    let transitions = lease["spec"]["leaseTransitions"].as_i64();
    if !lease["spec"].is_object() {
        lease["spec"] = json!({});
    }
    let spec = &mut lease["spec"];
    spec["holderIdentity"] = json!(holder);
    spec["leaseDurationSeconds"] = json!(seconds);
    spec["renewTime"] = micro_time(now);
    if taken_over {
        spec["acquireTime"] = micro_time(now);
        spec["leaseTransitions"] = json!(transitions.map_or(0, |n| n.saturating_add(1)));
    }
    lease
}

/// Kubernetes' MicroTime: always six digits.
fn micro_time(time: Timestamp) -> Value {
    json!(format!("{time:.6}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_793_000_000 + second).unwrap()
    }

    fn held(renewed: &Value, seconds: i64) -> Value {
        json!({
            "metadata": {"name": "l", "resourceVersion": "7", "labels": {"a": "b"}},
            "spec": {
                "holderIdentity": "other", "leaseDurationSeconds": seconds, "renewTime": renewed,
                "acquireTime": "2020-01-01T00:00:00.000000Z", "leaseTransitions": 4,
            },
        })
    }

    #[test]
    fn states() {
        assert_eq!(state(&Value::Null), LeaseState::Free);
        assert_eq!(
            state(&json!({"spec": {"holderIdentity": ""}})),
            LeaseState::Free
        );
        let LeaseState::Held {
            holder,
            renewed,
            seconds,
        } = state(&held(&micro_time(at(0)), 15))
        else {
            panic!("it is held");
        };
        assert_eq!(
            (holder.as_str(), renewed, seconds),
            ("other", Some(at(0)), 15)
        );
        let LeaseState::Held { renewed, .. } = state(&held(&Value::Null, 15)) else {
            panic!("it is held");
        };
        assert_eq!(renewed, "2020-01-01T00:00:00Z".parse().ok());
    }

    #[test]
    fn leases_expire_by_the_servers_time() {
        let lease = state(&held(&micro_time(at(0)), 15));
        assert!(!lease.expired(at(15)));
        assert!(lease.expired(at(16)));
        assert!(!state(&held(&micro_time(at(0)), 0)).expired(at(999)));
        let unsaid = state(&json!({"spec": {"holderIdentity": "x", "leaseDurationSeconds": 1}}));
        assert!(!unsaid.expired(at(999)));
        assert!(!LeaseState::Free.expired(at(999)));
    }

    #[test]
    fn a_new_lease() {
        let lease = claimed(None, ("shop", "helm-lock-web"), "me", 15, at(0));
        assert_eq!(lease["metadata"]["namespace"], "shop");
        let spec = &lease["spec"];
        assert_eq!(spec["holderIdentity"], "me");
        assert_eq!(spec["leaseTransitions"], 0);
        assert_eq!(spec["acquireTime"], spec["renewTime"]);
        let text = spec["renewTime"].as_str().unwrap();
        assert!(text.ends_with(".000000Z"), "{text}");
        assert_eq!(read::time(&spec["renewTime"]), Some(at(0)));
    }

    #[test]
    fn a_take_over_keeps_what_is_not_ours() {
        let old = held(&micro_time(at(0)), 15);
        let lease = claimed(Some(old.clone()), ("shop", "l"), "me", 30, at(60));
        assert_eq!(lease["metadata"], old["metadata"]);
        assert_eq!(lease["spec"]["leaseTransitions"], 5);
        assert_eq!(read::time(&lease["spec"]["acquireTime"]), Some(at(60)));
        let again = claimed(Some(lease.clone()), ("shop", "l"), "me", 30, at(90));
        assert_eq!(again["spec"]["leaseTransitions"], 5);
        assert_eq!(again["spec"]["acquireTime"], lease["spec"]["acquireTime"]);
        assert_eq!(read::time(&again["spec"]["renewTime"]), Some(at(90)));
    }
}
