//! Which Zadig this is, and whether the token is an administrator's.
//!
//! No version says what it has. But each added a question that only it and its
//! successors know, and who may not ask gets 403, not 404.

use super::Zadig;
use super::error::ZadigError;
use super::request::Question;
use super::shapes::{Context, Projects};
use crate::survey::zadig::{Proof, ZadigApi};
use serde::de::IgnoredAny;

/// What probing told.
pub(super) struct Probed {
    pub(super) api: ZadigApi,
    pub(super) version: Option<String>,
    pub(super) licence: Option<String>,
    pub(super) admin: Proof,
}

impl Zadig {
    /// Asks for what only newer versions know, newest first.
    pub(super) async fn probe(&self) -> Result<Probed, ZadigError> {
        let question = Question::of(&["openapi", "system", "cli", "context"]);
        match self.get::<Context>(&question).await {
            Ok(context) => return Ok(of_context(context)),
            Err(error) => passes(error)?,
        }
        let log = Question::of(&["openapi", "system", "operation", "env"]);
        let log = log.with("searchType", "all");
        let log = log.with("perPage", "1").with("page", "1");
        match self.get::<IgnoredAny>(&log).await {
            Ok(_) => return Ok(of(ZadigApi::Audited, Proof::Proven)),
            Err(error) if is_unknown(&error) => {}
            Err(error) => return Ok(of(ZadigApi::Audited, unproven(error)?)),
        }
        let api = match self.get::<Projects>(&first_project()).await {
            Ok(_) => ZadigApi::Open,
            Err(error) if is_unknown(&error) => ZadigApi::Aslan,
            Err(error) => {
                unproven(error)?;
                ZadigApi::Open
            }
        };
        Ok(of(api, self.old_proof().await?))
    }

    /// Up to 3.3 the operation log of the whole platform is an administrator's.
    async fn old_proof(&self) -> Result<Proof, ZadigError> {
        let log = Question::of(&["api", "aslan", "system", "operation"]);
        let log = log.with("status", "0").with("per_page", "1");
        match self.get::<IgnoredAny>(&log.with("page", "1")).await {
            Ok(_) => Ok(Proof::Proven),
            // Not even the oldest question is known.
            Err(ZadigError::NoSuchPath | ZadigError::NotZadig) => Err(ZadigError::NotZadig),
            Err(error) => unproven(error),
        }
    }
}

fn first_project() -> Question {
    let question = Question::of(&["openapi", "projects", "project"]);
    question.with("pageSize", "1").with("pageNum", "1")
}

fn of(api: ZadigApi, admin: Proof) -> Probed {
    Probed {
        api,
        version: None,
        licence: None,
        admin,
    }
}

/// Only to an administrator does it tell the server's version.
fn of_context(context: Context) -> Probed {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
    let told = |text: Option<String>| {
        text.filter(|text| (1..64).contains(&text.len()) && text.chars().all(plain))
    };
    let version = told(context.server_version);
    let admin = match version.is_some() {
        true => Proof::Proven,
        false => not_admin(""),
    };
    Probed {
        api: ZadigApi::Context,
        version,
        licence: told(context.license_status),
        admin,
    }
}

fn not_admin(why: &str) -> Proof {
    Proof::Missing {
        reason: format!(
            "the token is not shown to be an administrator's, and lists come empty without one{why}"
        ),
    }
}

/// This version does not have it, or a gateway that has no such path.
fn is_unknown(error: &ZadigError) -> bool {
    matches!(error, ZadigError::NoSuchPath | ZadigError::NotZadig)
}

/// What an old version says of a question it does not know; nothing else is
/// passed over that ends all.
fn passes(error: ZadigError) -> Result<(), ZadigError> {
    unproven(error).map(|_| ())
}

/// The question is known, and was refused.
fn unproven(error: ZadigError) -> Result<Proof, ZadigError> {
    match error.is_total() {
        true => Err(error),
        false => Ok(not_admin(&format!(": {error}"))),
    }
}
