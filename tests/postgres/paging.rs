//! Lists of many chains, a page at a time.

use capsules::{Capsules, Filter, Storage};
use capsules_core::index::{Index, Part, Query};
use capsules_postgres::PostgresStorage;
use capsules_tests::postgres::server;

use crate::roles::documented;

#[capsules::audit(type = "tool", tenant_from = "tenant", trigger_from = "words")]
fn act(tenant: Option<&str>, words: &str) -> usize {
    tenant.map_or(words.len(), str::len)
}

fn record(url: &str, data: &std::path::Path, actions: &[(Option<&str>, &str)]) {
    let capsules = Capsules::builder()
        .path(url)
        .data_dir(data)
        .build()
        .unwrap();
    for (tenant, words) in actions {
        capsules.scope_sync(|| act(*tenant, words));
        // Sealed by themselves, and so in this order.
        capsules.flush().wait().unwrap();
    }
}

/// Every page costs the same: the server begins in the index where the page before ended.
#[test]
fn a_page_across_chains_is_read_from_an_index() {
    let Some(server) = server() else { return };
    let url = server.schema();
    PostgresStorage::open(&url).unwrap();
    let mut client = server.client(&url);
    client
        .batch_execute(
            "INSERT INTO quantumpipes_capsules SELECT md5(n::text), 'tool', n / 100, NULL, '{}', \
             md5(n::text), '', '', to_char(to_timestamp(n), 'YYYY-MM-DD\"T\"HH24:MI:SS\"+00:00\"'), \
             NULL, NULL, 'agents', 't' || n % 100 FROM generate_series(1, 20000) n; \
             ANALYZE quantumpipes_capsules",
        )
        .unwrap();
    let pages = |client: &mut postgres::Client| {
        let plan = "EXPLAIN (COSTS OFF) SELECT * FROM quantumpipes_capsules c WHERE \
                    (coalesce(c.signed_at, '') COLLATE \"C\", c.sequence, c.id COLLATE \"C\") < \
                    ('1970-01-01T02:00:00+00:00', 72, 'x') ORDER BY \
                    coalesce(c.signed_at, '') COLLATE \"C\" DESC, c.sequence DESC, \
                    c.id COLLATE \"C\" DESC LIMIT 20";
        let rows = client.query(plan, &[]).unwrap();
        let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        lines.join("\n")
    };
    let plan = pages(&mut client);
    assert!(
        plan.contains("Backward using ix_quantumpipes_capsules_sealed"),
        "{plan}"
    );
    assert!(
        plan.contains("Index Cond") && !plan.contains("Sort"),
        "{plan}"
    );
    // A table that another program has made gets the index by the documented statement.
    client
        .batch_execute("DROP INDEX ix_quantumpipes_capsules_sealed")
        .unwrap();
    assert!(pages(&mut client).contains("Sort"));
    client.batch_execute(documented("listing")).unwrap();
    assert_eq!(pages(&mut client), plan);

    let store = PostgresStorage::open_read_only(&url).unwrap();
    let mut filter = Filter::new().limit(777);
    let mut times = Vec::new();
    loop {
        let page = store.list(&filter).unwrap();
        let Some(last) = page.last() else { break };
        filter = filter.beyond(&last.columns.id);
        times.extend(page.into_iter().map(|record| record.signed_at));
        assert!(
            times.len() <= 20_000,
            "a page begins where the one before it did"
        );
    }
    assert_eq!(times.len(), 20_000);
    assert!(times.is_sorted_by(|later, earlier| later >= earlier));
}

#[test]
fn an_index_keeps_the_chains_apart_and_follows_each() {
    let Some(server) = server() else { return };
    let (url, data) = (server.schema(), capsules_tests::temp_dir());
    record(
        &url,
        data.path(),
        &[
            (Some("acme"), "one fox"),
            (None, "two foxes and a fox"),
            (Some("globex"), "no animal"),
            (Some("acme"), "another fox"),
        ],
    );
    let store = PostgresStorage::open_read_only(&url).unwrap();
    let mut index = Index::temporary().unwrap();
    let update = |index: &mut Index| {
        let mut told = 0;
        index
            .update(Part::Texts, &store, &mut |behind| told = behind)
            .unwrap();
        told
    };
    update(&mut index);
    let query = Query::words("fox").unwrap();
    let found = |index: &Index, filter: Filter| -> Vec<(Option<String>, i64)> {
        let matches = index.search(&query, &filter, &store).unwrap();
        matches
            .into_iter()
            .map(|found| {
                (
                    found.record.columns.tenant_id,
                    found.record.columns.sequence,
                )
            })
            .collect()
    };
    let acme = |sequence| (Some("acme".to_owned()), sequence);
    assert_eq!(found(&index, Filter::new()), [acme(1), (None, 0), acme(0)]);
    assert_eq!(
        found(&index, Filter::new().tenant("acme")),
        [acme(1), acme(0)]
    );
    assert_eq!(found(&index, Filter::new().tenant("globex")), []);
    assert_eq!(found(&index, Filter::new().without_tenant()), [(None, 0)]);
    let after = Filter::new().tenant("acme").after(0);
    assert_eq!(found(&index, after), [acme(1)]);
    assert_eq!(found(&index, Filter::new().before(1)), [(None, 0), acme(0)]);
    assert_eq!(
        found(&index, Filter::new().oldest_first()),
        [acme(0), (None, 0), acme(1)]
    );

    record(
        &url,
        data.path(),
        &[(Some("globex"), "a fox"), (Some("new"), "fox")],
    );
    update(&mut index);
    let all = found(&index, Filter::new());
    let others: Vec<_> = all[..2]
        .iter()
        .map(|(tenant, _)| tenant.as_deref())
        .collect();
    assert_eq!(others, [Some("new"), Some("globex")]);
    assert_eq!(all.len(), 5);
}
