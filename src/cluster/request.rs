//! The one way that all requests go.

use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, DATE, HeaderMap, LOCATION, RETRY_AFTER, USER_AGENT};
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use kube::client::Body;
use serde_json::Value;

use super::Cluster;
use super::error::ApiError;
use super::url::Url;

/// What one object's answer may hold: etcd takes 1.5 MiB, base64 in JSON makes
/// that 2, and aggregated servers may have objects of their own.
pub(super) const MAX_OBJECT: usize = 16 << 20;

/// How often a read is sent at most.
const TRIES: u32 = 3;

/// We do not wait longer than this before another try, whatever the server
/// asks for.
const MAX_PAUSE: Duration = Duration::from_secs(5);

const AGENT: &str = concat!("zadig-doctor/", env!("CARGO_PKG_VERSION"));

pub(super) const JSON: &str = "application/json";

/// Server-side apply's; JSON is YAML.
pub(super) const APPLY: &str = "application/apply-patch+yaml";

impl Cluster {
    /// One GET for a JSON value, retried.
    pub(super) async fn get(&self, url: &Url) -> Result<Value, ApiError> {
        let body = self.get_bytes(url, JSON).await?.1;
        serde_json::from_slice(&body).map_err(|_| ApiError::Garbled { what: "not JSON" })
    }

    /// One GET for an object's bytes and whether they are protobuf, retried.
    pub(super) async fn get_bytes(
        &self,
        url: &Url,
        accept: &str,
    ) -> Result<(bool, Vec<u8>), ApiError> {
        let mut tries = Tries::default();
        loop {
            match self.exchange(&Method::GET, url, accept, None).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => tries.another(failed).await?,
            }
        }
    }

    /// One write with a JSON body, sent once and never again.
    pub(super) async fn write(
        &self,
        method: &Method,
        url: &Url,
        body: &Value,
    ) -> Result<Value, ApiError> {
        self.write_as(method, url, JSON, body).await
    }

    /// The same with a body that is JSON of that content type.
    pub(super) async fn write_as(
        &self,
        method: &Method,
        url: &Url,
        content_type: &str,
        body: &Value,
    ) -> Result<Value, ApiError> {
        let (_, answer) = self
            .exchange(method, url, JSON, Some((content_type, body)))
            .await
            .map_err(|failed| failed.error)?;
        serde_json::from_slice(&answer).map_err(|_| ApiError::Garbled { what: "not JSON" })
    }

    /// Asks a question that has to be POSTed (an access review); retried.
    pub(super) async fn ask(&self, url: &Url, body: &Value) -> Result<Value, ApiError> {
        let mut tries = Tries::default();
        loop {
            let sent = self.exchange(&Method::POST, url, JSON, Some((JSON, body)));
            match sent.await {
                Ok((_, answer)) => {
                    return serde_json::from_slice(&answer)
                        .map_err(|_| ApiError::Garbled { what: "not JSON" });
                }
                Err(failed) => tries.another(failed).await?,
            }
        }
    }

    /// Sends a request once and reads its bounded answer whole, in time.
    async fn exchange(
        &self,
        method: &Method,
        url: &Url,
        accept: &str,
        body: Option<(&str, &Value)>,
    ) -> Result<(bool, Vec<u8>), Failed> {
        let whole = async {
            let response = self.send(method, url, accept, body).await?;
            let protobuf = is_protobuf(response.headers());
            let body = collect(response.into_body(), MAX_OBJECT).await?;
            Ok((protobuf, body))
        };
        match tokio::time::timeout(self.0.answer_timeout, whole).await {
            Ok(answer) => answer,
            Err(_) => Err(ApiError::Timeout.into()),
        }
    }

    /// Sends a request once; the answer is a success whose body is still to be
    /// read. Notes the server's time.
    pub(super) async fn send(
        &self,
        method: &Method,
        url: &Url,
        accept: &str,
        body: Option<(&str, &Value)>,
    ) -> Result<Response<Body>, Failed> {
        let (content_type, body) = match body {
            Some((of, value)) => (of, serde_json::to_vec(value).unwrap_or_default()),
            None => (JSON, Vec::new()),
        };
        let request = Request::builder()
            .method(method)
            .uri(url.as_str())
            .header(ACCEPT, accept)
            .header(USER_AGENT, AGENT)
            .header(CONTENT_TYPE, content_type)
            .body(Body::from(body))
            .map_err(|e| ApiError::Invalid {
                message: e.to_string(),
            })?;
        let response = self
            .0
            .client
            .send(request)
            .await
            .map_err(|e| ApiError::from_client(&e))?;
        if let Some(now) = date(response.headers()) {
            self.note_time(now);
        }
        if response.status().is_success() {
            return Ok(response);
        }
        let code = response.status();
        if code.is_redirection() {
            return Err(redirect(response.headers()).into());
        }
        let after = retry_after(response.headers());
        let body = collect(response.into_body(), MAX_OBJECT)
            .await
            .unwrap_or_default();
        let mut error = ApiError::from_answer(code, &body);
        if let ApiError::Unauthorized { login, .. } = &mut error {
            *login = self.0.login.clone();
        }
        Err(Failed { error, after })
    }
}

/// A failed try, and how long the server asked us to wait.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: ApiError,
    after: Option<Duration>,
}

impl From<ApiError> for Failed {
    fn from(error: ApiError) -> Self {
        Self { error, after: None }
    }
}

/// Counts the tries of one read.
#[derive(Debug, Default)]
pub(super) struct Tries(u32);

impl Tries {
    /// Waits before another try, or returns the error: it is not one that
    /// passes, or there were enough tries.
    pub(super) async fn another(&mut self, failed: Failed) -> Result<(), ApiError> {
        let pause = self.pause(failed)?;
        tokio::time::sleep(pause).await;
        Ok(())
    }

    fn pause(&mut self, failed: Failed) -> Result<Duration, ApiError> {
        self.0 += 1;
        if !failed.error.is_transient() || self.0 >= TRIES {
            return Err(failed.error);
        }
        let own = Duration::from_millis(200) * 4_u32.pow(self.0 - 1);
        Ok(failed.after.unwrap_or(own).min(MAX_PAUSE))
    }
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn collect(body: Body, limit: usize) -> Result<Vec<u8>, ApiError> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes().to_vec()),
        Err(e) if e.is::<LengthLimitError>() => Err(ApiError::TooLarge),
        Err(e) => Err(ApiError::from_client(e.as_ref())),
    }
}

/// Old servers and kinds without protobuf answer JSON, whatever was asked for.
pub(super) fn is_protobuf(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/vnd.kubernetes.protobuf"))
}

/// An API server never redirects; its path and query may hold what is secret.
fn redirect(headers: &HeaderMap) -> ApiError {
    let to = headers.get(LOCATION).and_then(|to| to.to_str().ok());
    let to = to.and_then(|to| to.parse::<Uri>().ok());
    let to = to.as_ref().and_then(Uri::host);
    ApiError::Redirect {
        to: to.unwrap_or("another page").to_owned(),
    }
}

/// The `Date` header (RFC 9110: an RFC 5322 date in GMT).
fn date(headers: &HeaderMap) -> Option<Timestamp> {
    const PARSER: DateTimeParser = DateTimeParser::new();
    let text = headers.get(DATE)?.to_str().ok()?;
    PARSER.parse_timestamp(text).ok()
}

/// `Retry-After` in seconds; its other form, a date, is not used by
/// Kubernetes.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(name: http::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn the_date_header() {
        let parsed = date(&headers(DATE, "Sun, 06 Nov 1994 08:49:37 GMT"));
        assert_eq!(parsed, "1994-11-06T08:49:37Z".parse().ok());
        assert_eq!(date(&HeaderMap::new()), None);
        for garbled in ["", "yesterday", "Sun, 06 Nov", "1994-11-06T08:49:37Z"] {
            assert_eq!(date(&headers(DATE, garbled)), None, "{garbled}");
        }
        let binary = HeaderMap::from_iter([(DATE, HeaderValue::from_bytes(b"\xff").unwrap())]);
        assert_eq!(date(&binary), None);
    }

    #[test]
    fn retry_after_is_seconds() {
        assert_eq!(
            retry_after(&headers(RETRY_AFTER, "1")),
            Some(Duration::from_secs(1))
        );
        assert_eq!(retry_after(&headers(RETRY_AFTER, "-1")), None);
        assert_eq!(retry_after(&headers(RETRY_AFTER, "soon")), None);
    }

    #[test]
    fn content_types() {
        let pb = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList";
        assert!(is_protobuf(&headers(CONTENT_TYPE, pb)));
        assert!(!is_protobuf(&headers(CONTENT_TYPE, JSON)));
        assert!(!is_protobuf(&HeaderMap::new()));
    }

    #[test]
    fn three_tries_and_only_for_what_passes() {
        let busy = |after| Failed {
            error: ApiError::TooMany,
            after,
        };
        let mut tries = Tries::default();
        assert_eq!(tries.pause(busy(None)), Ok(Duration::from_millis(200)));
        let hour = Some(Duration::from_secs(3600));
        assert_eq!(tries.pause(busy(hour)), Ok(MAX_PAUSE));
        assert_eq!(tries.pause(busy(None)), Err(ApiError::TooMany));
        let mut tries = Tries::default();
        assert_eq!(
            tries.pause(ApiError::NotFound.into()),
            Err(ApiError::NotFound)
        );
    }

    #[tokio::test]
    async fn bodies_are_bounded() {
        let body = || Body::from(vec![0_u8; 100]);
        assert_eq!(collect(body(), 100).await.map(|b| b.len()), Ok(100));
        assert_eq!(collect(body(), 99).await, Err(ApiError::TooLarge));
    }
}
