//! `in_current_capsule()`: the capsule in spawned tasks, threads and pools.

use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};

use capsules::{Capsule, CurrentCapsule, InCurrentCapsule, audit, current};

use crate::support::{audited, audited_async, instance, recorded};

#[audit(type = "tool")]
fn tool(name: &str) -> usize {
    name.len()
}

/// Asserts that the last capsule is the parent of all others, and that its calls are those tools.
#[track_caller]
fn assert_family(capsules: &[Capsule], tools: &[&str]) {
    let (parent, children) = capsules.split_last().unwrap();
    assert_eq!(children.len(), tools.len());
    for child in children {
        assert_eq!(child.parent_id, Some(parent.id));
        assert_eq!(child.context.session_id, parent.context.session_id);
    }
    assert_eq!(parent.execution.tool_calls.len(), tools.len());
    let mut requests: Vec<_> = children.iter().map(|c| &*c.trigger.request).collect();
    requests.sort_unstable();
    assert_eq!(requests, tools);
}

#[tokio::test]
async fn tasks_and_blocking_tasks_carry_the_capsule() {
    #[audit(type = "agent")]
    async fn agent() {
        current().session_id("s");
        let task = async {
            tokio::task::yield_now().await;
            tool("task")
        };
        let task = tokio::spawn(task.in_current_capsule());
        let blocking = tokio::task::spawn_blocking((|| tool("blocking")).in_current_capsule());
        assert_eq!((task.await.unwrap(), blocking.await.unwrap()), (4, 8));
    }
    let ((), capsules) = audited_async(agent()).await;
    assert_family(&capsules, &["blocking", "task"]);
}

#[test]
fn threads_and_pools_carry_the_capsule() {
    use rayon::iter::{IntoParallelIterator, ParallelIterator};

    #[audit(type = "agent")]
    fn agent() -> usize {
        let capsule = current();
        capsule.session_id("s");
        let thread = std::thread::spawn((|| tool("thread")).in_current_capsule());
        let (done, is_done) = mpsc::channel();
        let run = move || done.send(tool("spawned")).unwrap();
        rayon::spawn(run.in_current_capsule());
        let (left, right) = rayon::join(
            (|| tool("left")).in_current_capsule(),
            (|| tool("right")).in_current_capsule(),
        );
        let mapped: usize = ["a", "b"]
            .into_par_iter()
            .map(|name| capsule.in_scope(|| tool(name)))
            .sum();
        left + right + mapped + thread.join().unwrap() + is_done.recv().unwrap()
    }
    let (sum, capsules) = audited(agent);
    assert_eq!(sum, 24);
    assert_family(&capsules, &["a", "b", "left", "right", "spawned", "thread"]);
}

#[test]
fn streams_carry_the_capsule() {
    use futures_core::Stream;

    struct Names(Vec<&'static str>);
    impl Stream for Names {
        type Item = usize;
        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<usize>> {
            Poll::Ready(self.0.pop().map(tool))
        }
        fn size_hint(&self) -> (usize, Option<usize>) {
            (self.0.len(), Some(self.0.len()))
        }
    }
    #[audit(type = "agent")]
    fn agent() -> usize {
        let stream = Names(vec!["b", "a"]).in_current_capsule();
        let read = move || {
            let mut stream = pin!(stream);
            assert_eq!(stream.size_hint(), (2, Some(2)));
            let mut context = Context::from_waker(Waker::noop());
            let mut sum = 0;
            while let Poll::Ready(Some(length)) = stream.as_mut().poll_next(&mut context) {
                sum += length;
            }
            sum
        };
        std::thread::spawn(read).join().unwrap()
    }
    let (sum, capsules) = audited(agent);
    assert_eq!(sum, 2);
    assert_family(&capsules, &["a", "b"]);
}

#[test]
fn the_thread_has_its_own_again_afterwards() {
    #[audit(type = "agent")]
    fn agent() -> CurrentCapsule {
        let inside = current();
        let (send, receive) = mpsc::channel();
        let worker = std::thread::spawn(move || {
            for work in receive {
                let work: Box<dyn FnOnce() -> Option<capsules::Uuid> + Send> = work;
                let id = work();
                assert!(id.is_some());
                assert!(!current().is_active());
            }
        });
        send.send(Box::new((|| current().id()).in_current_capsule()))
            .unwrap();
        drop(send);
        worker.join().unwrap();
        inside
    }
    let (handle, _) = audited(agent);
    assert!(!handle.is_active());
}

#[test]
fn without_a_capsule_the_instance_is_carried() {
    let capsules = instance();
    capsules.scope_sync(|| {
        let run = (|| tool("orphan")).in_current_capsule();
        std::thread::spawn(run).join().unwrap();
    });
    let recorded = recorded(&capsules);
    assert_eq!(recorded.len(), 1);
    assert_eq!(recorded[0].parent_id, None);
}

/// The parent is on record before its child begins.
#[test]
fn a_task_that_outlives_its_capsule_still_inherits() {
    type Late = Box<dyn FnOnce() + Send>;
    #[audit(type = "agent", tenant_id = "acme")]
    fn agent() -> Late {
        current()
            .session_id("s")
            .user_id("ada")
            .correlation_id("run-1");
        let late = || {
            assert!(!current().is_active());
            current().summary("too late");
            tool("late");
        };
        Box::new(late.in_current_capsule())
    }
    let capsules = instance();
    let late = capsules.scope_sync(agent);
    let before = recorded(&capsules);
    std::thread::spawn(late).join().unwrap();
    let [parent, child] = <[_; 2]>::try_from(recorded(&capsules)).unwrap();
    assert_eq!(before, std::slice::from_ref(&parent));
    assert_eq!(child.parent_id, Some(parent.id));
    assert_eq!(child.context.session_id.as_deref(), Some("s"));
    assert_eq!(child.trigger.user_id.as_deref(), Some("ada"));
    assert_eq!(child.trigger.correlation_id.as_deref(), Some("run-1"));
    assert_eq!(child.tenant_id(), Some("acme"));
}

#[test]
fn what_a_carried_future_holds_is_dropped_in_the_capsule() {
    struct Cleanup;
    impl Drop for Cleanup {
        fn drop(&mut self) {
            current().side_effect("cleaned up");
        }
    }
    #[audit(type = "agent")]
    fn agent() {
        let future = async {
            let _cleanup = Cleanup;
            pending::<()>().await;
        };
        let mut future = Box::pin(future.in_current_capsule());
        let polled = std::thread::spawn(move || {
            let mut context = Context::from_waker(Waker::noop());
            assert!(future.as_mut().poll(&mut context).is_pending());
            drop(future);
        });
        polled.join().unwrap();
    }
    let ((), capsules) = audited(agent);
    assert_eq!(capsules[0].outcome.side_effects, ["cleaned up"]);
}
