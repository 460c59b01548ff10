//! Reading through a network that fails.

use std::ops::ControlFlow;

use capsules::{Capsules, Filter, Storage, StorageError, Uuid};
use capsules_postgres::PostgresStorage;
use capsules_tests::postgres::server;
use capsules_tests::proxy::{Fault, Proxy};

use crate::support::through;

#[capsules::audit(type = "tool", tenant_from = "tenant")]
fn act(tenant: Option<&str>) -> Uuid {
    let _ = tenant;
    capsules::current().id().unwrap_or_default()
}

/// What a store can be asked. The answers are compared as texts.
type Question = Box<dyn Fn(&PostgresStorage) -> Result<String, StorageError>>;

/// Everything that a store can be asked.
fn questions(ids: [Uuid; 2], hash: &str) -> Vec<Question> {
    let all = Filter::new();
    let beyond = all.clone().limit(2).beyond(ids[0].to_string());
    let acme = all.clone().tenant("acme");
    let status = all.clone().status("success".into());
    let prefix = all.clone().hash_prefix(&hash[..20]);
    let mut questions: Vec<Question> = Vec::new();
    macro_rules! ask {
        (|$store:ident| $answer:expr) => {
            questions.push(Box::new(move |$store| Ok(format!("{:?}", $answer?))));
        };
    }
    let hash = hash.to_owned();
    ask!(|store| store.prepare());
    ask!(|store| store.forbids_appending());
    ask!(|store| store.chains());
    ask!(|store| store.heads());
    ask!(|store| store.head(None));
    ask!(|store| store.head(Some("acme")));
    ask!(|store| store.record_at(Some("acme"), 1));
    ask!(|store| store.get(&ids[0]));
    ask!(|store| store.get_many(&ids));
    ask!(|store| store.get_by_hash(&hash));
    for filter in [all, beyond, acme, status, prefix] {
        let counted = filter.clone();
        ask!(|store| store.list(&filter));
        ask!(|store| store.count(&counted));
    }
    ask!(|store| {
        let mut seen = Vec::new();
        let mut visit = |record: capsules::SealedRecord| {
            seen.push(record);
            ControlFlow::Continue(())
        };
        store.scan(Some("acme"), 0, &mut visit).map(|()| seen)
    });
    questions
}

/// An answer that comes is right, and one that is an error comes when it is asked for again.
#[test]
fn every_question_fails_once() {
    let Some(server) = server() else { return };
    let (url, data) = (server.schema(), capsules_tests::temp_dir());
    let builder = Capsules::builder().path(&url).data_dir(data.path());
    let capsules = builder.build().unwrap();
    let tenants = [None, Some("acme"), Some("acme"), Some("globex")];
    let ids = capsules.scope_sync(|| tenants.map(act));
    capsules.flush().wait().unwrap();
    let direct = PostgresStorage::open_read_only(&url).unwrap();
    let hash = direct.get(&ids[1]).unwrap().unwrap().hash;
    let questions = questions([ids[1], ids[3]], &hash);
    let answers: Vec<_> = questions.iter().map(|ask| ask(&direct).unwrap()).collect();

    for fault in [Fault::Before, Fault::After] {
        let mut number = 1;
        loop {
            let proxy = Proxy::start(server.port());
            let store = PostgresStorage::open_read_only(&through(&url, proxy.port())).unwrap();
            proxy.fail(fault(number));
            for (ask, expected) in questions.iter().zip(&answers) {
                let answer = ask(&store).or_else(|error| {
                    let is_lost = matches!(error, StorageError::Unreachable { .. });
                    assert!(is_lost && proxy.has_failed(), "{error}");
                    ask(&store)
                });
                assert_eq!(&answer.unwrap(), expected, "{:?}", fault(number));
            }
            if !proxy.has_failed() {
                break;
            }
            number += 1;
        }
        assert!(number > 30, "{number} statements");
    }
}
