//! Permissions, asked for before the first write.

use std::collections::BTreeMap;

use super::ExecuteError;
use super::stops::Stops;
use crate::cluster::Cluster;
use crate::plan::{Action, Plan};

/// Asks the API server (`SelfSubjectAccessReview`) whether every write of the
/// plan is allowed, and the Leases if they are to be taken: what cannot be
/// finished is not begun. Each question is asked once.
pub(super) async fn check(
    cluster: &Cluster,
    plan: &Plan,
    lock: bool,
    stops: &mut Stops,
) -> Result<(), ExecuteError> {
    let mut answers = BTreeMap::new();
    for step in &plan.steps {
        let namespace = step.object.namespace.as_str();
        let mut wanted = vec![("", step.object.driver.resource(), "get")];
        wanted.push(("", step.object.driver.resource(), verb(&step.action)));
        if lock {
            let leases = ["get", "create", "update", "delete"];
            wanted.extend(leases.map(|verb| ("coordination.k8s.io", "leases", verb)));
        }
        for (group, resource, verb) in wanted {
            let question = (namespace, group, resource, verb);
            let allowed = match answers.get(&question) {
                Some(allowed) => *allowed,
                None => {
                    let can = cluster
                        .can(verb, group, resource, Some(namespace), None)
                        .await;
                    let allowed = can.map_err(|source| ExecuteError::Read {
                        what: "your permissions".to_owned(),
                        source,
                    })?;
                    answers.insert(question, allowed);
                    allowed
                }
            };
            if !allowed {
                let why = ExecuteError::Forbidden {
                    verb,
                    resource,
                    namespace: namespace.to_owned(),
                };
                stops.add(step.release(), why);
            }
        }
    }
    Ok(())
}

fn verb(action: &Action) -> &'static str {
    match action {
        Action::EditRecord { .. } => "update",
        Action::CreateRecord { .. } => "create",
        Action::DeleteRecord => "delete",
    }
}
