//! Runs a program of actions. When an action is dropped or aborted does not depend on the
//! scheduler: everything that it has begun has ended or hangs by then.

use std::any::Any;
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use capsules::{Capsules, InCurrentCapsule, audit};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::program::{Action, End, Form, Step, message};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
type Outcome = Result<(), String>;

/// What an action runs in.
#[derive(Clone)]
struct Context {
    capsules: Capsules,
    /// Told when the action hangs.
    hangs: Arc<Notify>,
    /// Tasks for which nobody in the program waits.
    detached: Arc<Mutex<Vec<Task>>>,
}

/// A spawned task, and what it tells when it hangs.
type Task = (JoinHandle<()>, Arc<Notify>);

/// Runs the program until all of its tasks have ended.
pub(crate) async fn run(capsules: &Capsules, roots: &[Arc<Action>]) {
    let context = Context {
        capsules: capsules.clone(),
        hangs: Arc::default(),
        detached: Arc::default(),
    };
    for root in roots {
        let task = spawn(root, &context, false);
        context.detached.lock().unwrap().push(task);
    }
    loop {
        let next = context.detached.lock().unwrap().pop();
        let Some(task) = next else { break };
        end(task).await;
    }
}

#[audit(type = "agent", trigger_from = name)]
async fn asynchronous(name: &str, action: &Action, context: &Context) -> Outcome {
    steps(action, context).await
}

#[audit(type = "workflow", trigger_from = name)]
fn returns_future<'a>(
    name: &str,
    action: &'a Action,
    context: &'a Context,
) -> impl Future<Output = Outcome> + Send + use<'a> {
    steps(action, context)
}

#[audit(type = "tool", trigger_from = name)]
fn tool<'a>(name: &str, action: &'a Action, context: &'a Context) -> BoxFuture<'a, Outcome> {
    steps(action, context)
}

#[audit(type = "system")]
fn leaf(name: &str, end: End) -> Outcome {
    ends(name, end)
}

async fn act(action: &Action, context: &Context) {
    let name = &action.name;
    // An action that fails is no failure of the one that called it.
    let _ = match action.form {
        Form::Asynchronous => asynchronous(name, action, context).await,
        Form::ReturnsFuture => returns_future(name, action, context).await,
        Form::Tool => tool(name, action, context).await,
    };
}

fn steps<'a>(action: &'a Action, context: &'a Context) -> BoxFuture<'a, Outcome> {
    Box::pin(async move {
        for step in &action.steps {
            take(step, context).await;
        }
        if action.end == End::Hang {
            hang(context).await;
        }
        ends(&action.name, action.end)
    })
}

async fn take(step: &Step, context: &Context) {
    match step {
        Step::Yield => tokio::task::yield_now().await,
        Step::Call(action) => act(action, context).await,
        Step::Catch(action) => {
            // Its hanging is this action's, so it tells the same one.
            let _ = caught(pin!(act(action, context))).await;
        }
        Step::Join(left, right) => {
            let (of_left, of_right) = (context.alone(), context.alone());
            let mut left = pin!(act(left, &of_left));
            let mut right = pin!(act(right, &of_right));
            let settled = tokio::join!(
                settle(left.as_mut(), &of_left),
                settle(right.as_mut(), &of_right)
            );
            match settled {
                (Settled::Hangs, _) | (_, Settled::Hangs) => hang(context).await,
                (Settled::Panicked(panic), _) | (_, Settled::Panicked(panic)) => {
                    resume_unwind(panic)
                }
                (Settled::Done, Settled::Done) => {}
            }
        }
        Step::Abandon(action) => {
            let alone = context.alone();
            settle(pin!(act(action, &alone)), &alone).await;
        }
        Step::Spawn {
            action,
            carried,
            joined,
        } => {
            let task = spawn(action, context, *carried);
            if *joined {
                end(task).await;
            } else {
                context.detached.lock().unwrap().push(task);
            }
        }
        Step::Thread { name, end } => {
            let (name, end) = (name.clone(), *end);
            let run = move || drop(leaf(&name, end));
            // Its panic ends with the thread.
            let _ = tokio::task::spawn_blocking(run.in_current_capsule()).await;
        }
    }
}

impl Context {
    /// The context of an action that tells its hanging to nobody else.
    fn alone(&self) -> Self {
        Self {
            hangs: Arc::default(),
            ..self.clone()
        }
    }
}

/// Starts a task: within the current capsule, or detached and with the instance alone.
fn spawn(action: &Arc<Action>, context: &Context, carried: bool) -> Task {
    let alone = context.alone();
    let hangs = Arc::clone(&alone.hangs);
    let instance = context.capsules.clone();
    let action = Arc::clone(action);
    let run = async move { act(&action, &alone).await };
    let handle = if carried {
        tokio::spawn(run.in_current_capsule())
    } else {
        tokio::spawn(async move { instance.scope(run).await })
    };
    (handle, hangs)
}

/// Waits for a task, and aborts it when it hangs.
async fn end((mut handle, hangs): Task) {
    tokio::select! {
        _ = &mut handle => {}
        () = hangs.notified() => {
            handle.abort();
            let _ = handle.await;
        }
    }
}

/// Tells that the action hangs, and does.
async fn hang(context: &Context) {
    context.hangs.notify_one();
    pending::<()>().await;
}

fn ends(name: &str, end: End) -> Outcome {
    match message(name, end) {
        None => Ok(()),
        Some(message) if end == End::Fail => Err(message),
        // Without the message on the terminal that `panic!` writes.
        Some(message) => resume_unwind(Box::new(message)),
    }
}

type Panic = Box<dyn Any + Send>;

enum Settled {
    Done,
    Panicked(Panic),
    Hangs,
}

/// Waits until the action has ended, or hangs.
async fn settle(action: Pin<&mut (impl Future<Output = ()> + Send)>, context: &Context) -> Settled {
    tokio::select! {
        result = caught(action) => match result {
            Ok(()) => Settled::Done,
            Err(panic) => Settled::Panicked(panic),
        },
        () = context.hangs.notified() => Settled::Hangs,
    }
}

/// Awaits the future and catches its panic.
async fn caught(mut future: Pin<&mut (impl Future<Output = ()> + Send)>) -> Result<(), Panic> {
    poll_fn(
        |context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        },
    )
    .await
}
