//! `serve`.

use serde_json::Value;

use super::{Store, ids};
use crate::serve::Serving;

#[test]
fn every_chain_is_served_and_each_by_itself() {
    let Some(store) = Store::recorded() else {
        return;
    };
    let serving = Serving::begin(&store.home, &["--pg", &store.url]);
    let get = |path: &str| -> (String, Value) {
        let (head, body) = serving.ask(&serving.address, &format!("/api/v1/capsules{path}"));
        let (status, _) = head.split_once("\r\n").unwrap();
        (status.to_owned(), serde_json::from_str(&body).unwrap())
    };
    let ok = |path: &str| {
        let (status, answer) = get(path);
        assert!(status.ends_with(" 200 OK"), "{path}: {status} {answer}");
        answer
    };
    // A verdict is kept for a while, so one tenant's chain is touched before anybody asks.
    store.change(
        "UPDATE quantumpipes_capsules SET data = replace(data, 'brown', 'green') \
         WHERE tenant_id = 'globex'",
    );
    for (chain, count, is_valid) in [
        ("", 8, false),
        ("?tenant_id=acme", 4, true),
        ("?tenant_id=globex", 2, false),
    ] {
        let list = ok(&format!("/{chain}"));
        assert_eq!(list["total"], count, "{chain}");
        assert_eq!(ids(&list).len(), count);
        assert_eq!(ok(&format!("/verify{chain}"))["valid"], is_valid, "{chain}");
    }
    assert_eq!(ok("/verify?tenant_id=acme")["capsules_verified"], 4);
    let acme = ok("/?tenant_id=acme");
    let id = &ids(&acme)[0];
    assert_eq!(ok(&format!("/{id}")), acme["capsules"][0]);
    assert!(
        get("/00000000-0000-4000-8000-000000000000")
            .0
            .ends_with("404 Not Found")
    );
    assert_eq!(serving.interrupt(), (Some(0), String::new()));
}
