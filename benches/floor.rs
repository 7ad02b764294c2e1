//! The least that `check -A` and `backup -A` can take, on one warm connection, one
//! thing after the other. It is fixed, whatever the tool does, and shares none of
//! its reading.
//!
//! `floor metadata` reads the metadata of all records, `floor check` also the
//! bodies of what is not superseded, and inflates these on all cores. `floor
//! backup` reads the bodies of all records as one list, of which it holds nothing,
//! and apart from that inflates and hashes them.
//!
//! Prints JSON: seconds for the metadata, for the bodies, for the processors; and
//! how much that was.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a program of its own, outside of the rooms"
)]

use std::io::Read as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::bufread::GzDecoder;
use http::Request;
use http_body_util::BodyExt;
use k8s_pb::api::core::v1::SecretList;
use k8s_pb::apimachinery::pkg::apis::meta::v1::PartialObjectMetadataList;
use k8s_pb::apimachinery::pkg::runtime::Unknown;
use kube::client::Body;
use kube::{Client, Config};
use prost::Message as _;
use sha2::{Digest as _, Sha256};

type Failed = Box<dyn std::error::Error + Send + Sync>;

const METADATA: &str =
    "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
const BODIES: &str = "application/vnd.kubernetes.protobuf";
const RECORDS: &str = "labelSelector=owner%3Dhelm";
const CURRENT: &str = "labelSelector=owner%3Dhelm%2Cstatus%21%3Dsuperseded";
const UNLABELED: &str = "labelSelector=owner%21%3Dhelm&fieldSelector=type%3Dhelm.sh%2Frelease.v1";

/// One page: its bytes without the envelope.
async fn page(client: &Client, path: &str, accept: &str) -> Result<Vec<u8>, Failed> {
    let request = Request::get(path)
        .header("accept", accept)
        .body(Body::empty())?;
    let answer = client.send(request).await?;
    if !answer.status().is_success() {
        return Err(format!("{path}: {}", answer.status()).into());
    }
    let body = answer.into_body().collect().await?.to_bytes();
    let envelope = body.strip_prefix(b"k8s\0").ok_or("not protobuf")?;
    Ok(Unknown::decode(envelope)?.raw.unwrap_or_default())
}

/// The bytes of all bodies of a selection, as they come over the wire: none is
/// held, since to hold a gigabyte costs more than to read it.
async fn wire(client: &Client, selection: &str) -> Result<usize, Failed> {
    let request = Request::get(at("secrets", selection, ""))
        .header("accept", BODIES)
        .body(Body::empty())?;
    let answer = client.send(request).await?;
    if !answer.status().is_success() {
        return Err(format!("{selection}: {}", answer.status()).into());
    }
    let mut body = answer.into_body();
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        bytes += frame?.data_ref().map_or(0, |piece| piece.len());
    }
    Ok(bytes)
}

fn at(resource: &str, selection: &str, next: &str) -> String {
    format!("/api/v1/{resource}?{selection}&continue={next}")
}

/// All metadata of a selection; returns how many objects.
async fn metadata(client: &Client, resource: &str, selection: &str) -> Result<usize, Failed> {
    let (mut number, mut next) = (0, String::new());
    loop {
        let raw = page(client, &at(resource, selection, &next), METADATA).await?;
        let list = PartialObjectMetadataList::decode(&*raw)?;
        number += list.items.len();
        match list.metadata.and_then(|meta| meta.r#continue) {
            Some(token) if !token.is_empty() => next = token,
            _ => return Ok(number),
        }
    }
}

/// All payloads of a selection.
async fn payloads(client: &Client, selection: &str) -> Result<Vec<Vec<u8>>, Failed> {
    let (mut payloads, mut next) = (Vec::new(), String::new());
    loop {
        let raw = page(client, &at("secrets", selection, &next), BODIES).await?;
        let list = SecretList::decode(&*raw)?;
        let found = list
            .items
            .into_iter()
            .filter_map(|mut one| one.data.remove("release"));
        payloads.extend(found);
        match list.metadata.and_then(|meta| meta.r#continue) {
            Some(token) if !token.is_empty() => next = token,
            _ => return Ok(payloads),
        }
    }
}

/// Inflates all of them on all cores, and hashes what comes out if that is
/// wanted; returns how many bytes came out.
fn inflate(payloads: &[Vec<u8>], hash: bool) -> usize {
    let (next, total) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let mut plain = Vec::new();
                while let Some(text) = payloads.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let packed = STANDARD.decode(text).unwrap_or_default();
                    plain.clear();
                    let read = GzDecoder::new(&*packed).read_to_end(&mut plain);
                    total.fetch_add(read.unwrap_or(0), Ordering::Relaxed);
                    if hash {
                        std::hint::black_box(Sha256::digest(&plain));
                    }
                }
            });
        }
    });
    total.into_inner()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failed> {
    let verb = std::env::args().nth(1).unwrap_or_default();
    if !["metadata", "check", "backup"].contains(&&*verb) {
        return Err("usage: floor metadata|check|backup".into());
    }
    let backup = verb == "backup";
    let mut config = Config::infer().await?;
    // The API server would compress what is base64 of gzip, at 70 MB/s.
    config.disable_compression = true;
    let client = Client::try_from(config)?;
    page(&client, "/api/v1/namespaces?limit=1", BODIES).await?;
    let start = Instant::now();
    let records = metadata(&client, "secrets", RECORDS).await?
        + metadata(&client, "secrets", UNLABELED).await?
        + metadata(&client, "configmaps", RECORDS).await?;
    let listed = start.elapsed();
    if verb == "metadata" {
        let told = serde_json::json!({"metadata": listed.as_secs_f64(), "records": records});
        println!("{told}");
        return Ok(());
    }
    let start = Instant::now();
    if backup {
        wire(&client, RECORDS).await?;
    }
    let wired = start.elapsed();
    let start = Instant::now();
    let payloads = payloads(&client, if backup { RECORDS } else { CURRENT }).await?;
    let read = if backup { wired } else { start.elapsed() };
    let start = Instant::now();
    let plain = inflate(&payloads, backup);
    let inflated = start.elapsed();
    let text: usize = payloads.iter().map(Vec::len).sum();
    println!(
        "{}",
        serde_json::json!({
            "metadata": listed.as_secs_f64(), "bodies": read.as_secs_f64(), "inflate": inflated.as_secs_f64(),
            "records": records, "payloads": payloads.len(), "bytes": text, "plain": plain,
        })
    );
    Ok(())
}
