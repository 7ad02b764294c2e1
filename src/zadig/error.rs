//! What can go wrong with one question to Zadig.

use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use crate::wire::{Cause, Distrust, Lost, cut};

/// Zadig's own code for "environment not found or not readable as a whole".
const ENVIRONMENT: i64 = 6078;

/// Zadig's own code for a licence that is not there or has run out.
const LICENCE: i64 = 7050;

/// What Zadig's database says where there is no such thing.
const NO_DOCUMENTS: &str = "no documents in result";

/// What Zadig answers to a path that this version does not have.
const NO_PATH: &str = "Invalid path";

/// Why a question to Zadig brought no usable answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZadigError {
    /// 401: the token is wrong, expired, or was replaced by a newer one.
    #[error("not authorized by Zadig: {message}")]
    Unauthorized {
        /// Zadig's words.
        message: String,
    },
    /// 403: no permission, or for some questions no such thing.
    #[error("forbidden by Zadig: {message}")]
    Forbidden {
        /// Zadig's words, if it has any.
        message: String,
    },
    /// This version does not know the question.
    #[error("this version of Zadig does not know the question")]
    NoSuchPath,
    /// 404 from something that is no Zadig.
    #[error("there is no Zadig at this address")]
    NotZadig,
    /// 400 with the code of an environment that cannot be told.
    #[error("Zadig cannot read the environment (6078): {message}")]
    Environment {
        /// Zadig's words.
        message: String,
    },
    /// 400 with the code of a licence that does not cover it.
    #[error("not covered by Zadig's licence: {message}")]
    Licence {
        /// Zadig's words.
        message: String,
    },
    /// 500: its database has no such thing.
    #[error("Zadig's database has no such document")]
    NoDocuments,
    /// Another status.
    #[error("Zadig answered {code}: {message}")]
    Status {
        /// The HTTP status, or the code of Zadig's own in the answer.
        code: i64,
        /// Zadig's words.
        message: String,
    },
    /// 3xx. The token does not follow.
    #[error("Zadig redirects to {to}, where the token was not sent")]
    Redirect {
        /// The host.
        to: String,
    },
    /// The answer came and is not what it should be.
    #[error("the answer of Zadig is unreadable: {what}")]
    Garbled {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The answer is larger than is read.
    #[error("the answer of Zadig is too large")]
    TooLarge,
    /// No answer in time.
    #[error("Zadig did not answer in time")]
    Timeout,
    /// No connection could be made.
    #[error("cannot connect to Zadig: {0}")]
    Unreachable(Cause),
    /// Its certificate is not believed; nothing was sent.
    #[error("cannot trust Zadig: {cause}")]
    Untrusted {
        /// What is wrong with it.
        why: Distrust,
        /// The same in full.
        cause: Cause,
    },
    /// It broke off in the middle.
    #[error("the connection to Zadig broke: {0}")]
    Broken(Cause),
    /// An earlier question was not answered, so this one was not asked.
    #[error("Zadig stopped answering")]
    Lost,
}

impl ZadigError {
    /// Nothing more will be told.
    pub(super) fn is_total(&self) -> bool {
        matches!(
            self,
            Self::Unauthorized { .. }
                | Self::Timeout
                | Self::Unreachable(_)
                | Self::Untrusted { .. }
                | Self::Redirect { .. }
                | Self::Lost
        )
    }

    /// The same question may well be answered a moment later.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Broken(_) => true,
            Self::Status { code, .. } => matches!(code, 429 | 502..=504),
            _ => false,
        }
    }

    pub(super) fn from_answer(code: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let said: Said = serde_json::from_slice(body).unwrap_or_default();
        let told = said.told();
        let or = |words: &str| match told.is_empty() {
            true => words.to_owned(),
            false => told.clone(),
        };
        let own = said.code.unwrap_or_default();
        match code.as_u16() {
            401 => Self::Unauthorized {
                message: or("the token is wrong, expired, or not the newest"),
            },
            403 => Self::Forbidden {
                message: reason(headers).unwrap_or_else(|| or("no permission")),
            },
            404 if is_path(body) => Self::NoSuchPath,
            404 => Self::NotZadig,
            _ if own == LICENCE => Self::Licence {
                message: or("it has run out"),
            },
            400 if own == ENVIRONMENT => Self::Environment { message: told },
            500 if said.description.contains(NO_DOCUMENTS) => Self::NoDocuments,
            400 if own > 0 => Self::Status {
                code: own,
                message: told,
            },
            code => Self::Status {
                code: code.into(),
                message: or("no reason given"),
            },
        }
    }

    pub(super) fn from_client(error: &(dyn std::error::Error + 'static)) -> Self {
        match Lost::of(error) {
            Lost::Untrusted { why, cause } => Self::Untrusted { why, cause },
            Lost::NoTls(cause) | Lost::Unreachable(cause) => Self::Unreachable(cause),
            Lost::Unanswered | Lost::Timeout => Self::Timeout,
            Lost::Broken(cause) => Self::Broken(cause),
        }
    }
}

/// What a gateway says of a policy that stands in the way.
fn reason(headers: &HeaderMap) -> Option<String> {
    let reason = headers.get("x-zadig-auth-reason")?.to_str().ok()?;
    Some(cut(reason))
}

fn is_path(body: &[u8]) -> bool {
    String::from_utf8_lossy(body).contains(NO_PATH)
}

/// An error as Zadig words it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    message: String,
    code: Option<i64>,
    description: String,
}

impl Said {
    fn told(&self) -> String {
        let message = self.message.trim().trim_end_matches(':');
        let parts = [message, self.description.trim()];
        let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        cut(&parts.join(": "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u16, body: &str) -> ZadigError {
        let code = StatusCode::from_u16(code).unwrap();
        ZadigError::from_answer(code, &HeaderMap::new(), body.as_bytes())
    }

    #[test]
    fn zadigs_envelopes() {
        let own = |code: i64| {
            format!(
                r#"{{"type":"error","message":"获取环境失败","code":{code},"description":"x","extra":{{}}}}"#
            )
        };
        assert!(
            matches!(answer(400, &own(6078)), ZadigError::Environment { message } if message == "获取环境失败: x")
        );
        assert!(matches!(
            answer(400, &own(7050)),
            ZadigError::Licence { .. }
        ));
        assert!(matches!(
            answer(400, &own(6005)),
            ZadigError::Status { code: 6005, .. }
        ));
        let none = r#"{"message":"Internal Error: ","code":500,"description":"mongo: no documents in result"}"#;
        assert_eq!(answer(500, none), ZadigError::NoDocuments);
        let other = r#"{"message":"Internal Error: ","code":500,"description":"EOF"}"#;
        assert_eq!(
            answer(500, other).to_string(),
            "Zadig answered 500: Internal Error: EOF"
        );
        assert_eq!(answer(404, "Invalid path: /api/x"), ZadigError::NoSuchPath);
        assert_eq!(answer(404, "<html>nginx"), ZadigError::NotZadig);
        assert_eq!(
            answer(403, "").to_string(),
            "forbidden by Zadig: no permission"
        );
        assert!(answer(401, "").is_total() && !answer(403, "").is_total());
        assert!(answer(503, "").is_transient() && !answer(500, "").is_transient());
    }

    #[test]
    fn a_policy_names_itself() {
        let headers = HeaderMap::from_iter([(
            http::HeaderName::from_static("x-zadig-auth-reason"),
            http::HeaderValue::from_static("mfa required"),
        )]);
        let error = ZadigError::from_answer(StatusCode::FORBIDDEN, &headers, b"");
        assert_eq!(error.to_string(), "forbidden by Zadig: mfa required");
    }

    #[test]
    fn long_words_are_cut() {
        let body = format!(r#"{{"message":"{}"}}"#, "ä".repeat(10_000));
        assert!(answer(500, &body).to_string().len() < 2000);
    }
}
