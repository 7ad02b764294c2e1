//! Kubeconfig files, read, merged and chosen from as kubectl does it.
//!
//! kube's own loader does most of this too, but refuses a missing file of a
//! list, takes an empty value for a value and a user that is not there for
//! nobody, and reads the environment on its way.

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::path::Path;

use kube::config::{AuthInfo, Cluster, Context, ExecAuthCluster, Kubeconfig, KubeconfigError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::connect::{ConnectError, ConnectOptions};
use crate::wire::Cause;

/// What a kubeconfig lists by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A cluster and a user, and a namespace.
    Context,
    /// How to reach an API server.
    Cluster,
    /// Who to be.
    User,
}

/// As kubectl calls them.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Context => "context",
            Self::Cluster => "cluster",
            Self::User => "user",
        })
    }
}

/// One context, or what the options put in its place.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    pub(super) context: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) cluster: Option<Cluster>,
    pub(super) user: AuthInfo,
}

/// The files, merged; the first that says something wins. Empty if there are
/// none: that is no error yet, there are pods.
pub(super) fn read(options: &ConnectOptions) -> Result<Kubeconfig, ConnectError> {
    if let Some(path) = &options.kubeconfig {
        let missing = || unreadable(path, Cause::new("there is no such file"));
        return read_file(path)?.ok_or_else(missing);
    }
    let mut merged = Kubeconfig::default();
    for path in &options.kubeconfigs {
        if let Some(next) = read_file(path)? {
            let both = merged.merge(next);
            merged = both.map_err(|error| unreadable(path, Cause::of_config(&error)))?;
        }
    }
    Ok(merged)
}

/// `None` if there is no such file.
fn read_file(path: &Path) -> Result<Option<Kubeconfig>, ConnectError> {
    match Kubeconfig::read_from(path) {
        Ok(mut read) => {
            // kubectl writes an empty one into every file that it creates.
            read.current_context = read.current_context.filter(|name| !name.is_empty());
            unique(path, &read)?;
            Ok(Some(read))
        }
        Err(KubeconfigError::ReadConfig(e, _)) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(path, Cause::of_config(&error))),
    }
}

fn unreadable(path: &Path, cause: Cause) -> ConnectError {
    ConnectError::Kubeconfig {
        path: path.to_owned(),
        cause,
    }
}

/// Of two with the same name nobody can tell which is meant.
fn unique(path: &Path, file: &Kubeconfig) -> Result<(), ConnectError> {
    let contexts = file.contexts.iter().map(|one| (Entry::Context, &one.name));
    let clusters = file.clusters.iter().map(|one| (Entry::Cluster, &one.name));
    let users = file.auth_infos.iter().map(|one| (Entry::User, &one.name));
    let mut seen = HashSet::new();
    for (entry, name) in contexts.chain(clusters).chain(users) {
        if !seen.insert((entry.to_string(), name)) {
            let cause = Cause::new(format!("it has two {entry}s named {name:?}"));
            return Err(unreadable(path, cause));
        }
    }
    Ok(())
}

/// Follows the chosen or current context to its cluster and its user.
pub(super) fn choose(
    kubeconfig: &Kubeconfig,
    options: &ConnectOptions,
) -> Result<Chosen, ConnectError> {
    let name = options.context.as_ref();
    let name = name.or(kubeconfig.current_context.as_ref()).cloned();
    let context = match &name {
        Some(name) => context(kubeconfig, name)?,
        None => Context::default(),
    };
    let missing = |entry, missing: &str, option: &Option<String>| ConnectError::Missing {
        entry,
        name: missing.to_owned(),
        context: name.clone().filter(|_| option.is_none()),
    };
    let wanted = options.cluster.as_ref().unwrap_or(&context.cluster);
    let mut clusters = kubeconfig.clusters.iter();
    let cluster = match clusters.find(|one| one.name == *wanted) {
        Some(found) => Some(without_empty(found.cluster.clone().unwrap_or_default())),
        None if wanted.is_empty() => None,
        None => return Err(missing(Entry::Cluster, wanted, &options.cluster)),
    };
    let wanted = options.user.clone().or(context.user).unwrap_or_default();
    let mut users = kubeconfig.auth_infos.iter();
    let mut user = match users.find(|one| one.name == wanted) {
        Some(found) => without_empty(found.auth_info.clone().unwrap_or_default()),
        // kubectl would ask for a name and a password.
        None if !wanted.is_empty() && (options.token.is_none() || options.user.is_some()) => {
            return Err(missing(Entry::User, &wanted, &options.user));
        }
        None => AuthInfo::default(),
    };
    if let (Some(exec), Some(cluster)) = (&mut user.exec, &cluster)
        && exec.provide_cluster_info
    {
        let told = ExecAuthCluster::try_from(cluster);
        exec.cluster = Some(told.map_err(|e| ConnectError::Client(Cause::of_config(&e)))?);
    }
    Ok(Chosen {
        context: name,
        namespace: context.namespace.filter(|name| !name.is_empty()),
        cluster,
        user,
    })
}

fn context(kubeconfig: &Kubeconfig, name: &str) -> Result<Context, ConnectError> {
    let mut contexts = kubeconfig.contexts.iter();
    let found = contexts.find(|one| one.name == name);
    let missing = || ConnectError::Missing {
        entry: Entry::Context,
        name: name.to_owned(),
        context: None,
    };
    Ok(found
        .ok_or_else(missing)?
        .context
        .clone()
        .unwrap_or_default())
}

/// Go takes an empty text for none.
fn without_empty<T: Serialize + DeserializeOwned>(entry: T) -> T {
    let fields = serde_json::to_value(&entry).map(|value| match value {
        Value::Object(mut fields) => {
            fields.retain(|_, value| value.as_str() != Some(""));
            Value::Object(fields)
        }
        other => other,
    });
    fields.and_then(serde_json::from_value).unwrap_or(entry)
}

#[cfg(test)]
#[path = "kubeconfig_tests.rs"]
mod tests;
