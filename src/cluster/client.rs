//! The HTTP client: what kube makes of a configuration, over connections that
//! send at once.
//!
//! On a connection whose TLS session was resumed, the end of the handshake and the
//! first request are two small writes in a row. Nagle's algorithm holds back the
//! second one until the other side has acknowledged the first, and an API server,
//! which has nothing to answer yet, takes 40 ms for that (tcp(7), `TCP_NODELAY`;
//! kernel `TCP_DELACK_MIN`). kube leaves it on.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use kube::client::{Body, ClientBuilder, ConfigExt};
use kube::{Client, Config};
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tower::{BoxError, ServiceBuilder, ServiceExt};

/// How many bytes of an answer are taken from the system at a time.
const AT_A_TIME: usize = 128 << 10;

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
    // First of all, so that a plugin that fails says so, once.
    let login = config.auth_layer()?;
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    let connector = connector.map_response(Ahead::new);
    let connector = config.rustls_https_connector_with_connector(connector)?;
    let mut connector = TimeoutConnector::new(connector);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    connector.set_reset_reader_on_write(config.reset_reader_on_write);
    let mut client = legacy::Client::builder(TokioExecutor::new());
    client.http1_max_buf_size(AT_A_TIME);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(login)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(client.build::<_, Body>(connector));
    Ok(ClientBuilder::new(service, config.default_namespace).build())
}

/// A connection of which more is taken at a time than is asked for. TLS asks for
/// records of 16 KiB, one after the other, and each time the system sends an
/// acknowledgement of its own.
struct Ahead(TokioIo<BufReader<TcpStream>>);

impl Ahead {
    fn new(connection: TokioIo<TcpStream>) -> Self {
        let connection = BufReader::with_capacity(AT_A_TIME, connection.into_inner());
        Self(TokioIo::new(connection))
    }
}

impl Connection for Ahead {
    fn connected(&self) -> Connected {
        self.0.inner().get_ref().connected()
    }
}

impl Read for Ahead {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        room: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, room)
    }
}

impl Write for Ahead {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Request;
    use http_body_util::BodyExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers on one connection, each time after as long.
    async fn answers(listener: TcpListener, after: Duration, times: usize) {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4096];
        for _ in 0..times {
            assert!(connection.read(&mut request).await.unwrap() > 0);
            tokio::time::sleep(after).await;
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
            connection.write_all(answer).await.unwrap();
        }
    }

    /// The server is slow, and so is whoever asks: together longer than either may
    /// be.
    #[tokio::test]
    async fn the_time_that_a_connection_idled_is_no_silence() {
        let limit = Duration::from_millis(800);
        let slow = Duration::from_millis(500);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/base", listener.local_addr().unwrap());
        let served = tokio::spawn(answers(listener, slow, 2));
        let mut config = Config::new(url.parse().unwrap());
        config.read_timeout = Some(limit);
        config.reset_reader_on_write = true;
        let client = client(config).unwrap();
        for _ in 0..2 {
            let request = Request::get("/api").body(Body::empty()).unwrap();
            let answer = client.send(request).await.unwrap();
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(&body[..], b"ok");
            tokio::time::sleep(slow).await;
        }
        served.await.unwrap();
    }
}
