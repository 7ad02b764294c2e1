//! The HTTP client: what kube makes of a configuration, over connections that
//! send at once.
//!
//! On a connection whose TLS session was resumed, the end of the handshake and the
//! first request are two small writes in a row. Nagle's algorithm holds back the
//! second one until the other side has acknowledged the first, and an API server,
//! which has nothing to answer yet, takes 40 ms for that (tcp(7), `TCP_NODELAY`;
//! kernel `TCP_DELACK_MIN`). kube leaves it on.

use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ClientBuilder, ConfigExt};
use kube::{Client, Config};
use tower::{BoxError, ServiceBuilder};

/// A client for that configuration. Credential plugins run here, and block.
///
/// # Errors
///
/// As kube's own, which also speaks to proxies.
pub(super) fn client(config: Config) -> Result<Client, kube::Error> {
    match config.proxy_url {
        Some(_) => Client::try_from(config),
        None => direct(config),
    }
}

/// The layers that kube has, but for those that retry, unpack and trace: reads
/// are retried where they are made, and nothing comes packed.
fn direct(config: Config) -> Result<Client, kube::Error> {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    let connector = config.rustls_https_connector_with_connector(connector)?;
    let mut connector = TimeoutConnector::new(connector);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    let client = legacy::Client::builder(TokioExecutor::new());
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(client.build::<_, Body>(connector));
    Ok(ClientBuilder::new(service, config.default_namespace).build())
}
