//! The protocol by which a capsule gets from its caller into the store, step by step.
//!
//! Every step is what happens between two points at which a process can die: one write to the
//! journal, one transaction of the store, one deletion of a file. The model knows nothing of the
//! code; it says why the order of these steps is what it is.

use std::collections::BTreeSet;

use stateright::{Model, Property};

/// How many actions each caller performs.
const ACTIONS: [u8; 2] = [2, 1];

/// An action: the caller, and which of its own.
pub(crate) type Id = (usize, u8);

/// The protocol as it is, or with one mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Sound,
    /// The journal is told that a batch is stored before it is.
    TrimsBeforeCommit,
    /// The journal is told that everything is stored up to the latest that is.
    MarksPastGaps,
    /// A call returns when its capsule is queued, and the journal is written afterwards.
    ReturnsBeforeJournal,
    /// The committer repeats an append without looking what of it took effect.
    RepeatsBlindly,
    /// Recovery stores what the store has already.
    RecoversBlindly,
    /// Recovery deletes a journal before its contents are stored.
    DeletesBeforeDelivery,
    /// Two recoverers take one journal.
    RecoversWithoutLock,
    /// A segment is deleted with the starts of actions that still run.
    DropsOpenStarts,
    /// Batches are stored after one before them was left to the journal.
    OvertakesTheJournal,
    /// A caller commits by itself while others, or its own earlier capsules, are queued.
    PassesTheQueue,
    /// The journal is told that what a caller could not commit by itself is stored.
    TrimsAFailedPass,
    /// What a caller could not commit by itself is queued, and its call returns, without a journal.
    ForgetsAFailedPass,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct State {
    // The process that records. Its memory is empty when it is dead.
    alive: bool,
    callers: [Caller; ACTIONS.len()],
    queue: Vec<Id>,
    batch: Batch,
    pass: Pass,
    /// What was stored, whether or not the journal can be told already.
    committed: BTreeSet<Id>,
    /// The instance is being closed and the store fails: batches are left to the journal.
    leaving: bool,

    // What outlives it: files.
    segments: Vec<Vec<Entry>>,
    /// Up to which number the journal says that capsules are stored.
    mark: u8,
    store: Vec<Record>,

    // The processes that recover.
    recoverers: [Recoverer; 2],
    lock: Option<usize>,

    // What callers rely on.
    started: BTreeSet<Id>,
    returned: BTreeSet<Id>,

    // What may still go wrong.
    store_faults: u8,
    recoverer_deaths: u8,
    rotations: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Caller {
    action: u8,
    /// How many steps of the action are done.
    steps: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CallerStep {
    NoteStart,
    Journal,
    Push,
    Return,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Batch {
    None,
    Taken(Vec<Id>),
    Stored(Vec<Id>),
}

/// What a caller commits by itself, instead of the committer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Pass {
    None,
    Claimed(Id),
    Stored(Id),
    Failed(Id),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Entry {
    Start(Id),
    /// With its number.
    Accepted(u8, Id),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Record {
    id: Id,
    pending: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Recoverer {
    Idle,
    /// Holds the lock and has read this.
    Read(Vec<Record>),
    /// Has looked what of it is missing in the store.
    Looked(Vec<Record>),
    Delivered,
    Ended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Caller(usize),
    Take,
    Append,
    /// The append takes effect and is reported as failed.
    AppendUnanswered,
    /// The append fails while the instance is closed.
    AppendFailsAtClose,
    Trim,
    /// A caller takes it on itself to commit its capsule.
    Pass(usize),
    PassAppend,
    /// The caller is told that it failed, whether or not it took effect.
    PassUnanswered,
    PassFails,
    /// What failed is journaled after all.
    PassJournal,
    /// The journal notes, in memory at first, that the action has ended.
    PassNote,
    /// A new segment begins, with the starts of what still runs.
    Rotate,
    DeleteOldest,
    Die,
    Claim(usize),
    LookUp(usize),
    Deliver(usize),
    DeleteRecovered(usize),
    RecovererDies(usize),
}

impl Pass {
    fn id(self) -> Option<Id> {
        match self {
            Self::None => None,
            Self::Claimed(id) | Self::Stored(id) | Self::Failed(id) => Some(id),
        }
    }
}

impl State {
    fn new() -> Self {
        Self {
            alive: true,
            callers: Default::default(),
            queue: Vec::new(),
            batch: Batch::None,
            pass: Pass::None,
            committed: BTreeSet::new(),
            leaving: false,
            segments: vec![Vec::new()],
            mark: 0,
            store: Vec::new(),
            recoverers: [Recoverer::Idle, Recoverer::Idle],
            lock: None,
            started: BTreeSet::new(),
            returned: BTreeSet::new(),
            store_faults: 1,
            recoverer_deaths: 1,
            rotations: 1,
        }
    }

    fn accepted(&self) -> impl Iterator<Item = (u8, Id)> {
        self.segments
            .iter()
            .flatten()
            .filter_map(|entry| match entry {
                Entry::Accepted(number, id) => Some((*number, *id)),
                Entry::Start(_) => None,
            })
    }

    /// What a recovery reads: what is not marked as stored, and starts without an end.
    fn recoverable(&self) -> Vec<Record> {
        let ended: BTreeSet<Id> = self.accepted().map(|(_, id)| id).collect();
        let mut seen = BTreeSet::new();
        let records = self
            .segments
            .iter()
            .flatten()
            .filter_map(|entry| match *entry {
                Entry::Accepted(number, id) if number > self.mark => {
                    Some(Record { id, pending: false })
                }
                Entry::Start(id) if !ended.contains(&id) && seen.insert(id) => {
                    Some(Record { id, pending: true })
                }
                _ => None,
            });
        records.collect()
    }

    fn missing(&self, records: &[Record]) -> Vec<Record> {
        let is_missing = |record: &&Record| self.store.iter().all(|stored| stored.id != record.id);
        records.iter().filter(is_missing).copied().collect()
    }

    fn journal(&mut self, entry: Entry) {
        if let Some(segment) = self.segments.last_mut() {
            segment.push(entry);
        }
    }

    /// The number up to which everything is committed.
    fn watermark(&self, past_gaps: bool) -> u8 {
        let done = |(_, id): &(u8, Id)| self.committed.contains(id);
        let last = if past_gaps {
            self.accepted().filter(done).last()
        } else {
            self.accepted().take_while(done).last()
        };
        last.map_or(self.mark, |(number, _)| number.max(self.mark))
    }

    /// The actions that have started and not ended.
    fn running(&self) -> BTreeSet<Id> {
        let ended: BTreeSet<Id> = self.accepted().map(|(_, id)| id).collect();
        let unended = |id: &Id| !ended.contains(id) && !self.committed.contains(id);
        self.started.iter().copied().filter(unended).collect()
    }
}

impl Protocol {
    fn caller_steps(self) -> [CallerStep; 4] {
        use CallerStep::{Journal, NoteStart, Push, Return};
        match self {
            Self::ReturnsBeforeJournal => [NoteStart, Push, Return, Journal],
            _ => [NoteStart, Journal, Push, Return],
        }
    }

    fn call(self, state: &mut State, caller: usize) {
        let Caller { action, steps } = state.callers[caller];
        let id = (caller, action);
        match self.caller_steps()[steps] {
            CallerStep::NoteStart => {
                state.journal(Entry::Start(id));
                state.started.insert(id);
            }
            CallerStep::Journal => journal_accepted(state, id),
            // The queue of a closed instance takes nothing.
            CallerStep::Push if !state.leaving => state.queue.push(id),
            CallerStep::Push => {}
            CallerStep::Return => {
                state.returned.insert(id);
            }
        }
        self.has_stepped(state, caller);
    }

    fn has_stepped(self, state: &mut State, caller: usize) {
        let caller = &mut state.callers[caller];
        caller.steps += 1;
        if caller.steps == self.caller_steps().len() {
            *caller = Caller {
                action: caller.action + 1,
                steps: 0,
            };
        }
    }

    /// Whether a caller may commit by itself, instead of journaling and pushing: nothing is before its
    /// capsule.
    fn may_pass(self, state: &State, caller: usize) -> bool {
        let Caller { steps, .. } = state.callers[caller];
        let nothing_before = state.queue.is_empty() && state.batch == Batch::None;
        self.caller_steps()[steps] == CallerStep::Journal
            && !state.leaving
            && (nothing_before || self == Self::PassesTheQueue)
    }

    /// The steps of a caller who commits by itself.
    fn pass(self, state: &mut State, action: Action) {
        match (std::mem::replace(&mut state.pass, Pass::None), action) {
            (Pass::None, Action::Pass(caller)) => {
                state.pass = Pass::Claimed((caller, state.callers[caller].action));
            }
            (Pass::Claimed(id), Action::PassAppend) => {
                self.append(state, &[id]);
                state.pass = Pass::Stored(id);
            }
            (Pass::Claimed(id), failure) => {
                state.store_faults -= 1;
                if failure == Action::PassUnanswered {
                    self.append(state, &[id]);
                }
                state.pass = Pass::Failed(id);
            }
            (Pass::Failed(id), _) => {
                if self != Self::ForgetsAFailedPass {
                    journal_accepted(state, id);
                }
                if self == Self::TrimsAFailedPass {
                    self.trim(state, &[id]);
                }
                state.queue.insert(0, id);
                self.has_passed(state, id);
            }
            (Pass::Stored(id), _) => {
                state.committed.insert(id);
                self.has_passed(state, id);
            }
            (Pass::None, _) => {}
        }
    }

    /// Beyond the steps of journaling and pushing.
    fn has_passed(self, state: &mut State, (caller, _): Id) {
        self.has_stepped(state, caller);
        self.has_stepped(state, caller);
    }

    fn append(self, state: &mut State, batch: &[Id]) {
        let record = |id: &Id| Record {
            id: *id,
            pending: false,
        };
        let records: Vec<_> = batch.iter().map(record).collect();
        let new = match self {
            Self::RepeatsBlindly => records,
            _ => state.missing(&records),
        };
        state.store.extend(new);
    }

    fn trim(self, state: &mut State, batch: &[Id]) {
        state.committed.extend(batch);
        state.mark = state.watermark(self == Self::MarksPastGaps);
    }

    fn may_delete_oldest(state: &State) -> bool {
        let stored = |entry: &Entry| match entry {
            Entry::Accepted(number, _) => *number <= state.mark,
            Entry::Start(_) => true,
        };
        state.segments.len() > 1 && state.segments[0].iter().all(stored)
    }
}

fn journal_accepted(state: &mut State, id: Id) {
    let number = 1 + ids_before(state);
    state.journal(Entry::Accepted(number, id));
}

/// How many capsules the journal has numbered.
fn ids_before(state: &State) -> u8 {
    let last = state.accepted().map(|(number, _)| number).max();
    last.unwrap_or(0).max(state.mark)
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.alive {
            for (caller, actions_of) in ACTIONS.into_iter().enumerate() {
                let passes = state.pass.id().is_some_and(|id| id.0 == caller);
                if state.callers[caller].action < actions_of && !passes {
                    actions.push(Action::Caller(caller));
                    if state.pass == Pass::None && self.may_pass(state, caller) {
                        actions.push(Action::Pass(caller));
                    }
                }
            }
            match state.pass {
                Pass::None => {}
                Pass::Claimed(_) => {
                    actions.push(Action::PassAppend);
                    if state.store_faults > 0 {
                        actions.extend([Action::PassUnanswered, Action::PassFails]);
                    }
                }
                Pass::Failed(_) => actions.push(Action::PassJournal),
                Pass::Stored(_) => actions.push(Action::PassNote),
            }
            match &state.batch {
                Batch::None if !state.queue.is_empty() && state.pass == Pass::None => {
                    actions.push(Action::Take);
                }
                Batch::None => {}
                Batch::Taken(_) => {
                    actions.push(Action::Append);
                    if state.store_faults > 0 {
                        actions.extend([Action::AppendUnanswered, Action::AppendFailsAtClose]);
                    }
                }
                Batch::Stored(_) => actions.push(Action::Trim),
            }
            if state.rotations > 0 && state.batch == Batch::None && state.pass == Pass::None {
                actions.push(Action::Rotate);
            }
            if Self::may_delete_oldest(state) {
                actions.push(Action::DeleteOldest);
            }
            actions.push(Action::Die);
            return;
        }
        for (number, recoverer) in state.recoverers.iter().enumerate() {
            let free = state.lock.is_none() || *self == Self::RecoversWithoutLock;
            match recoverer {
                Recoverer::Idle if free && !state.segments.is_empty() => {
                    actions.push(Action::Claim(number));
                }
                Recoverer::Idle | Recoverer::Ended => continue,
                Recoverer::Read(_)
                    if *self == Self::DeletesBeforeDelivery && !state.segments.is_empty() =>
                {
                    actions.push(Action::DeleteRecovered(number));
                }
                Recoverer::Read(_) => actions.push(Action::LookUp(number)),
                Recoverer::Looked(_) => actions.push(Action::Deliver(number)),
                Recoverer::Delivered => actions.push(Action::DeleteRecovered(number)),
            }
            if state.recoverer_deaths > 0 && *recoverer != Recoverer::Idle {
                actions.push(Action::RecovererDies(number));
            }
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        match action {
            Action::Caller(caller) => self.call(&mut state, caller),
            Action::Take => {
                let batch = std::mem::take(&mut state.queue);
                if *self == Self::TrimsBeforeCommit {
                    self.trim(&mut state, &batch);
                }
                if !state.leaving || *self == Self::OvertakesTheJournal {
                    state.batch = Batch::Taken(batch);
                }
            }
            Action::Append
            | Action::AppendUnanswered
            | Action::AppendFailsAtClose
            | Action::Trim => {
                self.commit(&mut state, action);
            }
            Action::Pass(_)
            | Action::PassAppend
            | Action::PassUnanswered
            | Action::PassFails
            | Action::PassJournal
            | Action::PassNote => self.pass(&mut state, action),
            Action::Rotate => {
                state.rotations -= 1;
                let running = match self {
                    Self::DropsOpenStarts => BTreeSet::new(),
                    _ => state.running(),
                };
                let segment = running.into_iter().map(Entry::Start).collect();
                state.segments.push(segment);
            }
            Action::DeleteOldest => {
                state.segments.remove(0);
            }
            Action::Die => {
                state = State {
                    alive: false,
                    callers: Default::default(),
                    queue: Vec::new(),
                    batch: Batch::None,
                    pass: Pass::None,
                    committed: BTreeSet::new(),
                    ..state
                };
            }
            Action::Claim(number) => {
                state.lock = Some(number);
                state.recoverers[number] = Recoverer::Read(state.recoverable());
            }
            Action::LookUp(number)
            | Action::Deliver(number)
            | Action::DeleteRecovered(number)
            | Action::RecovererDies(number) => self.recover(&mut state, action, number),
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(
                "a call that returned is on record or on file",
                |_, state: &State| {
                    let kept = [state.store.clone(), state.recoverable()].concat();
                    let is_kept = |id: &Id| {
                        kept.contains(&Record {
                            id: *id,
                            pending: false,
                        })
                    };
                    state.returned.iter().all(is_kept)
                },
            ),
            Property::always(
                "an action that started is on record or on file",
                |_, state: &State| {
                    let kept = [state.store.clone(), state.recoverable()].concat();
                    let in_memory = |id: &Id| state.alive && state.queue.contains(id);
                    let is_kept =
                        |id: &Id| kept.iter().any(|record| record.id == *id) || in_memory(id);
                    state.started.iter().all(is_kept)
                },
            ),
            Property::always("nothing is on record twice", |_, state: &State| {
                let ids: BTreeSet<Id> = state.store.iter().map(|record| record.id).collect();
                ids.len() == state.store.len()
            }),
            Property::always(
                "what a caller did is on record in its order",
                |_, state: &State| {
                    (0..ACTIONS.len()).all(|caller| {
                        let records = state.store.iter().filter(|record| !record.pending);
                        records
                            .map(|record| record.id)
                            .filter(|id| id.0 == caller)
                            .is_sorted()
                    })
                },
            ),
            // Without these the others could hold because nothing happens.
            Property::sometimes(
                "all is recovered although a recoverer died",
                |_, state: &State| {
                    !state.alive
                        && state.segments.is_empty()
                        && state.recoverer_deaths == 0
                        && state.store.len() == 3
                        && state.store.iter().any(|record| record.pending)
                },
            ),
            Property::sometimes(
                "a caller commits by itself after a failure",
                |_, state: &State| state.store_faults == 0 && matches!(state.pass, Pass::Stored(_)),
            ),
            Property::sometimes(
                "all is committed and no capsule is on file",
                |_, state: &State| {
                    state.alive && state.store.len() == 3 && state.recoverable().is_empty()
                },
            ),
        ]
    }
}

impl Protocol {
    /// The committer's steps with a batch.
    fn commit(self, state: &mut State, action: Action) {
        match (std::mem::replace(&mut state.batch, Batch::None), action) {
            (Batch::Taken(batch), Action::Append) => {
                self.append(state, &batch);
                state.batch = Batch::Stored(batch);
            }
            (Batch::Taken(batch), Action::AppendUnanswered) => {
                state.store_faults -= 1;
                self.append(state, &batch);
                state.batch = Batch::Taken(batch);
            }
            (Batch::Taken(_), _) => {
                state.store_faults -= 1;
                state.leaving = true;
            }
            (Batch::Stored(batch), _) => self.trim(state, &batch),
            (Batch::None, _) => {}
        }
    }

    fn recover(self, state: &mut State, action: Action, number: usize) {
        let recoverer = std::mem::replace(&mut state.recoverers[number], Recoverer::Ended);
        state.recoverers[number] = match (recoverer, action) {
            (_, Action::RecovererDies(_)) => {
                state.recoverer_deaths -= 1;
                Recoverer::Ended
            }
            (Recoverer::Read(records), Action::LookUp(_)) => Recoverer::Looked(match self {
                Self::RecoversBlindly => records,
                _ => state.missing(&records),
            }),
            (Recoverer::Looked(records), _) => {
                state.store.extend(records);
                Recoverer::Delivered
            }
            (recoverer, _) => {
                // Oldest first, so that what is left is never without its end.
                if !state.segments.is_empty() {
                    state.segments.remove(0);
                }
                match recoverer {
                    Recoverer::Delivered if state.segments.is_empty() => Recoverer::Ended,
                    unfinished => unfinished,
                }
            }
        };
        if state.recoverers[number] == Recoverer::Ended && state.lock == Some(number) {
            state.lock = None;
        }
    }
}
