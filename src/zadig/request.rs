//! The one way that all questions go.

use std::sync::atomic::Ordering;
use std::time::Duration;

use http::header::{ACCEPT, DATE, HeaderMap, LOCATION, USER_AGENT};
use http::{Request, Uri};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use jiff::fmt::rfc2822::DateTimeParser;
use kube::client::Body;
use serde::de::DeserializeOwned;

use super::error::ZadigError;
use super::{NEVER, Zadig};
use crate::wire::escape;

/// What one answer may hold: lists of thousands of environments.
const MAX_ANSWER: usize = 32 << 20;

/// How often a question is asked at most.
const TRIES: u32 = 3;

const AGENT: &str = concat!("zadig-doctor/", env!("CARGO_PKG_VERSION"));

/// A path and a query.
#[derive(Clone)]
pub(super) struct Question(String);

impl Question {
    /// A path of segments; each is escaped, so that a name can never change it.
    pub(super) fn of(segments: &[&str]) -> Self {
        let mut text = String::new();
        for segment in segments {
            text.push('/');
            match *segment {
                // A server may take these for a way through its paths.
                "." => text.push_str("%2E"),
                ".." => text.push_str("%2E%2E"),
                _ => escape(segment, &mut text),
            }
        }
        Self(text)
    }

    /// With one parameter more.
    pub(super) fn with(mut self, key: &str, value: &str) -> Self {
        self.0.push(if self.0.contains('?') { '&' } else { '?' });
        self.0.push_str(key);
        self.0.push('=');
        escape(value, &mut self.0);
        self
    }
}

impl Zadig {
    /// Asks, and again where an answer was cut off on its way.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        question: &Question,
    ) -> Result<T, ZadigError> {
        let mut pause = Duration::from_millis(200);
        let mut tries = 1;
        let answer = loop {
            if self.is_lost() {
                return Err(ZadigError::Lost);
            }
            match self.ask(question).await {
                Err(error) if error.is_transient() && tries < TRIES => {
                    tokio::time::sleep(pause).await;
                    (tries, pause) = (tries + 1, pause * 4);
                }
                answer => break answer,
            }
        };
        if answer.as_ref().is_err_and(ZadigError::is_total) {
            self.0.lost.store(true, Ordering::Relaxed);
        }
        let unreadable = |_| ZadigError::Garbled {
            what: "it is not of the form that is known",
        };
        // What serde says may quote what it found.
        serde_json::from_slice(&answer?).map_err(unreadable)
    }

    async fn ask(&self, question: &Question) -> Result<Vec<u8>, ZadigError> {
        let whole = self.exchange(question);
        match tokio::time::timeout(self.0.answer_timeout, whole).await {
            Ok(answer) => answer,
            Err(_) => Err(ZadigError::Timeout),
        }
    }

    async fn exchange(&self, question: &Question) -> Result<Vec<u8>, ZadigError> {
        let request = Request::get(&question.0)
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, AGENT)
            .body(Body::empty())
            .map_err(|_| ZadigError::Garbled {
                what: "a name that no path can hold",
            })?;
        let sent = self.0.client.send(request).await;
        let (head, body) = sent.map_err(|e| ZadigError::from_client(&e))?.into_parts();
        self.note_time(&head.headers);
        if head.status.is_redirection() {
            return Err(redirect(&head.headers));
        }
        let body = collect(body).await;
        match head.status.is_success() {
            true => body,
            false => {
                let said = body.unwrap_or_default();
                Err(ZadigError::from_answer(head.status, &head.headers, &said))
            }
        }
    }

    /// Keeps the first time that was told.
    fn note_time(&self, headers: &HeaderMap) {
        const PARSER: DateTimeParser = DateTimeParser::new();
        let text = headers.get(DATE).and_then(|date| date.to_str().ok());
        if let Some(time) = text.and_then(|text| PARSER.parse_timestamp(text).ok()) {
            let (first, then) = (Ordering::Relaxed, Ordering::Relaxed);
            let _ = self
                .0
                .time
                .compare_exchange(NEVER, time.as_second(), first, then);
        }
    }
}

async fn collect(body: Body) -> Result<Vec<u8>, ZadigError> {
    match Limited::new(body, MAX_ANSWER).collect().await {
        Ok(collected) => Ok(collected.to_bytes().to_vec()),
        Err(e) if e.is::<LengthLimitError>() => Err(ZadigError::TooLarge),
        Err(e) => Err(ZadigError::from_client(e.as_ref())),
    }
}

/// Path and query of another page may hold what is secret.
fn redirect(headers: &HeaderMap) -> ZadigError {
    let to = headers.get(LOCATION).and_then(|to| to.to_str().ok());
    let to = to.and_then(|to| to.parse::<Uri>().ok());
    let to = to.as_ref().and_then(Uri::host);
    ZadigError::Redirect {
        to: to.unwrap_or("another page").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_change_a_question() {
        let question = Question::of(&["openapi", "environments", "a/../b?c"]);
        let question = question.with("projectKey", "x&isDelete=true");
        assert_eq!(
            question.0,
            "/openapi/environments/a%2F..%2Fb%3Fc?projectKey=x%26isDelete%3Dtrue"
        );
    }
}
