//! Random programs of actions, and what each of them must leave on record.

use std::sync::Arc;

use capsules::OutcomeStatus;

/// How the capsule of an abandoned action says so.
const CANCELLED: &str = "cancelled: the future was dropped before it finished";

/// One action.
pub(crate) struct Action {
    /// Unique within the program.
    pub(crate) name: String,
    pub(crate) form: Form,
    pub(crate) steps: Vec<Step>,
    pub(crate) end: End,
}

/// The kind of function that runs an action.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Asynchronous,
    ReturnsFuture,
    Tool,
}

/// What an action does, one after the other.
pub(crate) enum Step {
    /// Lets other tasks run.
    Yield,
    /// Awaits another action. Its panic goes on, its hanging is the caller's.
    Call(Action),
    /// Awaits another action and catches its panic.
    Catch(Action),
    /// Awaits two at once.
    Join(Action, Action),
    /// Awaits another action, and drops it when it hangs.
    Abandon(Action),
    /// Spawns a task, and waits for it or not. A task that hangs is aborted.
    Spawn {
        action: Arc<Action>,
        carried: bool,
        joined: bool,
    },
    /// Runs a synchronous function on another thread.
    Thread { name: String, end: End },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Return,
    Fail,
    Panic,
    /// Stays pending for ever.
    Hang,
}

/// What must be on record of one action.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Expected {
    pub(crate) name: String,
    pub(crate) parent: Option<String>,
    pub(crate) status: String,
    pub(crate) error: Option<String>,
    /// How many tool calls there are, unless that depends on which task is faster.
    pub(crate) tools: Option<usize>,
}

/// How an awaited action ends, as the one who awaits it sees it.
enum Ending {
    Done,
    Panicked(String),
    Hanging,
}

/// The message of an action's panic or error.
pub(crate) fn message(name: &str, end: End) -> Option<String> {
    match end {
        End::Fail => Some(format!("{name} failed")),
        End::Panic => Some(format!("{name} broke")),
        End::Return | End::Hang => None,
    }
}

/// What the whole program leaves on record, sorted by name.
pub(crate) fn expected(roots: &[Arc<Action>]) -> Vec<Expected> {
    let mut all = Vec::new();
    for root in roots {
        root.expect(None, &mut all);
    }
    all.sort();
    all
}

impl Action {
    fn expect(&self, parent: Option<&str>, all: &mut Vec<Expected>) -> Ending {
        let mut tools = Some(0);
        let ending = self.ending(&mut tools, all);
        let (status, error) = match &ending {
            Ending::Panicked(message) => {
                (OutcomeStatus::Failure, Some(format!("panicked: {message}")))
            }
            Ending::Hanging => (OutcomeStatus::Partial, Some(CANCELLED.to_owned())),
            Ending::Done => match message(&self.name, self.end) {
                Some(message) => (OutcomeStatus::Failure, Some(message)),
                None => (OutcomeStatus::Success, None),
            },
        };
        all.push(Expected {
            name: self.name.clone(),
            parent: parent.map(str::to_owned),
            status: status.as_str().to_owned(),
            error,
            tools,
        });
        ending
    }

    fn ending(&self, tools: &mut Option<usize>, all: &mut Vec<Expected>) -> Ending {
        let me = Some(self.name.as_str());
        for step in &self.steps {
            let ending = match step {
                Step::Yield => Ending::Done,
                Step::Call(action) => {
                    action.count_tool(tools);
                    action.expect(me, all)
                }
                Step::Catch(action) => {
                    action.count_tool(tools);
                    match action.expect(me, all) {
                        Ending::Hanging => Ending::Hanging,
                        Ending::Done | Ending::Panicked(_) => Ending::Done,
                    }
                }
                Step::Join(left, right) => {
                    left.count_tool(tools);
                    right.count_tool(tools);
                    match (left.expect(me, all), right.expect(me, all)) {
                        (Ending::Hanging, _) | (_, Ending::Hanging) => Ending::Hanging,
                        (Ending::Panicked(message), _) | (_, Ending::Panicked(message)) => {
                            Ending::Panicked(message)
                        }
                        (Ending::Done, Ending::Done) => Ending::Done,
                    }
                }
                Step::Abandon(action) => {
                    action.count_tool(tools);
                    action.expect(me, all);
                    Ending::Done
                }
                Step::Spawn {
                    action,
                    carried,
                    joined,
                } => {
                    if *carried && *joined {
                        action.count_tool(tools);
                    } else if *carried && action.form == Form::Tool {
                        // It may end before its parent or after it.
                        *tools = None;
                    }
                    action.expect(me.filter(|_| *carried), all);
                    Ending::Done
                }
                Step::Thread { name, end } => {
                    let leaf = Self {
                        name: name.clone(),
                        form: Form::Asynchronous,
                        steps: Vec::new(),
                        end: *end,
                    };
                    leaf.expect(me, all);
                    Ending::Done
                }
            };
            if !matches!(ending, Ending::Done) {
                return ending;
            }
        }
        match (self.end, message(&self.name, self.end)) {
            (End::Panic, Some(message)) => Ending::Panicked(message),
            (End::Hang, _) => Ending::Hanging,
            _ => Ending::Done,
        }
    }

    fn count_tool(&self, tools: &mut Option<usize>) {
        if self.form == Form::Tool {
            *tools = tools.map(|count| count + 1);
        }
    }
}

/// Writes programs: the same one for the same seed.
pub(crate) struct Author {
    state: u64,
    named: u32,
}

impl Author {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            state: seed,
            named: 0,
        }
    }

    /// One to three actions that run at once.
    pub(crate) fn program(&mut self) -> Vec<Arc<Action>> {
        let roots = 1 + self.below(3);
        (0..roots).map(|_| Arc::new(self.action(3))).collect()
    }

    fn action(&mut self, depth: u64) -> Action {
        let name = self.name();
        let form = match self.below(3) {
            0 => Form::Asynchronous,
            1 => Form::ReturnsFuture,
            _ => Form::Tool,
        };
        let count = self.below(4);
        let steps = (0..count).map(|_| self.step(depth)).collect();
        let end = self.end(true);
        Action {
            name,
            form,
            steps,
            end,
        }
    }

    fn step(&mut self, depth: u64) -> Step {
        if depth == 0 {
            return Step::Yield;
        }
        match self.below(9) {
            0 => Step::Yield,
            1 => Step::Call(self.action(depth - 1)),
            2 => Step::Catch(self.action(depth - 1)),
            3 => Step::Join(self.action(depth - 1), self.action(depth - 1)),
            4 | 5 => Step::Abandon(self.action(depth - 1)),
            6 | 7 => Step::Spawn {
                action: Arc::new(self.action(depth - 1)),
                carried: self.below(4) > 0,
                joined: self.below(2) > 0,
            },
            _ => Step::Thread {
                name: self.name(),
                end: self.end(false),
            },
        }
    }

    fn end(&mut self, may_hang: bool) -> End {
        match self.below(10) {
            0 | 1 => End::Fail,
            2 => End::Panic,
            3 | 4 if may_hang => End::Hang,
            _ => End::Return,
        }
    }

    fn name(&mut self) -> String {
        self.named += 1;
        format!("action-{:02}", self.named)
    }

    /// `SplitMix64` (Steele, Lea, Flood 2014).
    fn below(&mut self, limit: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % limit
    }
}
