//! The wire: requests in, answers or faults out.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::answers::{Answer, Question, answer};
use super::{Fault, Seen, Shared};

type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, Cut>;

/// An answer that ends before it should.
#[derive(Debug, thiserror::Error)]
#[error("cut off")]
pub(super) struct Cut;

/// Serves until the runtime is shut down.
pub(super) async fn serve(listener: TcpListener, tls: Option<PathBuf>, shared: Shared) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let tls = tls.map(|dir| TlsAcceptor::from(Arc::new(config(&dir))));
    while let Ok((socket, _)) = listener.accept().await {
        let (tls, shared) = (tls.clone(), shared.clone());
        tokio::spawn(async move {
            match tls {
                None => connection(socket, shared).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(socket).await {
                        connection(stream, shared).await;
                    }
                }
            }
        });
    }
}

fn config(dir: &std::path::Path) -> ServerConfig {
    let chain: Vec<_> = CertificateDer::pem_file_iter(dir.join("apiserver.crt"))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let key = PrivateKeyDer::from_pem_file(dir.join("apiserver.key")).unwrap();
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap()
}

async fn connection(
    stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send,
    shared: Shared,
) {
    let service = service_fn(|request| {
        let shared = shared.clone();
        async move { Ok::<_, Cut>(meet(&request, &shared).await) }
    });
    // An error here is a connection that a fault ended.
    hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await
        .ok();
}

async fn meet(request: &Request<Incoming>, shared: &Shared) -> Response<Body> {
    let target = request
        .uri()
        .path_and_query()
        .map_or("", |one| one.as_str());
    let header = request.headers().get(AUTHORIZATION);
    let authorization = header
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let (fault, answered) = {
        let mut known = shared.known();
        known.seen.push(Seen {
            method: request.method().to_string(),
            target: target.to_owned(),
            authorization: authorization.to_owned(),
        });
        let mut fault = None;
        for rule in known
            .rules
            .iter_mut()
            .filter(|rule| target.contains(&rule.text))
        {
            match rule.after {
                0 => fault = fault.or(Some(rule.fault.clone())),
                _ => rule.after -= 1,
            }
        }
        let good = authorization == format!("Bearer {}", known.state.token);
        let answered = match good {
            true => answer(&known.state, &question(target)),
            false => Answer::Text(401, String::new()),
        };
        (fault, answered)
    };
    suffer(fault, answered).await
}

fn question(target: &str) -> Question<'_> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key.to_owned(), value.to_owned())
    };
    Question {
        path: path.trim_start_matches('/').split('/').collect(),
        query: query.split('&').map(pair).collect(),
    }
}

async fn suffer(fault: Option<Fault>, answered: Answer) -> Response<Body> {
    let (status, kind, body) = match answered {
        Answer::Json(status, body) => (status, "application/json", body.to_string()),
        Answer::Text(status, body) => (status, "text/plain", body),
    };
    match fault {
        None => told(status, kind, body),
        Some(Fault::Status(status, body)) => told(status, "application/json", body),
        Some(Fault::Redirect(to)) => {
            let mut answer = told(302, "text/html", String::new());
            answer.headers_mut().insert(LOCATION, to.parse().unwrap());
            answer
        }
        Some(Fault::Half) => told(status, kind, half(&body)),
        Some(Fault::Cut) => {
            let whole = body.len();
            let frames = [Ok(Frame::data(Bytes::from(half(&body)))), Err(Cut)];
            let body = StreamBody::new(futures::stream::iter(frames)).boxed_unsync();
            let mut answer = Response::new(body);
            answer.headers_mut().insert(CONTENT_LENGTH, whole.into());
            answer
        }
        Some(Fault::Hang) => std::future::pending().await,
    }
}

fn half(body: &str) -> String {
    let end = body.floor_char_boundary(body.len() / 2);
    body[..end].to_owned()
}

fn told(status: u16, kind: &'static str, body: String) -> Response<Body> {
    let body = Full::new(Bytes::from(body)).map_err(|never| match never {});
    let mut answer = Response::new(body.boxed_unsync());
    *answer.status_mut() = status.try_into().unwrap();
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, kind.parse().unwrap());
    answer
}
