//! Journals of many processes that died, each with a few capsules in it.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Instant;

use capsules::storage::SqliteStorage;
use capsules::{Capsules, Filter, Storage, Uuid, audit};

use crate::store::{Mood, MoodyStorage};
use crate::support::{PATIENCE, Trail, number};

/// Capsules in each of them.
const CALLS: usize = 5;

#[audit(type = "tool")]
fn call() -> Uuid {
    capsules::current().id().unwrap_or_default()
}

/// Puts a journal beside the store, as a process leaves it that dies while its store is away.
/// Gives the ids in it.
fn leave_journal(trail: &Trail, away: &SqliteStorage) -> Vec<Uuid> {
    let elsewhere = capsules_tests::temp_dir();
    let capsules = Capsules::builder()
        .storage(SqliteStorage::open_read_only(away.path()).unwrap())
        .signer(capsules::LocalSigner::generate().unwrap())
        .journals(elsewhere.path())
        .build()
        .unwrap();
    let ids = capsules.scope_sync(|| (0..CALLS).map(|_| call()).collect());
    capsules.close(PATIENCE).unwrap_err();
    for file in fs::read_dir(elsewhere.path()).unwrap() {
        let file = file.unwrap();
        fs::rename(file.path(), trail.journals().join(file.file_name())).unwrap();
    }
    ids
}

/// As if the process died while the store takes its time.
#[test]
fn what_is_being_appended_is_still_in_the_journal() {
    let directory = capsules_tests::temp_dir();
    let (journals, copy) = (
        directory.path().join("journals"),
        directory.path().join("copy"),
    );
    let store = MoodyStorage::new(Mood::Hangs);
    let builder = |store: &MoodyStorage| {
        let signer = capsules::LocalSigner::generate().unwrap();
        Capsules::builder().storage(store.clone()).signer(signer)
    };
    let capsules = builder(&store).journals(&journals).build().unwrap();
    let ids: Vec<Uuid> = capsules.scope_sync(|| (0..CALLS).map(|_| call()).collect());
    while store.appends() == 0 {
        thread::yield_now();
    }
    fs::create_dir(&copy).unwrap();
    for file in fs::read_dir(&journals).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), copy.join(file.file_name())).unwrap();
    }
    store.set(Mood::Works);
    capsules.close(PATIENCE).unwrap();
    assert_eq!(recorded(&store), ids);

    let other = MoodyStorage::new(Mood::Works);
    let recovered = builder(&other).journals(&copy).recover().unwrap();
    assert_eq!(recovered.accepted, CALLS as u64);
    assert_eq!(recorded(&other), ids);
}

/// Whoever looks first need not count on the store to refuse what it has.
#[test]
fn what_is_in_the_store_is_not_appended_again() {
    let directory = capsules_tests::temp_dir();
    let away = SqliteStorage::open(directory.path().join("away.db")).unwrap();
    let trail = Trail::new();
    fs::create_dir(trail.journals()).unwrap();
    let ids = leave_journal(&trail, &away);
    let copy = directory.path().join("copy");
    fs::create_dir(&copy).unwrap();
    for file in fs::read_dir(trail.journals()).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), copy.join(file.file_name())).unwrap();
    }
    let store = MoodyStorage::new(Mood::Works);
    let recover = |journals: &Path| {
        let builder = Capsules::builder().storage(store.clone());
        let signer = capsules::LocalSigner::generate().unwrap();
        builder.signer(signer).journals(journals).recover().unwrap()
    };
    for journals in [trail.journals(), copy] {
        assert_eq!(recover(&journals).accepted, CALLS as u64);
        assert_eq!(fs::read_dir(journals).unwrap().count(), 0);
        assert_eq!(store.appends(), 1, "appended again");
        assert_eq!(recorded(&store), ids);
    }
}

fn recorded(store: &MoodyStorage) -> Vec<Uuid> {
    let records = store.list(&Filter::new().oldest_first()).unwrap();
    records
        .iter()
        .map(|record| record.capsule().unwrap().id)
        .collect()
}

/// Two recoverers at once take `CAPSULES_CRASH_JOURNALS` journals.
#[test]
fn many_journals_are_recovered_together() {
    let trail = Trail::new();
    let open = || Capsules::builder().data_dir(trail.path());
    open().build().unwrap().close(PATIENCE).unwrap();
    fs::create_dir(trail.journals()).unwrap();
    let elsewhere = capsules_tests::temp_dir();
    let away = SqliteStorage::open(elsewhere.path().join("away.db")).unwrap();
    let journals = number("CAPSULES_CRASH_JOURNALS", 150);
    let ids: Vec<Uuid> = (0..journals)
        .flat_map(|_| leave_journal(&trail, &away))
        .collect();
    assert_eq!(fs::read_dir(trail.journals()).unwrap().count(), journals);

    let started = Instant::now();
    thread::scope(|scope| {
        let recoverers = [(); 2].map(|()| scope.spawn(|| open().recover().unwrap()));
        let recovered = recoverers.map(|recoverer| recoverer.join().unwrap());
        let sum = |count: fn(&capsules::recovery::Recovered) -> u64| -> u64 {
            recovered.iter().map(count).sum()
        };
        assert!(
            recovered
                .iter()
                .all(|recovered| recovered.failed.is_empty())
        );
        assert_eq!(sum(|recovered| recovered.journals), journals as u64);
        assert_eq!(sum(|recovered| recovered.accepted), ids.len() as u64);
    });
    println!("{journals} journals in {:?}", started.elapsed());
    let chain = trail.verified();
    assert_eq!(chain.len(), ids.len());
    assert!(ids.iter().all(|id| chain.contains_key(id)));
    assert_eq!(
        trail.store().count(&Filter::new()).unwrap(),
        ids.len() as u64
    );
}
