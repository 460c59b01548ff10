use std::fs;
use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::storage::{MemoryStorage, SqliteStorage, Storage};
use crate::{
    Capsule, CapsuleType, Draft, Filter, LocalSigner, OutcomeStatus, Position, Seal, Timestamp,
};

/// Appends a capsule that was asked this.
fn append(store: &dyn Storage, request: &str, change: impl FnOnce(&mut Capsule)) {
    let mut capsule = Capsule::new(CapsuleType::Tool);
    request.clone_into(&mut capsule.trigger.request);
    change(&mut capsule);
    let draft = Draft::new(&capsule).unwrap();
    let seal = Seal::with_signer(Arc::new(LocalSigner::from_seed(&[7; 32]).unwrap()));
    let append = store.append(None, &mut |head| {
        let record = seal.seal(&draft, &Position::after(head)).unwrap();
        Ok(vec![record])
    });
    append.unwrap();
}

fn store(requests: &[&str]) -> MemoryStorage {
    let store = MemoryStorage::new();
    for request in requests {
        append(&store, request, |_| ());
    }
    store
}

fn update(index: &mut Index, store: &dyn Storage) {
    index.update(Part::Texts, store, &mut |_| ()).unwrap();
}

fn indexed(store: &dyn Storage) -> Index {
    let mut index = Index::temporary().unwrap();
    update(&mut index, store);
    index
}

/// The places that a query finds.
fn found(index: &Index, store: &dyn Storage, query: &str, filter: &Filter) -> Vec<i64> {
    let Some(query) = Query::words(query) else {
        return Vec::new();
    };
    let matches = index.search(&query, filter, store).unwrap();
    matches
        .iter()
        .map(|found| found.record.columns.sequence)
        .collect()
}

#[test]
fn words_phrases_and_beginnings() {
    let store = store(&[
        "Connect to the proxy",
        "The proxy is reset",
        "reset: proxy-2 (CAFÉ)",
        "東京 で",
        "",
    ]);
    let index = indexed(&store);
    for (query, places) in [
        ("proxy", &[2, 1, 0][..]),
        ("PROXY reset", &[2, 1]),
        ("\"proxy is reset\"", &[1]),
        ("\"reset proxy\"", &[2]),
        ("proxy-2", &[2]),
        ("cafe", &[2]),
        ("conn*", &[0]),
        ("conn", &[]),
        ("東京", &[3]),
        ("to NOT proxy", &[]),
        ("a\"b", &[]),
        (";DROP", &[]),
        ("{x} : ^y + NEAR(z, 2)", &[]),
        ("", &[]),
    ] {
        assert_eq!(
            found(&index, &store, query, &Filter::new()),
            places,
            "{query}"
        );
    }
    let long = "proxy ".repeat(5_000);
    assert_eq!(found(&index, &store, &long, &Filter::new()), [2, 1, 0]);
}

#[test]
fn fields_and_their_snippets() {
    let store = store(&["nothing"]);
    append(
        &store,
        &format!("{} reset \u{1b}[2J\u{2}", "far ".repeat(50)),
        |capsule| {
            "was reset".clone_into(&mut capsule.outcome.summary);
            capsule.outcome.error = Some("Reset by peer, reset again".to_owned());
        },
    );
    let index = indexed(&store);
    let query = Query::words("reset").unwrap();
    let matches = index.search(&query, &Filter::new(), &store).unwrap();
    assert_eq!(matches.len(), 1);
    let shown: Vec<_> = matches[0]
        .snippets
        .iter()
        .map(|s| (s.field, &*s.text, s.highlights.clone()))
        .collect();
    assert_eq!(
        shown[1],
        (Field::Summary, "was reset", std::iter::once(4..9).collect())
    );
    let error = "Reset by peer, reset again";
    assert_eq!(shown[2], (Field::Error, error, vec![0..5, 15..20]));
    let (field, text, highlights) = &shown[0];
    assert_eq!((*field, highlights.len()), (Field::Request, 1));
    assert_eq!(&text[highlights[0].clone()], "reset");
    assert!(text.starts_with('…') && text.len() < 100, "{text}");
    assert!(!text.contains(char::is_control), "{text}");

    let query = query.within(&[Field::Summary]);
    let matches = index.search(&query, &Filter::new(), &store).unwrap();
    assert_eq!(matches[0].snippets.len(), 1);
}

#[test]
fn a_raw_query_may_be_malformed() {
    let store = store(&["one two", "one"]);
    let index = indexed(&store);
    let search = |query: &str| index.search(&Query::raw(query), &Filter::new(), &store);
    assert_eq!(search("one NOT two").unwrap().len(), 1);
    assert_eq!(search("request : two").unwrap().len(), 1);
    for query in ["", "one AND", "\"", "nowhere : one", "NEAR("] {
        let error = search(query).unwrap_err();
        assert!(
            matches!(error, IndexError::Query { .. }),
            "{query}: {error:?}"
        );
    }
}

#[test]
fn every_filter_selects() {
    let store = MemoryStorage::new();
    for number in 0..40_i64 {
        append(&store, "same", |capsule| {
            capsule.trigger.timestamp = Timestamp::from_micros(number * 1_000_000).unwrap();
            if number % 10 == 0 {
                capsule.kind = CapsuleType::Agent;
                capsule.outcome.status = OutcomeStatus::Failure;
                capsule.context.session_id = Some("s".to_owned());
                "ops".clone_into(&mut capsule.domain);
                capsule.set_tenant_id(Some("acme"));
            }
        });
    }
    let index = indexed(&store);
    let time = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000).unwrap();
    for filter in [
        Filter::new().kind(CapsuleType::Agent),
        Filter::new().status(OutcomeStatus::Failure),
        Filter::new().session("s"),
        Filter::new().domain("ops"),
        Filter::new().tenant("acme"),
        Filter::new().since(time(17)),
        Filter::new().until(time(3)),
        Filter::new().after(35),
        Filter::new().before(4),
        Filter::new().limit(3).offset(2),
        Filter::new().limit(3).oldest_first(),
        Filter::new().tenant("nobody"),
        Filter::new().kind(CapsuleType::Agent).before(30).limit(2),
    ] {
        let expected = store.list(&filter).unwrap();
        let expected: Vec<_> = expected.iter().map(|r| r.columns.sequence).collect();
        assert_eq!(
            found(&index, &store, "same", &filter),
            expected,
            "{filter:?}"
        );
    }
}

#[test]
fn what_was_appended_is_found_and_what_was_replaced_is_not() {
    let mut index = Index::temporary().unwrap();
    let first = store(&["one", "two"]);
    update(&mut index, &first);
    append(&first, "one more", |_| ());
    assert_eq!(found(&index, &first, "one", &Filter::new()), [0]);
    update(&mut index, &first);
    assert_eq!(found(&index, &first, "one", &Filter::new()), [2, 0]);

    // A longer chain, which has another record at the place of the last one.
    let second = store(&["two", "two", "two", "one"]);
    assert!(
        found(&index, &second, "one", &Filter::new()).is_empty(),
        "an index is not believed"
    );
    update(&mut index, &second);
    assert_eq!(found(&index, &second, "one", &Filter::new()), [3]);
    assert_eq!(found(&index, &second, "two", &Filter::new()), [2, 1, 0]);
    // A shorter one, and none.
    let third = store(&["one"]);
    update(&mut index, &third);
    assert_eq!(found(&index, &third, "one", &Filter::new()), [0]);
    update(&mut index, &MemoryStorage::new());
    assert!(found(&index, &third, "one", &Filter::new()).is_empty());
}

fn directory() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("capsules.db");
    let store = SqliteStorage::open(&path).unwrap();
    append(&store, "one", |_| ());
    store.close().unwrap();
    (directory, path)
}

#[test]
fn the_file_is_kept_private_and_made_anew() {
    let (_directory, path) = directory();
    let store = SqliteStorage::open_read_only(&path).unwrap();
    let beside = Index::beside(&path);
    for _ in 0..2 {
        let mut index = Index::open(&beside).unwrap();
        update(&mut index, &store);
        assert_eq!(found(&index, &store, "one", &Filter::new()), [0]);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&beside).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let names = || {
        let entries = fs::read_dir(path.parent().unwrap()).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(), ["capsules.db", "capsules.db.index"]);

    // Of another version.
    let connection = Connection::open(&beside).unwrap();
    connection
        .execute_batch("DROP TABLE entries; PRAGMA user_version = 99")
        .unwrap();
    drop(connection);
    let mut index = Index::open(&beside).unwrap();
    update(&mut index, &store);
    assert_eq!(found(&index, &store, "one", &Filter::new()), [0]);
    drop(index);

    // Damaged.
    let mut bytes = fs::read(&beside).unwrap();
    bytes[100..].fill(0x5e);
    fs::write(&beside, bytes).unwrap();
    let failed =
        Index::open(&beside).and_then(|mut index| index.update(Part::Texts, &store, &mut |_| ()));
    assert!(matches!(failed, Err(IndexError::File { .. })), "{failed:?}");
    Index::remove(&beside).unwrap();
    assert_eq!(names(), ["capsules.db"]);
    Index::remove(&beside).unwrap();
}

#[test]
fn the_files_of_others_are_left_alone() {
    let (directory, path) = directory();
    let text = directory.path().join("text");
    fs::write(
        &text,
        "no index at all, but a text of some length; ".repeat(50),
    )
    .unwrap();
    for path in [&path, &text] {
        let before = fs::read(path).unwrap();
        for error in [
            Index::open(path).unwrap_err(),
            Index::remove(path).unwrap_err(),
        ] {
            assert!(matches!(error, IndexError::Foreign { .. }), "{error:?}");
        }
        assert_eq!(fs::read(path).unwrap(), before);
    }
    let error = Index::open(&directory.path().join("none/index")).unwrap_err();
    assert!(error.is_denied(), "{error:?}");
}

#[test]
fn a_time_far_from_the_end_finds_what_began_then() {
    let store = MemoryStorage::new();
    let mut index = Index::temporary().unwrap();
    let time = |micros| Timestamp::from_micros(micros).unwrap();
    // Indexed in three goes, of which two end within a zone.
    for places in [0..3, 3..4_100, 4_100..9_000] {
        for place in places {
            append(&store, "the same", |capsule| {
                capsule.trigger.timestamp = time(place);
            });
        }
        update(&mut index, &store);
    }
    let found = |filter: Filter| found(&index, &store, "same", &filter.limit(2));
    assert_eq!(found(Filter::new().until(time(2))), [1, 0]);
    assert_eq!(found(Filter::new().since(time(2)).until(time(3))), [2]);
    assert_eq!(
        found(Filter::new().since(time(4_000)).oldest_first()),
        [4_000, 4_001]
    );
    assert_eq!(found(Filter::new().since(time(8_999))), [8_999]);
    assert_eq!(found(Filter::new().until(time(4_097))), [4_096, 4_095]);
    assert!(found(Filter::new().since(time(9_000))).is_empty());
}
