//! Blocking work, away from the runtime and no more of it at once than agreed.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task;

use crate::problem::Problem;

/// Runs blocking work on the runtime's threads for it, so many pieces at once. Others wait in the
/// order in which they came.
#[derive(Debug, Clone)]
pub(crate) struct Blocking {
    places: Arc<Semaphore>,
}

impl Blocking {
    pub(crate) fn new(places: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places.max(1))),
        }
    }

    /// Runs `work`. When the future is dropped first, work that has begun keeps its place until it
    /// ends.
    pub(crate) async fn run<T, E>(
        &self,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, Problem>
    where
        T: Send + 'static,
        E: Into<Problem> + Send + 'static,
    {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let done = task::spawn_blocking(move || {
            let _place = place;
            work()
        });
        match done.await {
            // An error of work that nobody waits for is nobody's.
            Ok(done) => done.map_err(E::into),
            Err(error) => Err(Problem::internal(&error)),
        }
    }
}
