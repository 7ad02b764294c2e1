//! Helm's storage format and release model, and nothing else.
//!
//! Names and keys of records, the payload codec, a typed view of what a payload
//! says, and edits that leave every other byte as it was. Pure: no network, no
//! files, no clock.

use std::fmt;

use serde::{Deserialize, Serialize};

mod buffer;
pub mod chart;
pub mod codec;
pub mod digest;
pub mod edit;
pub(crate) mod json;
pub mod key;
pub mod release;
pub mod status;
pub mod texts;
pub mod yaml;

pub use digest::Digest;
pub use json::SyntaxError;
pub use key::RecordKey;
pub use status::Status;

/// The value of a record Secret's `type`.
pub const SECRET_TYPE: &str = "helm.sh/release.v1";

/// The label selector all of Helm's drivers use.
pub const OWNER_SELECTOR: &str = "owner=helm";

/// Of these, all that are not superseded: what a judgement starts from.
pub const CURRENT_SELECTOR: &str = "owner=helm,status!=superseded";

/// The key under `data` that holds the payload.
pub const PAYLOAD_KEY: &str = "release";

/// Which kind of object holds a record (`HELM_DRIVER`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Driver {
    /// Secrets of type `helm.sh/release.v1`; Helm's default.
    Secret,
    /// ConfigMaps.
    ConfigMap,
}

impl Driver {
    /// Both, in the order they are read.
    pub const ALL: [Self; 2] = [Self::Secret, Self::ConfigMap];

    /// `Secret` or `ConfigMap`.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
        }
    }

    /// `secrets` or `configmaps`, as in a URL or a role.
    pub fn resource(self) -> &'static str {
        match self {
            Self::Secret => "secrets",
            Self::ConfigMap => "configmaps",
        }
    }
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret => "secret",
            Self::ConfigMap => "configmap",
        })
    }
}
