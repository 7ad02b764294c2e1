//! Which namespaces are Zadig's, as far as the cluster alone can tell.
//!
//! Zadig labels a namespace when it creates it, and never one that was there
//! before; it takes the labels off again when an environment is deleted and its
//! resources are kept. It puts nothing at all on releases. So the strength of
//! what is said counts, and what is not said proves nothing.

use crate::diagnose::{Context, Evidence, around};
use crate::survey::{History, Labels, NamespaceState, Need, SecretsState, Survey};

/// The Secret with the registry's credentials that Zadig puts into every
/// environment that has a registry.
pub const MARKER: &str = "default-registry-secret";

/// The label that says who made a namespace, and what it says.
const CREATED_BY: (&str, &str) = ("createdBy", "koderover");

/// The label that names the project, since Zadig 1.14.
const PROJECT: &str = "s-product";

/// What stands between project and environment in a name of Zadig's making.
const BETWEEN: &str = "-env-";

/// How sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// It holds the Secret [`MARKER`]; others may call one so.
    Weak,
    /// It is called as Zadig calls environments' namespaces by default.
    Named,
    /// It bears one of the two labels: Zadig before 1.14 set no other, and only
    /// adds the project's to an environment that it hosts and did not make.
    Likely,
    /// It bears both.
    Certain,
}

impl Strength {
    /// As people say it.
    pub fn told(self) -> &'static str {
        match self {
            Self::Weak => "possibly",
            Self::Named => "judged by its name",
            Self::Likely => "very likely",
            Self::Certain => "certainly",
        }
    }
}

/// A namespace of Zadig's.
#[derive(Clone, Debug, PartialEq)]
pub struct Environment {
    /// How sure it is.
    pub strength: Strength,
    /// The project's key, where it is known.
    pub project: Option<String>,
    /// The environment, where the namespace's name says it.
    pub name: Option<String>,
    /// Whether Zadig made the namespace, and says so still.
    pub made: bool,
    /// Whether its labels were read: that there are none is then known.
    pub labels_read: bool,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
}

impl Environment {
    /// `project shop, environment dev`.
    pub fn told(&self) -> String {
        let project = self.project.as_ref().map(|key| format!("project {key}"));
        let name = self.name.as_ref().map(|name| format!("environment {name}"));
        let known: Vec<String> = project.into_iter().chain(name).collect();
        match known.is_empty() {
            true => "it does not say of which project".to_owned(),
            false => known.join(", "),
        }
    }

    /// Whether it has the name alone, and is known to bear no label.
    pub fn is_stripped(&self) -> bool {
        self.strength == Strength::Named && self.labels_read
    }

    /// Whether Zadig is likely to deploy there now: a name alone stays when an
    /// environment goes.
    pub fn is_served(&self) -> bool {
        self.strength != Strength::Named
    }
}

/// The namespaces with releases that are Zadig's, with those releases.
pub fn served<'h, 's>(
    survey: &Survey,
    histories: &'h [History<'s>],
) -> Vec<(&'s str, &'h [History<'s>], Environment)> {
    let places = histories.chunk_by(|one, other| one.namespace == other.namespace);
    let known = places.filter_map(|releases| {
        let namespace = releases.first()?.namespace;
        Some((namespace, releases, environment(survey, namespace)?))
    });
    known.collect()
}

/// What must be asked for to know what Zadig has to do with these namespaces.
pub fn needs<'a>(context: Context<'_>, namespaces: impl Iterator<Item = &'a str>) -> Vec<Need> {
    let mut needs = around::namespaces(context, namespaces);
    needs.push(Need::SecretsNamed(MARKER.to_owned()));
    needs
}

/// What Zadig has to do with a namespace; `None` if nothing says so.
pub fn environment(survey: &Survey, namespace: &str) -> Option<Environment> {
    let none = Labels::default();
    let (labels, labels_read) = match survey.namespace(namespace) {
        Some(NamespaceState::Present { labels, .. }) => (labels, true),
        _ => (&none, false),
    };
    let made = labels
        .get(CREATED_BY.0)
        .is_some_and(|by| by == CREATED_BY.1);
    let project = labels.get(PROJECT).filter(|project| !project.is_empty());
    let by_name = split(namespace, project);
    let marked = is_marked(survey, namespace);
    let strength = match (made, project.is_some(), by_name.is_some(), marked) {
        (true, true, ..) => Strength::Certain,
        (true, false, ..) | (false, true, ..) => Strength::Likely,
        (false, false, true, _) => Strength::Named,
        (false, false, false, true) => Strength::Weak,
        (false, false, false, false) => return None,
    };
    let label = |label: String| Evidence::NamespaceLabel {
        namespace: namespace.to_owned(),
        label,
    };
    let made_by = made.then(|| label(format!("{}={}", CREATED_BY.0, CREATED_BY.1)));
    let of = project.map(|project| label(format!("{PROJECT}={project}")));
    let marker = marked.then(|| Evidence::Exists {
        object: format!("Secret {namespace}/{MARKER}"),
        created: None,
    });
    let (by_project, name) = by_name.unzip();
    Some(Environment {
        strength,
        project: project.map(str::to_owned).or(by_project),
        name,
        made,
        labels_read,
        evidence: [made_by, of, marker].into_iter().flatten().collect(),
    })
}

/// The project that a namespace's label names.
pub fn labeled_project<'a>(survey: &'a Survey, namespace: &str) -> Option<&'a str> {
    match survey.namespace(namespace) {
        Some(NamespaceState::Present { labels, .. }) => {
            labels.get(PROJECT).filter(|project| !project.is_empty())
        }
        _ => None,
    }
}

fn is_marked(survey: &Survey, namespace: &str) -> bool {
    match survey.secrets_named(MARKER) {
        Some(SecretsState::In { namespaces }) => namespaces.contains(namespace),
        _ => false,
    }
}

/// Project and environment, as a namespace's name says them. Where they could
/// be parted in more than one place, only a known project says where.
fn split(namespace: &str, project: Option<&str>) -> Option<(String, String)> {
    let (project, name) = match project {
        Some(project) => {
            let rest = namespace.strip_prefix(project)?;
            (project, rest.strip_prefix(BETWEEN)?)
        }
        None => namespace
            .split_once(BETWEEN)
            .filter(|(_, rest)| !rest.contains(BETWEEN))?,
    };
    let whole = !project.is_empty() && !name.is_empty();
    whole.then(|| (project.to_owned(), name.to_owned()))
}
