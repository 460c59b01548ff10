//! The same calls with the published Python package, in the same run.

use std::ffi::OsString;
use std::process::Command;
use std::time::{Duration, Instant};

use capsules::Durability;

use crate::{no_op, open, paced};

/// Prints the calls of a second, and the median of what a call takes in microseconds.
const SCRIPT: &str = "
import asyncio, sys, time
from qp_capsule import Capsules

async def main(path, count):
    capsules = Capsules(path)

    @capsules.audit(type='tool')
    async def no_op():
        pass

    for _ in range(100):
        await no_op()
    times = []
    for _ in range(count):
        start = time.perf_counter()
        await no_op()
        times.append(time.perf_counter() - start)
    assert await capsules.storage.count() == count + 100
    times.sort()
    print(count / sum(times), times[count // 2] * 1e6)
    await capsules.close()

asyncio.run(main(sys.argv[1], 1500))
";

/// Sequential calls of one caller, there and here. The interpreter that has the package is named by
/// the environment.
pub(crate) fn python() {
    let Some(interpreter) = std::env::var_os("CAPSULES_BENCH_PYTHON") else {
        println!("\nthe Python package: skipped, CAPSULES_BENCH_PYTHON names no interpreter");
        return;
    };
    println!("\nsequential audited no-ops of one caller      calls/s    us a call");
    let [rate, call] = package(interpreter);
    println!("{:<40} {rate:>12.0} {call:>12.2}", "the Python package");
    let count = 100_000;
    let directory = tempfile::tempdir().unwrap();
    let capsules = open(directory.path(), Durability::Journaled);
    let (ours, [took, ..]) = capsules.scope_sync(|| {
        let start = Instant::now();
        (0..count).for_each(|_| no_op());
        capsules.flush().wait().unwrap();
        let rate = f64::from(count) / start.elapsed().as_secs_f64();
        (rate, paced(20_000, no_op))
    });
    capsules.close(Duration::from_secs(60)).unwrap();
    println!(
        "{:<40} {ours:>12.0} {took:>12.2}",
        "Journaled, until all are committed"
    );
    println!(
        "{:<40} {:>12.0} {:>12.0}",
        "  times better",
        ours / rate,
        call / took
    );
}

fn package(interpreter: OsString) -> [f64; 2] {
    let directory = tempfile::tempdir().unwrap();
    let output = Command::new(interpreter)
        .args(["-c", SCRIPT])
        .arg(directory.path().join("python.db"))
        .env("QUANTUMPIPES_DATA_DIR", directory.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    let mut figures = printed.split_whitespace().map(|f| f.parse().unwrap());
    [(); 2].map(|()| figures.next().unwrap())
}
