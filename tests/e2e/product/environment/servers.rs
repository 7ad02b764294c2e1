//! Servers that cannot be reached, are not trusted, or are none.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection};

use super::{Files, admin, bed_cluster, check, fails, tool};
use crate::bed::{Bed, setting};
use crate::process::{Output, Program};
use crate::proxy::{Fault, Proxy, Rule};

/// Serves every connection in a thread of its own, until the tests end; its
/// address.
fn serve(answer: impl Fn(TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            thread::spawn(move || answer(stream));
        }
    });
    address
}

/// The head of a request: its first line, and what comes before the blank one.
fn head(stream: &TcpStream) -> Vec<String> {
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    lines.take_while(|line| !line.is_empty()).collect()
}

/// Something that answers every request with that.
fn web(answer: &'static str) -> String {
    serve(move |mut stream| {
        head(&stream);
        stream.write_all(answer.as_bytes()).ok();
    })
}

fn at(server: &str, args: &[&str]) -> Output {
    let files = Files::new();
    let mut cluster = bed_cluster();
    cluster["server"] = server.into();
    check(&files.kubeconfig(&cluster, &admin()), args)
}

#[test]
fn nobody_is_there() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let server = format!("https://{closed}");
    fails(
        at(&server, &[]),
        &[
            &server,
            "context \"it\"",
            "Connection refused",
            "kubectl config view --minify",
        ],
    );
    fails(
        at("https://no-such-host.invalid", &[]),
        &["no-such-host.invalid", "lookup"],
    );
}

/// The default timeouts alone end it: ten seconds to connect, and no second try.
#[test]
fn nobody_answers() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("https://{}", silent.local_addr().unwrap());
    fails(
        at(&server, &[]),
        &["cannot connect to the API server in time", &server],
    );
    fails(
        at(&server, &["--request-timeout=1"]),
        &["in time", "/readyz"],
    );
    let proxy = Proxy::start();
    proxy.rule(Rule::new(Fault::Hang));
    fails(
        at(proxy.server(), &["--request-timeout=1s"]),
        &["did not answer in time", "/readyz"],
    );
}

#[test]
fn a_server_that_is_out_of_order() {
    for (code, words) in [
        (503, ["answered 503", "/readyz"]),
        (500, ["answered 500", "/readyz"]),
        (429, ["too many requests", "/readyz"]),
    ] {
        let proxy = Proxy::start();
        proxy.rule(Rule::new(Fault::Status(code)));
        fails(at(proxy.server(), &[]), &words);
    }
    let proxy = Proxy::start();
    proxy.rule(Rule::new(Fault::Status(503)).nth(1));
    at(proxy.server(), &[]).expect_code(0);
}

/// A captive portal, a load balancer's page, another service on that port.
#[test]
fn what_answers_is_no_api_server() {
    const PAGE: &str =
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>";
    const LOST: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 13\r\n\r\n<html></html>";
    const JSON: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}";
    const LOGIN: &str = "HTTP/1.1 302 Found\r\nLocation: https://login.example.com/?key=hunter2\r\nContent-Length: 0\r\n\r\n";
    const GARBAGE: &str = "SSH-2.0-OpenSSH_9.9\r\n";
    for (answer, words) in [
        (PAGE, ["unreadable", "login page"]),
        (LOST, ["not Kubernetes", "login page"]),
        (JSON, ["not Kubernetes", "login page"]),
        (LOGIN, ["redirects to login.example.com", "login page"]),
        (GARBAGE, ["connection to the API server broke", "hint"]),
    ] {
        fails(at(&format!("http://{}", web(answer)), &[]), &words);
    }
    let plain = format!("https://{}", web(PAGE));
    fails(at(&plain, &[]), &["cannot speak TLS", "without TLS"]);
    let tls = Bed::get().server.replace("https", "http");
    fails(at(&tls, &[]), &["does the server want https://"]);
}

fn expired(file: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/e2e/product/environment/expired")
        .join(file)
}

/// A server whose certificate ran out in 2020. The key of its authority, which
/// holds until 2119, was thrown away.
fn from_2020() -> String {
    let chain = vec![CertificateDer::from_pem_file(expired("tls.crt")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(expired("tls.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    serve(move |mut stream| {
        let mut tls = ServerConnection::new(Arc::clone(&config)).unwrap();
        tls.complete_io(&mut stream).ok();
    })
}

#[test]
fn certificates_that_are_not_trusted() {
    let bed = Bed::get();
    let ca = |file: &Path| format!("--certificate-authority={}", file.display());
    let foreign = ca(&expired("ca.crt"));
    fails(
        at(&bed.server, &[&foreign]),
        &["UnknownIssuer", "right certificate-authority"],
    );
    let files = Files::new();
    let none = files.kubeconfig(&json!({"server": bed.server}), &admin());
    fails(
        check(&none, &[]),
        &["UnknownIssuer", "right certificate-authority"],
    );
    check(&none, &[&ca(&bed.ca)]).expect_code(0);
    check(&none, &["--insecure-skip-tls-verify"]).expect_code(0);

    fails(
        at(&bed.server, &["--tls-server-name=other.example"]),
        &["other.example", "--tls-server-name"],
    );
    at(&bed.server, &["--tls-server-name=kubernetes"]).expect_code(0);

    let server = format!("https://{}", from_2020());
    fails(at(&server, &[&foreign]), &["certificate expired", "clock"]);
}

/// A proxy that takes every host for one, and notes what it is asked.
#[derive(Clone, Default)]
pub(in crate::product) struct Tunnel(Arc<Mutex<Vec<String>>>);

impl Tunnel {
    fn start(&self) -> String {
        self.to(Bed::get().server.trim_start_matches("https://"))
    }

    /// Takes every host for the one at that address.
    pub(in crate::product) fn to(&self, address: &str) -> String {
        let (asked, address) = (self.clone(), address.to_owned());
        serve(move |mut client| {
            asked.0.lock().unwrap().extend(head(&client));
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            let server = TcpStream::connect(&address).unwrap();
            let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || pass(from, to));
            pass(server, client);
        })
    }

    /// What was asked since the last time.
    pub(in crate::product) fn asked(&self) -> String {
        std::mem::take(&mut *self.0.lock().unwrap())
            .join("\n")
            .to_lowercase()
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    let mut piece = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        if to.write_all(&piece[..length]).is_err() {
            break;
        }
    }
    to.shutdown(std::net::Shutdown::Both).ok();
}

/// A server that only a proxy finds, and what kubectl and the product ask of it.
#[test]
fn through_a_proxy_as_kubectl_goes() {
    let tunnel = Tunnel::default();
    let proxy = tunnel.start();
    let files = Files::new();
    let with = |proxy_url: Option<&str>| {
        let mut cluster = bed_cluster();
        cluster["server"] = "https://kubernetes:6443".into();
        cluster["proxy-url"] = proxy_url.map_or(Value::Null, Into::into);
        files.kubeconfig(&cluster, &admin())
    };
    let plain = format!("http://{proxy}");
    let own = format!("http://u:hunter2@{proxy}");
    type Variables<'a> = &'a [(&'a str, &'a str)];
    let cases: [(Option<&str>, Variables<'_>, bool); 7] = [
        (None, &[("HTTPS_PROXY", &plain)], true),
        (None, &[("https_proxy", &proxy)], true),
        (
            None,
            &[
                ("HTTPS_PROXY", &own),
                ("NO_PROXY", "10.0.0.0/8,.kubernetes,"),
            ],
            true,
        ),
        (
            None,
            &[
                ("HTTPS_PROXY", &own),
                ("NO_PROXY", "10.0.0.0/8,kubernetes,"),
            ],
            false,
        ),
        (None, &[("HTTP_PROXY", &plain)], false),
        (Some(&own), &[], true),
        (
            Some(&own),
            &[("NO_PROXY", "*"), ("HTTPS_PROXY", "http://127.0.0.1:1")],
            true,
        ),
    ];
    let kubectl = setting("BED_KUBECTL");
    for (proxy_url, variables, used) in cases {
        let kubeconfig = with(proxy_url);
        let said = [
            Program::new(Path::new(&kubectl))
                .env("HOME", files.path())
                .args(["get", "ns"]),
            tool(files.path()).arg("check"),
        ]
        .map(|program| {
            let program = program.env("KUBECONFIG", &kubeconfig);
            let program = variables
                .iter()
                .fold(program, |program, (key, value)| program.env(key, value));
            let output = program.run();
            assert_eq!(output.code() == Some(0), used, "{variables:?} {output}");
            assert!(!output.to_string().contains("hunter2"), "a secret is told");
            let asked = tunnel.asked();
            let password = asked.contains(&BASE64_STANDARD.encode("u:hunter2").to_lowercase());
            (asked.contains("connect kubernetes:6443 "), password)
        });
        assert_eq!(
            said[0], said[1],
            "kubectl and the product with {variables:?}"
        );
        assert_eq!(said[0].0, used, "{variables:?}");
    }
}

#[test]
fn proxies_that_do_not_work() {
    let files = Files::new();
    let with = |url: &str| {
        let mut cluster = bed_cluster();
        cluster["proxy-url"] = url.into();
        files.kubeconfig(&cluster, &admin())
    };
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let through = format!("through the proxy http://{closed}");
    let refused = with(&format!("http://u:hunter2@{closed}"));
    fails(check(&refused, &[]), &[&through, "refused"]);
    let denied = web("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
    let denied = with(&format!("http://u:hunter2@{denied}"));
    fails(check(&denied, &[]), &["through the proxy", "proxy auth"]);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = with(&format!("http://{}", silent.local_addr().unwrap()));
    fails(
        check(&silent, &["--request-timeout=1s"]),
        &["through the proxy", "in time"],
    );
    for url in ["ftp://u:hunter2@proxy", "http://u:hunter2@:bad:"] {
        fails(
            check(&with(url), &[]),
            &["read the proxy's URL", "HTTPS_PROXY"],
        );
    }
}
