//! The connections: TLS on both sides, HTTP/1.1, and the faults carried out.

use std::collections::BTreeSet;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HOST, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, Response, Uri};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use jiff::Timestamp;
use jiff::fmt::rfc2822::{self, DateTimePrinter};
use rustix::process::Signal;
use serde_json::json;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::{Clock, Fault, Seen, Shared};
use crate::bed::Bed;
use crate::process::Victim;

type Body = BoxBody<Bytes, hyper::Error>;

/// The connection is to end without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection ends without an answer")]
struct Ended;

/// The API server as the proxy reaches it.
#[derive(Clone)]
pub(super) struct Upstream {
    server: Uri,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    tls: Arc<ServerConfig>,
}

impl Upstream {
    pub(super) fn new(bed: &Bed) -> Self {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(&bed.ca).unwrap())
            .unwrap();
        let tls = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_only()
            .enable_http1()
            .build();
        Self {
            server: bed.server.parse().unwrap(),
            client: Client::builder(TokioExecutor::new()).build(connector),
            tls: Arc::new(server_tls(&bed.dir)),
        }
    }

    /// Passes a request on and waits for the head of its answer. On a task of
    /// its own: what was passed on is done even if the asker is gone meanwhile.
    async fn forward(&self, request: Request<Bytes>) -> Result<Response<Body>, Ended> {
        let (mut parts, body) = request.into_parts();
        let mut uri = self.server.clone().into_parts();
        uri.path_and_query = parts.uri.path_and_query().cloned();
        parts.uri = Uri::from_parts(uri).map_err(|_| Ended)?;
        parts.headers.remove(HOST);
        let asked = self
            .client
            .request(Request::from_parts(parts, Full::new(body)));
        let answer = tokio::spawn(asked)
            .await
            .map_err(|_| Ended)?
            .map_err(|_| Ended)?;
        Ok(answer.map(BodyExt::boxed))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn server_tls(dir: &Path) -> ServerConfig {
    let chain: Vec<_> = CertificateDer::pem_file_iter(dir.join("apiserver.crt"))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let key = PrivateKeyDer::from_pem_file(dir.join("apiserver.key")).unwrap();
    let mut tls = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    tls
}

/// Serves until the runtime is shut down.
pub(super) async fn serve(listener: TcpListener, upstream: Upstream, shared: Shared) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let tls = TlsAcceptor::from(upstream.tls.clone());
    while let Ok((socket, _)) = listener.accept().await {
        tokio::spawn(connection(
            socket,
            tls.clone(),
            upstream.clone(),
            shared.clone(),
        ));
    }
}

async fn connection(
    socket: tokio::net::TcpStream,
    tls: TlsAcceptor,
    upstream: Upstream,
    shared: Shared,
) {
    socket.set_nodelay(true).ok();
    // A second handle on the socket, through which a rule may have it reset.
    let Ok(socket) = socket.into_std() else {
        return;
    };
    let Ok(twin) = socket.try_clone() else { return };
    let Ok(socket) = tokio::net::TcpStream::from_std(socket) else {
        return;
    };
    let Ok(stream) = tls.accept(socket).await else {
        return;
    };
    let exchange = Exchange {
        upstream,
        shared,
        twin,
    };
    let service = service_fn(|request| exchange.answer(request));
    // An error here is a connection that a rule ended, or one that the other side left.
    hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await
        .ok();
}

/// One connection's requests and answers.
struct Exchange {
    upstream: Upstream,
    shared: Shared,
    twin: TcpStream,
}

impl Exchange {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, Ended> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Ended)?.to_bytes();
        let request = Request::from_parts(parts, body);
        let (number, fault) = self.shared.meet(seen(&request));
        let mut answer = match fault {
            None => self.upstream.forward(request).await?,
            Some(fault) => self.suffer(fault, request).await?,
        };
        let clock = {
            let mut state = self.shared.state();
            state.seen[number].answered = Some(answer.status().as_u16());
            state.clock
        };
        tell_time(&mut answer, clock);
        Ok(answer)
    }

    async fn suffer(&self, fault: Fault, request: Request<Bytes>) -> Result<Response<Body>, Ended> {
        match fault {
            Fault::Delay(time) => {
                tokio::time::sleep(time).await;
                self.upstream.forward(request).await
            }
            Fault::DropAnswer => {
                self.done(request).await?;
                Err(Ended)
            }
            Fault::Reset => {
                rustix::net::sockopt::set_socket_linger(&self.twin, Some(Duration::ZERO)).ok();
                Err(Ended)
            }
            Fault::Status(code) => Ok(refusal(code)),
            Fault::Hang => std::future::pending().await,
            Fault::HangAfter => {
                self.done(request).await?;
                std::future::pending().await
            }
            Fault::KillBefore(victim) => {
                signal(&victim, Signal::KILL).await;
                Err(Ended)
            }
            Fault::KillAfter(victim) => {
                self.done(request).await?;
                signal(&victim, Signal::KILL).await;
                Err(Ended)
            }
            Fault::StopBefore(victim) => {
                signal(&victim, Signal::STOP).await;
                self.upstream.forward(request).await
            }
            Fault::StopAfter(victim) => {
                let answer = self.done(request).await?;
                signal(&victim, Signal::STOP).await;
                Ok(answer)
            }
        }
    }

    /// Passes a request on and takes in the whole answer, so that the work is done.
    async fn done(&self, request: Request<Bytes>) -> Result<Response<Body>, Ended> {
        let (parts, body) = self.upstream.forward(request).await?.into_parts();
        let body = body.collect().await.map_err(|_| Ended)?.to_bytes();
        Ok(Response::from_parts(parts, whole(body)))
    }
}

/// Who asks, in words without the token.
fn who(headers: &HeaderMap) -> String {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let token = headers.get(AUTHORIZATION).map(text).unwrap_or_default();
    let bed = Bed::get();
    let mut who = match token.strip_prefix("Bearer ") {
        Some(token) if token == bed.admin_token => "admin".to_owned(),
        Some(token) if token == bed.nobody_token => "nobody".to_owned(),
        Some(_) => "a stranger".to_owned(),
        None => "no token".to_owned(),
    };
    for name in ["impersonate-user", "impersonate-uid", "impersonate-group"] {
        // Helm reads its flags twice and sends a group as often.
        let values: BTreeSet<_> = headers.get_all(name).iter().map(text).collect();
        for value in values {
            who.push_str(&format!(" {name}={value}"));
        }
    }
    who
}

fn seen(request: &Request<Bytes>) -> Seen {
    let agent = request.headers().get(USER_AGENT);
    Seen {
        who: who(request.headers()),
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        agent: agent
            .map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned())
            .unwrap_or_default(),
        answered: None,
    }
}

/// Waits until the process exists (its first request may be here before the
/// test that started it knows its number), signals it, and waits until it rests.
async fn signal(victim: &Victim, signal: Signal) {
    let glance = Duration::from_millis(1);
    while !victim.is_born() {
        tokio::time::sleep(glance).await;
    }
    let has_arrived = victim.strike(signal);
    while !has_arrived() {
        tokio::time::sleep(glance).await;
    }
}

fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed()
}

/// An error as the API server words it: a `metav1.Status`.
fn refusal(code: u16) -> Response<Body> {
    let reason = match code {
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        410 => "Expired",
        422 => "Invalid",
        429 => "TooManyRequests",
        500 => "InternalError",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "",
    };
    let status = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": format!("refused by the tests' proxy: {reason}"),
        "reason": reason,
        "code": code,
    });
    let mut answer = Response::new(whole(status.to_string()));
    *answer.status_mut() = code.try_into().unwrap();
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if code == 429 {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    answer
}

/// Sets the `Date` of an answer by the proxy's clock.
fn tell_time(answer: &mut Response<Body>, clock: Clock) {
    let said = answer
        .headers()
        .get(DATE)
        .and_then(|date| date.to_str().ok());
    let now = said
        .and_then(|date| rfc2822::parse(date).ok())
        .map_or_else(Timestamp::now, |date| date.timestamp());
    let told = match clock {
        Clock::True => now,
        Clock::Shifted(by) => now + by,
        Clock::Frozen(at) => at,
    };
    let text = DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&told)
        .unwrap();
    answer.headers_mut().insert(DATE, text.parse().unwrap());
}
