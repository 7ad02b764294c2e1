//! What can go wrong with one request, in one enum.

use std::error::Error;

use http::StatusCode;
use k8s_pb::apimachinery::pkg::apis::meta::v1 as meta;
use prost::Message;
use serde::Deserialize;

use super::login::Login;
use super::protobuf;
use crate::wire::{Cause, Distrust, Lost, cut};

/// Why a request to the API server brought no usable answer.
///
/// No text holds a Secret's value: bodies are never quoted, only the message
/// of a `Status`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// 401: the credentials are not accepted.
    #[error("not authorized by the API server: {message}")]
    Unauthorized {
        /// The API server's words.
        message: String,
        /// Which credentials.
        login: Login,
    },
    /// 403.
    #[error("forbidden: {message}")]
    Forbidden {
        /// The API server's words: who may not do what.
        message: String,
    },
    /// 404: the object, or its kind, is not there.
    #[error("not found")]
    NotFound,
    /// 409 with reason `AlreadyExists`.
    #[error("it exists already")]
    AlreadyExists,
    /// 409: the object changed since it was read.
    #[error("changed meanwhile: {message}")]
    Conflict {
        /// The API server's words.
        message: String,
    },
    /// 400, 413, 415 or 422, or refused here before it was sent.
    #[error("invalid: {message}")]
    Invalid {
        /// What is wrong with the request.
        message: String,
    },
    /// 410: the page of a list is too old.
    #[error("the list expired while it was read")]
    Expired,
    /// 429.
    #[error("the API server has too many requests")]
    TooMany,
    /// No answer in time. A write may or may not have been done.
    #[error("the API server did not answer in time")]
    Timeout,
    /// No connection could be made; nothing was sent.
    #[error("cannot connect to the API server")]
    Unreachable(#[source] Cause),
    /// No connection came about in time; nothing was sent.
    #[error("cannot connect to the API server in time")]
    Unanswered,
    /// The server's certificate is not believed; nothing was sent.
    #[error("cannot trust the API server")]
    Untrusted {
        /// What is wrong with its certificate.
        why: Distrust,
        /// The same in full.
        #[source]
        cause: Cause,
    },
    /// The other side speaks no TLS, or wants something else of it; nothing was
    /// sent.
    #[error("cannot speak TLS with the API server")]
    NoTls(#[source] Cause),
    /// The credentials could not be obtained or renewed; nothing was sent.
    #[error("cannot get credentials for the API server")]
    Credentials(#[source] Cause),
    /// The connection broke while the request or its answer was under way.
    #[error("the connection to the API server broke")]
    Broken(#[source] Cause),
    /// 3xx: something answers that is no API server.
    #[error("the server redirects to {to}: it is no API server")]
    Redirect {
        /// Where to, without path and query.
        to: String,
    },
    /// Any other status.
    #[error("the API server answered {code}: {message}")]
    Status {
        /// The HTTP status code.
        code: u16,
        /// The API server's words.
        message: String,
    },
    /// The answer came and is not what it should be.
    #[error("the API server's answer is unreadable: {what}")]
    Garbled {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The answer is larger than we read at once.
    #[error("the API server's answer is too large")]
    TooLarge,
}

impl ApiError {
    /// 403: a missing permission, not a missing object.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Forbidden { .. })
    }

    /// 404.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound)
    }

    /// The object changed, or exists where it should not: somebody else was
    /// there.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict { .. } | Self::AlreadyExists)
    }

    /// After a write: it may have been done although this error came back, so
    /// that only a look at the object can tell.
    pub fn outcome_unknown(&self) -> bool {
        match self {
            Self::Timeout | Self::Broken(_) | Self::Garbled { .. } | Self::TooLarge => true,
            Self::Status { code, .. } => *code >= 500,
            _ => false,
        }
    }

    /// The API server cannot be spoken to at all, by anybody or by us.
    pub fn is_total(&self) -> bool {
        matches!(
            self,
            Self::Unauthorized { .. }
                | Self::Unreachable(_)
                | Self::Unanswered
                | Self::Untrusted { .. }
                | Self::NoTls(_)
                | Self::Credentials(_)
                | Self::Redirect { .. }
        )
    }

    /// The whole reason in one line, for where a chain of sources cannot go.
    pub fn reason(&self) -> String {
        match self.source() {
            Some(source) => format!("{self}: {source}"),
            None => self.to_string(),
        }
    }

    /// Whether the same read may well succeed a moment later.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::TooMany | Self::Unreachable(_) | Self::Broken(_) => true,
            Self::Status { code, .. } => matches!(code, 502..=504),
            _ => false,
        }
    }

    /// From an answer that is not a success.
    pub(super) fn from_answer(code: StatusCode, body: &[u8]) -> Self {
        let status = Status::read(body);
        let message = match &status.message {
            Some(message) if !message.is_empty() => cut(message),
            _ => code
                .canonical_reason()
                .unwrap_or("no reason given")
                .to_owned(),
        };
        match code.as_u16() {
            401 => Self::Unauthorized {
                message,
                login: Login::default(),
            },
            403 => Self::Forbidden { message },
            404 => Self::NotFound,
            409 if status.reason.as_deref() == Some("AlreadyExists") => Self::AlreadyExists,
            409 => Self::Conflict { message },
            400 | 413 | 415 | 422 => Self::Invalid { message },
            410 => Self::Expired,
            429 => Self::TooMany,
            code => Self::Status { code, message },
        }
    }

    /// From what the client reports where no answer came.
    pub(super) fn from_client(error: &(dyn Error + 'static)) -> Self {
        if let Some(cause) = Cause::of_credentials(error) {
            return Self::Credentials(cause);
        }
        match Lost::of(error) {
            Lost::Untrusted { why, cause } => Self::Untrusted { why, cause },
            Lost::NoTls(cause) => Self::NoTls(cause),
            Lost::Unanswered => Self::Unanswered,
            Lost::Unreachable(cause) => Self::Unreachable(cause),
            Lost::Timeout => Self::Timeout,
            Lost::Broken(cause) => Self::Broken(cause),
        }
    }
}

/// The parts of a `metav1.Status` that matter.
#[derive(Default, Deserialize)]
struct Status {
    message: Option<String>,
    reason: Option<String>,
}

impl Status {
    /// The API server speaks of failure as it was asked to speak of success:
    /// in protobuf or in JSON. Proxies speak in HTML, which says nothing here.
    fn read(body: &[u8]) -> Self {
        let protobuf = protobuf::unwrap(body).ok();
        match protobuf.and_then(|raw| meta::Status::decode(raw.as_slice()).ok()) {
            Some(status) => Self {
                message: status.message,
                reason: status.reason,
            },
            None => serde_json::from_slice(body).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::wire::MAX_MESSAGE;

    fn answer(code: u16, body: &str) -> ApiError {
        ApiError::from_answer(StatusCode::from_u16(code).unwrap(), body.as_bytes())
    }

    #[test]
    fn statuses_become_errors() {
        let forbidden = answer(
            403,
            r#"{"kind":"Status","message":"secrets is forbidden","reason":"Forbidden"}"#,
        );
        assert!(forbidden.is_forbidden());
        assert_eq!(forbidden.to_string(), "forbidden: secrets is forbidden");
        assert!(answer(404, "404 page not found").is_not_found());
        assert_eq!(
            answer(409, r#"{"reason":"AlreadyExists"}"#),
            ApiError::AlreadyExists
        );
        assert!(matches!(
            answer(409, r#"{"reason":"Conflict","message":"m"}"#),
            ApiError::Conflict { message } if message == "m"
        ));
        assert_eq!(answer(410, ""), ApiError::Expired);
        assert_eq!(answer(429, ""), ApiError::TooMany);
        for code in [400, 413, 422] {
            assert!(matches!(answer(code, "{}"), ApiError::Invalid { .. }));
        }
        assert_eq!(
            answer(500, "not json").to_string(),
            "the API server answered 500: Internal Server Error"
        );
    }

    #[test]
    fn only_a_sent_write_can_have_an_unknown_outcome() {
        for unknown in [answer(500, ""), answer(504, ""), ApiError::Timeout] {
            assert!(unknown.outcome_unknown(), "{unknown}");
        }
        for known in [
            answer(409, ""),
            answer(403, ""),
            answer(429, ""),
            answer(422, ""),
            ApiError::Unreachable(Cause::new("refused")),
        ] {
            assert!(!known.outcome_unknown(), "{known}");
        }
        assert!(ApiError::Broken(Cause::new("reset")).outcome_unknown());
    }

    #[test]
    fn transient_errors_are_those_worth_another_try() {
        for (code, transient) in [
            (429, true),
            (502, true),
            (503, true),
            (504, true),
            (500, false),
            (403, false),
            (410, false),
        ] {
            assert_eq!(answer(code, "").is_transient(), transient, "{code}");
        }
    }

    #[test]
    fn failures_in_protobuf_are_read_too() {
        let status = meta::Status {
            message: Some("secrets is forbidden".into()),
            reason: Some("Forbidden".into()),
            ..Default::default()
        };
        let unknown = k8s_pb::apimachinery::pkg::runtime::Unknown {
            raw: Some(status.encode_to_vec()),
            ..Default::default()
        };
        let body = [b"k8s\0", unknown.encode_to_vec().as_slice()].concat();
        let error = ApiError::from_answer(StatusCode::FORBIDDEN, &body);
        assert_eq!(error.to_string(), "forbidden: secrets is forbidden");
    }

    #[test]
    fn long_messages_are_cut() {
        let body = format!(r#"{{"message":"{}"}}"#, "ä".repeat(10_000));
        assert!(answer(403, &body).to_string().len() < 2 * MAX_MESSAGE + 20);
    }

    #[test]
    fn the_innermost_cause_is_told_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer: {0}")]
        struct Outer(#[source] io::Error);
        let reset = io::Error::new(io::ErrorKind::ConnectionReset, "reset by peer");
        let error = ApiError::from_client(&Outer(reset));
        assert_eq!(error, ApiError::Broken(Cause::new("reset by peer")));
        assert_eq!(
            error.reason(),
            "the connection to the API server broke: reset by peer"
        );
        let late = io::Error::new(io::ErrorKind::TimedOut, "late");
        assert_eq!(ApiError::from_client(&Outer(late)), ApiError::Timeout);
    }
}
