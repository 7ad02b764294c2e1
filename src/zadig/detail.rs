//! One environment, looked at closely: its services and their releases.

use serde::de::DeserializeOwned;
use serde::de::IgnoredAny;

use super::Zadig;
use super::error::ZadigError;
use super::request::Question;
use super::shapes::{Product, Release};
use crate::survey::zadig::{Detail, ZadigApi, ZadigEnvironment};

impl Zadig {
    /// Asks for all that is known of an environment.
    pub(super) async fn look_at(
        &self,
        api: ZadigApi,
        (project, production): (&str, bool),
        environment: &mut ZadigEnvironment,
    ) {
        let whose = Whose {
            api,
            project,
            production,
            name: &environment.name.clone(),
        };
        environment.detail = match self.details(&whose, environment).await {
            Ok(detail) => detail,
            Err(error) => Detail::Unread {
                reason: error.to_string(),
            },
        };
    }

    async fn details(
        &self,
        whose: &Whose<'_>,
        environment: &mut ZadigEnvironment,
    ) -> Result<Detail, ZadigError> {
        let product: Product = self.of_api(whose, &[]).await?;
        if environment.namespace.is_none() && !product.namespace.is_empty() {
            environment.namespace = Some(product.namespace.clone());
        }
        let mut detail = product.detail();
        if detail.helm != Some(false) {
            let lines: Vec<Release> = self.of_api(whose, &["helm", "releases"]).await?;
            lines.into_iter().for_each(|one| one.add_to(&mut detail));
        }
        if whose.api >= ZadigApi::Open {
            match self.get::<IgnoredAny>(&whose.open()).await {
                Err(ZadigError::Environment { message }) => detail.refused = Some(message),
                Err(error) if error.is_total() => return Err(error),
                _ => {}
            }
        }
        Ok(Detail::Read(detail))
    }

    /// From 1.17 to 2.2 production environments have paths of their own, since
    /// 2.3 a parameter; which of the two only an answer tells.
    async fn of_api<T: DeserializeOwned>(
        &self,
        whose: &Whose<'_>,
        rest: &[&str],
    ) -> Result<T, ZadigError> {
        if whose.production && whose.api <= ZadigApi::Open {
            match self.get(&whose.apart(rest)).await {
                Err(ZadigError::NoSuchPath) => {}
                answer => return answer,
            }
        }
        self.get(&whose.together(rest)).await
    }
}

struct Whose<'a> {
    api: ZadigApi,
    project: &'a str,
    production: bool,
    name: &'a str,
}

impl Whose<'_> {
    fn together(&self, rest: &[&str]) -> Question {
        let path = ["api", "aslan", "environment", "environments", self.name];
        Question::of(&[&path, rest].concat())
            .with("projectName", self.project)
            .with("production", &self.production.to_string())
    }

    fn apart(&self, rest: &[&str]) -> Question {
        let path = [
            "api",
            "aslan",
            "environment",
            "production",
            "environments",
            self.name,
        ];
        Question::of(&[&path, rest].concat()).with("projectName", self.project)
    }

    fn open(&self) -> Question {
        let path = match self.production {
            true => vec!["openapi", "environments", "production", self.name],
            false => vec!["openapi", "environments", self.name],
        };
        Question::of(&path).with("projectKey", self.project)
    }
}
