//! What earlier reads of a Zadig knew.

use super::*;
use crate::survey::zadig::{KeptClaim, KeptRead};

const SERVER: &str = "https://zadig.example.com";

fn read(seconds: i64) -> KeptRead {
    let namespaces = [("shop-env-dev".to_owned(), KeptClaim::default())];
    KeptRead {
        time: Timestamp::from_second(seconds).unwrap(),
        projects: ["shop".to_owned()].into(),
        namespaces: namespaces.into(),
        former: Default::default(),
    }
}

#[test]
fn reads_come_back_for_that_zadig_and_cluster_alone() {
    let (_home, store) = open();
    assert_eq!(store.zadig_reads("c", SERVER).unwrap(), []);
    let reads = [read(900), read(300)];
    store.keep_zadig_reads("c", SERVER, &reads).unwrap();
    assert_eq!(store.zadig_reads("c", SERVER).unwrap(), reads);
    assert_eq!(store.zadig_reads("d", SERVER).unwrap(), []);
    assert_eq!(store.zadig_reads("c", "https://other").unwrap(), []);
    store.keep_zadig_reads("c", SERVER, &reads[..1]).unwrap();
    assert_eq!(store.zadig_reads("c", SERVER).unwrap(), &reads[..1]);
    assert_eq!(store.verify(None).unwrap().damaged, []);
}

#[test]
fn what_is_not_as_it_was_written_counts_for_nothing() {
    let (_home, store) = open();
    store.keep_zadig_reads("c", SERVER, &[read(900)]).unwrap();
    let harm = "UPDATE zadig SET reads = replace(reads, 'shop-env-dev', 'shop-env-dex')";
    store.connection.execute(harm, ()).unwrap();
    assert_eq!(store.zadig_reads("c", SERVER).unwrap(), []);
    let damaged = store.verify(None).unwrap().damaged;
    assert_eq!(damaged.len(), 1);
    assert!(damaged[0].what.contains(SERVER), "{damaged:?}");
}
