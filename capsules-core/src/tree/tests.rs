use std::sync::Arc;

use uuid::Uuid;

use super::*;
use crate::index::Part;
use crate::storage::MemoryStorage;
use crate::{Capsule, CapsuleType, Draft, Filter, LocalSigner, Position, Seal, Timestamp};

/// The id of the capsule with this number.
fn id(number: u64) -> Uuid {
    format!("00000000-0000-4000-8000-{number:012x}")
        .parse()
        .unwrap()
}

/// A store of capsules, each a number, its parent's and when it began.
fn store(capsules: impl IntoIterator<Item = (u64, Option<u64>, i64)>) -> MemoryStorage {
    let store = MemoryStorage::new();
    let seal = Seal::with_signer(Arc::new(LocalSigner::generate().unwrap()));
    for (number, parent, began) in capsules {
        let mut capsule = Capsule::new(CapsuleType::Tool);
        capsule.id = id(number);
        capsule.parent_id = parent.map(id);
        capsule.trigger.source = number.to_string();
        capsule.trigger.timestamp = Timestamp::from_micros(began).unwrap();
        capsule.execution.duration_ms = 5;
        let draft = Draft::new(&capsule).unwrap();
        let append = store.append(None, &mut |head| {
            let record = seal.seal(&draft, &Position::after(head)).unwrap();
            Ok(vec![record])
        });
        append.unwrap();
    }
    store
}

fn index(store: &MemoryStorage) -> Index {
    let mut index = Index::temporary().unwrap();
    index.update(Part::Entries, store, &mut |_| ()).unwrap();
    index
}

/// The tree as `depth source link`, a line each.
fn lines(tree: &Tree) -> Vec<String> {
    let line = |node: &Node| {
        let cut = if node.is_cut { " cut" } else { "" };
        format!("{} {} {}{cut}", node.depth, node.source, node.link.as_str())
    };
    tree.nodes.iter().map(line).collect()
}

fn around(store: &MemoryStorage, number: u64, limits: Limits) -> Tree {
    let record = store.get(&id(number)).unwrap().unwrap();
    Tree::around(&record, store, &index(store), limits).unwrap()
}

fn below(store: &MemoryStorage, number: u64, limits: Limits) -> Tree {
    let record = store.get(&id(number)).unwrap().unwrap();
    Tree::below(&record, store, &index(store), limits).unwrap()
}

fn all(store: &MemoryStorage) -> Vec<SealedRecord> {
    store.list(&Filter::new().oldest_first()).unwrap()
}

#[test]
fn from_any_capsule_to_its_whole_tree() {
    // Children are stored before the parent that waits for them, and not as they began.
    let store = store([
        (4, Some(2), 4),
        (3, Some(2), 3),
        (2, Some(1), 2),
        (5, Some(1), 5),
        (1, None, 1),
        (9, None, 1),
    ]);
    let whole = [
        "0 1 root",
        "1 2 child",
        "2 3 child",
        "2 4 child",
        "1 5 child",
    ];
    for number in 1..=5 {
        let tree = around(&store, number, Limits::default());
        assert_eq!(lines(&tree), whole);
        assert!(!tree.is_cut);
        assert_eq!(tree.nodes[1].duration_ms, Some(5));
    }
    let below = below(&store, 2, Limits::default());
    assert_eq!(lines(&below), ["0 2 not_shown", "1 3 child", "1 4 child"]);

    let forest = Tree::of(all(&store), Limits::default());
    assert_eq!(lines(&forest), [&whole[..], &["0 9 root"]].concat());
}

#[test]
fn a_parent_that_is_nowhere_is_told_from_one_that_was_not_chosen() {
    let store = store([(2, Some(7), 2), (3, Some(2), 3)]);
    for number in [2, 3] {
        let tree = around(&store, number, Limits::default());
        assert_eq!(lines(&tree), ["0 2 missing", "1 3 child"]);
    }
    let mut records = all(&store);
    records.remove(0);
    assert_eq!(
        lines(&Tree::of(records, Limits::default())),
        ["0 3 not_shown"]
    );
}

/// 1 causes 2, 2 causes 3, and 3 causes 1; 4 hangs on 3. 5 causes itself.
#[test]
fn circles_end() {
    let store = store([
        (4, Some(3), 4),
        (1, Some(3), 1),
        (2, Some(1), 2),
        (3, Some(2), 3),
        (5, Some(5), 5),
    ]);
    let circle = [
        "0 1 circle",
        "1 2 child",
        "2 3 child",
        "3 1 circle",
        "3 4 child",
    ];
    assert_eq!(lines(&around(&store, 1, Limits::default())), circle);
    let own = ["0 5 circle", "1 5 circle"];
    assert_eq!(lines(&around(&store, 5, Limits::default())), own);

    let forest = Tree::of(all(&store), Limits::default());
    let circle = [
        "0 3 circle",
        "1 1 child",
        "2 2 child",
        "3 3 circle",
        "1 4 child",
    ];
    assert_eq!(lines(&forest), [&circle[..], &own].concat());
}

#[test]
fn wide_and_deep_trees_are_cut() {
    let wide = store((0..500).map(|n| (n, (n > 0).then_some(0), 0)));
    let tree = around(&wide, 7, Limits::new(10, 64));
    assert_eq!((tree.nodes.len(), tree.is_cut), (10, true));
    assert!(tree.nodes[0].is_cut && !tree.nodes[1].is_cut);
    let tree = around(&wide, 7, Limits::new(500, 64));
    assert_eq!((tree.nodes.len(), tree.is_cut), (500, false));

    let deep = store((0..500_u64).map(|n| (n, n.checked_sub(1), 0)));
    let tree = around(&deep, 2, Limits::new(1_000, 8));
    assert_eq!((tree.nodes.len(), tree.is_cut), (8, true));
    assert!(tree.nodes[7].is_cut && !tree.nodes[6].is_cut);
    assert_eq!(lines(&tree)[0], "0 0 root");
    // No more generations are above it than may be shown.
    let tree = around(&deep, 100, Limits::new(1_000, 8));
    assert_eq!(lines(&tree)[0], "0 93 not_shown");
    assert_eq!(tree.nodes[7].source, "100");
    let tree = Tree::of(all(&deep), Limits::new(1_000, 8));
    assert_eq!((tree.nodes.len(), tree.is_cut), (8, true));
}

/// An index that says something else than the records is not believed.
#[test]
fn what_the_index_says_is_compared() {
    let store = store([(1, None, 1), (2, Some(1), 2)]);
    let index = index(&store);
    let other = self::store([(1, None, 1), (2, None, 2)]);
    let record = other.get(&id(1)).unwrap().unwrap();
    let tree = Tree::below(&record, &other, &index, Limits::default()).unwrap();
    assert_eq!(lines(&tree), ["0 1 root"]);
}
